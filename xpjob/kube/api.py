"""GET documents from a Kubernetes API server as bytes.

All requests are GET, except for ``Api.may_list``, which no run calls. See ``connect`` for where
credentials come from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import urllib3
from msgspec import Struct, field

from xpjob.base.errors import (
    BadAnswerError,
    DeadlineError,
    GoneError,
    NotFoundError,
    RefusedError,
    SettingsError,
    TransientError,
    UntrustedError,
    XpjobError,
)
from xpjob.kube.credentials import Credentials
from xpjob.kube.gvr import Gvr
from xpjob.kube.mend import UNREADABLE
from xpjob.net import http, retry
from xpjob.net.bodies import Body, Whole
from xpjob.net.clock import KUBERNETES, Clock
from xpjob.net.http import ProxyFailedError, Timeouts
from xpjob.net.inflight import Budget, Lanes
from xpjob.net.response import Response
from xpjob.net.threads import within

_TRUST = "correct its certificate, or the CA that the kubeconfig or the service account has for it"
_TRANSIENT = frozenset({429, 500, 502, 503, 504})
_ADVICE = {
    401: "the credentials are not accepted: renew the token, or check the user in the kubeconfig",
    403: "grant get and list on it to this account (see k8s/README.md, Rights)",
    404: "the API does not serve this resource: check group, version and plural, or install its "
    "CRD",
}
LATER = 1.0
"""Seconds that a plugin has to end, when its time is over."""


class _Status(msgspec.Struct):
    """The message of a Kubernetes ``Status`` object."""

    message: str = ""


class _Allowed(msgspec.Struct):
    allowed: bool | None = None


class _Review(msgspec.Struct):
    """The answer of a review. Without a status it is another document; null is no permission."""

    status: _Allowed | None


class Api(Struct, frozen=True):
    """Connection to an API server. Thread-safe.

    Its lists share a ``budget`` of bytes, and ``lanes`` for requests ahead.
    """

    url: str
    pool: urllib3.PoolManager
    credentials: Credentials
    timeouts: Timeouts
    clock: Clock = field(default_factory=Clock)
    budget: Budget = field(default_factory=Budget.of_memory)
    lanes: Lanes = field(default_factory=lambda: Lanes(1))

    @property
    def server(self) -> str:
        """Return the URL for messages, without credentials, query and fragment."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=host, query="", fragment="").geturl()

    def get(
        self,
        path: str,
        query: Mapping[str, str | int],
        *,
        accept: str,
        into: Callable[[], Body] = Whole,
    ) -> Response:
        """GET one document, retrying transient errors. ``into`` makes what takes in its body.

        Raises ``RefusedError`` (401, 403), ``NotFoundError`` (404), ``GoneError`` (410),
        ``BadAnswerError`` (any other status, or ``AnswerTooLargeError``), or ``TransientError``
        after the last attempt.
        """
        url = f"{self.url}{quote(path)}" + (f"?{urlencode(query)}" if query else "")
        return retry.call(lambda: self._send("GET", path, url, accept=accept, into=into))

    def may_list(self, gvr: Gvr, namespace: str = "") -> bool:
        """Return whether this account may list a resource; no namespace means all.

        A SelfSubjectAccessReview: a POST that creates nothing. Raises as ``get`` does.
        """
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        attributes = {"verb": "list", "namespace": namespace, **gvr._asdict()}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        body = msgspec.json.encode(review)
        answer = retry.call(lambda: self._send("POST", path, f"{self.url}{path}", body=body))
        try:
            status = msgspec.json.decode(answer.body, type=_Review).status
            return bool(status and status.allowed)
        except UNREADABLE as error:
            raise BadAnswerError(
                f"POST {path} at {self.server}: invalid SelfSubjectAccessReview ({error})"
            ) from error

    def _authorization(self, *, refused: str | None = None) -> str:
        """Return the value of the header, renewed if need be: from a file, or by a plugin."""
        doing = f"getting credentials for {self.server}"
        try:
            value = within(
                self.timeouts.total + LATER,
                lambda: self.credentials.authorization(refused=refused),
            ).strip()
        except DeadlineError as error:
            raise DeadlineError(f"{doing}: {error}") from error
        except TimeoutError:
            raise TransientError(
                f"{doing}: none within {self.timeouts.total:g} s; find out why the file with the "
                "token, or the credential plugin, does not answer"
            ) from None
        if not (value.isascii() and (value.isprintable() or not value)):
            raise RefusedError(
                "the token of the kubeconfig or service account contains invalid characters, "
                "e.g. a line break; renew it"
            )
        return value

    def _send(
        self,
        method: str,
        path: str,
        url: str,
        *,
        accept: str = "application/json",
        body: bytes | None = None,
        into: Callable[[], Body] = Whole,
    ) -> Response:
        authorization = self._authorization()
        send = partial(self._exchange, method, path, url, accept=accept, body=body, into=into)
        answer = send(authorization)
        if answer.status == 401:
            # The token may have been renewed, and the old one withdrawn, since it was read.
            try:
                renewed = self._authorization(refused=authorization)
            except DeadlineError:
                raise
            except XpjobError as error:
                why = "; ".join(error.problems) if isinstance(error, SettingsError) else error
                refusal = _refusal(method, path, self.server, answer)
                raise RefusedError(f"{refusal}; loading them again failed: {why}") from error
            if renewed != authorization:
                answer = send(renewed)
        if answer.status not in (200, 201):
            proxy = str(self.pool.proxy or "")
            if proxy and answer.by_proxy():
                what = f"{method} {path} at {self.server}"
                raise http.refused_by_proxy(what, proxy, answer)
            raise _refusal(method, path, self.server, answer)
        return answer

    def _exchange(
        self,
        method: str,
        path: str,
        url: str,
        authorization: str,
        *,
        accept: str,
        body: bytes | None,
        into: Callable[[], Body],
    ) -> Response:
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if authorization:
            headers["Authorization"] = authorization
        try:
            answer = http.request(
                self.pool,
                method,
                url,
                headers=headers,
                timeouts=self.timeouts,
                body=body,
                into=into,
            )
        except BadAnswerError as error:  # its body is too large
            raise type(error)(f"{method} {path} at {self.server}: {error}") from None
        except (ProxyFailedError, RefusedError) as error:  # with advice about the proxy
            raise type(error)(f"{method} {path} at {self.server}: {error}") from None
        except TransientError as error:
            untrusted = isinstance(error, UntrustedError)
            advice = _TRUST if untrusted else "check that the API server is up and reachable"
            raise TransientError(f"{method} {path} at {self.server}: {error}; {advice}") from error
        except DeadlineError as error:
            raise DeadlineError(f"{method} {path} at {self.server}: {error}") from error
        if not answer.by_proxy():
            self.clock.observe(KUBERNETES, answer.headers)
        return answer


def _refusal(method: str, path: str, server: str, answer: Response) -> XpjobError:
    try:
        reason = msgspec.json.decode(answer.body, type=_Status).message
    except UNREADABLE:
        reason = ""
    reason = answer.quoted(reason) or answer.excerpt()
    message = f"{method} {path} at {server}: {answer.status}: {reason}"
    if advice := _ADVICE.get(answer.status):
        message += f"; {advice}"
    if answer.status in (401, 403):
        return RefusedError(message)
    if answer.status == 404:
        return NotFoundError(message)
    if answer.status == 410:
        return GoneError(message)
    if answer.status in _TRANSIENT:
        return TransientError(message, answer.retry_after())
    if to := answer.location(server):
        message += f"; it redirects to {to}: correct the server's URL in the kubeconfig"
    return BadAnswerError(message)
