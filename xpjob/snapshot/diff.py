"""What came, went and changed between two snapshots: table by table, as described. No I/O.

Rows are told apart by the identity columns of their table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from xpjob.collect.before import Placed
from xpjob.collect.carry import Gaps
from xpjob.collect.description import TableDescription
from xpjob.collect.outcome import TargetOutcome
from xpjob.net import deadline
from xpjob.snapshot.documents import Head, RawSnapshot

_PLACE = ("group", "resource", "namespace", "source")


class Side(Struct, rename="camel", frozen=True):
    """Which snapshot: when it was taken, and by which run."""

    generated_at: str
    run: str

    @classmethod
    def of(cls, head: Head) -> Side:
        """Return what tells a snapshot from others."""
        return cls(head.generated_at, head.run.id)


class RowChange(Struct, frozen=True, gc=False):
    """One row: its identity and filter columns, and the columns whose change counts.

    ``was`` is None for what came, ``is_`` for what went.
    """

    row: dict[str, Any]
    was: dict[str, Any] | None
    is_: dict[str, Any] | None = field(name="is")


class TableDiff(Struct, frozen=True):
    """All changes of one table.

    ``unknown`` are the lists, or the collector, that failed in one of the two: what came and went
    there is not reported.
    """

    key: str
    title: str
    came: list[RowChange]
    went: list[RowChange]
    changed: list[RowChange]
    unknown: list[str]


def diff(old: RawSnapshot, new: RawSnapshot, key: str) -> TableDiff:
    """Compare a table that both snapshots describe. Raises ``MsgspecError`` for corrupt rows.

    Where only one of them describes it, nothing is compared, and ``unknown`` says so.
    """
    sides = [_Table.of(old, key), _Table.of(new, key)]
    described = [side for side in sides if side]
    if not described:
        raise ValueError(f"neither snapshot has a table {key!r}")
    table = described[-1].table
    before, after = sides
    if before is None or after is None:
        missing = old if before is None else new
        text = f"the snapshot of {missing.head.generated_at} has no table {key}"
        return TableDiff(key, table.title, [], [], [], [text])
    read = _Reader(table)
    first, second = read.rows(old, key), read.rows(new, key)
    return TableDiff(
        key,
        table.title,
        came=[read.change(None, row) for row in _only(second, first, before, read)],
        went=[read.change(row, None) for row in _only(first, second, after, read)],
        changed=_sorted(
            read.change(first[name], row)
            for name, row in second.items()
            if name in first and read.differ(first[name], row)
        ),
        unknown=sorted({*before.unknown(), *after.unknown()}),
    )


def tables(old: Head, new: Head, without: Iterable[str] = ()) -> list[str]:
    """Return the tables of two snapshots, but those of some collectors."""
    found = [*(new.tables or ()), *(old.tables or ())]
    skipped = set(without)
    return list(dict.fromkeys(table.key for table in found if table.collector not in skipped))


def incomplete(target: TargetOutcome) -> bool:
    """Tell whether a list failed, and not all of its rows were carried over."""
    kept = target.carried and not target.let_go
    return bool(target.error) and not (target.gone or kept)


def scope_of(target: TargetOutcome) -> str:
    """Return which list it was, for people."""
    return f"{target.gvr} in {target.namespace}" if target.namespace else target.gvr


class _Table:
    """A table of one snapshot, and which of its rows nobody knows."""

    def __init__(self, table: TableDescription, head: Head) -> None:
        self.table = table
        outcomes = {outcome.collector: outcome for outcome in head.collectors or ()}
        outcome = outcomes.get(table.collector)
        # A section that was carried over is as it was then.
        self.lost = outcome is not None and not outcome.success and not outcome.carried_since
        self._targets = [t for t in head.targets if t.collector in ("", table.collector)]
        self._gaps = Gaps(self._targets)

    @classmethod
    def of(cls, raw: RawSnapshot, key: str) -> _Table | None:
        tables = {table.key: table for table in raw.head.tables or ()}
        return cls(tables[key], raw.head) if key in tables else None

    def knows(self, place: Placed | None) -> bool:
        """Tell whether a row that is not in the table does not exist."""
        if self.lost:
            return False
        failed = self._gaps.reason(place) if place else None
        return failed is None or not incomplete(failed)

    def unknown(self) -> Iterator[str]:
        """Yield what failed."""
        if self.lost:
            yield f"collector {self.table.collector}"
        yield from (scope_of(target) for target in self._targets if incomplete(target))


class _Reader:
    """Reads of each row what a comparison needs, and no more."""

    def __init__(self, table: TableDescription) -> None:
        known = {column.name for column in table.columns}
        self._identity, self._changes = table.identity, table.changes
        self._named = tuple(dict.fromkeys((*table.identity, *table.filters)))
        self._placed = {"group", "resource", "namespace"} <= known
        names = dict.fromkeys((*self._named, *table.changes, *(_PLACE if self._placed else ())))
        self._fields = {name: f"c{number}" for number, name in enumerate(names)}
        self._row = msgspec.defstruct(
            "ComparedRow",
            [
                (attribute, object, msgspec.field(default=None, name=name))
                for name, attribute in self._fields.items()
            ],
            gc=False,
        )

    def rows(self, raw: RawSnapshot, key: str) -> dict[tuple[Any, ...], Struct]:
        """Return the rows of a table by identity."""
        if key not in raw.keys:
            return {}
        rows = msgspec.json.decode(raw.keys[key], type=list[self._row])  # type: ignore[name-defined]
        names = [self._fields[name] for name in self._identity]
        if not names:
            return {(number,): row for number, row in enumerate(rows)}
        return {tuple(_plain(getattr(row, name)) for name in names): row for row in rows}

    def values(self, row: Struct, names: Sequence[str]) -> dict[str, Any]:
        """Return some columns of a row."""
        return {name: getattr(row, self._fields[name]) for name in names}

    def differ(self, old: Struct, new: Struct) -> bool:
        """Tell whether a column differs whose change counts."""
        return self.values(old, self._changes) != self.values(new, self._changes)

    def change(self, old: Struct | None, new: Struct | None) -> RowChange:
        """Return one change."""
        row = old if new is None else new
        if row is None:
            raise AssertionError("a change is of a row")
        was, is_ = (
            None if side is None else self.values(side, self._changes) for side in (old, new)
        )
        return RowChange(self.values(row, self._named), was, is_)

    def place(self, row: Struct) -> Placed | None:
        """Return which list a row was in, None where its table does not say that."""
        if not self._placed:
            return None
        values = self.values(row, _PLACE)
        return Placed(
            **{name: value if isinstance(value, str) else "" for name, value in values.items()}
        )


def _only(
    these: Mapping[tuple[Any, ...], Struct],
    those: Mapping[tuple[Any, ...], Struct],
    other: _Table,
    read: _Reader,
) -> Iterator[Struct]:
    """Yield the rows that are in one snapshot, and known not to be in the other."""
    for name in sorted(these, key=_order):
        deadline.check()
        if name not in those and other.knows(read.place(these[name])):
            yield these[name]


def _sorted(changes: Iterable[RowChange]) -> list[RowChange]:
    return sorted(changes, key=lambda change: _order(tuple(change.row.values())))


def _order(values: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple("" if value is None else str(value) for value in values)


def _plain(value: Any) -> Any:
    """Return a value that can be a key."""
    return value if isinstance(value, (str, int, float, type(None))) else msgspec.json.encode(value)
