"""GitHub's answers: what they hold, and which error each refusal is."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from xpjob.base.errors import (
    BadAnswerError,
    MisconfiguredError,
    NotFoundError,
    RefusedError,
    TransientError,
    XpjobError,
)
from xpjob.net.response import Response

T = TypeVar("T")

DEFAULT_PAUSE, MAX_PAUSE = 60.0, 3600.0
"""Seconds to wait where GitHub limits requests without saying for how long; they double."""
LONGEST_PAUSE = 7200.0
"""Seconds that an answer may ask for. GitHub's limits are of an hour, and clocks may differ.

One that asks for more has a clock that is wrong, which must not end deliveries for days.
"""
_NO_ARTIFACT = re.compile(r"\bno (matching )?(artifacts?|attestations?)\b", re.IGNORECASE)
_SECONDARY = re.compile(r"secondary rate limit|abuse detection", re.IGNORECASE)
RIGHTS = (
    'give the App or token the repository permission "Artifact metadata: write", and access to '
    "the repositories that the images are built from"
)


class RateLimitedError(XpjobError):
    """GitHub wants no further request for ``seconds``; 0 if it does not say for how long."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class CredentialsError(RefusedError):
    """401: the credentials are not accepted, for whatever request."""


class BusyError(XpjobError):
    """409: a background job of this cluster is running."""


class InvalidError(XpjobError):
    """400, 413 or 422: at least one record of the request is not acceptable."""


class UnexpectedRefusalError(XpjobError):
    """Another status of 4xx."""


class UnknownArtifactError(NotFoundError):
    """404: GitHub knows no artifact with this digest."""


class RepositoriesError(RefusedError):
    """403 or 404 of some repositories, where the whole request is refused because of them.

    ``cause`` is that of the items of other answers.
    """

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


NO_SUCH_JOB = (
    NotFoundError,
    InvalidError,
    BusyError,
    RepositoriesError,
    UnexpectedRefusalError,
)
"""Refusals of the question what became of a job: the same question would be refused again."""


class Settled(Struct):
    """The answer to a synchronous call: items that were not accepted, of varying shape.

    One of the two is always there.
    """

    total_count: int | None = None
    errors: list[Any] | None = None

    def __post_init__(self) -> None:
        if self.total_count is None and not self.errors:
            raise ValueError("there is neither total_count nor errors")


class Started(Struct, kw_only=True):
    """The answer to a new background job."""

    job_id: int
    errors: list[Any] | None = None


class Progress(Struct, kw_only=True):
    """The state of a background job: pending, processing, completed or failed."""

    status: str
    errors: list[Any] | None = None


class Rejection(Struct, frozen=True):
    """An item that was not accepted; fields that the answer does not have are empty."""

    cause: str
    name: str
    digest: str
    deployment_name: str


def rejections(items: list[Any]) -> list[Rejection]:
    """Return the items of ``errors``, with their deployment inside or at the top level."""
    found = []
    for item in items:
        top = item if isinstance(item, dict) else {}
        inner = top.get("deployment")
        deployment = inner if isinstance(inner, dict) else top
        fields = (top.get("cause"), *map(deployment.get, ("name", "digest", "deployment_name")))
        cause, *rest = (text if isinstance(text, str) else "" for text in fields)
        found.append(Rejection(cause or "unknown", *rest))
    return found


