"""Connect to a Kubernetes API, and GET from it, as bytes.

Credentials, certificates and proxies are the kubernetes package's business: it reads the
kubeconfig or the service account, and reads an expiring token again from disk. Only GET is ever
sent, but for ``Api.may_list``, which no run calls.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
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
from xpjob.net import http, retry
from xpjob.net.http import Response, Timeouts
from xpjob.net.threads import within

_TRANSIENT = frozenset({429, 500, 502, 503, 504})
_ADVICE = {
    401: "the credentials are not accepted: renew the token, or check the kubeconfig's user",
    403: "grant get and list on it to this account (see README, Rights)",
    404: "the API has no such resource: check group, version and plural, or install its CRD",
}


class _Status(msgspec.Struct):
    """The part of a Kubernetes ``Status`` object that people need to read."""

    message: str = ""


class _Allowed(msgspec.Struct):
    allowed: bool = False


class _Review(msgspec.Struct):
    status: _Allowed


@dataclass(frozen=True, slots=True)
class Api:
    """A connected API server. Threads may share it."""

    url: str
    pool: urllib3.PoolManager
    configuration: Any
    timeouts: Timeouts

    @property
    def server(self) -> str:
        """Return the URL as people may see it, without credentials, a query or a fragment."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=host, query="", fragment="").geturl()

    def get(self, path: str, query: Mapping[str, str | int], *, accept: str) -> Response:
        """GET one document, trying again what may pass.

        Raises ``RefusedError`` (401, 403), ``NotFoundError`` (404), ``GoneError`` (410),
        ``BadAnswerError`` (any other status), or ``TransientError`` after the last try.
        """
        url = f"{self.url}{quote(path)}" + (f"?{urlencode(query)}" if query else "")
        return retry.call(lambda: self._get(path, url, accept))

    def may_list(self, gvr: Gvr, namespace: str = "") -> bool:
        """Ask whether this account may list a resource; no namespace means everywhere.

        A SelfSubjectAccessReview: a POST that creates nothing. Raises as ``get`` does.
        """
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        asked = {"verb": "list", "namespace": namespace, **gvr._asdict()}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        body = msgspec.json.encode(review)
        answer = retry.call(lambda: self._send("POST", path, f"{self.url}{path}", body=body))
        try:
            return msgspec.json.decode(answer.body, type=_Review).status.allowed
        except msgspec.MsgspecError as error:
            raise BadAnswerError(f"POST {path} at {self.server}: no review ({error})") from error

    def _get(self, path: str, url: str, accept: str) -> Response:
        return self._send("GET", path, url, accept=accept)

    def _send(
        self,
        method: str,
        path: str,
        url: str,
        *,
        accept: str = "application/json",
        body: bytes | None = None,
    ) -> Response:
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = "application/json"
        token = self.configuration.auth_settings().get("BearerToken")
        if token and (value := token["value"].strip()):
            if not (value.isascii() and value.isprintable()):
                raise RefusedError(
                    "the token of the kubeconfig or service account has characters that no token "
                    "has (a line break within?): renew it"
                )
            headers["Authorization"] = value
        try:
            answer = http.request(
                self.pool, method, url, headers=headers, timeouts=self.timeouts, body=body
            )
        except TransientError as error:
            raise TransientError(
                f"{method} {path} at {self.server}: {error}; check that the API server is up and "
                "reachable from here"
            ) from error
        except DeadlineError as error:
            raise DeadlineError(f"{method} {path} at {self.server}: {error}") from error
        if answer.status not in (200, 201):
            raise _refusal(method, path, self.server, answer)
        return answer


def connect(
    kubeconfig: str,
    context: str,
    timeouts: Timeouts,
    connections: int,
    *,
    allow_insecure: bool = False,
) -> Api:
    """Connect with the named kubeconfig, or the service account, or the default kubeconfig.

    Nothing is sent yet. Raises ``SettingsError`` when there are no usable credentials, and when
    they would be sent in the clear to another machine, which is not allowed.
    """
    # Half a second of CPU: commands that need no API server do not pay for it.
    from kubernetes import client, config

    configuration = client.Configuration()
    in_cluster = not (kubeconfig or context) and "KUBERNETES_SERVICE_HOST" in os.environ

    def load() -> None:
        if in_cluster:
            config.load_incluster_config(client_configuration=configuration)
        else:
            config.load_kube_config(
                config_file=kubeconfig or None,
                context=context or None,
                client_configuration=configuration,
            )

    try:
        # A credential plugin is a program of its own, which may hang.
        within(timeouts.total, load)
    except DeadlineError:
        raise  # a slow start is no mistake in the configuration
    # The package raises its own, OSError, YAML and binascii errors, all for a bad kubeconfig.
    except Exception as error:  # noqa: BLE001
        where = "the service account" if in_cluster else kubeconfig or "the default kubeconfig"
        # From None: a traceback would show the error's own text.
        raise SettingsError(
            [
                f"KUBECONFIG: cannot connect with {where}: {_why(error)}; name a kubeconfig with "
                "--kubeconfig (and --context), or run as a pod with a service account"
            ]
        ) from None
    configuration.connection_pool_maxsize = connections
    pool = client.ApiClient(configuration).rest_client.pool_manager
    api = Api(configuration.host.rstrip("/"), pool, configuration, timeouts)
    # A token, a password, and what a plugin gives: all of them are sent as this one header.
    if configuration.api_key and secrets.in_the_clear(api.url) and not allow_insecure:
        raise SettingsError(
            [
                f"KUBECONFIG: {api.server} is plain http, and there are credentials for it; "
                f"{secrets.FORCE}"
            ]
        )
    return api


def _why(error: Exception) -> str:
    """Say what is wrong with a kubeconfig. YAML's errors quote what stands there."""
    if mark := getattr(error, "problem_mark", None):
        return f"line {mark.line + 1}, column {mark.column + 1} is no YAML that can be read"
    return " ".join(str(error).split())[:300] or type(error).__name__


def _refusal(method: str, path: str, server: str, answer: Response) -> XpjobError:
    try:
        said = msgspec.json.decode(answer.body, type=_Status).message
    except msgspec.MsgspecError:
        said = ""
    said = " ".join(said.split())[:500] or answer.excerpt()
    message = f"{method} {path} at {server}: {answer.status}: {said}"
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
    return BadAnswerError(message)
