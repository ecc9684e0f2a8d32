"""Serve an ASGI app: listen on a socket, and run the app in a thread."""

from __future__ import annotations

import errno
import socket
import threading
from pathlib import Path
from typing import Self

import uvicorn
from starlette.applications import Starlette

from xpjob.base.errors import XpjobError
from xpjob.net.connections import IDLE_SECONDS, PLACES, SPARE, Connection

_BACKLOG = PLACES + SPARE
_SEND_BUFFER, _RECEIVE_BUFFER = 128 << 10, 32 << 10
"""Bytes in the kernel for each connection: what a client does not read counts as our memory."""


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; no host means all interfaces. Raises ``XpjobError``."""
    try:
        if not host and socket.has_dualstack_ipv6():
            listening = socket.create_server(
                ("", port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=True
            )
        else:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        hint = (
            "stop the process that uses it, or choose another port"
            if in_use
            else "check METRICS_ADDR"
        )
        raise XpjobError(
            f"listening on {host or '*'}:{port}: {error.strerror or error}; {hint}"
        ) from error
    # asyncio sets this only on sockets with an explicit protocol; without it every small answer
    # waits 40 ms for the client's delayed acknowledgement of the headers.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    return listening


def listen_near(port: int) -> socket.socket:
    """Listen on loopback, on this port, or on any free port if it is in use."""
    try:
        return listen("127.0.0.1", port)
    except XpjobError:
        return listen("127.0.0.1", 0)


def url_of(listening: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = listening.getsockname()[:2]
    if host in ("::", "0.0.0.0"):  # noqa: S104 - compared, not bound
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class Background:
    """Serves an app from a thread within a ``with`` block, at ``url``."""

    def __init__(
        self, app: Starlette, listening: socket.socket, config: uvicorn.Config | None = None
    ) -> None:
        self._listening = listening
        self.url = url_of(listening)
        self._server = uvicorn.Server(config or configuration(app))
        self._thread = threading.Thread(target=self._run, name="xpjob-reader", daemon=True)

    def _run(self) -> None:
        self._server.run([self._listening])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._listening.close()


def configuration(
    app: Starlette, certificate: Path | None = None, key: Path | None = None
) -> uvicorn.Config:
    """Return the server configuration of an app; https if there is a certificate."""
    return uvicorn.Config(
        app,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        # Without a password OpenSSL would prompt for one on the terminal.
        ssl_keyfile_password="" if key else None,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        http=Connection,
        loop="xpjob.net.connections:Loop",
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=16_384,
    )
