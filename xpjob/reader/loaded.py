"""One snapshot as the reader keeps it: what it says of itself, and views of its tables."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from xpjob.collect.description import TableDescription
from xpjob.reader import described, entries, findings
from xpjob.reader.gone import Gone
from xpjob.reader.loading import Contents
from xpjob.reader.packed import Packed
from xpjob.reader.parameters import QueryError, unknown
from xpjob.reader.render import Body
from xpjob.reader.table import View
from xpjob.snapshot import documents
from xpjob.snapshot.documents import UNREADABLE, Head

_PIECE = 64 << 10


class Loaded:
    """A snapshot that is served. ``counts`` has the number of rows of each table.

    ``gone`` are rows of the snapshots that were served before.
    """

    def __init__(self, made: Contents) -> None:
        self.raw, self.stamp = Packed(made.head, made.rows), made.stamp
        self.tables = {table.key: table for table in made.head.tables or ()}
        self.counts = {key: len(made.rows.get(key, ())) for key in self.tables}
        self._own, self._inventory = made.own, made.inventory
        self._views, self.prepared = made.views, made.prepared
        self.gone = Gone()
        self._alone = threading.Lock()

    @property
    def head(self) -> Head:
        """Return what the snapshot says of itself, its metric tables left out."""
        return self.raw.head

    @property
    def tags(self) -> set[str]:
        """Return the tags of the views of tables."""
        return {view.tag for view in self._views.values()}

    def follow(self, before: Loaded) -> None:
        """Remember which rows of the snapshot before are gone."""
        then, at = before.stamp.generated_at, self.stamp.generated_at
        self.gone = before.gone.after(before.prepared, then, self.prepared, at)

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
        return self._views.get(key)

    def table(self, key: str) -> View:
        """Return the view of a table, made now where it has not been. Takes long.

        Raises ``BadAnswerError`` where a row is corrupt.
        """
        with self._alone:
            if (view := self._views.get(key)) is None:
                try:
                    table, rows = self.tables[key], self.raw.rows(key)
                    trees = self.prepared.trees.get(table.collector)
                    view = described.view_of(table, rows, self.stamp, trees)
                except UNREADABLE as error:
                    raise documents.unreadable(f"the table {key}", error) from error
                self._views = {**self._views, key: view}
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
        """Return the keys of the tables that can be read and whose rows have a team."""
        readable = self.prepared.tables
        return [k for k, table in self.tables.items() if k in readable and entries.has_team(table)]

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
