"""Groups of what is amiss in the tables and findings of one collector, and the entries of them."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec import Raw

from xpjob.collect.description import Link, Severity, TableDescription
from xpjob.collect.findings import Finding
from xpjob.collect.tables import row_values, title_of
from xpjob.reader import entries, needs
from xpjob.reader.derived import LONG, STATES, TOO_LATE
from xpjob.reader.ids import Ids, row_of
from xpjob.reader.needs import CRITICAL, GRAVE, SHOWN, Need, Needs, severity_of
from xpjob.reader.render import Json, rfc3339
from xpjob.reader.table import UNKNOWN, Column, seconds_of, text_of
from xpjob.reader.trees import Trees

MAX_TEAMS = 1000
"""Teams whose entries are kept; of further ones only the numbers are."""
_LONG_TEXT = 300
_NUMBERS = tuple(map(STATES.index, TOO_LATE))


@dataclass(frozen=True, slots=True)
class Part:
    """A table of the collector: its rows, and what is known of them by their number.

    ``lateness`` has codes of ``derived.STATES``, and is None as ``since`` for a table without.
    """

    table: TableDescription
    rows: Sequence[Raw | bytes]
    ids: Ids
    lateness: array[int] | None
    since: array[int] | None
    teams: Column | None

    def row(self, number: int) -> Json:
        """Return a row."""
        decoded: Json = msgspec.json.decode(self.rows[number])
        return decoded

    def team(self, number: int) -> str:
        """Return the team of a row."""
        if self.teams is None:
            return ""
        return self.teams.values[self.teams.codes[number]] or ""

    def find(self, identity: Sequence[str]) -> int | None:
        """Return the number of the row with this identity."""
        return row_of(self.table, self.rows, self.ids, identity)


@dataclass(slots=True)
class Group:
    """What is known of one entry before its texts are: the worst of its parts, and their number.

    ``late`` counts rows below the top. ``deepest`` is the late row that is farthest below it:
    depth, table and number. ``findings`` are those about the object or a row below it.
    """

    rank: int = len(GRAVE)
    since: int = UNKNOWN
    late: int = 0
    deepest: tuple[int, str, int] | None = None
    findings: list[Finding] = field(default_factory=list)

    def add(self, severity: Severity, since: int) -> None:
        """Take a part of this severity."""
        self.rank = min(self.rank, GRAVE.index(severity))
        if since != UNKNOWN and (self.since == UNKNOWN or since < self.since):
            self.since = since

    def find(self, finding: Finding) -> None:
        """Take a finding."""
        self.add(severity_of(finding), seconds_of(finding.since))
        self.findings.append(finding)

    @property
    def worst(self) -> Finding | None:
        """Return the gravest finding."""
        return min(self.findings, key=lambda f: GRAVE.index(severity_of(f)), default=None)

    @property
    def dependants(self) -> int:
        """Return how much suffers with it."""
        return max([self.late, *(finding.dependants for finding in self.findings)])

    @property
    def order(self) -> tuple[int, int, bool, int]:
        """Return the order of the entry, as far as it is known without its texts."""
        return (self.rank, -self.dependants, self.since == UNKNOWN, self.since)


class Gathering:
    """What is amiss with one collector's objects. Keys are (table, row), of the top of a tree."""

    def __init__(
        self, collector: str, cluster: str, parts: Iterable[Part], trees: Trees | None
    ) -> None:
        self._collector, self._cluster, self._trees = collector, cluster, trees
        self._parts = {part.table.key: part for part in parts}
        self._groups: dict[Hashable, Group] = {}
        for key, part in self._parts.items():
            if part.table.severity in GRAVE:
                self._take_rows(key, part)

    def take(self, findings: Iterable[Finding]) -> None:
        """Take the findings of the collector, each with the tree of its object."""
        for finding in filter(needs.counts, findings):
            self._group(self._key(finding)).find(finding)

    def leave_out(self, others: Iterable[Gathering]) -> None:
        """Leave out the objects of which another collector has an entry.

        A row is the same object as another one if its only identity column is linked to that of
        the other table.
        """
        same = {
            key: (link.table, other)
            for key, part in self._parts.items()
            for link in part.table.links
            for other in others
            if part.table.identity == (link.column,) and other.identifies(link)
        }
        for key in [each for each in self._groups if isinstance(each, tuple) and each[0] in same]:
            table, other = same[key[0]]
            part = self._parts[key[0]]
            if other.has(table, text_of(part.row(key[1]).get(part.table.identity[0]))):
                del self._groups[key]

    def identifies(self, link: Link) -> bool:
        """Return whether the link is to the only identity column of a table of this collector."""
        part = self._parts.get(link.table)
        return part is not None and part.table.identity == (link.to,)

    def has(self, table: str, identity: str) -> bool:
        """Return whether there is an entry of this row."""
        row = self._parts[table].find((identity,))
        return row is not None and self._top(table, row)[0] in self._groups

    def result(self) -> tuple[Needs, dict[str, Needs]]:
        """Return the entries: of all, and of each team."""
        by_team: dict[str, list[Hashable]] = {}
        for key, group in self._groups.items():
            by_team.setdefault(self._team(key, group), []).append(key)
        largest = {*sorted(by_team, key=lambda team: (-len(by_team[team]), team))[:MAX_TEAMS]}
        made: dict[Hashable, Need] = {}
        teams = {
            team: self._needs(keys, made if team in largest else None)
            for team, keys in by_team.items()
        }
        return self._needs(list(self._groups), made), teams

    def _needs(self, keys: list[Hashable], made: dict[Hashable, Need] | None) -> Needs:
        critical = sum(GRAVE[self._groups[key].rank] == CRITICAL for key in keys)
        if made is None:
            return Needs(critical, len(keys) - critical)
        found = []
        for key in self._first(keys):
            if key not in made:
                made[key] = self._need(key, self._groups[key])
            found.append(made[key])
        found.sort(key=lambda entry: entry.order)
        return Needs(critical, len(keys) - critical, tuple(found[:SHOWN]))

    def _first(self, keys: list[Hashable]) -> list[Hashable]:
        """Return the first keys, and all that are on a par with the last of them but for names."""
        ordered = sorted(keys, key=lambda key: self._groups[key].order)
        if len(ordered) <= SHOWN:
            return ordered
        last = self._groups[ordered[SHOWN - 1]].order
        return [key for key in ordered if self._groups[key].order <= last]

    def _take_rows(self, key: str, part: Part) -> None:
        if part.lateness is None or part.since is None:
            return
        for row, code in enumerate(part.lateness):
            if code in _NUMBERS:
                severity: Severity = CRITICAL if STATES[code] == LONG else part.table.severity
                top, depth = self._top(key, row)
                group = self._group(top)
                group.add(severity, part.since[row])
                group.late += depth > 0
                if group.deepest is None or depth > group.deepest[0]:
                    group.deepest = (depth, key, row)

    def _group(self, key: Hashable) -> Group:
        if (group := self._groups.get(key)) is None:
            group = self._groups[key] = Group()
        return group

    def _top(self, key: str, row: int) -> tuple[tuple[str, int], int]:
        """Return the top of a row's tree, and how far above the row it is."""
        if self._trees is None or key not in self._trees.starts:
            return (key, row), 0
        number = self._trees.number(key, row)
        return self._trees.place(self._trees.tops[number]), self._trees.depths[number]

    def _key(self, finding: Finding) -> Hashable:
        part = self._parts.get(finding.table)
        if part is not None and finding.row:
            row = part.find(row_values(finding.row))
            if row is not None:
                return self._top(finding.table, row)[0]
        return finding.ref

    def _team(self, key: Hashable, group: Group) -> str:
        if isinstance(key, tuple):
            table, row = key
            return self._parts[table].team(row)
        return group.findings[0].team

    def _need(self, key: Hashable, group: Group) -> Need:
        worst = group.worst
        need = Need(
            severity=GRAVE[group.rank],
            what=title_of(worst.finding) if worst else "",
            why=_short(worst.message) if worst else "",
            finding=worst.finding if worst else "",
            since="" if group.since == UNKNOWN else rfc3339(group.since),
            dependants=group.dependants,
            collector=self._collector,
            cluster=self._cluster,
        )
        if not isinstance(key, tuple):
            about = group.findings[0]
            return msgspec.structs.replace(
                need,
                kind=about.kind,
                namespace=about.namespace,
                name=about.name,
                team=about.team,
            )
        table, row = key
        part = self._parts[table]
        values = part.row(row)
        kind, namespace, name = naming(part.table, values)
        return msgspec.structs.replace(
            need,
            what=what(part.table) if group.deepest else need.what,
            why=self._why(key, group) or need.why,
            kind=kind,
            namespace=namespace,
            name=name,
            team=part.team(row),
            table=table,
            row=entries.id_of(part.table, values),
        )

    def _why(self, top: tuple[str, int], group: Group) -> str:
        """Return what the deepest late row says, with its name where it is not the top."""
        if group.deepest is None:
            return ""
        _, key, row = group.deepest
        part = self._parts[key]
        values = part.row(row)
        text = _short(entries.why_of(part.table, values))
        if not text or (key, row) == top:
            return text
        kind, _, name = naming(part.table, values)
        return f"{kind} {name}: {text}".lstrip()


def naming(table: TableDescription, row: Json) -> tuple[str, str, str]:
    """Return kind, namespace and name of a row, empty where it has none."""
    own = (table.name or table.identity or ("",))[-1]
    kind, namespace, name = (text_of(row.get(each)) for each in (entries.KIND, "namespace", own))
    return kind, "" if own == "namespace" else namespace, name


def what(table: TableDescription) -> str:
    """Return what is said of a row that is late."""
    column = table.column(table.ok)
    if column is None:
        return table.title
    return f"Not {(column.title or title_of(column.name)).lower()}"


def _short(text: str) -> str:
    """Return a text in one line; tenants and providers write it, at any length."""
    text = " ".join(text.split())
    return text if len(text) <= _LONG_TEXT else f"{text[:_LONG_TEXT]}…"
