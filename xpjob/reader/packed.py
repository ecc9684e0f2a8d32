"""What is large of a view, in as little memory as can be searched: JSON in blocks, texts in one.

Both are buffers of bytes and arrays of numbers, so that another process can make them.
"""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import overload

import msgspec
from msgspec import Raw

from xpjob.snapshot.documents import Head, RawSnapshot

_BLOCK = 16 << 10
"""Bytes that are compressed together: rows of a page lie anywhere, and each costs its block."""
_KEPT = 64
"""Blocks that are held uncompressed: those of the pages that are asked for again and again."""
_LEVEL = 6
_END = b"\xff"
"""Separates texts: no byte of UTF-8."""


class Encoded(Sequence[bytes]):
    """Rows as JSON, a comma after each, compressed; ``starts`` is where each begins in the JSON."""

    def __init__(
        self, starts: array[int], packed: bytearray, places: array[int], dictionary: bytes
    ) -> None:
        """Take the compressed blocks, where each begins among them, and their dictionary."""
        self.starts = starts
        self._packed, self._places, self._dictionary = packed, places, dictionary
        self._held: dict[int, bytes] = {}

    @classmethod
    def of(cls, rows: Iterable[bytes]) -> Encoded:
        """Return rows that are made or read one by one."""
        packer = Packer()
        for row in rows:
            packer.add(row)
        return packer.encoded()

    def __getstate__(self) -> tuple[array[int], bytearray, array[int], bytes]:
        return self.starts, self._packed, self._places, self._dictionary

    def __setstate__(self, state: tuple[array[int], bytearray, array[int], bytes]) -> None:
        self.starts, self._packed, self._places, self._dictionary = state
        self._held = {}

    def __len__(self) -> int:
        return len(self.starts) - 1

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        """Return the JSON of a row."""
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        row = range(len(self))[index]
        return self.read(self.starts[row], self.starts[row + 1] - 1)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the JSON of each row."""
        return (self.read(start, after - 1) for start, after in pairwise(self.starts))

    def read(self, begin: int, end: int) -> bytes:
        """Return the JSON from one place to another."""
        if begin >= end:
            return b""
        first, last = begin // _BLOCK, (end - 1) // _BLOCK
        offset = first * _BLOCK
        if first == last:
            return self._block(first)[begin - offset : end - offset]
        parts = [self._block(number) for number in range(first, last + 1)]
        parts[0] = parts[0][begin - offset :]
        parts[-1] = parts[-1][: end - last * _BLOCK]
        return b"".join(parts)

    def whole(self) -> Raw:
        """Return all rows as a list in JSON."""
        rows = [self._unpacked(number) for number in range(len(self._places) - 1)]
        if rows:
            rows[-1] = rows[-1][:-1]
        return Raw(b"".join((b"[", *rows, b"]")))

    def _block(self, number: int) -> bytes:
        held = self._held
        if (block := held.get(number)) is None:
            block = self._unpacked(number)
            if len(held) >= _KEPT:
                self._held = held = {}  # replaced, not emptied: another thread may be reading it
            held[number] = block
        return block

    def _unpacked(self, number: int) -> bytes:
        places = self._places
        packed = memoryview(self._packed)[places[number] : places[number + 1]]
        return zlib.decompressobj(-15, zdict=self._dictionary).decompress(packed)


class Packer:
    """Compresses rows as they come. ``size`` is that of the JSON so far.

    The first block is the dictionary of all: each begins as if it followed that, so that what rows
    have in common is in memory once.
    """

    def __init__(self) -> None:
        self.size = 0
        self._starts, self._places = array("I", [0]), array("I", [0])
        self._packed, self._rest = bytearray(), bytearray()
        self._dictionary = b""

    def add(self, body: bytes) -> None:
        """Add a row."""
        if b"\n" in body:  # a document that somebody has indented still has one line a row
            body = msgspec.json.format(body, indent=-1)
        rest = self._rest
        rest += body
        rest += b","
        self.size += len(body) + 1
        self._starts.append(self.size)
        while len(rest) >= _BLOCK:
            self._pack(bytes(rest[:_BLOCK]))
            del rest[:_BLOCK]

    def encoded(self) -> Encoded:
        """Return the rows, when the last one was added."""
        if self._rest:
            self._pack(bytes(self._rest))
            self._rest.clear()
        return Encoded(self._starts, self._packed, self._places, self._dictionary)

    def _pack(self, block: bytes) -> None:
        self._dictionary = self._dictionary or block
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15, zdict=self._dictionary)
        self._packed += packer.compress(block)
        self._packed += packer.flush()
        self._places.append(len(self._packed))


class Texts(Sequence["str | None"]):
    """Distinct texts by code; that of code 0 is None. They are strings only while looked at."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Take the texts from code 1."""
        self._bytes, self._starts = bytearray(_END), array("I", [1])
        for text in texts:
            self._bytes += text.encode()
            self._bytes += _END
            self._starts.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> str | None: ...
    @overload
    def __getitem__(self, index: slice) -> list[str | None]: ...
    def __getitem__(self, index: int | slice) -> str | list[str | None] | None:
        """Return the text of a code."""
        if isinstance(index, slice):
            return [self[code] for code in range(*index.indices(len(self)))]
        if index == 0:
            return None
        code = range(len(self))[index]
        return self._bytes[self._starts[code - 1] : self._starts[code] - 1].decode()

    def __iter__(self) -> Iterator[str | None]:
        """Yield the text of each code."""
        yield None
        held = self._bytes
        for start, after in pairwise(self._starts):
            yield held[start : after - 1].decode()

    def code(self, text: str) -> int | None:
        """Return the code of a text, None where there is no such text."""
        wanted = text.encode("utf-8", "surrogatepass")
        at = self._bytes.find(_END + wanted + _END)
        return None if at < 0 else bisect_left(self._starts, at + 1) + 1


def narrowed(codes: array[int], count: int) -> array[int]:
    """Return codes below ``count`` in as few bytes as they need."""
    for kind, most in (("B", 1 << 8), ("H", 1 << 16)):
        if count <= most:
            return array(kind, codes)
    return codes


def narrowed_times(seconds: array[int]) -> array[int]:
    """Return seconds of the epoch in four bytes each, if all are from 1901 to 2038."""
    try:
        return array("i", seconds)
    except OverflowError:
        return seconds


class _Keys(Mapping[str, Raw]):
    """Keys of a document whose rows are kept compressed."""

    def __init__(self, packed: Mapping[str, Encoded]) -> None:
        self._packed = packed

    def __getitem__(self, key: str) -> Raw:
        return self._packed[key].whole()

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


class Packed(RawSnapshot):
    """A snapshot whose rows are kept compressed, a fourteenth of their size."""

    def __init__(self, head: Head, packed: Mapping[str, Encoded]) -> None:
        super().__init__(head, _Keys(packed))
        self.packed = packed

    def rows(self, key: str) -> Encoded:  # type: ignore[override]  # bytes are read as Raw is
        """Return the rows of a table, empty if there is no such key."""
        return self.packed.get(key) or Encoded.of(())
