"""Check registries: whether they answer, accept the credentials, and until when they are trusted.

The steps are those of the distribution specification: ``GET /v2/`` is answered with a challenge,
for which a token is requested, with which the first request is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec
from msgspec import Struct

from xpjob.base import times
from xpjob.base.errors import BadAnswerError, DeadlineError, XpjobError
from xpjob.base.truncate import MAX_MESSAGE, cut
from xpjob.base.visible import one_line
from xpjob.collectors.clusters.registries import catalog, challenge, credentials, file
from xpjob.collectors.clusters.registries.challenge import BASIC, Challenge
from xpjob.collectors.clusters.registries.client import Client, UnavailableError, cause_of
from xpjob.collectors.clusters.registries.credentials import Credentials
from xpjob.collectors.clusters.registries.file import Registry
from xpjob.collectors.clusters.registries.internal import is_internal
from xpjob.collectors.clusters.registries.result import Result, State
from xpjob.config import secrets
from xpjob.net import deadline, response
from xpjob.net.options import NetOptions
from xpjob.net.response import Response
from xpjob.net.threads import by_deadline, each

CONCURRENCY = 16
"""Registries that are checked at once."""
SHARE = 1 / 2
"""Of the time for planning."""

_ADVICE = {
    "dns": "; check the endpoint, and the name servers that the job uses",
    "connect": "; check the endpoint, and that a network policy allows it",
    "tls": "; if its CA is not a public one, name it in caFile; else renew the certificate",
    "timeout": "; check that a network policy allows it, or raise timeoutSeconds",
}
"""What to do, by where it fails; the proxy's errors have advice of their own."""


class _Issued(Struct):
    token: str | None = None
    access_token: str | None = None


class _EndError(Exception):
    """The state is known, and nothing more can be found out."""

    def __init__(self, state: State, message: str = "") -> None:
        super().__init__(message)
        self.result = Result(state, message)


def check_all(registries: Sequence[Registry], net: NetOptions) -> list[Result]:
    """Check registries, several at once, each within its own time; never raises for one of them."""
    if not registries:
        return []
    with deadline.share(SHARE):
        return each(partial(check, net=net), registries, min(CONCURRENCY, len(registries)))


def check(registry: Registry, net: NetOptions) -> Result:
    """Check one registry."""
    client = Client(registry, net)
    checking = _Check(client)
    try:
        result = checking.run()
    except _EndError as end:
        result = end.result
    except DeadlineError as error:
        result = Result("notChecked", str(error))
    except UnavailableError as error:
        result = Result("unavailable", str(error))
    except (XpjobError, ValueError) as error:
        cause = cause_of(error)
        result = Result("unreachable", f"{error}{_ADVICE.get(cause, '')}", cause)
    finally:
        client.close()
    result.with_credentials = registry.credentials_file is not None
    result.message = cut(one_line(result.message), MAX_MESSAGE)
    result.seconds = checking.seconds
    result.not_after = times.rfc3339(client.not_after) if client.not_after else ""
    return result


