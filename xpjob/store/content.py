"""What is written: bytes, or pieces that are made as they are sent. What is read: a first line."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct


class Content(Struct, frozen=True):
    """A document in pieces, so that it is never whole in memory.

    ``pieces`` makes the same ones each time that it is called. What raises an error is the making:
    a store raises it, and writes nothing.
    """

    pieces: Callable[[], Iterator[bytes]]


Body = bytes | Content
"""What a store writes."""


def pieces_of(body: Body) -> Iterator[bytes]:
    """Return the pieces of a body."""
    return body.pieces() if isinstance(body, Content) else iter((body,))


def measured(body: Body, *algorithms: str) -> tuple[int, list[bytes]]:
    """Return the size of a body and these digests of it, for which its pieces are made once."""
    size, digests = 0, [hashlib.new(name, usedforsecurity=False) for name in algorithms]
    for piece in pieces_of(body):
        size += len(piece)
        for digest in digests:
            digest.update(piece)
    return size, [digest.digest() for digest in digests]


class Reading(io.RawIOBase):
    """A content as a file that botocore reads, and reads again for another attempt.

    The pieces are made when they are read. After ``seek`` they are made anew. ``sha256`` is the
    digest of all of them in hexadecimal, empty if it is not known.
    """

    def __init__(self, content: Content, size: int, sha256: str = "") -> None:
        super().__init__()
        self._content, self._size, self.sha256 = content, size, sha256
        self._at = 0
        self._pieces: Iterator[bytes] | None = None
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position, and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if (position := base + offset) != self._at:
            self._at, self._pieces, self._piece = position, None, memoryview(b"")
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes, fewer only at the end; all that is left without a size.

        Small pieces are joined: botocore sends what it reads at once as a chunk, and S3 refuses
        chunks of less than 8 KiB but for the last.
        """
        if size is None or size < 0:
            return self.readall()
        wanted, skipped = min(size, self._size - self._at), 0
        if self._pieces is None:
            self._pieces, skipped = self._content.pieces(), self._at
        parts = []
        while wanted > 0:
            while skipped >= len(self._piece):
                skipped -= len(self._piece)
                self._piece = memoryview(next(self._pieces))
            part = self._piece[skipped : skipped + wanted]
            self._piece = self._piece[skipped + len(part) :]
            skipped, wanted = 0, wanted - len(part)
            self._at += len(part)
            parts.append(part)
        return b"".join(parts)

    def readinto(self, buffer: Any) -> int:
        """Read as ``read`` does into a buffer; return how many bytes."""
        part = self.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)


class FirstLine(io.BytesIO):
    """Keeps what is written to it up to the first line break; ``ended``: there was one."""

    ended = False

    def write(self, piece: Any) -> int:
        """Keep what belongs to the first line; return the length of what was given."""
        if not self.ended:
            end = piece.find(b"\n") + 1
            self.ended = end > 0
            super().write(piece[:end] if end else piece)
        return len(piece)
