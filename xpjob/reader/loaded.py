"""One snapshot as the reader keeps it: what it says of itself, and views of its tables.

The rows of each table are kept gzipped, a twentieth of their size; the view of a table is made of
them when somebody first asks for it.
"""

from __future__ import annotations

import gzip
import hashlib
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec
from msgspec import Raw, Struct
from prometheus_client import generate_latest

from xpjob import __version__
from xpjob.base import memory, times
from xpjob.collect.contract import Collectors
from xpjob.collect.tables import TableDescription
from xpjob.publish import exposition
from xpjob.reader import described, entries, findings
from xpjob.reader.extension import Extensions
from xpjob.reader.parameters import QueryError, unknown
from xpjob.reader.prepared import prepare
from xpjob.reader.render import Body
from xpjob.reader.table import Stamp, View
from xpjob.snapshot import documents, sections
from xpjob.snapshot.documents import UNREADABLE, Head, RawSnapshot

_PIECE = 64 << 10


class _AnyRow(Struct, gc=False):
    """A row of which nothing is read."""


class _Packed(Mapping[str, Raw]):
    """Keys of a document, gzipped."""

    def __init__(self, keys: Mapping[str, Raw]) -> None:
        self._packed = {key: zlib.compress(raw, 1) for key, raw in keys.items()}

    def __getitem__(self, key: str) -> Raw:
        return Raw(zlib.decompress(self._packed[key]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


def read(body: bytes, where: str, collectors: Collectors) -> RawSnapshot:
    """Read a stored snapshot, and keep the rows of its tables gzipped: the body can be let go.

    Raises ``BadAnswerError`` where it is corrupt.
    """
    raw = documents.decode_raw(body, where)
    head = sections.upgraded(raw, collectors, where)
    keys = [table.key for table in head.tables or () if table.key in raw.keys]
    return RawSnapshot(head, _Packed({key: raw.keys[key] for key in keys}))


class Loaded:
    """A snapshot that is served. ``counts`` has the number of rows of each table.

    ``used`` are the keys of tables whose view somebody has asked for.
    """

    def __init__(self, raw: RawSnapshot, etag: str, where: str, extensions: Extensions) -> None:
        """Make a snapshot ready that ``read`` has read. Raises ``BadAnswerError``."""
        head = raw.head
        self.tables = {table.key: table for table in head.tables or ()}
        self.stamp = _stamp(head, etag)
        self.used: set[str] = set()
        self._alone = threading.Lock()
        self._views: dict[str, View] = {}
        try:
            self.counts = dict.fromkeys(self.tables, 0) | {
                key: len(msgspec.json.decode(rows, type=list[_AnyRow]))
                for key, rows in raw.keys.items()
            }
            self.prepared = prepare(raw, self.stamp)
            self._own = {each.name: each.view(raw, self.stamp) for each in extensions}
            families = exposition.registry(exposition.inventory(head))
            self._inventory = gzip.compress(generate_latest(families), 1, mtime=0)
        except UNREADABLE as error:
            raise documents.unreadable(where, error) from error
        # The metric tables are in the exposition now.
        head = msgspec.structs.replace(head, metrics=[], counters=None)
        self.raw = RawSnapshot(head, raw.keys)

    @property
    def head(self) -> Head:
        """Return what the snapshot says of itself, its metric tables left out."""
        return self.raw.head

    @property
    def tags(self) -> set[str]:
        """Return the tags of the views of tables."""
        return {view.tag for view in self._views.values()}

    def view_of(self, extension: str) -> Any:
        """Return what an extension has made of the snapshot."""
        return self._own[extension]

    def describe(self, key: str) -> TableDescription:
        """Return the description of a table. Raises ``QueryError`` (404) for an unknown one."""
        if (table := self.tables.get(key)) is None:
            error = unknown("table", key, self.tables)
            raise QueryError("no-such-table", str(error), status=404, facts=error.facts)
        return table

    def ready(self, key: str) -> View | None:
        """Return the view of a table if it has been made."""
        self.used.add(key)
        return self._views.get(key)

    def table(self, key: str) -> View:
        """Return the view of a table, made now where it has not been. Takes long.

        Raises ``BadAnswerError`` where a row is corrupt.
        """
        with self._alone:
            if (view := self._views.get(key)) is None:
                try:
                    table = self.tables[key]
                    trees = self.prepared.trees.get(table.collector)
                    view = described.view_of(table, self.raw.rows(key), self.stamp, trees)
                except UNREADABLE as error:
                    raise documents.unreadable(f"the table {key}", error) from error
                self._views = {**self._views, key: view}
                memory.trim()
            return view

    def findings(self) -> View:
        """Return the view of the findings of all collectors."""
        with self._alone:
            if (view := self._views.get(findings.TABLE.key)) is None:
                view = findings.view_of(self.head.findings, self.stamp)
                self._views = {**self._views, findings.TABLE.key: view}
            return view

    @property
    def with_teams(self) -> list[str]:
        """Return the keys of the tables whose rows have a team."""
        return [key for key, table in self.tables.items() if entries.has_team(table)]

    def inventory(self, live: bytes = b"") -> Body:
        """Return the exposition of the families that the job pushes, which is held gzipped.

        ``live`` are further families, which follow.
        """
        if live:
            return Body(None, lambda: chain(self._unpacked(), (live,)), heavy=True)
        return Body(None, self._unpacked, heavy=True, packed=self._inventory)

    def _unpacked(self) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(31)
        rest = self._inventory
        while not unpacker.eof:
            yield unpacker.decompress(rest, _PIECE)
            rest = unpacker.unconsumed_tail


def _stamp(head: Head, etag: str) -> Stamp:
    named = "\n".join((__version__, head.cluster, head.generated_at, etag))
    tag = hashlib.blake2b(named.encode(), digest_size=8).hexdigest()
    taken = times.parse(head.generated_at)
    return Stamp(tag, head.cluster, head.generated_at, int(taken.timestamp() // 1))


def describe_tables(loaded: Loaded) -> Sequence[dict[str, object]]:
    """Return the list of tables: how many rows each has, and how its collector went."""
    outcomes = {outcome.collector: outcome for outcome in loaded.head.collectors or ()}
    rows: list[dict[str, object]] = []
    for key, table in loaded.tables.items():
        outcome = outcomes.get(table.collector)
        rows.append(
            {
                "key": key,
                "title": table.title,
                "collector": table.collector,
                "rows": loaded.counts[key],
                "error": outcome.error if outcome else "",
                "carriedSince": outcome.carried_since if outcome else "",
            }
        )
    return rows
