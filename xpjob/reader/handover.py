"""Passing what was loaded from one process to another, without holding up who takes it.

Unpickling in one go would stop every thread of the reader for as long as it takes. So buffers are
read straight into memory, and long collections are pickled in slices, between which other threads
have their turn.
"""

from __future__ import annotations

import io
import pickle
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO, TypeAlias

_LARGE = 4 << 10
"""Bytes from which a buffer is passed by itself."""
_LONG, _SLICE = 500, 250
"""Members from which a collection is passed in slices, and those of one."""
_LENGTH = 8

_Part: TypeAlias = "bytes | bytearray | array[Any]"
_Place: TypeAlias = "int | tuple[type, list[int]]"
"""Where something is: the number of its buffer, or the type of a collection and its slices."""


def dump(value: object, out: BinaryIO) -> None:
    """Write a value, and empty its buffers: the memory of one process passes to the other."""
    parts: list[_Part] = []
    parts.append(_pickled(value, parts, {}))
    sizes = pickle.dumps([_kind(part) for part in parts])
    out.write(len(sizes).to_bytes(_LENGTH, "big"))
    out.write(sizes)
    for part in parts:
        with memoryview(part) as view, view.cast("B") as octets:
            out.write(octets)
        if not isinstance(part, bytes):
            del part[:]
    out.flush()


def load(source: BinaryIO, most: int) -> Any:
    """Read a value. Raises ``EOFError``, ``ValueError`` for more than ``most`` bytes, and others.

    Only for what a process of our own has written: pickles can do anything.
    """
    length = int.from_bytes(_filled(source, bytearray(_LENGTH)), "big")
    if length > most:
        raise ValueError(f"{length:,} bytes of sizes")
    sizes: list[tuple[str, int]] = pickle.loads(_filled(source, bytearray(length)))  # noqa: S301
    if (total := sum(size for _, size in sizes)) > most:
        raise ValueError(f"{total:,} bytes")
    parts: list[_Part] = [_part(source, kind, size) for kind, size in sizes]
    return _Unpickler(parts[-1], parts).load()


def _kind(part: _Part) -> tuple[str, int]:
    if isinstance(part, array):
        return part.typecode, len(part) * part.itemsize
    return type(part).__name__, len(part)


def _part(source: BinaryIO, kind: str, size: int) -> _Part:
    if kind in ("bytes", "bytearray"):
        held = _filled(source, bytearray(size))
        return held if kind == "bytearray" else bytes(held)
    made = array(kind, [0])
    made *= size // made.itemsize
    _filled(source, memoryview(made).cast("B") if made else bytearray())
    return made


def _filled(source: BinaryIO, room: Any) -> Any:
    rest = memoryview(room)
    while rest:
        count = source.readinto(rest)  # type: ignore[attr-defined]
        if not count:
            raise EOFError("the answer ends in the middle")
        rest = rest[count:]
    return room


def _pickled(value: object, parts: list[_Part], known: dict[int, _Place]) -> bytes:
    written = io.BytesIO()
    _Pickler(written, parts, known).dump(value)
    return written.getvalue()


class _Pickler(pickle.Pickler):
    """Pickles a value; what is large becomes ``parts``. ``known`` has those by identity."""

    def __init__(self, out: io.BytesIO, parts: list[_Part], known: dict[int, _Place]) -> None:
        super().__init__(out, 5)
        self._parts, self._known = parts, known

    def persistent_id(self, obj: Any) -> _Place | None:
        """Return where something large is."""
        kind = type(obj)
        large = kind is array or (kind in (bytes, bytearray) and len(obj) >= _LARGE)
        if not large and not (kind in (list, tuple, dict) and len(obj) >= _LONG):
            return None
        if (place := self._known.get(id(obj))) is None:
            place = self._add(obj) if large else (kind, [self._slice(some) for some in _cut(obj)])
            self._known[id(obj)] = place
        return place

    def _slice(self, some: list[Any]) -> int:
        return self._add(_pickled(some, self._parts, self._known))

    def _add(self, part: _Part) -> int:
        self._parts.append(part)
        return len(self._parts) - 1


def _cut(collection: Any) -> Iterator[list[Any]]:
    members = iter(collection.items() if isinstance(collection, dict) else collection)
    while some := list(islice(members, _SLICE)):
        yield some


class _Unpickler(pickle.Unpickler):
    """Other threads have their turn whenever this looks something up: Python code runs then."""

    def __init__(self, body: Any, parts: Sequence[_Part]) -> None:
        super().__init__(io.BytesIO(body))
        self._parts = parts

    def persistent_load(self, place: _Place) -> Any:
        """Return what is there."""
        if isinstance(place, int):
            return self._parts[place]
        kind, slices = place
        make: Callable[[list[Any]], Any] = kind
        members: list[Any] = []
        for number in slices:
            members += _Unpickler(self._parts[number], self._parts).load()
        return make(members)
