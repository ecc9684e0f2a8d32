"""Read documents as far as they are needed, and never more of them than is supported."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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


class Filled:
    """A file that attempts fill one after the other.

    One that was given up may go on in its thread: it fails when it writes after the next one has
    begun.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._lock = file, threading.Lock()
        self._latest: Attempt | None = None

    def attempt(self) -> Attempt:
        """Begin an attempt: the file is empty."""
        with self._lock:
            self._latest = attempt = Attempt(self)
        attempt.begin(b"")
        return attempt

    @contextmanager
    def writing(self, attempt: Attempt) -> Iterator[BinaryIO]:
        """Yield the file to the latest attempt. Raises ``OSError`` for another."""
        with self._lock:
            if attempt is not self._latest:
                raise OSError("the attempt was given up")
            yield self._file


class Attempt:
    """What one attempt writes to a file; ``size`` is how many bytes."""

    def __init__(self, filled: Filled) -> None:
        self._filled, self.size = filled, 0

    def begin(self, content: bytes) -> None:
        """Replace all that was written."""
        with self._filled.writing(self) as file:
            file.seek(0)
            file.truncate()
            self.size = file.write(content)

    def write(self, piece: bytes) -> None:
        """Append a piece."""
        with self._filled.writing(self) as file:
            self.size += file.write(piece)


def whole(body: Readable, length: int | None) -> bytes:
    """Return a whole document, unpacked, or what ``fill`` has instead."""
    file = io.BytesIO()  # getvalue does not copy
    fill(Filled(file).attempt(), body, length)
    return file.getvalue()


def fill(into: Attempt, body: Readable, length: int | None, *, as_it_is: bool = False) -> None:
    """Write a whole document into a file, unpacked unless ``as_it_is``.

    Nothing if it is larger than ``MAX_DOCUMENT``, ``gzipped.MAGIC`` if it is gzip that cannot be
    unpacked.
    """
    if (length or 0) > MAX_DOCUMENT:
        return
    plain = iter(partial(body.read, _PIECE), b"")
    try:
        for piece in plain if as_it_is else unpacked(body.read, _PIECE):
            if into.size + len(piece) > MAX_DOCUMENT:
                into.begin(b"")
                break
            into.write(piece)
    except DamagedError:
        into.begin(MAGIC)
