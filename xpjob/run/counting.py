"""Count the usage of a run: which lists count, what collectors read in them, and the next state."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from xpjob.base import times
from xpjob.collect.carry import ANY_RESOURCE
from xpjob.collect.contract import Collector, Listed, Section
from xpjob.collect.meters import Key, Meter, Metering, Reading, declared
from xpjob.collect.outcome import TargetOutcome
from xpjob.kube.lists import Moment
from xpjob.metrics import stored
from xpjob.metrics.stored import MetricTable
from xpjob.net.clock import Clock
from xpjob.run.plan import Collected, Gathered
from xpjob.run.previous import Previous
from xpjob.usage import counters, engine
from xpjob.usage.engine import Planned, Window
from xpjob.usage.rules import MAX_SKEW, Rules
from xpjob.usage.state import UsageState, future_of

_log = logging.getLogger(__name__)


class Measured(Protocol):
    """What a collector has made of its lists."""

    @property
    def kept(self) -> Sequence[TargetOutcome]:
        """Return the outcomes of lists that were not made, and whose rows are kept."""

    @property
    def readings(self) -> Sequence[Reading]:
        """Return what is counted, with positions in the lists of the collector."""


class Counting(Struct, frozen=True):
    """The counting of one run, from the state of the previous one.

    ``lists`` are those of all metering collectors, ``first`` the position of each one's first.
    """

    gathered: Gathered
    state: UsageState
    rules: Rules
    lists: Sequence[Planned]
    windows: Sequence[Window | None]
    first: dict[str, int]
    now: int
    skewed: bool

    @classmethod
    def of(
        cls, gathered: Gathered, previous: Previous | None, rules: Rules | None, clock: Clock
    ) -> Counting | None:
        """Prepare the counting; None if usage is not counted, or the previous state is unknown."""
        if rules is None or previous is None:
            return None
        state = previous.usage or UsageState()
        lists: list[Planned] = []
        first: dict[str, int] = {}
        moments: list[Moment] = []
        for collected in gathered:
            if isinstance(collected.collector, Metering):
                first[collected.collector.name] = len(lists)
                lists += [_planned(collected.collector, listed) for listed in collected.listed]
                moments += [listed.moment for listed in collected.listed if listed.moment.at]
        ahead = max((moment.ahead for moment in moments), key=abs, default=0)
        skewed = abs(ahead) > MAX_SKEW
        if skewed:
            _log.warning(
                "usage not counted: the clock differs from the API server's by more than five "
                "minutes; synchronise them (NTP), the next run makes up for it",
                extra={"own_clock_ahead_seconds": ahead},
            )
        now = max((moment.at for moment in moments), default=int(clock.now().timestamp()))
        windows = engine.windows(state, lists, rules)
        if moments and not skewed:
            _warn_of_future(state, windows, max(now, int(clock.now().timestamp())))
        return cls(gathered, state, rules, lists, windows, first, now, skewed)

    def readings(self, collected: Collected, section: Section) -> Sequence[Reading]:
        """Return the readings of a collector. Raises ``ValueError`` for undeclared meters."""
        collector = collected.collector
        if self.skewed or not isinstance(collector, Metering):
            return ()
        begins = [
            window.begin
            for number in range(len(collected.listed))
            if (window := self.windows[self.first[collector.name] + number])
            and window.begin < window.end
        ]
        if not begins:
            return ()
        made = list(collector.readings(collected.plan, collected.listed, section, min(begins)))
        for key in {each.key for each in made}:
            _check(collector.meters, key)
        for each in made:
            if each.amount < 0 or not 0 <= each.list < len(collected.listed):
                raise ValueError(f"invalid reading: {each}")
        return made

    def counted(self, made: Sequence[Measured | None]) -> UsageState:
        """Return the next state. ``made`` is what each collector has made, None if it failed."""
        if self.skewed:
            return self.state
        windows = list(self.windows)
        unsure: set[tuple[str, str]] = set()
        for collected, part in zip(self.gathered, made, strict=True):
            name = collected.collector.name
            if name not in self.first:
                continue
            unsure |= _unsure(collected, part)
            for number, listed in enumerate(collected.listed):
                if part is None or listed.outcome.unconfirmed:
                    windows[self.first[name] + number] = None
        before = {closed.day for closed in self.state.pending}
        state = engine.count(
            *(self.state, self.lists, windows, self._all(made), self.now, self.rules, unsure)
        )
        if lost := sorted(before - {closed.day for closed in state.pending}):
            _log.warning(
                "usage of days dropped: their files could not be stored for 31 days",
                extra={"days": lost},
            )
        return state

    def _all(self, made: Sequence[Measured | None]) -> Iterator[Reading]:
        for collected, part in zip(self.gathered, made, strict=True):
            offset = self.first.get(collected.collector.name, 0)
            for reading in part.readings if part else ():
                yield reading._replace(list=reading.list + offset)


def usage_metrics(state: UsageState) -> list[MetricTable]:
    """Return the metric tables of the counters. They are within the limit of series already."""
    return stored.store("", counters.tables(state.totals), len(state.totals) + 1)


def is_usage(table: MetricTable) -> bool:
    """Return whether a metric table has counters of usage."""
    return all(family.name.startswith(counters.PREFIX) for family in table.families)


def _warn_of_future(state: UsageState, windows: Sequence[Window | None], now: int) -> None:
    """Warn of lists that are counted until a time in the future, and say when they go on."""
    until = max(future_of(state, now), default=0)
    if not until:
        return
    resumed = max([now, *(window.until for window in windows if window)])
    text = (
        f"usage: nothing is counted until {times.rfc3339_seconds(resumed)}, as files or open days "
        "have that time already"
        if resumed > now + MAX_SKEW
        else "usage: counting goes on from now; what was since the last run with a right clock is "
        "not counted"
    )
    _log.warning(
        f"{text}: a run had a clock that was ahead, or this one's is behind; synchronise the "
        "clocks of the nodes (NTP)",
        extra={
            "counted_until": times.rfc3339_seconds(until),
            "now": times.rfc3339_seconds(now),
            "counted_again_from": times.rfc3339_seconds(resumed),
        },
    )


def _planned(collector: Collector, listed: Listed) -> Planned:
    key, subscription = listed.subscription.key, listed.subscription
    name = f"{subscription.role} {key}" + (" (metadata)" if key.metadata_only else "")
    return Planned(
        collector.name,
        name.lstrip(),
        listed.moment.at if subscription.metered else 0,
        subscription.role,
        key.gvr.group,
        key.gvr.resource,
        subscription.kind,
        key.namespace,
        listed.outcome.gone,
    )


def _unsure(collected: Collected, part: Measured | None) -> set[tuple[str, str]]:
    """Return which lists the plan may lack: of a plan that failed, or of groups."""
    name = collected.collector.name
    if collected.attempt.failed:
        return {(name, "")}
    groups = {
        subscription.key.gvr.group
        for subscription in collected.plan.subscriptions
        if subscription.error and subscription.key.gvr.resource == ANY_RESOURCE
    }
    groups |= {outcome.group for outcome in (part.kept if part else ())}
    return {(name, group) for group in groups if group}


def _check(meters: Sequence[Meter], key: Key) -> None:
    found = declared(meters, key.meter)
    if found is None:
        raise ValueError(f"a reading of the meter {key.meter!r}, which is not declared")
    for name in Key.__struct_fields__[1:]:
        if getattr(key, name) and name not in found.dimensions:
            raise ValueError(f"a reading of {key.meter!r} has {name!r}, which is not declared")
