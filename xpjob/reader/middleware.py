"""What stands before every endpoint: bounds, security headers, counting, and the last resort."""

from __future__ import annotations

import asyncio
import logging
import time

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xpjob.net.connections import CONNECTION, FULL, PROBES
from xpjob.reader.hosts import Hosts
from xpjob.reader.metrics import Metrics
from xpjob.reader.parameters import shown
from xpjob.reader.problem import problem
from xpjob.reader.responses import SECURITY

MAX_QUERY = 4096
"""Bytes of a query string."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECURITY = [(name.lower().encode(), value.encode()) for name, value in SECURITY.items()]
_log = logging.getLogger(__name__)


class Front:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, metrics: Metrics, hosts: Hosts) -> None:
        self._app, self._metrics, self._hosts = app, metrics, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; an error that nobody has caught is a problem document too."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def count(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], *_SECURITY]}
            await send(message)

        try:
            await (self._refusal(scope) or self._app)(scope, receive, count)
        except TimeoutError:
            path = scope["path"][:200]
            _log.info("a client was cut off: it read too slowly", extra={"path": path})
            if CONNECTION not in scope:
                raise
            scope[CONNECTION].abort()
            await asyncio.sleep(0)  # until uvicorn has seen it too
        except Exception:
            _log.exception("an answer failed", extra={"path": scope["path"][:200]})
            if status:
                raise
            answer = problem(500, "internal", "that is a mistake of the reader; see its log")
            await answer(scope, receive, count)
        finally:
            # Only paths that exist: what clients make up must not become series.
            route = _route(scope)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(route, method, str(status)).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - started)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        """Return the answer to a request that is not passed on."""
        host = _host_of(scope)
        if not self._hosts.answers_for(host):
            text = f"the reader does not answer for the host {shown(host)}"
            return problem(421, "unknown-host", f"{text}; if it should, add it to READER_HOSTS")
        if scope.get(FULL) and scope["path"] not in PROBES:
            headers = {"Retry-After": "5", "Connection": "close"}
            return problem(503, "busy", "too many connections are open; ask again", headers)
        return _bounds(scope)


def _route(scope: Scope) -> str:
    """Return the path of the route: with the names of its parameters, not their values."""
    route = scope.get("route")
    path = route.path if isinstance(route, Route) else "other"
    return path.replace(":path}", "}")


def _host_of(scope: Scope) -> str:
    given = [value for name, value in scope["headers"] if name == b"host"]
    return given[0].decode("latin-1") if len(given) == 1 else ""


def _bounds(scope: Scope) -> ASGIApp | None:
    """Return the answer to a request that is larger than any sensible one."""
    if len(scope["query_string"]) > MAX_QUERY:
        return problem(414, "query-too-long", f"a query string has at most {MAX_QUERY} bytes")
    headers = dict(scope["headers"])
    if headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers:
        return problem(413, "body-refused", "the reader takes no request bodies")
    return None
