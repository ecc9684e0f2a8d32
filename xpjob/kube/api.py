"""Connect to a Kubernetes API server, and GET documents from it as bytes.

The kubernetes package handles credentials, certificates and proxies: it reads the kubeconfig or
the service account, and reloads expiring tokens from disk. All requests are GET, except for
``Api.may_list``, which no run calls.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import urllib3

from xpjob.base.errors import (
    BadAnswerError,
    DeadlineError,
    GoneError,
    NotFoundError,
    RefusedError,
    SettingsError,
    TransientError,
    XpjobError,
)
from xpjob.config import secrets
from xpjob.kube.gvr import Gvr
from xpjob.kube.mend import UNREADABLE
from xpjob.net import http, retry
from xpjob.net.bodies import Body, Whole
from xpjob.net.clock import KUBERNETES, Clock
from xpjob.net.http import ProxyFailedError, Response, Timeouts
from xpjob.net.inflight import Budget
from xpjob.net.threads import within

_TRANSIENT = frozenset({429, 500, 502, 503, 504})
_ADVICE = {
    401: "the credentials are not accepted: renew the token, or check the user in the kubeconfig",
    403: "grant get and list on it to this account (see k8s/README.md, Rights)",
    404: "the API does not serve this resource: check group, version and plural, or install its "
    "CRD",
}


T = TypeVar("T")

_MOST_CERTIFICATES = 16 << 20  # bytes
_LATER = 1.0  # seconds that a plugin has to end, when its time is over


class _Status(msgspec.Struct):
    """The message of a Kubernetes ``Status`` object."""

    message: str = ""


class _Allowed(msgspec.Struct):
    allowed: bool | None = None


class _Review(msgspec.Struct):
    """The answer of a review. Without a status it is another document; null is no permission."""

    status: _Allowed | None


@dataclass(frozen=True, slots=True)
class Api:
    """Connection to an API server. Thread-safe. Its lists share a ``budget`` of bytes."""

    url: str
    pool: urllib3.PoolManager
    configuration: Any
    timeouts: Timeouts
    clock: Clock = field(default_factory=Clock)
    budget: Budget = field(default_factory=Budget.of_memory)

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

    def _renewed(self) -> Any:
        """Return the credentials, renewed if need be: from a file, or by a plugin."""
        doing = f"getting credentials for {self.server}"
        try:
            return within(self.timeouts.total + _LATER, self.configuration.auth_settings)
        except DeadlineError as error:
            raise DeadlineError(f"{doing}: {error}") from error
        except TimeoutError:
            raise TransientError(
                f"{doing}: none within {self.timeouts.total:g} s; find out why the file with the "
                "token, or the credential plugin, does not answer"
            ) from None

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
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = "application/json"
        token = self._renewed().get("BearerToken")
        if token and (value := token["value"].strip()):
            if not (value.isascii() and value.isprintable()):
                raise RefusedError(
                    "the token of the kubeconfig or service account contains invalid characters, "
                    "e.g. a line break; renew it"
                )
            headers["Authorization"] = value
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
            raise TransientError(
                f"{method} {path} at {self.server}: {error}; check that the API server is up and "
                "reachable"
            ) from error
        except DeadlineError as error:
            raise DeadlineError(f"{method} {path} at {self.server}: {error}") from error
        if not answer.by_proxy():
            self.clock.observe(KUBERNETES, answer.headers)
        if answer.status not in (200, 201):
            proxy = str(self.pool.proxy or "")
            if proxy and answer.by_proxy():
                raise _proxys(f"{method} {path} at {self.server}", proxy, answer)
            raise _refusal(method, path, self.server, answer)
        return answer


def preload() -> None:
    """Import the kubernetes package, which takes half a second of CPU."""
    import xpjob.kube.kubeconfig  # noqa: F401


def connect(
    kubeconfig: str,
    context: str,
    timeouts: Timeouts,
    connections: int,
    *,
    allow_insecure: bool = False,
    clock: Clock | None = None,
) -> Api:
    """Prepare a connection with a kubeconfig, the service account, or the default kubeconfig.

    Sends nothing. Raises ``SettingsError`` if there are no usable credentials, or if they would be
    sent unencrypted to another machine without ``allow_insecure``, and another ``XpjobError`` if
    they cannot be had now: a plugin fails, or a file system does not answer.
    """
    # Importing it takes half a second of CPU: only for commands that need an API server.
    from kubernetes import client, config

    from xpjob.kube.kubeconfig import load_kubeconfig, read_kubeconfig

    configuration = client.Configuration()
    in_cluster = not (kubeconfig or context) and "KUBERNETES_SERVICE_HOST" in os.environ
    where = "the service account" if in_cluster else kubeconfig or "the default kubeconfig"

    def bounded(doing: str, action: Callable[[], T]) -> T:
        # A file system may hang, and so may a credential plugin, which is a separate program.
        try:
            return within(timeouts.total + _LATER, action)
        except DeadlineError as error:
            raise DeadlineError(f"{doing}: {error}") from error
        except XpjobError:
            raise  # credentials that could not be had
        except TimeoutError:
            raise TransientError(
                f"{doing}: no answer within {timeouts.total:g} s; check whether the file system "
                "hangs, or whether it is a pipe that nobody writes to"
            ) from None
        # For a bad kubeconfig the package raises its own, OSError, YAML and binascii errors.
        except Exception as error:  # noqa: BLE001
            # From None: a traceback would show the original text, which may quote secrets.
            raise SettingsError(
                [
                    f"KUBECONFIG: cannot connect with {where}: {_why(error)}; set a kubeconfig "
                    "with --kubeconfig (and --context), or run as a pod with a service account"
                ]
            ) from None

    if in_cluster:
        bounded(
            f"reading {where}",
            lambda: config.load_incluster_config(client_configuration=configuration),
        )
    else:
        read = bounded(f"reading {where}", lambda: read_kubeconfig(kubeconfig))
        bounded(
            f"getting the credentials of {where}",
            lambda: load_kubeconfig(read, context, configuration, timeouts.total),
        )
    for file in filter(None, (configuration.ssl_ca_cert, configuration.cert_file)):
        # It is read again with each connection, where a wait would be taken for the server's.
        bounded(f"reading {file} of {where}", partial(_readable, file))
    configuration.connection_pool_maxsize = connections
    pool = client.ApiClient(configuration).rest_client.pool_manager
    host = configuration.host.rstrip("/")
    api = Api(host, pool, configuration, timeouts, clock or Clock())
    # Tokens, passwords and credentials of plugins all end up in api_key, as one header.
    if configuration.api_key and secrets.in_the_clear(api.url) and not allow_insecure:
        raise SettingsError(
            [
                f"KUBECONFIG: {api.server} is plain http, which would expose credentials; "
                f"{secrets.FORCE}"
            ]
        )
    return api


def _readable(path: str) -> None:
    """Read a file of certificates. Raises ``OSError``, or ``ValueError`` if it is too large."""
    with Path(path).open("rb") as file:
        if len(file.read(_MOST_CERTIFICATES + 1)) > _MOST_CERTIFICATES:
            raise ValueError(f"{path} is too large for certificates")


def _why(error: Exception) -> str:
    """Describe what is wrong with a kubeconfig, without the content that YAML errors quote."""
    if mark := getattr(error, "problem_mark", None):
        return f"invalid YAML at line {mark.line + 1}, column {mark.column + 1}"
    return " ".join(str(error).split())[:300] or type(error).__name__


def _proxys(what: str, proxy: str, answer: Response) -> XpjobError:
    message = f"{what}: {answer.status}: {answer.excerpt()}, answered by the proxy "
    message += http.shown(proxy)
    if answer.status == 407:
        return RefusedError(f"{message}; {http.PROXY_CREDENTIALS}")
    return ProxyFailedError(f"{message}; {http.PROXY_ADVICE}")


def _refusal(method: str, path: str, server: str, answer: Response) -> XpjobError:
    try:
        reason = msgspec.json.decode(answer.body, type=_Status).message
    except UNREADABLE:
        reason = ""
    reason = " ".join(reason.split())[:500] or answer.excerpt()
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
