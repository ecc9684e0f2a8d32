"""What changed in all tables between two snapshots: came, went, broke, healed, changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec

from xpjob.collect.description import TableDescription
from xpjob.reader import entries
from xpjob.reader.render import Json
from xpjob.reader.table import text_of
from xpjob.snapshot import diff
from xpjob.snapshot.diff import RowChange, TableDiff
from xpjob.snapshot.documents import RawSnapshot

WHATS = ("broke", "went", "came", "healed", "changed")
"""In the order in which they are listed."""


@dataclass(frozen=True, slots=True)
class Everything:
    """The changes of each table, and its description."""

    diffs: Sequence[tuple[TableDescription, TableDiff]] = field(default_factory=tuple)

    @property
    def came(self) -> Sequence[RowChange]:
        """Return what only the newer snapshot has."""
        return list(chain.from_iterable(each.came for _, each in self.diffs))

    @property
    def went(self) -> Sequence[RowChange]:
        """Return what only the older snapshot has."""
        return list(chain.from_iterable(each.went for _, each in self.diffs))

    @property
    def changed(self) -> Sequence[RowChange]:
        """Return what differs."""
        return list(chain.from_iterable(each.changed for _, each in self.diffs))


def compare(old: RawSnapshot, new: RawSnapshot) -> Everything:
    """Compare all tables. Raises ``MsgspecError`` for corrupt rows, and ``DeadlineError``."""
    first, second = _widened(old), _widened(new)
    tables = {table.key: table for head in (first.head, second.head) for table in head.tables or ()}
    return Everything(
        [
            (tables[key], diff.diff(first, second, key))
            for key in diff.tables(first.head, second.head)
        ]
    )


def document(found: Everything, team: str | None, limit: int) -> Json:
    """Return the changes of each table, the gravest first; with a ``team``, its own.

    A row broke if it was ok and is not, and healed if it is the other way round.
    """
    tables: list[Json] = []
    unknown: set[str] = set()
    for table, compared in found.diffs:
        if team is not None and not entries.has_team(table):
            continue
        unknown.update(compared.unknown)
        by_what: dict[str, list[RowChange]] = {what: [] for what in WHATS}
        for what, change in _sorted_out(table, compared):
            if team is None or text_of(change.row.get(entries.TEAM)) == team:
                by_what[what].append(change)
        if not any(by_what.values()):
            continue
        listed = [(what, change) for what in WHATS for change in by_what[what]][:limit]
        tables.append(
            {
                "table": table.key,
                "title": table.title,
                "collector": table.collector,
                **{what: len(changes) for what, changes in by_what.items()},
                "entries": [_entry(table, what, change) for what, change in listed],
            }
        )
    return {"tables": tables, "unknown": sorted(unknown)}


def _widened(raw: RawSnapshot) -> RawSnapshot:
    """Return a snapshot whose tables compare what is ok, too, and name their rows."""
    tables = [_with_names(table) for table in raw.head.tables or ()]
    return RawSnapshot(msgspec.structs.replace(raw.head, tables=tables), raw.keys)


def _with_names(table: TableDescription) -> TableDescription:
    known = {column.name for column in table.columns}
    ok = (table.ok,) if table.ok in known else ()
    named = [name for name in (*table.name, entries.TEAM, entries.KIND) if name in known]
    return msgspec.structs.replace(
        table,
        changes=tuple(dict.fromkeys((*table.changes, *ok))),
        filters=tuple(dict.fromkeys((*table.filters, *named))),
    )


def _sorted_out(table: TableDescription, compared: TableDiff) -> Iterator[tuple[str, RowChange]]:
    yield from (("came", change) for change in compared.came)
    yield from (("went", change) for change in compared.went)
    for change in compared.changed:
        yield _what(table.ok, change.was or {}, change.is_ or {}), change


def _what(ok: str, was: Mapping[str, Any], is_: Mapping[str, Any]) -> str:
    if (was.get(ok), is_.get(ok)) == (True, False):
        return "broke"
    return "healed" if (was.get(ok), is_.get(ok)) == (False, True) else "changed"


def _entry(table: TableDescription, what: str, change: RowChange) -> Json:
    was, is_ = change.was or {}, change.is_ or {}
    if change.was and change.is_:
        differ = [name for name in is_ if was.get(name) != is_[name]]
        was, is_ = ({name: side.get(name) for name in differ} for side in (was, is_))
    return {
        "id": entries.id_of(table, change.row),
        "title": entries.title_of(table, change.row),
        "kind": text_of(change.row.get(entries.KIND)),
        "team": text_of(change.row.get(entries.TEAM)),
        "what": what,
        "was": was,
        "is": is_,
    }
