"""Counters and histograms that go on from run to run, through the store."""

from __future__ import annotations

import copy
from bisect import bisect_left

from msgspec import Struct, field

from xpjob.collect.outcome import MOST

POLL_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
READY_BOUNDS = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0)
PERSIST_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Histogram(Struct, rename="camel"):
    """Observations in seconds. ``counts`` is one longer than ``bounds``: the last is +Inf."""

    bounds: list[float]
    counts: list[int]
    sum: float = 0.0

    @classmethod
    def empty(cls, bounds: tuple[float, ...]) -> Histogram:
        """Return a histogram without observations."""
        return cls(list(bounds), [0] * (len(bounds) + 1))

    def observe(self, value: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def add(self, other: Histogram) -> None:
        """Count the observations of another one with the same bounds."""
        self.counts = [one + two for one, two in zip(self.counts, other.counts, strict=True)]
        self.sum += other.sum

    def buckets(self) -> list[tuple[str, float]]:
        """Return cumulative buckets as (upper bound, count), the last one "+Inf"."""
        names = [*(str(bound) for bound in self.bounds), "+Inf"]
        total = 0
        pairs: list[tuple[str, float]] = []
        for name, count in zip(names, self.counts, strict=True):
            total += count
            pairs.append((name, total))
        return pairs

    def sound(self, bounds: tuple[float, ...]) -> bool:
        """Tell whether this can be continued: same bounds, one count each, all possible."""
        return (
            tuple(self.bounds) == bounds
            and len(self.counts) == len(bounds) + 1
            and all(0 <= number <= MOST for number in (*self.counts, self.sum))
        )


class TimeToReady(Struct, rename="camel"):
    """How long objects of one kind and composition took from creation to first being ready.

    It is kept with the records that it was counted from, so that none is counted twice.
    """

    class_: str = field(name="class")
    group: str
    kind: str
    composition: str
    histogram: Histogram

    @classmethod
    def of(cls, class_: str, group: str, kind: str, composition: str) -> TimeToReady:
        """Return one without observations."""
        return cls(class_, group, kind, composition, Histogram.empty(READY_BOUNDS))

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Return what tells it from others."""
        return (self.class_, self.group, self.kind, self.composition)

    def usable(self) -> TimeToReady:
        """Return a copy to count on, started anew where it cannot be continued."""
        sound = self.histogram.sound(READY_BOUNDS)
        return copy.deepcopy(self) if sound else TimeToReady.of(*self.key)


class Counters(Struct, rename="camel"):
    """What only ever grows. A lost store starts it anew, which Prometheus takes for a reset."""

    poll_errors: dict[str, int] = field(default_factory=dict)
    poll_duration: Histogram = field(default_factory=lambda: Histogram.empty(POLL_BOUNDS))
    persist_duration: Histogram = field(default_factory=lambda: Histogram.empty(PERSIST_BOUNDS))

    def usable(self) -> Counters:
        """Return these counters, with what cannot be continued started anew."""
        return Counters(
            {gvr: count for gvr, count in self.poll_errors.items() if 0 <= count <= MOST},
            self.poll_duration
            if self.poll_duration.sound(POLL_BOUNDS)
            else Histogram.empty(POLL_BOUNDS),
            self.persist_duration
            if self.persist_duration.sound(PERSIST_BOUNDS)
            else Histogram.empty(PERSIST_BOUNDS),
        )
