"""The sources collector: documents, lists, section and metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from xpjob.collect.before import Before
from xpjob.collect.contract import Listed, ListReader, Plan, Section, Subscription, World
from xpjob.collect.meters import Meter, Reading
from xpjob.collect.tables import TableSpec
from xpjob.collectors.sources import metrics, planning, section, usage
from xpjob.collectors.sources.options import SourcesOptions
from xpjob.collectors.sources.reader import SourceReader, SourceTally
from xpjob.collectors.sources.section import Memory, State
from xpjob.collectors.sources.tables import SERIES, SOURCES, TABLES
from xpjob.config.option import Group
from xpjob.metrics.series import SeriesTable
from xpjob.metrics.table import Table


class Sources:
    """Whatever users describe, over any kind."""

    name = "sources"
    options: type[Group] = SourcesOptions
    tables: Sequence[TableSpec] = TABLES
    carry: Literal["list", "section"] = "list"
    state: type[Struct] | None = State
    meters: Sequence[Meter] = usage.METERS
    results: Mapping[str, tuple[str, Any]] = {
        planning.SOURCE: ("sourceTallies", list[SourceTally]),
    }

    def plan(self, world: World) -> Plan:
        """Read the documents, and subscribe to the kinds that they count."""
        return planning.plan(world)

    def reader(self, subscription: Subscription) -> ListReader:
        """Return a new reader of one list."""
        return SourceReader(subscription.context)

    def recall(self, before: Before) -> Memory:
        """Return when each source last succeeded."""
        return section.recall(before)

    def finish(
        self, plan: Plan, listed: Sequence[Listed], before: Before | None, at: str
    ) -> Section:
        """Return the section: series, rows, and how each source went."""
        return section.make(plan.notes, listed, before, at)

    def readings(
        self, plan: Plan, listed: Sequence[Listed], section: Section, since: int
    ) -> Iterable[Reading]:
        """Yield what sources with a meter have, each in the lists that it counts."""
        return usage.readings(listed)

    def metrics(self, section: Section, at: str) -> Iterator[Table | SeriesTable]:
        """Yield the metric tables of the rows."""
        state = section.state if isinstance(section.state, State) else State()
        yield from metrics.families(section.tables[SERIES.key], state.source_families)
        yield from metrics.sources(section.tables[SOURCES.key], state.source_seconds)
