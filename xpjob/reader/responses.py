"""HTTP manners: conditional requests, gzip, HEAD, and headers that every answer carries."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate, parsedate_to_datetime
from typing import Any, TypeVar

from anyio import CancelScope, CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from xpjob.reader.render import Body

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}
SEND_SECONDS = 60
"""Time to send one answer: a client that reads slower is cut off."""


_CACHED, _CACHED_EACH = 8 << 20, 8 << 20
_WORKERS = 2

T = TypeVar("T")


class Answer(Response):
    """An answer whose body may be made while it is sent."""

    def __init__(self, body: Body, headers: Mapping[str, str], status: int = 200) -> None:
        super().__init__(None, status)
        del self.headers["content-length"]
        self.headers.update(headers)
        if status != 304:
            self.headers["Content-Length"] = str(body.length)
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; a HEAD request gets nothing but the headers."""
        head = {"type": "http.response.start", "status": self.status_code}
        async with asyncio.timeout(SEND_SECONDS):
            await send({**head, "headers": self.raw_headers})
            if scope["method"] != "HEAD" and self.status_code != 304:
                for count, piece in enumerate(self._body.pieces):
                    if count and await _gone(receive):
                        return
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> bool:
    """Let others have their turn, and tell whether the client has gone away meanwhile."""
    await asyncio.sleep(0)
    with CancelScope() as scope:
        scope.cancel()
        return bool((await receive())["type"] == "http.disconnect")
    return False


class Workshop:
    """Makes bodies off the event loop, each once: by their strong ETag, which names their bytes."""

    def __init__(self, workers: int = _WORKERS) -> None:
        self._workers = workers
        self._made: OrderedDict[str, bytes] = OrderedDict()
        self._flying: dict[str, asyncio.Task[Any]] = {}
        self._limiter: CapacityLimiter | None = None

    def held(self, etag: str) -> bytes | None:
        """Return a body that was made before."""
        if (body := self._made.get(etag)) is not None:
            self._made.move_to_end(etag)
        return body

    def keep(self, etag: str, body: bytes) -> None:
        """Hold a body for whoever asks for it next; the oldest go first."""
        if len(body) <= _CACHED_EACH:
            self._made[etag] = body
            while sum(map(len, self._made.values())) > _CACHED or len(self._made) > 256:
                self._made.popitem(last=False)

    async def whole(self, etag: str, make: Callable[[], bytes]) -> bytes:
        """Return a body, waiting for it where it is being made already."""
        if (body := self.held(etag)) is not None:
            return body
        return await self.once(etag, make, lambda made: self.keep(etag, made))

    async def once(
        self, name: str, make: Callable[[], T], keep: Callable[[T], None] = lambda _made: None
    ) -> T:
        """Run something that takes long, once for all who want what goes by this name."""
        task = self._flying.get(name)
        if task is None:
            task = asyncio.ensure_future(self.work(make))
            self._flying[name] = task
            task.add_done_callback(lambda done: self._landed(name, done, keep))
        # One client that goes away must not take the others' answer with it.
        return await asyncio.shield(task)

    async def work(self, make: Callable[[], T]) -> T:
        """Run something that takes long, with few others at a time."""
        if self._limiter is None:
            self._limiter = CapacityLimiter(self._workers)
        return await to_thread.run_sync(make, limiter=self._limiter)

    def _landed(self, name: str, task: asyncio.Task[T], keep: Callable[[T], None]) -> None:
        self._flying.pop(name, None)
        if not task.cancelled() and task.exception() is None:
            keep(task.result())


def etag_of(*parts: object) -> str:
    """Return a strong ETag for what these parts determine."""
    text = repr(parts).encode("utf-8", "surrogatepass")
    return f'"{hashlib.blake2b(text, digest_size=12).hexdigest()}"'


def packed_etag(etag: str) -> str:
    """Return the ETag of the gzipped form: other bytes, another tag."""
    return f'{etag[:-1]}-gz"'


def accepts_gzip(request: Request) -> bool:
    """Tell whether the client takes gzip."""
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, rest = part.strip().partition(";")
        if name.strip() in ("gzip", "x-gzip", "*"):
            weight = rest.replace(" ", "").removeprefix("q=")
            return not rest or weight.strip("0.") != ""
    return False


def http_date(moment: float) -> str:
    """Return a time in epoch seconds as HTTP writes it."""
    return formatdate(moment, usegmt=True)


def unchanged(request: Request, etag: str, modified: int | None) -> bool:
    """Tell whether the client has this already: by ETag, or else by time (epoch seconds)."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        known = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return "*" in known or etag in known
    since = request.headers.get("if-modified-since", "")
    if not since or modified is None:
        return False
    try:
        return parsedate_to_datetime(since).timestamp() >= modified
    except (ValueError, TypeError, OverflowError):
        return False


def gzipped(body: Body) -> bytes:
    """Return a body gzipped, piece by piece: quick rather than small, and always the same."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    parts = [packer.compress(piece) for piece in body.pieces]
    return b"".join([*parts, packer.flush()])


async def answer(
    request: Request,
    workshop: Workshop,
    etag: str,
    headers: Mapping[str, str],
    make: Callable[[], Body],
    *,
    quick: bool,
    modified: int | None = None,
) -> Response:
    """Return what ``make`` makes, or 304 where the client has it.

    ``etag`` names the bytes of the plain form. ``quick``: it takes less than a few milliseconds.
    """
    pack = accepts_gzip(request)
    tag = packed_etag(etag) if pack else etag
    named = {**headers, "ETag": tag, "Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
    if modified is not None:
        named["Last-Modified"] = http_date(modified)
    if unchanged(request, tag, modified):
        return Answer(Body.of(b""), named, 304)
    run: Callable[[Callable[[], Body]], Awaitable[Body]] = workshop.work
    if not pack:
        return Answer(make() if quick else await run(make), named)
    if (held := workshop.held(tag)) is None:
        if quick:
            held = gzipped(make())
            workshop.keep(tag, held)
        else:
            held = await workshop.whole(tag, lambda: gzipped(make()))
    return Answer(Body.of(held), {**named, "Content-Encoding": "gzip"})
