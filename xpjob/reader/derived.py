"""Columns that rows have although they are not stored: ``lateness`` and ``tree``.

They are made with the view of a table. A table with a column of such a name of its own has none.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from xpjob.collect.description import LATENESS, TableDescription, Usual
from xpjob.reader.columns import Columns
from xpjob.reader.parameters import Parameter
from xpjob.reader.table import UNKNOWN, Column

TREE = "tree"
OK, RECENT, LATE, LONG = "", "recent", "late", "long"
STATES = (OK, RECENT, LATE, LONG)
"""The values of ``lateness``: not late, within the usual time, beyond it, and for a day or more."""
TOO_LATE = (LATE, LONG)
"""Those of rows that are counted as late."""
LONG_SECONDS = 86_400
_MOST_SECONDS = 1 << 40
_FILTERS = {
    LATENESS: Parameter(
        LATENESS,
        "How long the row has not been ok: not at all, within the usual time, longer, or a day.",
        STATES,
        repeatable=True,
    ),
    TREE: Parameter(
        TREE, "Table and id of the topmost row above.", repeatable=True, unchecked=True
    ),
}


def filters(table: TableDescription) -> tuple[Parameter, ...]:
    """Return the filters of the columns that a table gets."""
    own = {column.name for column in table.columns}
    timed = table.since in own and (not table.ok or table.ok in own)
    given = {LATENESS: timed, TREE: bool(own & {*table.parents} and table.identity)}
    return tuple(each for name, each in _FILTERS.items() if given[name] and name not in own)


def lateness(table: TableDescription, columns: Columns, at: int) -> Column:
    """Return how late each row is at a time (seconds of the epoch).

    ``columns`` have those of ``ok`` and ``since``, and the one that ``usual`` depends on.
    """
    since = columns.times[table.since]
    usual = _usual(table.usual, columns, len(since))
    found = array("B", bytes(len(since)))
    for row in _not_ok(table, columns, len(since)):
        found[row] = STATES.index(late(since[row], usual[row], at))
    return Column(STATES, found)


def late(since: int, usual: int, at: int) -> str:
    """Return how late a row is that has not been ok since a time, which may be ``UNKNOWN``."""
    if since == UNKNOWN:
        return LATE
    if at - since < usual:
        return RECENT
    return LATE if at - since < LONG_SECONDS else LONG


def needed(table: TableDescription) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns, of texts and of times, that ``lateness`` is made of."""
    if not any(each.name == LATENESS for each in filters(table)):
        return (), ()
    by = tuple(column.name for column in table.columns if column.name == table.usual.by)
    return (*filter(None, (table.ok,)), *by), (table.since,)


def usual_seconds(usual: Usual, value: str) -> int:
    """Return how long a row with this value usually takes to become ok."""
    seconds = usual.seconds.get(value, usual.default)
    return min(max(seconds, -_MOST_SECONDS), _MOST_SECONDS)  # documents may say anything


def _not_ok(table: TableDescription, columns: Columns, count: int) -> Sequence[int]:
    """Return the rows that are not ok: all, where the table has no flag for it."""
    if not table.ok:
        return range(count)
    flags = columns.texts[table.ok]
    bad = flags.code("false")
    return [row for row, code in enumerate(flags.codes) if code == bad]


def _usual(usual: Usual, columns: Columns, count: int) -> Sequence[int]:
    by = columns.texts.get(usual.by)
    if by is None:
        return array("q", [usual_seconds(usual, "")]) * count
    of_code = [usual_seconds(usual, value or "") for value in by.values]
    return array("q", (of_code[code] for code in by.codes))
