"""A section of a team: its rows of one table, counted, added up, and the first of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

import msgspec

from xpjob.collect.description import LATENESS, TableDescription
from xpjob.reader import query, summaries
from xpjob.reader.derived import TOO_LATE
from xpjob.reader.entries import TEAM
from xpjob.reader.render import Json
from xpjob.reader.table import View

FIRST = 10
"""Rows that are listed."""
_STATES = 20


def section(
    table: TableDescription,
    view: View,
    rows: Sequence[int],
    filters: Mapping[str, Sequence[str]],
    totals: Mapping[str, float],
) -> dict[str, Any]:
    """Return a section. ``filters`` select these rows, ``totals`` are sums of all of the table."""
    wanted = order(table, view)
    state = _state(table, view)
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    first = query.ordered(view, rows, wanted)[:FIRST]
    return {
        "table": table.key,
        "title": table.title,
        "collector": table.collector,
        "filters": filters,
        "rows": len(rows),
        "late": _late(view, rows),
        "state": state,
        "states": _states(view, state, rows) if state else [],
        "columns": [shown for shown in table.shown if shown != TEAM],
        "sums": _sums(table, view, rows, totals),
        "first": [_row(table, view, row, decode(view.row(row, 0))) for row in first],
        "sort": ",".join(f"-{key}" if descending else key for key, descending in wanted),
    }


def order(table: TableDescription, view: View) -> tuple[tuple[str, bool], ...]:
    """Return the order of a section: what is not ok before the rest, the oldest first."""
    first = [(column, False) for column in (table.ok, table.since) if column in view.schema.sorts]
    named = {column for column, _ in first}
    return (*first, *(each for each in view.schema.default if each[0] not in named))


def _late(view: View, rows: Sequence[int]) -> int:
    column = view.columns.get(LATENESS)
    if column is None:
        return 0
    late = {code for code, value in enumerate(column.values) if value in TOO_LATE}
    return sum(column.codes[row] in late for row in rows)


def _row(table: TableDescription, view: View, number: int, row: Json) -> Json:
    """Return the columns of a row that a list shows, and those that identify and explain it."""
    names = (*table.identity, *table.name, *table.shown, table.ok, table.since, *table.why)
    chosen = {name: row[name] for name in names if name in row}
    if (column := view.columns.get(LATENESS)) is not None:
        chosen[LATENESS] = column.values[column.codes[number]]
    return chosen


def _state(table: TableDescription, view: View) -> str:
    """Return the column that a section counts by: the first state that is shown, or ``ok``."""
    for name in (*table.shown, table.ok):
        column = table.column(name)
        if (
            column
            and name in view.schema.dimensions
            and (column.type == "state" or name == table.ok)
        ):
            return name
    return ""


def _states(view: View, name: str, rows: Sequence[int]) -> list[Json]:
    column = view.columns[view.schema.dimensions[name]]
    counted = Counter(column.codes[row] for row in rows)
    return [
        {"value": column.values[code] or "", "total": number}
        for code, number in counted.most_common(_STATES)
    ]


def _sums(
    table: TableDescription, view: View, rows: Sequence[int], totals: Mapping[str, float]
) -> dict[str, Json]:
    """Return the sums of a team, each with its share.

    That is a share of what all rows of the table have, those without a team included; or, where
    the table has the share of each row itself, as ``cpuShare`` beside ``cpuRequested``, their sum,
    which is a share of what that column is one of.
    """
    found: dict[str, Json] = {}
    for column in view.schema.sums:
        if column not in table.shown:
            continue
        value, own = _sum(view, column, rows), share_column(table, column)
        share = value / totals[column] if totals[column] else None
        found[column] = {
            "value": value,
            "share": _sum(view, own, rows) if own else share,
            "shareOf": own,
        }
    return found


def _sum(view: View, name: str, rows: Sequence[int]) -> float:
    numbers = view.numbers[name]
    return summaries.total(number for row in rows if not isnan(number := numbers[row]))


def share_column(table: TableDescription, name: str) -> str:
    """Return the column with the share of ``<x>Requested``, if there is a ratio ``<x>Share``."""
    stem = name.removesuffix("Requested")
    column = table.column(f"{stem}Share") if stem != name else None
    return column.name if column and column.type == "ratio" else ""
