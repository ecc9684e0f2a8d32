"""Count usage: from the previous state, this run's lists and readings, to the next state.

Life times are integrated, not sampled: an object that is listed at a time, and was created before,
has existed all the time between. No I/O, and no clock: the same arguments give the same state, so
a run that lost a race counts anew from the state of the run that won.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from xpjob.collect.meters import Key, Reading
from xpjob.usage.counters import Series
from xpjob.usage.days import OpenDays, Sums, name_of, number_of, split
from xpjob.usage.rules import DAY, KEEP_PENDING, Rules
from xpjob.usage.state import Closed, ListState, Observed, UsageState


class Planned(NamedTuple):
    """A list of this run. ``at`` is when it was made, in epoch seconds; 0 if it does not count.

    ``list`` identifies it among the lists of its collector. ``gone``: its kind is not served any
    more.
    """

    collector: str
    list: str
    at: int
    class_: str = ""
    group: str = ""
    resource: str = ""
    kind: str = ""
    namespace: str = ""
    gone: bool = False

    @property
    def identity(self) -> tuple[str, str]:
        """Return what identifies it among all lists."""
        return self.collector, self.list

    def counted_until(self, until: int) -> ListState:
        """Return its state."""
        return ListState(
            *self.identity, until, self.class_, self.group, self.resource, self.namespace
        )

    def overlaps(self, other: ListState) -> bool:
        """Return whether both may have the same objects."""
        mine = (self.collector, self.class_, self.group, self.resource)
        theirs = (other.collector, other.class_, other.group, other.resource)
        return mine == theirs and (
            "" in (self.namespace, other.namespace) or self.namespace == other.namespace
        )


class Window(NamedTuple):
    """The time that is counted of a list, empty if none is. ``bridged``: runs are missing in it.

    ``until`` is what the list is counted until afterwards.
    """

    begin: int
    end: int
    until: int
    bridged: bool


Unsure = Collection[tuple[str, str]]
"""Collectors whose plan lacks lists: with the group that is unknown, or "" for all groups."""


def windows(state: UsageState, lists: Sequence[Planned], rules: Rules) -> Sequence[Window | None]:
    """Return the window of each list; None for a list that does not count."""
    planned = {each.identity for each in lists if not each.gone}
    known = {each.identity: each.until for each in state.lists}
    former = [each for each in state.lists if each.identity not in planned]
    ahead = _Ahead(state)
    return [
        _window(each, known.get(each.identity), state, former, ahead, rules) if each.at else None
        for each in lists
    ]


def count(
    state: UsageState,
    lists: Sequence[Planned],
    counted: Sequence[Window | None],
    readings: Iterable[Reading],
    now: int,
    rules: Rules,
    unsure: Unsure = (),
) -> UsageState:
    """Return the state after a run. ``Reading.list`` is a position in ``lists``.

    ``counted`` are their windows; readings of lists without one are ignored. ``now`` is the time of
    the run.
    """
    series = Series(state.totals, state.folded, now, rules.max_series)
    days = _days(readings, counted)
    series.add(_total(days.values()))
    for at, day, observed in _observed(lists, counted):
        days.setdefault((at, day), Sums()).observe(observed)
        series.observe(observed.collector, observed.seconds, bridged=observed.bridged > 0)
    open_days = OpenDays(state.open, map(number_of, state.closed))
    open_days.merge(days, rules)
    until = {each.identity: each for each in state.lists}
    for planned, window in zip(lists, counted, strict=True):
        if window is not None:
            until[planned.identity] = planned.counted_until(window.until)
    awaited = _awaited(lists, unsure, until.values(), now - rules.max_gap)
    complete = min((each.until for each in awaited), default=None)
    closed = open_days.close(complete, now, rules.grace)
    totals, folded = series.stored()
    days_closed = sorted(open_days.closed)
    # As many stay as can get corrections, also if the clock of this run is ahead: a day that is
    # forgotten would be opened again.
    latest = days_closed[-(rules.max_gap // DAY + 3) :]
    return UsageState(
        lists=tuple(
            each
            for _, each in sorted(until.items())
            if each in awaited or _is_kept(each, lists, open_days.closed, now, rules)
        ),
        totals=totals,
        folded=folded,
        open=open_days.stored(),
        closed=tuple(
            name_of(day)
            for day in days_closed
            if day in latest or (day + 2) * DAY + rules.max_gap >= now
        ),
        pending=(*(each for each in state.pending if _is_due(each, now)), *closed),
    )


class _Ahead:
    """What runs have counted whose clock was ahead: it is not counted again when its time comes."""

    def __init__(self, state: UsageState) -> None:
        self._closed = {number_of(day) for day in state.closed}
        self._observed = {
            (number_of(day.day), observed.identity): min(observed.seconds, DAY)
            for day in state.open
            for observed in day.observed
        }

    def first(self, planned: Planned, begin: int) -> tuple[int, int] | None:
        """Return from when to when it first is after ``begin``; None if it is not.

        A day that is closed before its end, or after one that is not closed, was closed by such a
        run: it is not corrected. Others were closed in their order, and are.
        """
        today, opened = planned.at // DAY, False
        for day in range(begin // DAY, today + 1):
            closed = day in self._closed
            opened = opened or not closed
            if (closed and (opened or day == today)) or self._end(planned, day) > begin:
                end = day
                while end in self._closed:
                    end += 1
                return max(begin, day * DAY), max(self._end(planned, end), end * DAY)
        return None

    def _end(self, planned: Planned, day: int) -> int:
        """Return until when an open day is counted, at least."""
        seconds = self._observed.get((day, planned.identity), 0)
        return day * DAY + seconds if seconds else 0


def _window(
    planned: Planned,
    until: int | None,
    state: UsageState,
    former: Sequence[ListState],
    ahead: _Ahead,
    rules: Rules,
) -> Window:
    at = planned.at
    if until is None:
        replaced = [each.until for each in former if planned.overlaps(each)]
        # Of what it replaces, or of the previous run; the first run of all begins now.
        until = max(replaced or [each.until for each in state.lists], default=at)
    # Ahead by as much, it is of a clock that was wrong: the time until then was not counted.
    begin = at if abs(at - until) > rules.max_gap else until
    if at < begin:
        return Window(begin, begin, begin, bridged=False)
    end = until = at
    if found := ahead.first(planned, begin):
        end, until = found
    return Window(begin, end, until, bridged=rules.is_gap(end - begin))


def _days(
    readings: Iterable[Reading], counted: Sequence[Window | None]
) -> dict[tuple[int, int], Sums]:
    """Return what is counted, by the day in which it was, and the day for which."""
    days: dict[tuple[int, int], Sums] = {}
    for number, key, amount, begin, end in readings:
        window = counted[number]
        if window is None:
            continue
        begin = max(begin, window.begin)
        last = window.end if end is None else min(end, window.end)
        for day, seconds in split(begin, last):
            sums = days.get((window.end // DAY, day))
            if sums is None:
                sums = days[window.end // DAY, day] = Sums()
            sums.add(key, amount * seconds, bridged=window.bridged)
    return days


def _total(days: Iterable[Sums]) -> dict[Key, int]:
    totals: dict[Key, int] = {}
    for sums in days:
        for key, (quantity, _) in sums.rows.items():
            totals[key] = totals.get(key, 0) + quantity
    return totals


def _observed(
    lists: Sequence[Planned], counted: Sequence[Window | None]
) -> Iterator[tuple[int, int, Observed]]:
    """Yield the seconds of each list, with the day in which it was counted, and for which."""
    for planned, window in zip(lists, counted, strict=True):
        if window is None:
            continue
        for day, seconds in split(window.begin, window.end):
            yield (
                window.end // DAY,
                day,
                Observed(
                    *planned.identity,
                    seconds,
                    seconds if window.bridged else 0,
                    planned.class_,
                    planned.group,
                    planned.kind,
                    planned.namespace,
                ),
            )


def _awaited(
    lists: Sequence[Planned], unsure: Unsure, states: Iterable[ListState], since: int
) -> set[ListState]:
    """Return the lists for which a day stays open: those that are planned, or may be.

    What a list had before ``since`` will not be counted.
    """
    planned = {each.identity for each in lists if not each.gone}
    return {
        each
        for each in states
        if each.until >= since
        and (
            each.identity in planned
            or (each.collector, "") in unsure
            or (each.collector, each.group) in unsure
        )
    }


def _is_kept(
    state: ListState, lists: Sequence[Planned], closed: Collection[int], now: int, rules: Rules
) -> bool:
    """Return whether a list that is not planned may go on: not after its day, nor if replaced."""
    if any(each.at and each.overlaps(state) for each in lists):
        return False
    if state.until - now > rules.max_gap:
        return False  # of a clock that was wrong
    day = state.until // DAY
    return day not in closed and now < (day + 1) * DAY + rules.grace


def _is_due(closed: Closed, now: int) -> bool:
    return now - (number_of(closed.day) + 1) * DAY <= KEEP_PENDING
