"""HTTP manners: conditional requests, gzip, HEAD, and headers that every answer carries."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from email.utils import formatdate, parsedate_to_datetime

from anyio import CancelScope
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from xpjob.reader.flights import STALL_SECONDS, Flight
from xpjob.reader.render import WHOLE, Body
from xpjob.reader.workshop import Workshop

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
    ),
}
VARY = "Accept-Encoding"
_WRITE = 64 << 10
"""Bytes that are handed to a connection at a time."""
_STREAM, _PACKER = 256 << 10, 512 << 10
"""Memory that an answer in pieces takes while it is sent, and what gzip adds to it."""


class Answer(Response):
    """An answer whose body may be made while it is sent, if there is a ``workshop`` to do so.

    ``tags`` are those of the rows that it is made of.
    """

    def __init__(
        self,
        body: Body,
        headers: Mapping[str, str],
        status: int = 200,
        *,
        workshop: Workshop | None = None,
        tags: Collection[str] = (),
    ) -> None:
        super().__init__(None, status)
        del self.headers["content-length"]
        self.headers.update(headers)
        if status != 304 and body.length is not None:
            self.headers["Content-Length"] = str(body.length)
        self._body, self._workshop, self._tags = body, workshop, tags

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; a HEAD request gets nothing but the headers."""
        head = {"type": "http.response.start", "status": self.status_code}
        head["headers"] = self.raw_headers
        if scope["method"] == "HEAD" or self.status_code == 304 or self._workshop is None:
            await send(head)
            if scope["method"] != "HEAD" and self.status_code != 304:
                for whole in self._body.pieces:
                    await send({"type": "http.response.body", "body": whole, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return
        body = self._body
        size = (_STREAM if body.length is None else body.length) + body.held
        long = body.length is None
        async with self._workshop.flights.flight(size, self._tags, long=long) as flight:
            pieces = iter(body.pieces)
            # The first one before the head: what fails to be made is an error, not half an answer.
            piece = await self._next(pieces)
            await _within(flight, send, head)
            while piece is not None:
                for start in range(0, len(piece), _WRITE):
                    part = piece[start : start + _WRITE]
                    message = {"type": "http.response.body", "body": part, "more_body": True}
                    await _within(flight, send, message)
                if await _gone(receive):
                    return
                piece = await self._next(pieces)
            await _within(flight, send, {"type": "http.response.body", "body": b""})

    async def _next(self, pieces: Iterator[bytes]) -> bytes | None:
        if self._workshop is not None and self._body.heavy:
            return await self._workshop.piece(lambda: next(pieces, None))
        return next(pieces, None)


async def _within(flight: Flight, send: Send, message: Message) -> None:
    """Send a part of an answer. Raises ``TimeoutError`` where the client does not read it."""
    flight.piece_since = asyncio.get_running_loop().time()
    async with asyncio.timeout(STALL_SECONDS):
        await send(message)
    flight.piece_since = None


async def _gone(receive: Receive) -> bool:
    """Let others have their turn, and tell whether the client has gone away meanwhile."""
    await asyncio.sleep(0)
    with CancelScope() as scope:
        scope.cancel()
        return bool((await receive())["type"] == "http.disconnect")
    return False


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
            return _wanted(rest)
    return False


def accepts_html(request: Request) -> bool:
    """Tell whether the client names HTML, as browsers do and programs do not."""
    for part in request.headers.get("accept", "").lower().split(","):
        name, _, rest = part.partition(";")
        if name.strip() == "text/html":
            return _wanted(rest)
    return False


def _wanted(parameters: str) -> bool:
    """Tell whether the weight among the parameters of a header's member is not zero."""
    for parameter in parameters.replace(" ", "").split(";"):
        if parameter.startswith("q="):
            return parameter.removeprefix("q=").strip("0.") != ""
    return True


def http_date(moment: float) -> str:
    """Return a time in epoch seconds as HTTP writes it."""
    return formatdate(moment, usegmt=True)


def unchanged(request: Request, etag: str, modified: int | None) -> bool:
    """Tell whether the client has this already: by ETag, or else by time (epoch seconds).

    The time is that which it was told before: after a clock that was ahead, what is newer has an
    earlier one.
    """
    tags = request.headers.get("if-none-match")
    if tags is not None:
        known = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return "*" in known or etag in known
    since = request.headers.get("if-modified-since", "")
    if not since or modified is None:
        return False
    try:
        return parsedate_to_datetime(since).timestamp() == modified
    except (ValueError, TypeError, OverflowError):
        return False


def gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a body gzipped, piece by piece: quick rather than small, and always the same."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


async def answer(
    request: Request,
    workshop: Workshop,
    etag: str,
    headers: Mapping[str, str],
    make: Callable[[], Body],
    *,
    modified: int | None = None,
    tags: Collection[str] = (),
    vary: str = VARY,
    status: int = 200,
) -> Response:
    """Return what ``make`` makes, or 304 where the client has it. ``make`` takes no time.

    ``etag`` names the bytes of the plain form; ``tags`` are those of the rows it is made of. With
    another ``status`` than 200, the client never has it: what was not found may be there next time.
    """
    pack = accepts_gzip(request)
    named = {**headers, "Vary": vary, "Cache-Control": "no-cache"}
    named["ETag"] = packed_etag(etag) if pack else etag
    if modified is not None:
        named["Last-Modified"] = http_date(modified)
    if status == 200 and unchanged(request, named["ETag"], modified):
        return Answer(Body.of(b""), named, 304)
    body = make()
    if pack:
        named["Content-Encoding"] = "gzip"
        body = _packed(workshop, named["ETag"], body)
    return Answer(body, named, status, workshop=workshop, tags=tags)


def _packed(workshop: Workshop, etag: str, body: Body) -> Body:
    """Return the gzipped form: a short one from the cache, a long one in pieces."""
    if body.packed is not None:
        return Body.of(body.packed)
    if body.length is None or body.length > WHOLE:
        pieces = body.make
        return Body(None, lambda: gzipped(pieces()), heavy=True, held=body.held + _PACKER)
    if (held := workshop.held(etag)) is None:
        held = b"".join(gzipped(body.pieces))
        workshop.keep(etag, held)
    return Body.of(held)
