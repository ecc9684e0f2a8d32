"""Who may read: whoever has the token, where there is one."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import threading
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from xpjob.config import secrets
from xpjob.net.connections import PROBES
from xpjob.reader.problem import problem

_CHALLENGE = 'Bearer realm="xpjob", Basic realm="xpjob", charset="UTF-8"'
_LOOK_SECONDS = 0.5
_log = logging.getLogger(__name__)


class Access:
    """ASGI middleware. The token comes as a bearer token or, for browsers, as a password."""

    def __init__(self, app: ASGIApp, file: Path) -> None:
        """Read the token. Raises ``ValueError`` where the file has none."""
        self._app, self._file = app, file
        self._looking: Future[None] | None = None
        self._signature = self._looks()
        self._token = secrets.read_token(file)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http" or scope["path"] in PROBES:  # the kubelet has no token
            await self._app(scope, receive, send)
            return
        await self._looked_at()
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) == 1 and secrets.same(_token(given[0].decode("latin-1")), self._token):
            await self._app(scope, receive, send)
            return
        said = "wrong" if given else "missing"
        answer = problem(
            401,
            "unauthorized",
            f"the token is {said}: send it as a bearer token, or as the password of any user",
            {"WWW-Authenticate": _CHALLENGE},
        )
        await answer(scope, receive, send)

    async def _looked_at(self) -> None:
        """Look whether the token was replaced, for a moment: its mount may hang."""
        if self._looking is None or self._looking.done():
            looking: Future[None] = Future()
            with suppress(RuntimeError):  # no thread can be started: the token stays for now
                threading.Thread(target=self._look, args=(looking,), daemon=True).start()
                self._looking = looking
        if self._looking is None:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(
                asyncio.shield(asyncio.wrap_future(self._looking)), _LOOK_SECONDS
            )

    def _look(self, done: Future[None]) -> None:
        try:
            self._refresh()
        finally:
            done.set_result(None)

    def _refresh(self) -> None:
        """Take over a token that was replaced. One that is none leaves the old one in force."""
        if (looks := self._looks()) == self._signature:
            return
        self._signature = looks
        try:
            self._token = secrets.read_token(self._file)
            _log.info("the reader's token was read again")
        except ValueError as error:
            _log.error("the reader's token stays as it was", extra={"error": str(error)})

    def _looks(self) -> tuple[int, int, int]:
        try:
            stat = self._file.stat()  # follows Kubernetes' links to the mounted content
        except OSError:
            return (0, 0, 0)
        return (stat.st_ino, stat.st_mtime_ns, stat.st_size)


def _token(header: str) -> str:
    """Return the token of an ``Authorization`` header, "" where it has none."""
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    return ""
