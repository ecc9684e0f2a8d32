"""The rows of a usage file, read in pieces: neither a large file nor a long line fills the memory.

Anybody who can write to the store can write a file, so nothing in it is trusted.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from xpjob.base.errors import BadAnswerError
from xpjob.net import deadline
from xpjob.usage.columns import COLUMNS

MAX_PACKED = 64 << 20
"""Bytes of the largest file that is read."""
_MAX_BYTES = 1 << 30
"""Bytes of its content: some 6 million rows."""
_MAX_LINE = 64 << 10
_PIECE = 128 << 10
_FED = 16 << 10
"""Bytes that are unpacked at a time: zlib copies those that it leaves, at each piece and member."""
_MAGIC = 0x1F
"""The first byte of a member of gzip."""
_INCOMPLETE = "it is not complete"


class Part(NamedTuple):
    """Some rows of a file, and their text."""

    rows: list[list[str]]
    text: str


def read(body: bytes, where: str) -> Iterator[Part]:
    """Yield the rows of a file in parts, without its header. Columns after ours are there, too.

    Raises ``BadAnswerError`` if it is not a usage file, or is not complete.
    """
    try:
        count = 0
        for text in _texts(body):
            # No field has a line break, so a part is parsed by itself.
            some = list(csv.reader(text.split("\n"), strict=True))
            if not count:
                header = some.pop(0)
                if tuple(header[: len(COLUMNS)]) != COLUMNS:
                    raise ValueError("its first line does not have the columns of a usage file")
                count = len(header)
            if set(map(len, some)) - {count}:
                raise ValueError(f"it has a line without its {count} fields")
            yield Part(some, text)
        if not count:
            raise ValueError("it has no lines")
    except (ValueError, csv.Error, zlib.error) as error:
        raise bad(where, error) from error


def bad(where: str, error: Exception) -> BadAnswerError:
    """Return the error for a file that cannot be read."""
    return BadAnswerError(
        f"{where} is not a usage file: {error}; restore it, or remove it and its numbers"
    )


def integer(text: str) -> int:
    """Return a quantity. Raises ``ValueError``."""
    if not text.isdigit():
        raise ValueError(f"invalid quantity {text[:40]!r}: expected a whole number")
    return int(text)


def _texts(body: bytes) -> Iterator[str]:
    """Yield a gzipped text in pieces of whole lines, without the last line break of each."""
    if len(body) > MAX_PACKED or not body:
        raise ValueError(f"it is empty, or larger than {MAX_PACKED >> 20} MiB")
    rest, total = b"", 0
    for piece in _pieces(body):
        total += len(piece)
        if total > _MAX_BYTES:
            raise ValueError(f"its content is larger than {_MAX_BYTES >> 20} MiB")
        whole, newline, end = (rest + piece).rpartition(b"\n")
        if len(end) > _MAX_LINE:
            raise ValueError(f"it has a line of more than {_MAX_LINE >> 10} KiB")
        if newline:
            yield whole.decode()
        rest = end
    if rest:
        raise ValueError(_INCOMPLETE)


def _pieces(body: bytes) -> Iterator[bytes]:
    """Unpack gzip of any number of members, as files that were joined, or packed by bgzip, have.

    Raises ``ValueError`` if the last one is cut off.
    """
    packed = memoryview(body)
    while packed:
        unpacker = zlib.decompressobj(31)
        while packed and not unpacker.eof:
            fed = packed[:_FED]
            if piece := unpacker.decompress(fed, _PIECE):
                yield piece
            deadline.check()
            left = len(unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail)
            packed = packed[len(fed) - left :]
        while not unpacker.eof and (piece := unpacker.decompress(b"", _PIECE)):
            yield piece  # all is fed, but not all of it was unpacked
            deadline.check()
        if not unpacker.eof:
            raise ValueError(_INCOMPLETE)
        if packed and packed[0] != _MAGIC:  # padding, which gzip ignores too
            return
