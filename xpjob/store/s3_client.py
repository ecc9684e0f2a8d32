"""S3 calls through botocore: retries, and the translation of errors.

botocore's own retries are disabled: they give up within a tenth of a second, and ``retry.py`` is
the only policy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import botocore.exceptions as boto
from botocore.awsrequest import AWSResponse
from botocore.parsers import ResponseParserError
from botocore.utils import get_environ_proxies
from msgspec import Struct
from urllib3.exceptions import HTTPError

from xpjob.base.errors import (
    BadAnswerError,
    DeadlineError,
    MisconfiguredError,
    RefusedError,
    SettingsError,
    TransientError,
    XpjobError,
)
from xpjob.config import secrets
from xpjob.net import http, response, retry
from xpjob.net.bodies import AnswerTooLargeError, Whole
from xpjob.net.clock import S3, Clock
from xpjob.net.http import PROXY_ADVICE, PROXY_CREDENTIALS
from xpjob.net.options import NetOptions
from xpjob.net.threads import within
from xpjob.store.options import StoreOptions
from xpjob.store.s3_answer import ErrorAnswer
from xpjob.store.s3_errors import refusal
from xpjob.store.s3_session import (
    CREDENTIAL_ERRORS,
    CREDENTIALS_FOR,
    MISTAKES,
    SOURCE,
    create,
    is_directory_bucket,
    without_credentials,
)
from xpjob.store.s3_upload import sign_with_known_digests

T = TypeVar("T")

_CONNECTION_ERRORS = (
    boto.ConnectionError,
    boto.HTTPClientError,  # timeouts, TLS, a truncated answer
    boto.IncompleteReadError,
    boto.ResponseStreamingError,
)
# What botocore raises for an invalid answer: a time, a number, or its whole structure.
_UNREADABLE = (
    *(ResponseParserError, ValueError, KeyError, TypeError, AttributeError, RuntimeError),
)
_START = 10.0  # seconds that botocore may need by itself, on a busy machine
_SHOWN = 200
"""Characters of an unreadable answer that an error quotes."""
_MOST = 4 << 20
"""Bytes of an answer that is no document: a thousand keys, an error, or credentials."""


class _Stage(Struct):
    """What is being done, for errors."""

    doing: str
    advice: str


class S3Client:
    """botocore's client as ``boto``, and ``call`` to make calls with retries and our errors.

    ``endpoint`` is the URL of the server, empty for AWS. ``directory``: the bucket is a directory
    bucket (S3 Express One Zone). ``sends_md5``: botocore sends no checksums by itself.
    ``signs_bodies``: signatures have the SHA-256 of the body, and it is taken from the body.
    """

    def __init__(self, options: StoreOptions, net: NetOptions, where: str, clock: Clock) -> None:
        """Create the client without connecting. ``where`` is for errors about settings.

        ``clock`` is compared with the server's.
        """
        self._timeout = net.request_timeout_seconds
        self.directory = is_directory_bucket(options)
        _bound_answers()
        try:
            created = within(self._timeout + _START, lambda: create(options, net, where))
        except TimeoutError:
            raise TransientError(
                f"{CREDENTIALS_FOR} {where}: none within {self._timeout:g} s; {SOURCE}"
            ) from None
        except DeadlineError as error:
            raise DeadlineError(f"{CREDENTIALS_FOR} {where}: {error}") from error
        self._session, self.boto = created
        self.boto.meta.events.register(
            "after-call.s3",
            lambda http_response, **_: clock.observe(S3, http_response.headers),
        )
        url = str(self.boto.meta.endpoint_url)
        self.endpoint = options.s3_endpoint or ("" if _is_amazons(url) else url)
        if self.endpoint:
            # Of a body that is read as it is sent, botocore asks whether it may be sent, and waits
            # a second for an answer, which many S3-compatible servers do not give.
            self.boto.meta.events.register("before-sign.s3.PutObject", _send_at_once)
        if secrets.in_the_clear(url) and not net.allow_insecure_credentials:
            raise SettingsError(
                [f"S3: {url} is plain http, which would expose credentials; {secrets.FORCE}"]
            )
        self._proxy = str(get_environ_proxies(url).get(urlsplit(url).scheme, ""))
        config: Any = self.boto.meta.config
        sums = config.request_checksum_calculation
        self.sends_md5 = sums == "when_required" and not self.directory
        signs = bool((config.s3 or {}).get("payload_signing_enabled"))
        self.signs_bodies = signs and self.sends_md5
        if self.signs_bodies:
            sign_with_known_digests(self.boto)

    def call(self, doing: str, where: str, action: Callable[[], T]) -> T:
        """Return the result of ``action``, retrying transient errors.

        Raises as ``Store`` does; ``doing`` and ``where`` are the operation and object for messages.
        """
        what = f"{doing} {where}"

        def attempt() -> T:
            stage = _Stage(f"{CREDENTIALS_FOR} {where}", SOURCE)

            def act() -> T:
                if (credentials := self._session.get_credentials()) is not None:
                    credentials.get_frozen_credentials()  # renewed, if need be
                stage.doing, stage.advice = what, "check that the server is up and reachable"
                return self._readable(what, action)

            try:
                return within(self._timeout, act)
            except TimeoutError as error:
                raise TransientError(
                    f"{stage.doing}: not completed within {self._timeout:g} s; {stage.advice}"
                ) from error
            except DeadlineError as error:
                raise DeadlineError(f"{stage.doing}: {error}") from error
            except AnswerTooLargeError as error:
                raise BadAnswerError(f"{what}: {error}; is this an S3 endpoint?") from None
            except boto.ClientError as error:
                # From None: the original text is the server's, and may contain credentials.
                raise self._refusal(doing, what, error) from None
            except CREDENTIAL_ERRORS as error:
                raise without_credentials(what, error) from error
            except boto.ProxyConnectionError as error:
                raise self._proxys(what, error) from None  # the text may have its password
            except _CONNECTION_ERRORS as error:
                if isinstance(large := error.kwargs.get("error"), AnswerTooLargeError):
                    raise BadAnswerError(
                        f"{stage.doing}: {large}; is this an S3 endpoint?"
                    ) from None
                if isinstance(error.kwargs.get("error"), ValueError):
                    # The original text shows the header, and with it the secret.
                    raise RefusedError(
                        f"{what}: the credentials contain characters that cannot be sent, e.g. a "
                        "trailing line break; correct them"
                    ) from None
                raise TransientError(f"{what}: {error}; {_path_to(str(error))}") from error
            except MISTAKES as error:
                raise MisconfiguredError(f"{what}: {error}; check the AWS_* variables") from error
            except boto.BotoCoreError as error:
                raise XpjobError(f"{what}: {error}; check the S3_* settings") from error
            except (HTTPError, OSError) as error:  # while a body is read, they come as they are
                if getattr(error, "filename", None):  # of a token, or of a proxy's certificates
                    raise XpjobError(f"{stage.doing}: {error}; {stage.advice}") from error
                raise TransientError(f"{what}: {error}; {_path_to(str(error))}") from error

        return retry.call(attempt)

    def _readable(self, what: str, action: Callable[[], T]) -> T:
        try:
            return action()
        except boto.BotoCoreError:
            raise  # some of them are also a ValueError
        except _UNREADABLE as error:
            quote = " ".join(self._without_secrets(str(error)).split())[:_SHOWN]
            raise BadAnswerError(
                f"{what}: the endpoint's answer cannot be read ({type(error).__name__}: {quote}); "
                "is this an S3 endpoint?"
            ) from None  # the original text is the server's

    def _refusal(self, doing: str, what: str, error: boto.ClientError) -> XpjobError:
        answer = self._answer(error)
        if self._proxy and is_proxys(answer):
            message = f"{what}: {answer}, answered by the proxy {response.shown(self._proxy)}"
            if answer.status == 407:
                return RefusedError(f"{message}; {PROXY_CREDENTIALS}")
            kind = XpjobError if answer.status < 500 else TransientError
            return kind(f"{message}; {PROXY_ADVICE}")
        return refusal(doing, what, answer)

    def _proxys(self, what: str, error: boto.ProxyConnectionError) -> XpjobError:
        reason = http.proxy_reason(error.kwargs.get("error") or error)
        message = f"{what}: the proxy {response.shown(self._proxy)} failed: {reason}"
        if " 407 " in f"{reason} ":
            return RefusedError(f"{message}; {PROXY_CREDENTIALS}")
        return TransientError(f"{message}; {PROXY_ADVICE}")

    def _answer(self, error: boto.ClientError) -> ErrorAnswer:
        """Return an error answer, without credentials."""
        found = error.response.get("Error", {})
        about = error.response.get("ResponseMetadata", {})
        fields = {str(k): self._without_secrets(str(v)) for k, v in found.items()}
        return ErrorAnswer(
            status=int(about.get("HTTPStatusCode", 0)),
            code=fields.get("Code", ""),
            text=fields.get("Message", ""),
            fields=fields,
            headers={k.lower(): str(v) for k, v in about.get("HTTPHeaders", {}).items()},
            operation=str(error.operation_name),
        )

    def _without_secrets(self, text: str) -> str:
        if credentials := self._session.get_credentials():
            for secret in filter(None, (credentials.secret_key, credentials.token)):
                text = text.replace(secret, "(not shown)")
        return text


def _send_at_once(request: Any, **_: Any) -> None:
    del request.headers["Expect"]


def _bound_answers() -> None:
    """Bound what botocore reads into memory at once.

    These are answers of S3 and of the servers that give credentials, all but documents, which are
    read as a stream. botocore reads them in this one property, and it has no setting for it.
    """
    AWSResponse.content = property(_content)  # type: ignore[method-assign,assignment]


def _content(answer: Any) -> bytes:
    if answer._content is None:
        kept = Whole(_MOST)
        try:
            for piece in answer.raw.stream():
                kept.write(piece)
        except AnswerTooLargeError:
            answer.raw.close()
            raise
        answer._content = kept.content()
    content: bytes = answer._content
    return content


def is_proxys(answer: ErrorAnswer) -> bool:
    """Return whether a proxy has answered, and not the server behind it."""
    if answer.status == 407 or response.proxys(answer.headers):
        return True
    # S3 tells a code of its own, and says which request it was, except where it has no body.
    return (
        answer.code in ("", str(answer.status))
        and not answer.operation.startswith("Head")
        and not any(name.startswith("x-amz-") for name in answer.headers)
    )


def _is_amazons(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))


def _path_to(reason: str) -> str:
    if "://sts." in reason or "169.254.170." in reason:
        return (
            "the credentials come from there: check the network policies, and "
            "AWS_STS_REGIONAL_ENDPOINTS"
        )
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return "correct its certificate, or set AWS_CA_BUNDLE to the CA that issued it"
    return "check S3_ENDPOINT and the network path to it"
