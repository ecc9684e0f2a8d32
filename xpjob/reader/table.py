"""A snapshot made ready to be asked: encoded once, with a column for each thing to filter by.

The records themselves are let go. What stays is their JSON, one after the other in one piece of
memory; where each begins, ends, and wants its age; and columns of small integers.
"""

from __future__ import annotations

import ctypes
import gc
import gzip
import hashlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from prometheus_client import generate_latest

from xpjob import __version__
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.reader import rows
from xpjob.collectors.crossplane.reader.tree_index import Family
from xpjob.collectors.crossplane.records import ManagedResource, Record
from xpjob.collectors.crossplane.targets import CLAIM, COMPOSITE
from xpjob.publish import exposition
from xpjob.snapshot.documents import RunInfo, Snapshot

_FEW = 2000
"""Rows whose ages are worked out one by one; for more, those of all rows, once a second."""
UNKNOWN = -(1 << 62)
"""Stands for a time that is not known; in seconds of the epoch."""

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
"""Columns by the name that a question has for them, and the attribute that is in each."""
_FLAGS = ("ready", "synced", "paused", "deleting")
SEARCHED = (
    *("name", "namespace", "kind", "team", "creator", "composition", "reason"),
    *("externalName", *_MESSAGES),
)
"""Columns that ``q`` looks into."""


@dataclass(frozen=True, slots=True)
class Column:
    """One value a row, as a code into ``values``; the value None is "has no such key"."""

    values: Sequence[str | None]
    codes: array[int]


class View:
    """One snapshot, ready to be asked. Immutable; rows are claims first, then XRs, then MRs.

    ``tag`` changes with the snapshot and with this program, and with nothing else.
    Times are in seconds of the epoch.
    """

    def __init__(self, snapshot: Snapshot, etag: str) -> None:
        """Take the records out of a snapshot, which is left without any."""
        self.cluster = snapshot.cluster
        self.generated_at = snapshot.generated_at
        self.generated = rows.seconds(snapshot.generated_at) or 0
        self.run: RunInfo = snapshot.run
        self.targets: list[TargetOutcome] = snapshot.targets
        named = "\n".join((__version__, snapshot.cluster, snapshot.generated_at, etag))
        self.tag = hashlib.blake2b(named.encode(), digest_size=8).hexdigest()
        # What only one run has seen is none yet.
        self.findings = tuple(found for found in snapshot.findings if found.confirmed)
        by_class: tuple[Sequence[Record], ...] = (snapshot.claims, snapshot.xrs, snapshot.mrs)
        self.total = dict(zip(rows.CLASSES, map(len, by_class), strict=True))
        families = exposition.registry(exposition.inventory(snapshot))
        self._inventory = gzip.compress(generate_latest(families), 1, mtime=0)
        ready = (sum(record.ready for record in of_class) for of_class in by_class)
        self.ready = dict(zip(rows.CLASSES, ready, strict=True))
        records = snapshot.records
        snapshot.claims, snapshot.xrs, snapshot.mrs = [], [], []
        del by_class  # it holds the lists, which hold the records
        self.family = Family(records, self.total[CLAIM], self.total[COMPOSITE])
        self.created = array("q", (_or_unknown(rows.seconds(r.created_at)) for r in records))
        since = (rows.seconds(rows.not_ready_since(r)) for r in records)
        self.not_ready_since = array("q", map(_or_unknown, since))
        self._aged: tuple[int, list[bytes]] = (-1, [])
        self.columns = dict(_columns(records, self.total))
        self.json, self.starts, self.holes = _encode(records)

    def __len__(self) -> int:
        return len(self.created)

    def inventory_text(self) -> bytes:
        """Return the exposition of the families that the job pushes; it is held gzipped."""
        return gzip.decompress(self._inventory)

    def row(self, index: int, now: int) -> bytes:
        """Return one row as JSON, with its age at ``now`` (seconds of the epoch)."""
        start, hole, end = self.starts[index], self.holes[index], self.starts[index + 1] - 1
        return b"".join((self.json[start:hole], self._age(index, now), self.json[hole:end]))

    def length(self, index: int) -> int:
        """Return how many bytes a row has without its age."""
        return self.starts[index + 1] - 1 - self.starts[index]

    def run_of_rows(self, rows: range, ages: Sequence[bytes]) -> bytes:
        """Return neighbouring rows with their ages, joined by commas: a copy, and little else."""
        if not rows:
            return b""
        holes = self.holes
        edges = [self.starts[rows.start], *holes[rows.start : rows.stop]]
        edges.append(self.starts[rows.stop] - 1)
        parts: list[bytes | memoryview] = [b""] * (2 * len(rows) + 1)
        parts[0::2] = [self.json[begin:end] for begin, end in pairwise(edges)]
        parts[1::2] = ages
        return b"".join(parts)

    def _age(self, index: int, now: int) -> bytes:
        created = self.created[index]
        return b"null" if created == UNKNOWN else b"%d" % max(0, now - created)

    def ages(self, rows: Sequence[int], now: int) -> list[bytes]:
        """Return the ages of rows in whole seconds, as JSON: null where it is not known."""
        if len(rows) < _FEW:
            return [self._age(row, now) for row in rows]
        moment, ages = self._aged
        if moment != now:
            ages = [
                b"%d" % (now - c) if UNKNOWN < c <= now else b"null" if c == UNKNOWN else b"0"
                for c in self.created
            ]
            self._aged = (now, ages)
        if isinstance(rows, range):
            return ages[rows.start : rows.stop]
        return [ages[row] for row in rows]


def _encode(records: list[Record]) -> tuple[memoryview, array[int], array[int]]:
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
    return memoryview(pieces).toreadonly(), starts, holes


def _columns(records: Sequence[Record], total: Mapping[str, int]) -> Iterator[tuple[str, Column]]:
    classes = array("H")
    for code, class_ in enumerate(rows.CLASSES, 1):
        classes += array("H", [code]) * total[class_]
    yield "class", Column((None, *rows.CLASSES), classes)
    for name in _FLAGS:
        flags = array("H", (1 + bool(getattr(record, name)) for record in records))
        yield name, Column((None, "false", "true"), flags)
    for name, attribute in _TEXTS.items():
        yield name, _column(getattr(record, attribute, None) for record in records)
    configs = (rows.provider_config(r) if isinstance(r, ManagedResource) else None for r in records)
    yield "providerConfig", _column(configs)
    yield "carried", _column("true" if record.carried_since else "false" for record in records)


def _column(found: Iterable[str | None]) -> Column:
    codes: dict[str | None, int] = {None: 0}
    made = array("I", (codes.setdefault(value, len(codes)) for value in found))
    # Copies: the records' own strings would keep their whole pages from being given back.
    return Column(tuple(v if v is None else v.encode().decode() for v in codes), made)


def give_back_memory() -> None:
    """Return freed memory to the system, where the C library can (glibc keeps it otherwise).

    What an answer in flight has held of an older snapshot may hang in a cycle: collected first.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _or_unknown(value: int | None) -> int:
    return UNKNOWN if value is None else value
