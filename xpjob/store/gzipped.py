"""Documents as gzip: packed as they are encoded, recognised and unpacked as they are read."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from zlib_ng import zlib_ng

from xpjob.store.content import Body, pieces_of

MAGIC = b"\x1f\x8b"
"""How gzip begins, and no JSON. It stands for a document that cannot be unpacked."""
_LEVEL = 3
_GZIP = 16 + zlib.MAX_WBITS


class DamagedError(Exception):
    """Gzip that is cut off or corrupt."""


def packed(body: Body) -> bytes:
    """Return a body as gzip. Its pieces are packed as they are made: it is never whole in memory.

    Raises what making them raises.
    """
    packer, made = zlib_ng.compressobj(_LEVEL, wbits=_GZIP), io.BytesIO()
    for piece in pieces_of(body):
        made.write(packer.compress(piece))
    made.write(packer.flush())
    return made.getvalue()


def unpacked(read: Callable[[int], bytes], size: int) -> Iterator[bytes]:
    """Yield a document in pieces of at most ``size`` bytes, unpacked if it is gzip.

    ``read`` reads at most as many bytes of it; no more is read than the pieces need. Raises
    ``DamagedError``, and what ``read`` raises.
    """
    piece = read(size)
    if not piece.startswith(MAGIC):
        while piece:
            yield piece
            piece = read(size)
        return
    source: Any = _Resumed(piece, read)
    try:
        with gzip.GzipFile(fileobj=source) as file:
            while piece := file.read(size):
                yield piece
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DamagedError(str(error)) from error


class _Resumed:
    """Reads what was read already, and then the rest."""

    def __init__(self, piece: bytes, read: Callable[[int], bytes]) -> None:
        self._piece, self._rest = io.BytesIO(piece), read

    def read(self, size: int) -> bytes:
        return self._piece.read(size) or self._rest(size)