class _Check:
    """One registry while it is checked. ``seconds`` is how long it took to answer at first."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._registry = client.registry
        self._url = f"{client.registry.endpoint}/v2/"
        self.seconds: float | None = None

    def run(self) -> Result:
        """Return the state. Raises ``_EndError`` and the errors of ``Client.get``."""
        answer = self._get()
        self.seconds = self._client.seconds
        if answer.status != 401:
            self._accepted(answer)
            return self._up("upAnonymous", "", None)
        wanted = challenge.choose(answer.headers.get("WWW-Authenticate", ""))
        given = self._credentials()
        if wanted is None:
            # Quoted: it may name a realm that is no URL.
            header = one_line(answer.headers.get("WWW-Authenticate", ""))
            text = (
                f"it asks for neither a token nor a password: WWW-Authenticate is {header!r:.200}"
            )
            raise _EndError("authRequired", text)
        if given is None:
            return self._anonymous(wanted)
        if wanted.scheme == BASIC:
            return self._with(given.basic, wanted, given)
        why = challenge.may_get_credentials(
            wanted.realm,
            self._registry.endpoint,
            self._registry.token_hosts,
            allow_insecure=self._client.net.allow_insecure_credentials,
        )
        if why:
            raise _EndError("credentialsNotSent", f"the credentials were not sent: {why}")
        return self._with(f"Bearer {self._token(wanted, given)}", wanted, given)

    def _anonymous(self, wanted: Challenge) -> Result:
        """Without credentials a registry may still give out tokens for what is public."""
        text = "it wants credentials; name a credentialsFile"
        if wanted.scheme == BASIC:
            raise _EndError("authRequired", text)
        why = challenge.may_be_asked(
            wanted.realm,
            self._registry.endpoint,
            self._registry.token_hosts,
            lambda host: is_internal(host, self._client.left),
        )
        if why:
            raise _EndError("authRequired", f"{text}. No token without them was requested: {why}")
        try:
            token = self._token(wanted, None)
            answered = self._get(f"Bearer {token}").status == 200
        except (UnavailableError, _EndError):
            answered = False
        if answered:
            return self._up("upAnonymous", "", wanted)
        raise _EndError("authRequired", text)

    def _with(self, authorization: str, wanted: Challenge, given: Credentials) -> Result:
        answer = self._get(authorization)
        if answer.status in (401, 403):
            raise _EndError("authFailed", f"the credentials are not accepted: {_told(answer)}")
        self._accepted(answer)
        return self._up("upAuthenticated", authorization, wanted, given)

    def _accepted(self, answer: Response) -> None:
        """Raise unless this is the answer of a registry that lets us in."""
        if answer.status == 429:
            raise _EndError("rateLimited", f"too many requests: {_told(answer)}")
        if answer.status == 403:
            raise _EndError("refused", f"access is refused: {_told(answer)}")
        if to := answer.location(self._url):
            raise _EndError("redirected", f"it redirects to {to}; set the endpoint to that host")
        if answer.status != 200:
            raise _EndError("notARegistry", f"GET {self._url}: {_told(answer)}")
        named = answer.headers.get("Docker-Distribution-Api-Version", "")
        if not named and (answer.is_page() or not _is_json(answer.body)):
            raise _EndError("notARegistry", f"GET {self._url}: the answer is not a registry's")

    def _credentials(self) -> Credentials | None:
        path = self._registry.credentials_file
        if path is None:
            return None
        if file.refused(self._registry, self._client.net):
            raise _EndError(
                "credentialsNotSent",
                f"the credentials were not sent: {self._registry.endpoint} is plain http; "
                f"{secrets.FORCE}",
            )
        try:
            return by_deadline(lambda: credentials.read(path, self._registry.endpoint))
        except (ValueError, TimeoutError) as error:
            raise _EndError("credentialsNotSent", f"no credentials to send: {error}") from None

    def _token(self, wanted: Challenge, given: Credentials | None, scope: str = "") -> str:
        """Request a token. Raises ``_EndError`` if none is issued."""
        what = f"asking {response.shown(wanted.realm)} for a token"
        try:
            answer = self._client.get(wanted.token_url(scope), given.basic if given else "")
        except DeadlineError:
            raise
        except (XpjobError, ValueError) as error:
            raise _EndError("authUnavailable", f"{what}: {error}") from None
        if answer.status in (401, 403):
            raise _EndError("authFailed", f"{what}: the credentials are wrong: {_told(answer)}")
        if answer.status == 429:
            raise _EndError("rateLimited", f"{what}: too many requests: {_told(answer)}")
        if answer.status != 200:
            raise _EndError("authUnavailable", f"{what}: {_told(answer)}")
        try:
            issued = msgspec.json.decode(answer.body, type=_Issued)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            issued = _Issued()
        token = issued.token or issued.access_token or ""
        if not token or not token.isascii() or not token.isprintable():
            # Without the answer: it may contain the token.
            raise _EndError("authUnavailable", f"{what}: the answer has no token")
        return token

    def _up(
        self,
        state: State,
        authorization: str,
        wanted: Challenge | None,
        given: Credentials | None = None,
    ) -> Result:
        result = Result(state)
        for path in self._registry.paths:
            if problem := self._path_problem(path):
                result.paths_failed.append(path)
                result.message = result.message or problem
        if self._registry.max_repositories:
            try:
                if wanted and wanted.scheme != BASIC:
                    authorization = f"Bearer {self._token(wanted, given, catalog.SCOPE)}"
                counted = catalog.count(self._client, authorization)
                result.repositories, result.catalog = counted.repositories, counted.catalog
            except _EndError as end:
                refused = end.result.state == "authFailed"
                result.catalog = "refused" if refused else "failed"
        return result

    def _path_problem(self, path: str) -> str:
        """Return why a further path does not answer. Credentials are not sent there."""
        url = self._registry.endpoint + path
        try:
            answer = self._client.get(url)
        except DeadlineError:
            raise
        except XpjobError as error:
            return str(error)
        if 200 <= answer.status < 300:
            return ""
        return f"GET {response.shown(url)}: {_told(answer)}"

    def _get(self, authorization: str = "") -> Response:
        try:
            return self._client.get(self._url, authorization)
        except BadAnswerError as error:  # larger than any answer of a registry
            raise _EndError("notARegistry", f"GET {self._url}: {error}") from None


def _told(answer: Response) -> str:
    return f"{answer.status}: {answer.excerpt()}"


def _is_json(body: bytes) -> bool:
    if not body.strip():
        return True  # the specification asks for nothing but the status
    try:
        msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True
