"""Open days: adding to them under the limit of rows, corrections, and closing them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone

from msgspec import structs

from xpjob.collect.meters import Key
from xpjob.usage.rules import DAY, Rules, other_row
from xpjob.usage.state import Amount, Closed, Day, Observed, Open

Pair = list[int]
"""A quantity, and the part of it that is bridged."""


def name_of(number: int) -> str:
    """Return the name of a day, by its number since 1970."""
    return datetime.fromtimestamp(number * DAY, timezone.utc).strftime("%Y-%m-%d")


def number_of(name: str) -> int:
    """Return the number of a day, by its name."""
    moment = datetime.strptime(name, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    return int(moment.timestamp()) // DAY


def split(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the days of a time, and how many seconds of each."""
    while begin < end:
        day = begin // DAY
        until = min(end, (day + 1) * DAY)
        yield day, until - begin
        begin = until


class Sums:
    """What is counted for one day: quantities by key, and the seconds of each list."""

    def __init__(self, day: Day | None = None) -> None:
        rows, observed = (day.rows, day.observed) if day else ((), ())
        self.rows: dict[Key, Pair] = {row.key: [row.quantity, row.bridged] for row in rows}
        self.observed = {one.identity: one for one in observed}

    def add(self, key: Key, quantity: int, *, bridged: bool) -> None:
        """Add a quantity."""
        pair = self.rows.get(key)
        if pair is None:
            pair = self.rows[key] = [0, 0]
        pair[0] += quantity
        if bridged:
            pair[1] += quantity

    def observe(self, observed: Observed) -> None:
        """Add the seconds of a list."""
        if known := self.observed.get(observed.identity):
            observed = structs.replace(
                observed,
                seconds=observed.seconds + known.seconds,
                bridged=observed.bridged + known.bridged,
            )
        self.observed[observed.identity] = observed

    def merge(self, other: Sums, rules: Rules) -> None:
        """Add what one run has counted. Keys beyond the limit count to ``__other__``.

        What has a row keeps it; of what is new, the larger get one.
        """
        new: list[tuple[Key, Pair]] = []
        for key, pair in other.rows.items():
            if key in self.rows:
                self._add(key, pair)
            else:
                new.append((key, pair))
        room = rules.max_rows - len(self.rows)
        for key, pair in sorted(new, key=lambda item: (-item[1][0], item[0])):
            self._add(key if room > 0 else other_row(key, rules.meters), pair)
            room -= 1
        for observed in other.observed.values():
            self.observe(observed)

    def _add(self, key: Key, pair: Pair) -> None:
        known = self.rows.setdefault(key, [0, 0])
        known[0] += pair[0]
        known[1] += pair[1]

    def amounts(self) -> tuple[Amount, ...]:
        """Return the rows for storing."""
        return tuple(Amount(key, *pair) for key, pair in self.rows.items())


class OpenDays:
    """All open days, while a run is counted. Days are numbers since 1970."""

    def __init__(self, days: Iterable[Open], closed: Iterable[int]) -> None:
        self.closed = set(closed)
        self._days = {number_of(day.day): Sums(day) for day in days}
        self._corrections = {
            (number_of(day.day), number_of(of.day)): Sums(of)
            for day in days
            for of in day.corrections
        }

    def merge(self, counted: Mapping[tuple[int, int], Sums], rules: Rules) -> None:
        """Add what was counted: by the day in which it was, and the day for which.

        What is counted for a closed day becomes a correction of the first open day after.
        """
        for (at, day), sums in sorted(counted.items()):
            if day not in self.closed:
                self._days.setdefault(day, Sums()).merge(sums, rules)
                continue
            while at in self.closed:
                at += 1
            self._days.setdefault(at, Sums())
            self._corrections.setdefault((at, day), Sums()).merge(sums, rules)

    def close(self, until: int | None, now: int, grace: int) -> list[Closed]:
        """Close days, and return them: those before ``until``, and those whose grace is over.

        ``until`` is None if there is no list to wait for.
        """
        made: list[Closed] = []
        for day in sorted(self._days):
            midnight = (day + 1) * DAY
            complete = now >= midnight and (until is None or until >= midnight)
            if complete or now >= midnight + grace:
                made.append(self._closed(day))
                self.closed.add(day)
        return made

    def stored(self) -> tuple[Open, ...]:
        """Return the days that are open, for storing."""
        return tuple(
            Open(name_of(day), sums.amounts(), tuple(sums.observed.values()), self._of(day))
            for day, sums in sorted(self._days.items())
        )

    def _closed(self, day: int) -> Closed:
        corrections = self._of(day)
        for key in [key for key in self._corrections if key[0] == day]:
            del self._corrections[key]
        return Closed(*_sorted(day, self._days.pop(day)), corrections)

    def _of(self, day: int) -> tuple[Day, ...]:
        return tuple(
            Day(*_sorted(of, sums))
            for (at, of), sums in sorted(self._corrections.items())
            if at == day
        )


def _sorted(day: int, sums: Sums) -> tuple[str, tuple[Amount, ...], tuple[Observed, ...]]:
    rows = tuple(sorted(sums.amounts(), key=lambda row: row.key))
    return name_of(day), rows, tuple(sums.observed[name] for name in sorted(sums.observed))
