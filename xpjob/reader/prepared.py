"""What is computed of a snapshot once, when it is loaded: all that does not change with the time.

Plain data that can be pickled, so that it can be computed in another process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import Raw

from xpjob.collect.description import LATENESS, TableDescription
from xpjob.collect.findings import Finding
from xpjob.reader import cards, described, facets, ids, teams
from xpjob.reader.cards import Card, Number, TableCard
from xpjob.reader.derived import TOO_LATE
from xpjob.reader.entries import TEAM, has_team
from xpjob.reader.facets import Facts
from xpjob.reader.gathering import Gathering, Part, what
from xpjob.reader.ids import Ids
from xpjob.reader.needs import Needs
from xpjob.reader.packed import Packed
from xpjob.reader.table import Stamp, View
from xpjob.reader.teams import Teams
from xpjob.reader.trees import Trees, grow
from xpjob.snapshot.documents import UNREADABLE, Head

UNREADABLE_TABLE = "its rows cannot be read; the next run that succeeds replaces them"


@dataclass(frozen=True, slots=True)
class PreparedTable:
    """What is known of all rows of a table. ``facts`` has a facet for each of its filters."""

    facts: Facts
    ids: Ids

    @property
    def late(self) -> int:
        """Return how many rows are late."""
        return sum(self.facts.lateness.get(each, 0) for each in TOO_LATE)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a snapshot's answers share.

    ``tables`` has those that can be read; ``trees`` are those of each collector that has some.
    ``needs`` are of all, and ``team_needs`` of the rows and objects of each team; ``teams`` has
    what each has.
    """

    tables: Mapping[str, PreparedTable]
    trees: Mapping[str, Trees]
    cards: tuple[Card, ...]
    needs: Needs
    team_needs: Mapping[str, Needs]
    teams: Teams


def prepare(raw: Packed, stamp: Stamp, views: dict[str, View] | None = None) -> Prepared:
    """Return what can be said of a snapshot. Tables that cannot be read have nothing in it.

    ``views`` gets the views of the others, which are made for this anyway.
    """
    collectors = by_collector(raw.head)
    owned = _findings(raw.head, list(collectors))
    sections: dict[str, _Section] = {}
    gatherings: list[Gathering] = []
    for name, described_tables in collectors.items():
        sections[name] = _Section(name, described_tables, raw, stamp, owned[name], gatherings)
    tables: dict[str, PreparedTable] = {}
    team_needs: dict[str, list[Needs]] = {}
    for section in sections.values():
        tables |= section.tables
        if views is not None:
            views |= section.views()
        for team, own in section.team_needs.items():
            team_needs.setdefault(team, []).append(own)
    blind = cards.unseen(raw.head, list(collectors))
    return Prepared(
        tables,
        {name: each.trees for name, each in sections.items() if each.trees},
        tuple(each.card for each in sections.values()),
        Needs.merged([blind, *(each.needs for each in sections.values())]),
        {team: Needs.merged(several) for team, several in team_needs.items()},
        teams.merged([teams.of_findings(raw.head.findings), *(s.teams for s in sections.values())]),
    )


class _Section:
    """What is computed of the tables of one collector; their rows are let go with it."""

    def __init__(
        self,
        name: str,
        tables: Sequence[TableDescription],
        raw: Packed,
        stamp: Stamp,
        findings: Sequence[Finding],
        gatherings: list[Gathering],
    ) -> None:
        """``gatherings`` are those of earlier collectors; this one's is added."""
        head = raw.head
        parts: list[Part] = []
        numbers: list[Number] = []
        bad: dict[str, str] = {}
        listed: list[TableCard] = []
        self.tables: dict[str, PreparedTable] = {}
        self._outlines: list[tuple[TableDescription, View]] = []
        owned: dict[str, View] = {}
        outcome = cards.outcome_of(head, name)
        for table in tables:
            rows: Sequence[Raw | bytes] = ()
            error = outcome.error
            try:
                rows = raw.rows(table.key)
                view = described.outline_of(table, rows, stamp, also=(TEAM,))
                own = PreparedTable(facets.all_facts(view), ids.index(table, rows))
            except UNREADABLE:
                late, error = 0, error or UNREADABLE_TABLE
            else:
                self.tables[table.key] = own
                self._outlines.append((table, view))
                late = own.late
                numbers += cards.numbers(table, view)
                parts.append(_part(table, rows, own.ids, view))
                if has_team(table):
                    owned[table.key] = view
                if count := cards.not_ok(table, view):
                    bad[table.key] = f"{count:,} {what(table).lower()}"
            listed.append(
                TableCard(
                    key=table.key,
                    title=table.title,
                    rows=len(rows),
                    late=late,
                    error=error,
                    carried_since=outcome.carried_since,
                )
            )
        self.teams = teams.count(owned)
        readable = [part.table for part in parts]
        self.trees = grow(readable, {part.table.key: part.rows for part in parts})
        gathering = Gathering(name, head.cluster, parts, self.trees)
        gathering.take(findings)
        gathering.leave_out(gatherings)
        gatherings.append(gathering)
        self.needs, self.team_needs = gathering.result()
        self.card = cards.card(name, head, listed, numbers, bad)

    def views(self) -> dict[str, View]:
        """Return the views of the tables that can be read."""
        return {t.key: described.with_trees(t, view, self.trees) for t, view in self._outlines}


def _part(table: TableDescription, rows: Sequence[Raw | bytes], own: Ids, view: View) -> Part:
    late = view.columns[LATENESS].codes if LATENESS in view.schema.derived else None
    return Part(table, rows, own, late, view.times.get(table.since), view.columns.get(TEAM))


def _findings(head: Head, collectors: Sequence[str]) -> Mapping[str, list[Finding]]:
    """Return the findings of each collector, each finding once.

    One that names no collector of the snapshot is of that of its table, or else of the first.
    """
    found: dict[str, list[Finding]] = {name: [] for name in collectors}
    of_table = {table.key: table.collector for table in head.tables or ()}
    for finding in head.findings if collectors else ():
        owner = finding.collector
        if owner not in found:
            owner = of_table.get(finding.table, collectors[0])
        found[owner].append(finding)
    return found


def by_collector(head: Head) -> Mapping[str, list[TableDescription]]:
    """Return the tables of each collector, in the order in which collectors ran."""
    found: dict[str, list[TableDescription]] = {
        outcome.collector: [] for outcome in head.collectors or ()
    }
    for table in head.tables or ():
        found.setdefault(table.collector, []).append(table)
    return found
