"""Requests to one registry: bounded in time and size, and credentials stay with its host."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import urljoin, urlsplit

import urllib3

from xpjob.base.errors import (
    DeadlineError,
    RefusedError,
    TransientError,
    UnansweredError,
    XpjobError,
)
from xpjob.collectors.clusters.registries.file import Registry
from xpjob.net import bodies, certificates, http, response, retry
from xpjob.net.http import ProxyFailedError, Timeouts
from xpjob.net.options import NetOptions
from xpjob.net.proxied import pool_for
from xpjob.net.response import Response

MAX_BODY = 1 << 20
"""Bytes of an answer."""
_MAX_REDIRECTS = 3
_MAY_PASS = (500, 502, 503, 504)

Cause = Literal["dns", "connect", "tls", "timeout", "proxy", ""]


class OutOfTimeError(XpjobError):
    """The time for this registry is used up."""


class UnavailableError(TransientError):
    """The registry answers that it does not work at the moment."""


@dataclass(slots=True)
class Client:
    """One registry, and the time left for it. ``not_after`` is when its certificate expires."""

    registry: Registry
    net: NetOptions
    clock: Callable[[], float] = time.monotonic
    not_after: datetime | None = None
    seconds: float = 0.0
    _ends: float = 0.0
    _pools: dict[str, urllib3.PoolManager] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ends = self.clock() + self.registry.timeout_seconds

    def get(self, url: str, authorization: str = "") -> Response:
        """GET a URL; redirects are followed within its origin only.

        ``seconds`` is then the duration of the last request. Raises the errors of
        ``http.request``, ``UnavailableError``, ``OutOfTimeError``, and ``ValueError`` for a CA file
        that is not valid.
        """
        for _ in range(_MAX_REDIRECTS):
            answer = retry.call(lambda url=url: self._once(url, authorization))  # type: ignore[misc]
            to = answer.headers.get("Location", "")
            if not to or answer.status not in (301, 302, 303, 307, 308):
                return answer
            try:
                target = urljoin(url, to)
            except ValueError:  # no URL
                return answer
            if not same_origin(url, target):
                return answer
            url = target
        return answer

    @property
    def left(self) -> float:
        """Return the seconds that are left for this registry."""
        return max(0.0, self._ends - self.clock())

    def close(self) -> None:
        """Close the connections."""
        for pool in self._pools.values():
            pool.clear()

    def _once(self, url: str, authorization: str) -> Response:
        started = self.clock()
        left = self._ends - started
        if left <= 0:
            raise self._out_of_time(url)
        headers = {"Accept": "application/json"}
        if authorization:
            headers["Authorization"] = authorization
        what = f"GET {response.shown(url)}"
        pool = self._pool(url)
        try:
            answer = http.request(
                pool,
                "GET",
                url,
                headers=headers,
                timeouts=Timeouts(min(self.net.connect_timeout_seconds, left), left),
                into=bodies.whole(MAX_BODY),
            )
        except (TransientError, RefusedError) as error:
            if self.clock() >= self._ends:
                raise self._out_of_time(url) from None
            raise type(error)(f"{what}: {error}") from error.__cause__
        if pool.proxy and answer.status >= 300 and answer.by_proxy():
            raise http.refused_by_proxy(what, str(pool.proxy), answer)
        self.seconds = self.clock() - started
        if answer.status in _MAY_PASS:
            raise UnavailableError(f"{what}: {answer.status}: {answer.excerpt()}")
        return answer

    def _out_of_time(self, url: str) -> OutOfTimeError:
        return OutOfTimeError(
            f"GET {response.shown(url)}: no answer within {self.registry.timeout_seconds:g} s"
        )

    def _pool(self, url: str) -> urllib3.PoolManager:
        """Return the pool for an origin. The certificate of the registry itself is noted."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if (pool := self._pools.get(origin)) is None:
            pool = self._pools[origin] = pool_for(origin, self._context())
            if same_origin(origin, self.registry.endpoint):
                certificates.watch(pool, self._note)
        return pool

    def _note(self, until: datetime) -> None:
        self.not_after = until

    def _context(self) -> ssl.SSLContext | None:
        path = self.registry.ca_file
        if path is None:
            return None
        try:
            return ssl.create_default_context(cafile=path)
        except (ssl.SSLError, OSError) as error:
            raise ValueError(f"no certificates in {path}: {error}; give a PEM file") from None


def same_origin(one: str, other: str) -> bool:
    """Return whether two URLs have the same scheme, host and port."""
    try:
        return _origin(one) == _origin(other)
    except ValueError:
        return False


def cause_of(error: Exception) -> Cause:
    """Return where a request has failed, empty if somewhere else."""
    if isinstance(error, UnansweredError | OutOfTimeError | DeadlineError):
        return "timeout"
    if isinstance(error, ProxyFailedError | RefusedError):  # only a proxy refuses with an error
        return "proxy"
    match error.__cause__:
        case urllib3.exceptions.NameResolutionError():
            return "dns"
        case urllib3.exceptions.NewConnectionError():
            return "connect"
        case urllib3.exceptions.ConnectTimeoutError():
            return "timeout"
        case urllib3.exceptions.SSLError():
            return "tls"
    return "connect" if isinstance(error, TransientError) else ""


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
