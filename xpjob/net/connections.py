"""Connections of clients: how many there may be, and how long each may wait for its client.

uvicorn ends only connections that are idle after an answer. Here every wait for a client ends:
for a request, for the rest of one, and for an answer to be read.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

PLACES = 512
"""Connections that are served at once."""
SPARE = 64
"""Further ones: a probe is answered there, any other request gets a 503."""
REQUEST_SECONDS = 10.0
"""Time for a request to arrive as a whole, from its first byte or, of the first, from the start."""
IDLE_SECONDS = 30
"""Time without a request after an answer."""
UNREAD_SECONDS = 10.0
"""Time for a client to read what is left of an answer once the connection is to be closed."""
PROBES = frozenset({"/healthz", "/readyz"})
"""Paths that are answered even if all places are taken."""
CONNECTION, FULL = "xpjob.connection", "xpjob.full"
"""Keys of an ASGI scope: the connection, and whether all places are taken."""
_STALLED_SECONDS = 1.0
_DROP = struct.pack("ii", 1, 0)
_TIMED_OUT = (
    b"HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: 20\r\nConnection: close\r\n\r\nrequest was too slow"
)


class Connection(H11Protocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._served, self.app = self.app, self._serve
        self._timer: asyncio.TimerHandle | None = None
        self._waiting_since: float | None = None
        self._stalled_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make room where all places are taken, and start to wait for a request."""
        super().connection_made(transport)
        if len(self.connections) > PLACES and not _make_room(self.connections, self):
            if len(self.connections) > PLACES + SPARE:
                self.abort()
            return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._stop_waiting()

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """Note since when the client does not read."""
        super().pause_writing()
        self._stalled_since = self.loop.time()

    def resume_writing(self) -> None:
        """Note that the client has read."""
        super().resume_writing()
        self._stalled_since = None

    def timeout_keep_alive_handler(self) -> None:
        """End an idle connection, also where its client has not read the last answer."""
        if self.transport.get_write_buffer_size():
            self.abort()
        else:
            super().timeout_keep_alive_handler()

    def shutdown(self) -> None:
        """Close the connection once its answer is complete; at once if its client is gone."""
        if self.stalled():
            self.abort()
        else:
            super().shutdown()
            self._watch()

    def stalled(self) -> bool:
        """Return whether the client has not read for a second."""
        since = self._stalled_since
        return since is not None and self.loop.time() - since > _STALLED_SECONDS

    def abort(self) -> None:
        """Close the connection at once, and drop what is still to be sent, also in the kernel."""
        if (connected := self.transport.get_extra_info("socket")) is not None:
            with suppress(OSError):
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP)
        self.transport.abort()

    @property
    def waiting_since(self) -> float | None:
        """Return since when only the client is waited for; None while a request is answered."""
        if self._stalled_since is not None:
            return self._stalled_since if self.stalled() else None
        idle = self.cycle is None or self.cycle.response_complete
        return self._waiting_since if idle else None

    def _watch(self) -> None:
        """Limit the time of whatever the client is waited for now."""
        if self.transport.is_closing():
            self._wait(UNREAD_SECONDS, self.abort)
            return
        whole = self.conn.their_state in (h11.DONE, h11.MUST_CLOSE)
        if whole:
            self._stop_waiting()
        elif self.timeout_keep_alive_task is not None and self.conn.their_state is h11.IDLE:
            self._stop_waiting()
            self._waiting_since = self.loop.time()
        elif self._timer is None:
            self._wait(REQUEST_SECONDS, self._too_slow)

    def _wait(self, seconds: float, give_up: Any) -> None:
        self._stop_waiting()
        self._waiting_since = self.loop.time()
        self._timer = self.loop.call_later(seconds, give_up)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._waiting_since = None

    def _too_slow(self) -> None:
        """Give up on a request that has not arrived as a whole."""
        self._timer = None
        if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            self.transport.write(_TIMED_OUT)
            self.transport.close()
            self._watch()
        else:
            self.abort()

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request, with what the application has to know of the connection."""
        scope[CONNECTION] = self
        scope[FULL] = len(self.connections) > PLACES
        await self._served(scope, receive, send)


def _make_room(connections: Iterable[Any], newest: Connection) -> bool:
    """End the connection that waits for its client for the longest; return whether there is one."""
    waiting = [
        (connection.waiting_since, id(connection), connection)
        for connection in connections
        if connection is not newest
        and connection.waiting_since is not None
        and not connection.transport.is_closing()
    ]
    if not waiting:
        return False
    min(waiting)[-1].abort()
    return True


class Loop(asyncio.SelectorEventLoop):
    """An event loop that limits the time for a TLS handshake, which uvicorn has no setting for."""

    async def create_server(self, *args: Any, **kwargs: Any) -> asyncio.Server:
        """Create a server."""
        if kwargs.get("ssl"):
            kwargs = {
                "ssl_handshake_timeout": REQUEST_SECONDS,
                "ssl_shutdown_timeout": UNREAD_SECONDS,
                **kwargs,
            }
        return await super().create_server(*args, **kwargs)
