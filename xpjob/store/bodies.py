"""Read documents as far as they are needed, and never more of them than is supported."""

from __future__ import annotations

import io
from functools import partial
from typing import BinaryIO, Protocol

from xpjob.store.base import MAX_DOCUMENT
from xpjob.store.content import FirstLine
from xpjob.store.gzipped import MAGIC, DamagedError, unpacked

_PIECE = 1 << 20
"""Bytes per read of a document."""
_LINE = 1 << 18
"""Bytes per read of a first line."""


class Readable(Protocol):
    """The part of a file that is needed."""

    def read(self, size: int, /) -> bytes:
        """Read at most as many bytes, none at the end."""


def first_line(body: Readable, length: int | None) -> bytes:
    """Return the first line of a document, as ``whole`` does.

    The rest is neither read nor unpacked. ``length`` is that of the body as it is stored, None if
    it is not known.
    """
    line = FirstLine()
    if (length or 0) > MAX_DOCUMENT:
        return b""
    try:
        for piece in unpacked(body.read, _LINE):
            if line.tell() + len(piece) > MAX_DOCUMENT:
                return b""
            line.write(piece)
            if line.ended:
                break
    except DamagedError:
        return MAGIC
    return line.getvalue()


def whole(
    body: Readable, length: int | None, into: BinaryIO | None = None, *, as_it_is: bool = False
) -> bytes:
    """Return a whole document, unpacked unless ``as_it_is``, or write it ``into`` a file.

    Nothing if it is larger than ``MAX_DOCUMENT``, ``gzipped.MAGIC`` if it is gzip that cannot be
    unpacked.
    """
    own = io.BytesIO()  # getvalue does not copy
    gathered = into or own

    def begin(content: bytes) -> None:
        gathered.seek(0)  # also what an attempt before has left
        gathered.truncate()
        gathered.write(content)

    begin(b"")
    if (length or 0) > MAX_DOCUMENT:
        return b""
    plain = iter(partial(body.read, _PIECE), b"")
    try:
        for piece in plain if as_it_is else unpacked(body.read, _PIECE):
            if gathered.tell() + len(piece) > MAX_DOCUMENT:
                begin(b"")
                break
            gathered.write(piece)
    except DamagedError:
        begin(MAGIC)
    return own.getvalue()
