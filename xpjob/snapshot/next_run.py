"""What the next run must know of the rows of this one, in a small part of its snapshot.

It is at the end of the snapshot's first line, so that a run reads that line only. As it is part of
the document, no conflict, retry, copy or restored version can separate the two. Without it, or if
it does not fit what this version reads, the rows themselves are read.

A table has the fields that ``TableSpec.previous`` reads, those of the identity first: they are in
``rows``. The other fields are the same for many rows, and are in ``shared``; the last item of a row
is a position in it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, tee
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.structs import FieldInfo

from xpjob.collect.before import Rows
from xpjob.collect.contract import Collectors
from xpjob.collect.tables import Nothing, TableSpec
from xpjob.snapshot import sections
from xpjob.snapshot.documents import UNREADABLE

_SLICE = 1024
"""Rows that are encoded at a time."""

_Position = Annotated[int, Meta(ge=0)]

_encoder = msgspec.json.Encoder()


class _Table(Struct):
    """The rows of a table. ``fields`` are the names of the columns of both lists."""

    fields: tuple[str, ...]
    shared: Raw
    rows: Raw


class _NextRun(Struct):
    """The part of the snapshot."""

    tables: dict[str, _Table]


class _Line(Struct, rename="camel"):
    """The first line of a snapshot."""

    next_run: _NextRun


def encode(rows: dict[str, Sequence[Any]], collectors: Collectors) -> bytes:
    """Return the value of the key; empty if a table has other rows than its own.

    ``rows`` are those of all tables; those of a kept section are raw. It is empty as well where a
    row can be neither decoded nor encoded: what keeps the document from being stored is found when
    that is encoded. Raises ``TypeError`` for values of a type that JSON has not.
    """
    tables = []
    specs = (spec for collector in collectors for spec in collector.tables)
    for spec in (spec for spec in specs if spec.previous is not Nothing):
        try:
            table = _Columns(spec).encode(rows.get(spec.key, ()))
        except (AttributeError, *UNREADABLE):
            return b""
        tables.append(_encoder.encode(spec.key) + b":" + table)
    return b'{"tables":{' + b",".join(tables) + b"}}"


def decode(line: bytes, collectors: Collectors) -> dict[str, Rows] | None:
    """Return the rows of each table, from the first line of a document.

    None if it has no such part, or one that does not fit; the rows themselves are to be read then.
    """
    if not line.endswith(b",\n"):
        return None
    try:
        found = msgspec.json.decode(document_of(line), type=_Line).next_run
        return {
            spec.key: _Columns(spec).decode(found.tables[spec.key])
            for collector in collectors
            for spec in collector.tables
            if spec.key in found.tables and spec.previous is not Nothing
        }
    except UNREADABLE:
        return None


def document_of(line: bytes) -> bytes:
    """Return the first line of a snapshot as a document of its own."""
    return line[:-2] + b"}"


class _Columns:
    """The columns of a table: those of the identity, and the others."""

    def __init__(self, spec: TableSpec) -> None:
        self._spec = spec
        self._type = sections.previous_row(spec)
        fields = {item.encode_name: item for item in msgspec.structs.fields(self._type)}
        self._own = [fields.pop(name) for name in spec.identity if name in fields]
        self._shared = list(fields.values())
        self._names = tuple(item.encode_name for item in (*self._own, *self._shared))

    def encode(self, rows: Sequence[Any]) -> bytes:
        """Return the table as JSON. Raises ``AttributeError`` for rows of another type."""
        past_of = (self._spec.past_of or _same) if self._shared else _nothing
        pasts: list[Any] = []

        def positions(rows: Iterator[Any]) -> Iterator[int]:
            known: dict[int, int] = {}
            for past in map(past_of, rows):
                position = known.setdefault(id(past), len(pasts))
                if position == len(pasts):
                    pasts.append(past)  # and kept, or another one could have its id
                yield position

        decoded = (
            msgspec.json.decode(row, type=self._type) if type(row) is Raw else row for row in rows
        )
        own = [operator.attrgetter(item.name) for item in self._own]
        same, *each = tee(decoded, 1 + len(own))
        placed_rows = _list(zip(*map(map, own, each), positions(same), strict=True))
        shared = _getter(self._shared)
        return b"".join(
            (
                b'{"fields":' + _encoder.encode(self._names),
                b',"rows":' + placed_rows,
                b',"shared":' + _list(map(shared, pasts)) + b"}",
            )
        )

    def decode(self, table: _Table) -> Rows:
        """Return the rows. Raises ``ValueError`` for what does not fit."""
        if table.fields != self._names:
            raise ValueError(f"fields {table.fields}: expected {self._names}")
        own: Any = tuple[(*(item.type for item in self._own), _Position)]  # type: ignore[misc]
        rows: list[tuple[Any, ...]] = msgspec.json.decode(table.rows, type=list[own])
        rest: Any = tuple[tuple(item.type for item in self._shared)]  # type: ignore[misc]
        shared: list[tuple[Any, ...]] = msgspec.json.decode(table.shared, type=list[rest])
        names = [item.name for item in self._own]
        nothing = ("",) * len(names)
        every = (*names, *(item.name for item in self._shared))
        pasts = [self._type(**dict(zip(every, (*nothing, *each), strict=True))) for each in shared]
        if max(map(operator.itemgetter(-1), rows), default=-1) >= len(pasts):
            raise ValueError(f"a row has a position beyond the {len(pasts)} of what is shared")
        return Rows(names, rows, pasts)


def _same(row: Any) -> Any:
    return row


def _nothing(_: Any) -> Any:
    return None


def _getter(fields: Sequence[FieldInfo]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that returns the values of fields."""
    names = [item.name for item in fields]
    if len(names) > 1:
        return operator.attrgetter(*names)
    if names:
        get = operator.attrgetter(names[0])
        return lambda row: (get(row),)
    return lambda _: ()


def _list(values: Iterator[Any]) -> bytes:
    """Return the values as a JSON list. They are encoded as they are made."""
    texts = iter(lambda: _encoder.encode(list(islice(values, _SLICE)))[1:-1], b"")
    return b"[" + b",".join(texts) + b"]"
