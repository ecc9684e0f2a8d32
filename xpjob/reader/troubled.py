"""Rows of a table by the tree that they are part of: those in trouble first, by pages."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from xpjob.collect.description import LATENESS, TableDescription
from xpjob.net.deadline import steps
from xpjob.reader import derived, entries
from xpjob.reader.derived import LATE, STATES, TOO_LATE
from xpjob.reader.record import state_column
from xpjob.reader.render import Json
from xpjob.reader.table import UNKNOWN, Rows, View, text_of
from xpjob.reader.trees import Trees

_BAD = STATES.index(LATE)
_GRAVE = {*map(STATES.index, TOO_LATE)}


@dataclass(slots=True)
class Tree:
    """The rows of one tree that match. ``worst`` is the row that explains it, by ``key``.

    That is the one that is late for the longest, and of those that are alike the deepest.
    """

    worst: int
    key: tuple[int, int, int]
    rows: int = 0
    late: int = 0

    @property
    def order(self) -> tuple[int, int, int]:
        """Return what trees are sorted by: the worst, then the most rows that are late."""
        return (-self.key[0], -self.late, -self.rows)


@dataclass(frozen=True, slots=True)
class Found:
    """The trees of rows, the worst first."""

    trees: Sequence[Tree]
    rows: int

    @property
    def troubled(self) -> int:
        """Return how many trees have rows that are late."""
        return sum(tree.late > 0 for tree in self.trees)


def find(table: TableDescription, view: View, rows: Rows, trees: Trees | None) -> Found:
    """Return the trees that rows are part of. Raises ``DeadlineError``."""
    codes, ranks = view.columns[derived.TREE].codes, _ranks(table, view)
    since = view.times.get(table.since)
    start = trees.starts[table.key] if trees else 0
    depths: Sequence[int] = trees.depths if trees else ()
    found: dict[int, Tree] = {}
    for some in steps(rows):
        for row in some:
            rank = ranks[row]
            moment = since[row] if since and since[row] != UNKNOWN else 0
            key = (rank, depths[start + row] if trees else 0, -moment)
            tree = found.get(codes[row])
            if tree is None:
                tree = found[codes[row]] = Tree(row, key)
            elif key > tree.key:
                tree.worst, tree.key = row, key
            tree.rows += 1
            tree.late += rank in _GRAVE
    return Found(sorted(found.values(), key=lambda tree: tree.order), len(rows))


def _ranks(table: TableDescription, view: View) -> Sequence[int]:
    """Return how bad each row is, as a place in ``STATES``: by its lateness, else by ``ok``."""
    if LATENESS in view.schema.derived:
        return view.columns[LATENESS].codes
    column = view.columns.get(table.ok)
    if column is None:
        return bytes(len(view))
    bad = column.code("false")
    return array("B", (_BAD if code == bad else 0 for code in column.codes))


def place(key: str, row: int, trees: Trees | None) -> tuple[str, int]:
    """Return the table and the number of the topmost row above a row: itself, without trees."""
    return trees.place(trees.tops[trees.number(key, row)]) if trees else (key, row)


def document(
    table: TableDescription,
    view: View,
    shown: Sequence[Tree],
    tops: Mapping[str, tuple[TableDescription, View]],
    trees: Trees | None,
) -> list[Json]:
    """Return trees as JSON. ``tops`` are the tables that their topmost rows are in."""
    return [_tree(table, view, tree, tops, trees) for tree in shown]


def _tree(
    table: TableDescription,
    view: View,
    tree: Tree,
    tops: Mapping[str, tuple[TableDescription, View]],
    trees: Trees | None,
) -> Json:
    key, number = place(table.key, tree.worst, trees)
    top, above = tops[key]
    root: Json = msgspec.json.decode(above.row(number, 0))
    worst: Json = msgspec.json.decode(view.row(tree.worst, 0))
    column, rank = view.columns[derived.TREE], tree.key[0]
    return {
        "tree": column.values[column.codes[tree.worst]] or "",
        "table": key,
        "id": entries.id_of(top, root),
        "title": entries.title_of(top, root),
        "kind": text_of(root.get(entries.KIND)),
        "ok": entries.ok_of(top, root),
        "state": text_of(root.get(state_column(top))),
        "rows": tree.rows,
        "late": tree.late,
        "lateness": STATES[rank],
        "since": text_of(worst.get(table.since)) if rank else "",
        "why": entries.why_of(table, worst) if rank else "",
        "blocker": _named(table, worst) if rank else "",
    }


def _named(table: TableDescription, row: Json) -> str:
    return " ".join(filter(None, (text_of(row.get(entries.KIND)), entries.title_of(table, row))))
