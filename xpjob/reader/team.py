"""One team: a section for each table in which it has rows, and its findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from xpjob.collect.contract import Collectors
from xpjob.collect.tables import title_of
from xpjob.net import deadline
from xpjob.reader import findings, summaries
from xpjob.reader.cards import counted
from xpjob.reader.entries import TEAM, has_team
from xpjob.reader.loaded import Loaded
from xpjob.reader.needs import Needs
from xpjob.reader.parameters import QueryError, unknown
from xpjob.reader.render import Json
from xpjob.reader.table import View
from xpjob.reader.team_section import FIRST, section
from xpjob.reader.teams import Teams

NAMESPACE = "namespace"
_NAMESPACES = 50
"""Namespaces of a team by which other tables are filtered: a query has few parameters."""


@dataclass(frozen=True, slots=True)
class Part:
    """The snapshot of one cluster, and the views of ``tables_of`` it."""

    snapshot: Loaded
    views: Mapping[str, View]


def tables_of(snapshot: Loaded) -> list[str]:
    """Return the keys of the tables whose views a ``Part`` has.

    Beside those with teams these are tables with namespaces, if there is a table of namespaces that
    says whose each is.
    """
    readable = snapshot.prepared.tables
    found = snapshot.with_teams
    if not _namespaces_table(snapshot):
        return found
    return [
        key
        for key, table in snapshot.tables.items()
        if key in found or (key in readable and NAMESPACE in table.filters)
    ]


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
        cluster = {"cluster": part.snapshot.stamp.cluster}
        for key, rows, filters in _rows(part, name):
            deadline.check()
            table, view = part.snapshot.tables[key], part.views[key]
            totals = part.snapshot.prepared.teams.totals.get(key) or summaries.sums(
                view, range(len(view))
            )
            sections.append({**section(table, view, rows, filters, totals), **cluster})
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
        "needs": _needs(name, parts),
        "sections": sections,
        "findings": {"total": len(found), "entries": found[:FIRST]},
        "notRunning": not_running(collectors, running),
    }


def _needs(name: str, parts: Sequence[Part]) -> Json:
    own = [part.snapshot.prepared.team_needs.get(name, Needs()) for part in parts]
    needs = Needs.merged(own)
    return {
        "total": needs.total,
        "critical": needs.critical,
        "warning": needs.warning,
        "entries": needs.entries,
    }


def _rows(
    part: Part, name: str
) -> Iterator[tuple[str, Sequence[int], Mapping[str, Sequence[str]]]]:
    """Yield the tables with rows of a team, these rows, and the filters that select them."""
    with_teams = part.snapshot.with_teams
    for key in with_teams:
        if rows := _having(part.views[key], TEAM, {name}):
            yield key, rows, {TEAM: [name]}
    owner = _namespaces_table(part.snapshot)
    if not owner or not name:  # a namespace without a team is no team's
        return
    column = part.views[owner].column(NAMESPACE)
    mine = {
        column.values[column.codes[row]] or "" for row in _having(part.views[owner], TEAM, {name})
    }
    for key, view in part.views.items():
        if key not in with_teams:
            own = mine & {value or "" for value in view.columns[NAMESPACE].values}
            if 0 < len(own) <= _NAMESPACES:
                yield key, _having(view, NAMESPACE, own), {NAMESPACE: sorted(own)}


def _having(view: View, name: str, values: set[str]) -> list[int]:
    column = view.column(name)
    codes = {code for code, value in enumerate(column.values) if (value or "") in values}
    return [row for row, code in enumerate(column.codes) if code in codes]


def _namespaces_table(snapshot: Loaded) -> str:
    """Return the first table that has one row for each namespace, with its team."""
    for key in snapshot.with_teams:
        if snapshot.tables[key].identity == (NAMESPACE,):
            return key
    return ""


def not_running(collectors: Collectors, running: set[str]) -> list[str]:
    """Return the titles of collectors with tables with teams that are not in the snapshot."""
    return [
        title_of(collector.name)
        for collector in collectors
        if collector.name not in running
        and any(has_team(spec.describe(collector.name)) for spec in collector.tables)
    ]


def _sentence(name: str, sections: Sequence[Mapping[str, Any]], findings: int) -> str:
    """Return what a team has in a line, which is the first that people read of it."""
    rows: Counter[str] = Counter()
    for each in sections:
        rows[each["title"]] += each["rows"]
    parts = [counted(title, number) for title, number in rows.items()]
    late = sum(each["late"] for each in sections)
    parts.append(f"{late:,} late" if late else "none late")
    parts.append(f"{findings:,} finding{'' if findings == 1 else 's'}")
    return f"{f'{name} has' if name else 'Without a team there are'} {', '.join(parts)}"
