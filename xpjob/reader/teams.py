"""Teams: what each has in every table with a column ``team``, counted once for each snapshot.

A team is the text of that column. It is who is to be asked, and gives and takes no rights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from math import isnan

from xpjob.collect.description import LATENESS, TableDescription
from xpjob.collect.findings import Finding
from xpjob.net import deadline
from xpjob.reader import summaries
from xpjob.reader.derived import TOO_LATE
from xpjob.reader.entries import TEAM
from xpjob.reader.render import Json
from xpjob.reader.table import View

_ADDED: frozenset[str] = frozenset({"cores", "bytes", "money"})
"""Types of columns whose sums are of the team, whichever table they are in. Counts are not."""


@dataclass(slots=True)
class Part:
    """What one team has in one table. ``sums`` are those of the columns that are added up."""

    rows: int = 0
    late: int = 0
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, other: Part) -> None:
        """Add what it has elsewhere."""
        self.rows += other.rows
        self.late += other.late
        _add(self.sums, other.sums)


@dataclass(frozen=True, slots=True)
class Teams:
    """All teams of a snapshot. ``parts`` are by team and table, ``totals`` by table."""

    tables: tuple[str, ...]
    parts: Mapping[str, Mapping[str, Part]]
    totals: Mapping[str, Mapping[str, float]]
    findings: Mapping[str, int]

    @property
    def names(self) -> list[str]:
        """Return the names, sorted; the empty one is what has no team."""
        return sorted({*self.parts, *self.findings})


def of_findings(findings: Iterable[Finding]) -> Teams:
    """Return the teams of findings."""
    return Teams((), {}, {}, Counter(finding.team for finding in findings))


def count(views: Mapping[str, View]) -> Teams:
    """Return the teams in the views of the tables that have them. Raises ``DeadlineError``."""
    parts: dict[str, dict[str, Part]] = {}
    totals: dict[str, Mapping[str, float]] = {}
    for key, view in views.items():
        deadline.check()
        column = view.column(TEAM)
        names = [name or "" for name in column.values]
        late = _late(view)
        rows, lates = Counter(column.codes), Counter(compress(column.codes, late))
        sums = {name: _sums(column.codes, view.numbers[name]) for name in view.schema.sums}
        for code, number in rows.items():
            own = {name: by_code.get(code, 0) for name, by_code in sums.items()}
            parts.setdefault(names[code], {}).setdefault(key, Part()).add(
                Part(number, lates[code], own)
            )
        totals[key] = {name: summaries.total(by_code.values()) for name, by_code in sums.items()}
    return Teams(tuple(views), parts, totals, {})


def document(
    teams: Teams, tables: Mapping[str, TableDescription], words: Sequence[str], limit: int
) -> Json:
    """Return the list of the teams in whose names these words occur."""
    folded = [word.casefold() for word in words]
    names = [name for name in teams.names if all(word in name.casefold() for word in folded)]
    added = _added(teams, tables)
    return {
        "teams": [_listed(name, teams, added) for name in names[:limit]],
        "total": len(names),
        "tables": [
            {"key": key, "title": tables[key].title, "collector": tables[key].collector}
            for key in teams.tables
        ],
        "sums": [
            {"column": name, "title": column.title or name, "type": column.type, "table": key}
            for name, key in added.items()
            if (column := tables[key].column(name))
        ],
    }


def _listed(name: str, teams: Teams, added: Mapping[str, str]) -> Json:
    parts = teams.parts.get(name, {})
    return {
        "name": name,
        "rows": {key: part.rows for key, part in parts.items()},
        "late": sum(part.late for part in parts.values()),
        "findings": teams.findings.get(name, 0),
        "sums": {
            column: parts[key].sums[column]
            for column, key in added.items()
            if key in parts and column in parts[key].sums  # not in each version of the table
        },
    }


def _added(teams: Teams, tables: Mapping[str, TableDescription]) -> Mapping[str, str]:
    """Return the columns that are added up for a team, each with the first table that has it.

    Two tables with a column of one name say the same of the same things, or nothing that adds up.
    """
    found: dict[str, str] = {}
    for key in teams.tables:
        for column in tables[key].columns:
            if column.type in _ADDED and column.name in tables[key].shown:
                found.setdefault(column.name, key)
    return found


def _late(view: View) -> Iterable[bool]:
    column = view.columns.get(LATENESS)
    if column is None:
        return ()
    late = [value in TOO_LATE for value in column.values]
    return map(late.__getitem__, column.codes)


def _sums(codes: Sequence[int], numbers: Sequence[float]) -> Mapping[int, float]:
    """Return the exact sums by code."""
    found: dict[int, list[float]] = {}
    for code, number in zip(codes, numbers, strict=True):
        if not isnan(number):
            found.setdefault(code, []).append(number)
    return {code: summaries.total(some) for code, some in found.items()}


def merged(every: Sequence[Teams]) -> Teams:
    """Return the teams of several clusters as those of one."""
    if len(every) == 1:
        return every[0]
    parts: dict[str, dict[str, Part]] = {}
    totals: dict[str, dict[str, float]] = {}
    findings: Counter[str] = Counter()
    for teams in every:
        findings.update(teams.findings)
        for name, own in teams.parts.items():
            for key, part in own.items():
                parts.setdefault(name, {}).setdefault(key, Part()).add(part)
        for key, sums in teams.totals.items():
            _add(totals.setdefault(key, {}), sums)
    tables = dict.fromkeys(key for teams in every for key in teams.tables)
    return Teams(tuple(tables), parts, totals, findings)


def _add(sums: dict[str, float], others: Mapping[str, float]) -> None:
    for name, number in others.items():
        sums[name] = summaries.total((sums.get(name, 0), number))
