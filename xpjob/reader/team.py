"""One team: a section for each table in which it has rows, and its findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import msgspec

from xpjob.collect.contract import Collectors
from xpjob.collect.tables import LATENESS, TableDescription, title_of
from xpjob.net import deadline
from xpjob.reader import findings, query
from xpjob.reader.entries import TEAM, has_team
from xpjob.reader.loaded import Loaded
from xpjob.reader.parameters import QueryError, unknown
from xpjob.reader.render import Json
from xpjob.reader.table import View
from xpjob.reader.teams import Teams

FIRST = 10
"""Rows of a section, and findings."""
_STATES = 20


@dataclass(frozen=True, slots=True)
class Part:
    """The snapshot of one cluster, its teams, and the views of its tables with teams."""

    snapshot: Loaded
    teams: Teams
    views: Mapping[str, View]


def check(name: str, every: Iterable[Teams]) -> None:
    """Raise ``QueryError`` (404) for a team that is in none of these."""
    known = {each for teams in every for each in teams.names}
    if name not in known:
        error = unknown("team", name, known)
        raise QueryError("no-such-team", str(error), status=404, facts=error.facts)


def document(name: str, parts: Sequence[Part], collectors: Collectors) -> Json:
    """Return what a team has in these clusters. Raises ``DeadlineError``."""
    sections: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for part in parts:
        own = part.teams.parts.get(name, {})
        cluster = {"cluster": part.snapshot.stamp.cluster}
        for key in own:
            deadline.check()
            table = part.snapshot.tables[key]
            sections.append(_section(name, part.teams, table, part.views[key]) | cluster)
        found += [
            {**msgspec.to_builtins(finding), **cluster}
            for finding in findings.ordered(part.snapshot.head.findings)
            if finding.team == name
        ]
    running = {
        collector
        for part in parts
        for collector in (
            *(table.collector for table in part.snapshot.tables.values()),
            *(outcome.collector for outcome in part.snapshot.head.collectors or ()),
        )
    }
    return {
        "team": name,
        "sentence": _sentence(name, sections, len(found)),
        "sections": sections,
        "findings": {"total": len(found), "entries": found[:FIRST]},
        "notRunning": not_running(collectors, running),
    }


def not_running(collectors: Collectors, running: set[str]) -> list[str]:
    """Return the titles of collectors with tables with teams that are not in the snapshot."""
    return [
        title_of(collector.name)
        for collector in collectors
        if collector.name not in running
        and any(has_team(spec.describe(collector.name)) for spec in collector.tables)
    ]


def order(table: TableDescription, view: View) -> tuple[tuple[str, bool], ...]:
    """Return the order of a section: what is not ok before the rest, the oldest first."""
    first = [(column, False) for column in (table.ok, table.since) if column in view.schema.sorts]
    named = {column for column, _ in first}
    return (*first, *(each for each in view.schema.default if each[0] not in named))


def _section(name: str, teams: Teams, table: TableDescription, view: View) -> dict[str, Any]:
    part = teams.parts[name][table.key]
    column = view.column(TEAM)
    codes = {code for code, value in enumerate(column.values) if (value or "") == name}
    rows = [row for row, code in enumerate(column.codes) if code in codes]
    wanted = order(table, view)
    state = _state(table, view)
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    first = query.ordered(view, rows, wanted)[:FIRST]
    return {
        "table": table.key,
        "title": table.title,
        "collector": table.collector,
        "rows": part.rows,
        "late": part.late,
        "state": state,
        "states": _states(view, state, rows) if state else [],
        "columns": [shown for shown in table.shown if shown != TEAM],
        "sums": _sums(table, view, rows, teams, name),
        "first": [_row(table, view, row, decode(view.row(row, 0))) for row in first],
        "sort": ",".join(f"-{key}" if descending else key for key, descending in wanted),
    }


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
    table: TableDescription, view: View, rows: Sequence[int], teams: Teams, name: str
) -> dict[str, Json]:
    """Return the sums of a team, each with its share.

    That is a share of what all rows of the table have, those without a team included; or, where
    the table has the share of each row itself, as ``cpuShare`` beside ``cpuRequested``, their sum,
    which is a share of what that column is one of.
    """
    part, totals = teams.parts[name][table.key], teams.totals[table.key]
    found: dict[str, Json] = {}
    for column in view.schema.sums:
        if column not in table.shown:
            continue
        own = share_column(table, column)
        share: float | None
        if own:
            numbers = view.numbers[own]
            share = query.total(numbers[row] for row in rows if not isnan(numbers[row]))
        else:
            share = part.sums[column] / totals[column] if totals[column] else None
        found[column] = {"value": part.sums[column], "share": share, "shareOf": own}
    return found


def share_column(table: TableDescription, name: str) -> str:
    """Return the column with the share of ``<x>Requested``, if there is a ratio ``<x>Share``."""
    stem = name.removesuffix("Requested")
    column = table.column(f"{stem}Share") if stem != name else None
    return column.name if column and column.type == "ratio" else ""


def _sentence(name: str, sections: Sequence[Mapping[str, Any]], findings: int) -> str:
    """Return what a team has in a line, which is the first that people read of it."""
    rows: Counter[str] = Counter()
    for each in sections:
        rows[each["title"]] += each["rows"]
    parts = [f"{number:,} {title[:1].lower()}{title[1:]}" for title, number in rows.items()]
    late = sum(each["late"] for each in sections)
    parts.append(f"{late:,} late" if late else "none late")
    parts.append(f"{findings:,} finding{'' if findings == 1 else 's'}")
    return f"{name or 'Without a team'}: {', '.join(parts)}"
