"""Serving an app with uvicorn: in the foreground, or from a thread within a ``with`` block."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Self

import uvicorn
from starlette.applications import Starlette

from xpjob import __version__
from xpjob.base.errors import SettingsError, XpjobError
from xpjob.config.settings import Settings
from xpjob.reader.app import create_app
from xpjob.store.open import open_reader_store

_SWITCH_SECONDS = 0.0005
"""A thread that reads a large snapshot lets requests in after so long, not after 5 ms."""
_log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is open and return.

    Raises ``SettingsError``, and ``XpjobError`` where the address cannot be had.
    """
    app = create_app(open_reader_store(settings), settings)
    config = _config(app, settings.reader_cert_file, settings.reader_key_file)
    try:
        config.load()  # here, for it is where certificates turn out to be none
    except OSError as error:
        raise SettingsError(
            [
                f"READER_CERT_FILE: {settings.reader_cert_file} with {settings.reader_key_file}: "
                f"{error}; give a PEM certificate and its key, without a password"
            ]
        ) from None
    listening = listen(*settings.metrics_addr)
    sys.setswitchinterval(_SWITCH_SECONDS)
    address = url_of(listening)
    if settings.reader_cert_file:
        address = address.replace("http:", "https:", 1)
    server = _Foreground(config)
    build = {"version": __version__, "commit": os.environ.get("XPJOB_COMMIT", "")}
    _log.info("serving", extra={"address": address, **build})
    server.run(sockets=[listening])
    _log.info("ended")


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; no host means all interfaces. Raises ``XpjobError``."""
    try:
        if not host and socket.has_dualstack_ipv6():
            made = socket.create_server(
                ("", port), family=socket.AF_INET6, backlog=512, dualstack_ipv6=True
            )
        else:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            made = socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        hint = "is it in use?" if error.errno == errno.EADDRINUSE else "check METRICS_ADDR"
        raise XpjobError(
            f"listening on {host or '*'}:{port}: {error.strerror or error}; {hint}"
        ) from error
    # asyncio does it only for sockets that name their protocol; without it every small answer
    # waits 40 ms for the client's delayed acknowledgement of the headers.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def listen_near(port: int) -> socket.socket:
    """Return a socket on the loopback interface: on this port, or on any where it is taken."""
    try:
        return listen("127.0.0.1", port)
    except XpjobError:
        return listen("127.0.0.1", 0)


def url_of(listening: socket.socket) -> str:
    """Return where people find it."""
    host, port = listening.getsockname()[:2]
    if host in ("::", "0.0.0.0"):  # noqa: S104 - compared, not bound
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class Background:
    """Serves an app from a thread, within a ``with`` block, at ``url``."""

    def __init__(
        self, app: Starlette, listening: socket.socket, config: uvicorn.Config | None = None
    ) -> None:
        self._listening = listening
        self.url = url_of(listening)
        self._server = uvicorn.Server(config or _config(app))
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


class _Foreground(uvicorn.Server):
    """Ends in good order on a signal, and leaves it at that."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; at once where somebody insists. uvicorn's own raises the signal again after."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def _config(
    app: Starlette, certificate: Path | None = None, key: Path | None = None
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        # Without a password OpenSSL would ask for one on the terminal, and wait.
        ssl_keyfile_password="" if key else None,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        limit_concurrency=512,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=16_384,
    )
