"""Loading a snapshot: from its bytes to all that is answered from. No threads, no I/O.

What is made here may be made in another process: it consists of buffers, and of little else.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
from msgspec import Raw, Struct
from prometheus_client import generate_latest

from xpjob import __version__
from xpjob.base import times
from xpjob.collect.contract import Collectors
from xpjob.publish import exposition
from xpjob.reader.packed import Encoded, Packed
from xpjob.reader.prepared import Prepared, prepare
from xpjob.reader.table import Stamp, View
from xpjob.snapshot import documents, sections
from xpjob.snapshot.documents import UNREADABLE, USAGE, Head, RawSnapshot

Makers: TypeAlias = "Mapping[str, Callable[[RawSnapshot, Stamp], Any]]"
"""What makes the view of each extension, by its name."""
_RELEASED = 1 << 20
"""Bytes of rows that are released at a time."""


class _AnyRow(Struct, gc=False):
    """A row of which nothing is read."""


@dataclass(slots=True, kw_only=True)
class Contents:
    """All that is answered from. The metric tables are in ``inventory``, and not in the head.

    ``views`` are those of tables, but for those of corrupt rows; ``own`` are those of extensions.
    ``inventory`` is the exposition of the families that the job pushes, gzipped.
    """

    head: Head
    stamp: Stamp
    rows: Mapping[str, Encoded]
    views: Mapping[str, View]
    own: Mapping[str, Any]
    inventory: bytes
    prepared: Prepared


def read(
    body: bytes | memoryview,
    where: str,
    collectors: Collectors,
    release: Callable[[int], None] = lambda _: None,
) -> Packed:
    """Read a stored snapshot, and keep the rows of its tables: the body can be let go.

    ``release`` is called with the number of bytes at its beginning that are not read again, and
    may overwrite them. Raises ``BadAnswerError`` where it is corrupt.
    """
    raw = documents.decode_raw(body, where)
    head = sections.upgraded(raw, collectors, where)
    wanted = {table.key for table in head.tables or ()}
    packed: dict[str, Encoded] = {}
    done = 0
    try:
        for key, value in raw.keys.items():
            if key in wanted:
                msgspec.json.decode(value, type=list[_AnyRow])
                rows = msgspec.json.decode(value, type=list[Raw])
                packed[key] = Encoded.of(_released(rows, done, release))
            elif key == USAGE:
                # Which only reports of usage read.
                packed[key] = Encoded.of(_released([value], done, release))
            done += len(memoryview(value))
    except UNREADABLE as error:
        raise documents.unreadable(where, error) from error
    return Packed(head, packed)


def _released(rows: list[Raw], done: int, release: Callable[[int], None]) -> Iterator[bytes]:
    """Yield rows, and release them. ``done`` is the size of the values before them.

    What lies between values is not counted, so what is released ends before the next row: unless
    values are in another order than keys, as where a key occurs twice.
    """
    released = done
    for row in rows:
        body = bytes(memoryview(row))
        if b"\0" in body:
            raise ValueError("a key of the document occurs twice")
        yield body
        done += len(body)
        if done - released >= _RELEASED:
            release(done)
            released = done


def contents(raw: Packed, etag: str, where: str, makers: Makers, *, views: bool) -> Contents:
    """Make what is answered from; the ``views`` of tables only if they are wanted.

    Raises ``BadAnswerError`` where it cannot be made.
    """
    head, stamp = raw.head, _stamp(raw.head, etag)
    made: dict[str, View] = {}
    try:
        prepared = prepare(raw, stamp, made if views else None)
        own = {name: make(raw, stamp) for name, make in makers.items()}
        families = exposition.registry(exposition.inventory(head))
        inventory = gzip.compress(generate_latest(families), 1, mtime=0)
    except UNREADABLE as error:
        raise documents.unreadable(where, error) from error
    return Contents(
        head=msgspec.structs.replace(head, metrics=[], counters=None),
        stamp=stamp,
        rows=raw.packed,
        views=made,
        own=own,
        inventory=inventory,
        prepared=prepared,
    )


def _stamp(head: Head, etag: str) -> Stamp:
    named = "\n".join((__version__, head.cluster, head.generated_at, etag))
    tag = hashlib.blake2b(named.encode(), digest_size=8).hexdigest()
    taken = times.parse(head.generated_at)
    return Stamp(tag, head.cluster, head.generated_at, int(taken.timestamp() // 1))
