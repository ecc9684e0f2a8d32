"""The view behind ``/bookkeeping``: claims, XRs and MRs as one, in the exporter's row shapes.

The records themselves are let go; beside what every view has, it knows where each row wants its
age, and who was made by whom.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec

from xpjob.collect.findings import Finding
from xpjob.collectors.crossplane.reader import parameters, rows
from xpjob.collectors.crossplane.reader.tree_index import Family, Places
from xpjob.collectors.crossplane.records import Claim, CompositeResource, ManagedResource, Record
from xpjob.reader.packed import Packer, narrowed_times
from xpjob.reader.table import UNKNOWN, Coder, Order, Schema, Stamp, View, columns_of
from xpjob.snapshot.documents import RawSnapshot

NAME = "crossplane"
KEYS = ("claims", "xrs", "mrs")
"""The tables, in the order of ``rows.CLASSES``."""
_KINDS: tuple[type[Record], ...] = (Claim, CompositeResource, ManagedResource)
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

    def row(self, index: int, now: int) -> bytes:
        """Return one row as JSON, with its age at ``now`` (seconds of the epoch)."""
        row, hole = self.rows[index], self.holes[index] - self.rows.starts[index]
        return b"".join((row[:hole], self._age(index, now), row[hole:]))

    def neighbours(self, rows: range, now: int) -> bytes:
        """Return neighbouring rows with their ages, joined by commas: a copy, and little else."""
        if not rows:
            return b""
        first, after = self.rows.starts[rows.start], self.rows.starts[rows.stop] - 1
        json = memoryview(self.rows.read(first, after))
        edges = [first, *self.holes[rows.start : rows.stop], after]
        parts: list[bytes | memoryview] = [b""] * (2 * len(rows) + 1)
        parts[0::2] = [json[begin - first : end - first] for begin, end in pairwise(edges)]
        parts[1::2] = [self._age(row, now) for row in rows]
        return b"".join(parts)

    def _age(self, index: int, now: int) -> bytes:
        created = self.times[CREATED][index]
        return b"null" if created == UNKNOWN else b"%d" % max(0, now - created)


def make(raw: RawSnapshot, stamp: Stamp) -> Bookkeeping:
    """Return the view of a snapshot. Raises ``MsgspecError`` where a record is corrupt."""
    maker = _Maker()
    for class_, key, kind in zip(rows.CLASSES, KEYS, _KINDS, strict=True):
        maker.begin(class_)
        # One by one: all records at once would take as much memory again, and decoding them would
        # hold the interpreter, and with it the probes, for as long as it takes.
        decode = msgspec.json.Decoder(kind).decode
        for row in raw.rows(key):
            maker.add(decode(row))
    own = (finding for finding in raw.head.findings if finding.collector in ("", NAME))
    claims, xrs, _ = maker.total.values()
    return Bookkeeping(
        stamp=stamp,
        schema=SCHEMA,
        rows=maker.rows.encoded(),
        lists=dict(zip(KEYS, maker.total.values(), strict=True)),
        columns=columns_of(maker.columns),
        times={name: narrowed_times(seconds) for name, seconds in maker.times.items()},
        holes=maker.holes,
        family=Family(maker.places, claims, xrs),
        # What only one run has seen is not one yet.
        findings=tuple(finding for finding in own if finding.confirmed),
        total=maker.total,
        ready=maker.ready,
    )


class _Maker:
    """Takes records one by one, and keeps what a view has of them."""

    def __init__(self) -> None:
        self.total: dict[str, int] = {}
        self.ready: dict[str, int] = {}
        self.rows, self.holes, self.places = Packer(), array("I"), Places()
        self.times = {CREATED: array("q"), NOT_READY_SINCE: array("q")}
        self.columns = {
            "class": Coder(rows.CLASSES),
            **{name: Coder(("false", "true")) for name in _FLAGS},
            **{name: Coder() for name in (*_TEXTS, "providerConfig", "carried")},
        }
        self._class = ""
        self._texts = [(self.columns[name].add, attribute) for name, attribute in _TEXTS.items()]
        self._flags = [(self.columns[name].add, name) for name in _FLAGS]

    def begin(self, class_: str) -> None:
        """Begin with the records of a class."""
        self._class = class_
        self.total[class_] = self.ready[class_] = 0

    def add(self, record: Record) -> None:
        """Take one record."""
        self.total[self._class] += 1
        self.ready[self._class] += record.ready
        self.columns["class"].add(self._class)
        for add, flag in self._flags:
            add("true" if getattr(record, flag) else "false")
        for add, attribute in self._texts:
            add(getattr(record, attribute, None))
        config = rows.provider_config(record) if isinstance(record, ManagedResource) else None
        self.columns["providerConfig"].add(config)
        self.columns["carried"].add("true" if record.carried_since else "false")
        since = rows.seconds(rows.not_ready_since(record))
        self.times[CREATED].append(_or_unknown(rows.seconds(record.created_at)))
        self.times[NOT_READY_SINCE].append(_or_unknown(since))
        body, at = rows.encode(record)
        self.holes.append(self.rows.size + at)
        self.rows.add(body)
        self.places.add(record)


def _or_unknown(value: int | None) -> int:
    return UNKNOWN if value is None else value
