"""The view behind ``/bookkeeping``: claims, XRs and MRs as one, in the exporter's row shapes.

The records themselves are let go; beside what every view has, it knows where each row wants its
age, and who was made by whom.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import msgspec

from xpjob.collect.findings import Finding
from xpjob.collectors.crossplane.classes import CLAIM, COMPOSITE
from xpjob.collectors.crossplane.reader import parameters, rows
from xpjob.collectors.crossplane.reader.tree_index import Family
from xpjob.collectors.crossplane.records import Claim, CompositeResource, ManagedResource, Record
from xpjob.reader.table import UNKNOWN, Column, Encoded, Order, Rows, Schema, Stamp, View
from xpjob.snapshot.documents import RawSnapshot

R = TypeVar("R", bound=Record)

NAME = "crossplane"
KEYS = ("claims", "xrs", "mrs")
"""The tables, in the order of ``rows.CLASSES``."""
_FEW = 2000
"""Rows whose ages are worked out one by one; for more, those of all rows, once a second."""
_MESSAGES = ("message", "synced_message")
_TEXTS = {
    **{name: name for name in ("group", "version", "resource", "kind", "namespace", "name")},
    **{name: name for name in ("team", "creator", "composition", "source", "provider", "reason")},
    "readyStatus": "ready_status",
    "syncedStatus": "synced_status",
    "syncedReason": "synced_reason",
    "externalName": "external_name",
    **{name: name for name in _MESSAGES},
}
"""Columns by the name that a query has for them, and the attribute that is in each."""
_FLAGS = ("ready", "synced", "paused", "deleting")
CREATED, NOT_READY_SINCE = "createdAt", "notReadySince"
SCHEMA = Schema(
    file="bookkeeping",
    filters=parameters.FILTERS,
    search=(
        *("name", "namespace", "kind", "team", "creator", "composition", "reason"),
        *("externalName", *_MESSAGES),
    ),
    # The longer ago, the larger: descending is the earliest first.
    sorts={
        **{name: Order(name) for name in parameters.SORTS},
        parameters.AGE: Order(CREATED, reverse=True),
        parameters.NOT_READY: Order(NOT_READY_SINCE, reverse=True),
    },
    fields=rows.FIELDS,
    dimensions={name: name for name in parameters.DIMENSIONS},
    age="ageSeconds",
    since=NOT_READY_SINCE,
    references=rows.REFS,
)


@dataclass(slots=True, kw_only=True)
class Bookkeeping(View):
    """Rows are claims first, then XRs, then MRs. ``total`` and ``ready`` count them by class.

    ``holes`` is where each row wants its age.
    """

    holes: array[int]
    family: Family
    findings: Sequence[Finding]
    total: Mapping[str, int]
    ready: Mapping[str, int]
    _aged: tuple[int, list[bytes]] = (-1, [])

    def row(self, index: int, now: int) -> bytes:
        """Return one row as JSON, with its age at ``now`` (seconds of the epoch)."""
        starts, json = self.rows.starts, self.rows.json
        start, hole, end = starts[index], self.holes[index], starts[index + 1] - 1
        return b"".join((json[start:hole], self._age(index, now), json[hole:end]))

    def size(self, rows: Rows, now: int) -> int:
        """Return how many bytes these rows have with their ages."""
        return View.size(self, rows, now) + sum(map(len, self.ages(rows, now)))

    def neighbours(self, rows: range, now: int) -> bytes:
        """Return neighbouring rows with their ages, joined by commas: a copy, and little else."""
        if not rows:
            return b""
        starts, json, holes = self.rows.starts, self.rows.json, self.holes
        edges = [starts[rows.start], *holes[rows.start : rows.stop]]
        edges.append(starts[rows.stop] - 1)
        parts: list[bytes | memoryview] = [b""] * (2 * len(rows) + 1)
        parts[0::2] = [json[begin:end] for begin, end in pairwise(edges)]
        parts[1::2] = self.ages(rows, now)
        return b"".join(parts)

    def _age(self, index: int, now: int) -> bytes:
        created = self.times[CREATED][index]
        return b"null" if created == UNKNOWN else b"%d" % max(0, now - created)

    def ages(self, rows: Rows, now: int) -> list[bytes]:
        """Return the ages of rows in whole seconds, as JSON: null where it is not known."""
        moment, ages = self._aged
        if moment != now:
            if len(rows) < _FEW:
                return [self._age(row, now) for row in rows]
            ages = [
                b"%d" % (now - c) if UNKNOWN < c <= now else b"null" if c == UNKNOWN else b"0"
                for c in self.times[CREATED]
            ]
            self._aged = (now, ages)
        if isinstance(rows, range):
            return ages[rows.start : rows.stop]
        return [ages[row] for row in rows]


def make(raw: RawSnapshot, stamp: Stamp) -> Bookkeeping:
    """Return the view of a snapshot. Raises ``MsgspecError`` where a record is corrupt."""
    by_class: tuple[list[Any], ...] = (
        _read(raw, "claims", Claim),
        _read(raw, "xrs", CompositeResource),
        _read(raw, "mrs", ManagedResource),
    )
    total = dict(zip(rows.CLASSES, map(len, by_class), strict=True))
    counts = (sum(record.ready for record in of_class) for of_class in by_class)
    ready = dict(zip(rows.CLASSES, counts, strict=True))
    records: list[Record] = [record for of_class in by_class for record in of_class]
    del by_class  # it holds the lists, which hold the records
    family = Family(records, total[CLAIM], total[COMPOSITE])
    since = (rows.seconds(rows.not_ready_since(record)) for record in records)
    times = {
        CREATED: array("q", (_or_unknown(rows.seconds(r.created_at)) for r in records)),
        NOT_READY_SINCE: array("q", map(_or_unknown, since)),
    }
    columns = dict(_columns(records, total))
    encoded, holes = _encode(records)
    own = (finding for finding in raw.head.findings if finding.collector in ("", NAME))
    return Bookkeeping(
        stamp=stamp,
        schema=SCHEMA,
        rows=encoded,
        lists=dict(zip(KEYS, total.values(), strict=True)),
        columns=columns,
        times=times,
        holes=holes,
        family=family,
        # What only one run has seen is not one yet.
        findings=tuple(finding for finding in own if finding.confirmed),
        total=total,
        ready=ready,
    )


def _read(raw: RawSnapshot, key: str, kind: type[R]) -> list[R]:
    if key not in raw.keys:
        return []
    return msgspec.json.decode(raw.keys[key], type=list[kind])  # type: ignore[valid-type]


def _encode(records: list[Record]) -> tuple[Encoded, array[int]]:
    """Encode the records and let go of each at once: both forms together are the peak."""
    pieces = bytearray()
    starts, holes = array("Q", [0]), array("Q")
    records.reverse()
    while records:
        body, at = rows.encode(records.pop())
        holes.append(len(pieces) + at)
        pieces += body
        pieces += b","
        starts.append(len(pieces))
    return Encoded(memoryview(pieces).toreadonly(), starts), holes


def _columns(records: Sequence[Record], total: Mapping[str, int]) -> Iterator[tuple[str, Column]]:
    classes = array("H")
    for code, class_ in enumerate(rows.CLASSES, 1):
        classes += array("H", [code]) * total[class_]
    yield "class", Column((None, *rows.CLASSES), classes)
    for name in _FLAGS:
        flags = array("H", (1 + bool(getattr(record, name)) for record in records))
        yield name, Column((None, "false", "true"), flags)
    for name, attribute in _TEXTS.items():
        yield name, Column.of(getattr(record, attribute, None) for record in records)
    configs = (rows.provider_config(r) if isinstance(r, ManagedResource) else None for r in records)
    yield "providerConfig", Column.of(configs)
    yield "carried", Column.of("true" if record.carried_since else "false" for record in records)


def _or_unknown(value: int | None) -> int:
    return UNKNOWN if value is None else value