def refused(what: str, url: str, answer: Response, now: datetime) -> XpjobError:
    """Return the error of an answer that is not 2xx."""
    message, repositories = _message(answer)
    text = f"{what}: {answer.status}: {message}"
    status = answer.status
    if limit := _limit(answer, message, now):
        return RateLimitedError(f"{text}; GitHub's rate limit: the next run continues", limit[0])
    if 300 <= status < 400:
        to = answer.location(url) or "nowhere"
        return MisconfiguredError(
            f"{text}; a redirect to {to}: set BASE_URL and GITHUB_ORG to where they are now"
        )
    if status == 401:
        return CredentialsError(
            f"{text}; the credentials are not accepted: renew API_TOKEN (or its file), or check "
            "GH_APP_ID and its key"
        )
    if status in (403, 404) and repositories:
        named = ", ".join(repositories[:5])
        cause = "unauthorized" if status == 403 else "not_found"
        return RepositoriesError(f"{text} ({named}); {RIGHTS}", cause)
    if status == 403:
        return RefusedError(f"{text}; {RIGHTS}")
    if status == 404:
        return _not_found(text, message, answer)
    if status == 409:
        return BusyError(f"{text}; another job of this cluster is running, the next run continues")
    if status in (400, 413, 422):
        return InvalidError(f"{text}; GitHub does not accept the request as it is")
    if status == 408 or status >= 500:
        return TransientError(f"{text}; see githubstatus.com", answer.retry_after())
    return UnexpectedRefusalError(text)


def _not_found(text: str, message: str, answer: Response) -> XpjobError:
    version = answer.headers.get("X-GitHub-Enterprise-Version", "")
    if not version and (found := re.search(rb"enterprise-server@([0-9.]+)", answer.body)):
        version = found[1].decode()
    if version:
        return MisconfiguredError(
            f"{text}; GitHub Enterprise Server {version} has no deployment records: only "
            "github.com and GitHub Enterprise Cloud have; correct BASE_URL, or unset GITHUB_ORG"
        )
    if _NO_ARTIFACT.search(message):
        return UnknownArtifactError(f"{text}; make an attestation when the image is built")
    return NotFoundError(text)


def _limit(answer: Response, message: str, now: datetime) -> tuple[float] | None:
    """Return the seconds to wait if requests are limited: 0 if it is not said."""
    # The limit of a 401 is that of nobody, and a 404 says something else.
    if not 400 <= answer.status < 500 or answer.status in (401, 404):
        return None
    if seconds := answer.retry_after():
        return (min(seconds, LONGEST_PAUSE),)
    if answer.headers.get("X-RateLimit-Remaining") == "0":
        reset = answer.headers.get("X-RateLimit-Reset", "")
        if not re.fullmatch("[0-9]{1,12}", reset):
            return (0.0,)
        return (min(max(1.0, int(reset) - now.timestamp()), LONGEST_PAUSE),)
    limited = answer.status == 429 or (answer.status == 403 and _SECONDARY.search(message))
    return (0.0,) if limited else None


def _message(answer: Response) -> tuple[str, list[str]]:
    """Return the message of an error, and the repositories that it names."""
    try:
        body = msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        body = None
    message = body.get("message") if isinstance(body, dict) else None
    if isinstance(message, dict):
        repositories = message.get("repositories")
        named = map(str, repositories) if isinstance(repositories, list) else ()
        return answer.conceal(str(message.get("cause", ""))), [*map(answer.conceal, named)]
    return (answer.conceal(message) if isinstance(message, str) else answer.excerpt()), []


def decoded(what: str, answer: Response, kind: type[T]) -> T:
    """Return the document of a 2xx answer. Raises ``BadAnswerError``."""
    try:
        document = msgspec.json.decode(answer.body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswerError(
            f"{what}: {answer.status} with an invalid document ({error}): {answer.excerpt()}; "
            "check BASE_URL, and proxies on the way"
        ) from error
    if isinstance(document, Settled | Started | Progress):
        document.errors = _concealed(document.errors, answer)  # they are logged and kept
    return document


def _concealed(value: Any, answer: Response) -> Any:
    """Return a decoded value whose texts are without the credential of the request."""
    if isinstance(value, str):
        return answer.conceal(value)
    if isinstance(value, list):
        return [_concealed(each, answer) for each in value]
    if isinstance(value, dict):
        return {key: _concealed(each, answer) for key, each in value.items()}
    return value
