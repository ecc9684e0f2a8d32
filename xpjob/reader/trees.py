"""Which rows hang below which, across the tables of a collector.

What a row refers to as its parent is found by group, kind, namespace and name, in any table of the
collector that has these columns.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from msgspec import Raw

from xpjob.collect.description import TableDescription
from xpjob.collect.tables import row_id
from xpjob.reader.columns import decoded
from xpjob.reader.forest import NONE, Forest
from xpjob.reader.render import REF_KEYS
from xpjob.reader.table import Coder, Column, text_of

_NOTHING = 0


@dataclass(frozen=True, slots=True)
class Trees:
    """The trees of a collector. Rows are numbered through its tables, each from its start.

    ``tops`` has the topmost row above each, ``depths`` how far above, ``ids`` what tops with rows
    below them are called: table and id.
    """

    starts: Mapping[str, int]
    forest: Forest
    tops: array[int]
    depths: array[int]
    ids: Mapping[int, str]

    def number(self, key: str, row: int) -> int:
        """Return the number of a row of a table."""
        return self.starts[key] + row

    def place(self, number: int) -> tuple[str, int]:
        """Return the table of a row, and its number there."""
        keys, starts = list(self.starts), list(self.starts.values())
        index = bisect_right(starts, number) - 1
        return keys[index], number - starts[index]

    def kin(self, key: str, row: int) -> Collection[str]:
        """Return the tables in which a row may have others of its tree; none where it is alone."""
        if key not in self.starts:
            return ()
        number = self.number(key, row)
        return self.starts.keys() if self.depths[number] or self.forest.children(number) else ()

    def column(self, table: TableDescription, rows: Sequence[Raw | bytes]) -> Column:
        """Return what the topmost row above each row of a table is called."""
        coder, number = Coder(), self.starts[table.key]
        for some in decoded(rows, table.identity):
            for values in zip(*some.values(), strict=True):
                top = self.tops[number]
                text = self.ids[top] if top in self.ids else f"{table.key}/{_id(values)}"
                coder.add(text)
                number += 1
        return coder.column()


def grow(
    tables: Sequence[TableDescription], rows: Mapping[str, Sequence[Raw | bytes]]
) -> Trees | None:
    """Return the trees of the tables of a collector, None where no table names parents.

    Raises ``MsgspecError`` for rows that are not objects.
    """
    if not any(table.parents for table in tables):
        return None
    members = [table for table in tables if table.parents or is_of_objects(table)]
    counts = [len(rows[table.key]) for table in members]
    starts = dict(
        zip((table.key for table in members), accumulate(counts, initial=0), strict=False)
    )
    numbers: dict[int, int] = {}
    above: dict[str, list[array[int]]] = {}
    for table in members:
        _read(table, rows[table.key], starts[table.key], numbers, above)
    parents = array("i", [NONE]) * sum(counts)
    for key, columns in above.items():
        for column in reversed(columns):  # the nearest wins
            for number, wanted in enumerate(column, starts[key]):
                found = numbers.get(wanted, NONE) if wanted else NONE
                if found not in (NONE, number):
                    parents[number] = found
    forest = Forest(parents)
    tops, depths = forest.tops()
    ids = _ids(members, rows, starts, {tops[row] for row, depth in enumerate(depths) if depth})
    return Trees(starts, forest, tops, depths, ids)


def is_of_objects(table: TableDescription) -> bool:
    """Return whether rows of a table can be found by what a reference has."""
    return {*REF_KEYS} <= {column.name for column in table.columns}


def _read(
    table: TableDescription,
    rows: Sequence[Raw | bytes],
    start: int,
    numbers: dict[int, int],
    above: dict[str, list[array[int]]],
) -> None:
    """Note the numbers of objects, and what each refers to, by a hash, which takes less memory."""
    columns = above.setdefault(table.key, [array("q") for _ in table.parents])
    number = start
    for some in decoded(rows, (*REF_KEYS, *table.parents)):
        for values in zip(*(some[name] for name in REF_KEYS), strict=True):
            numbers.setdefault(_hash(values), number)
            number += 1
        for name, column in zip(table.parents, columns, strict=True):
            column.extend(
                _hash(tuple(map(each.get, REF_KEYS))) if isinstance(each, dict) else _NOTHING
                for each in some[name]
            )


def _hash(values: tuple[object, ...]) -> int:
    """Return a number for a reference; its hashes are keyed, so nobody can make two alike."""
    return hash(tuple(map(text_of, values))) or 1


def _ids(
    tables: Sequence[TableDescription],
    rows: Mapping[str, Sequence[Raw | bytes]],
    starts: Mapping[str, int],
    wanted: set[int],
) -> dict[int, str]:
    found: dict[int, str] = {}
    for table in tables:
        start = starts[table.key]
        own = sorted(number for number in wanted if 0 <= number - start < len(rows[table.key]))
        ids: list[str] = []
        some_rows = (rows[table.key][number - start] for number in own)
        for some in decoded(some_rows, table.identity):
            ids += (f"{table.key}/{_id(values)}" for values in zip(*some.values(), strict=True))
        found |= zip(own, ids, strict=True)
    return found


def _id(values: Sequence[object]) -> str:
    return row_id(map(text_of, values))
