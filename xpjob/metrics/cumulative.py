"""Counters and histograms that persist from run to run, in the store."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct, field

from xpjob.metrics.table import Key, fold

MAX_COUNT = 2**53
"""Metrics are floats: above this value they cannot count in steps of one."""
Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
"""A number in a stored document that can become a metric."""

POLL_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
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
        """Add the observations of another histogram with the same bounds."""
        self.counts = [one + two for one, two in zip(self.counts, other.counts, strict=True)]
        self.sum += other.sum

    def buckets(self) -> list[tuple[str, float]]:
        """Return cumulative buckets as (upper bound, count); the last bound is "+Inf"."""
        names = [*(str(bound) for bound in self.bounds), "+Inf"]
        total = 0
        pairs: list[tuple[str, float]] = []
        for name, count in zip(names, self.counts, strict=True):
            total += count
            pairs.append((name, total))
        return pairs

    def quantile(self, share: float) -> float:
        """Return the bound of the bucket that has a quantile; the highest for what is above all."""
        wanted = share * sum(self.counts)
        reached = (
            bound
            for bound, (_, count) in zip(self.bounds, self.buckets(), strict=False)
            if count >= wanted
        )
        return next(reached, self.bounds[-1])

    def sound(self, bounds: tuple[float, ...]) -> bool:
        """Return whether this can be continued: same bounds, one valid count per bucket."""
        return (
            tuple(self.bounds) == bounds
            and len(self.counts) == len(bounds) + 1
            and all(0 <= number <= MAX_COUNT for number in (*self.counts, self.sum))
        )


class HistogramTable(Struct):
    """One histogram family: a histogram for each label set, all with the same bounds."""

    name: str
    help: str
    labels: Sequence[str]
    bounds: tuple[float, ...]
    rows: dict[Key, Histogram] = {}

    def under(self, ceiling: int) -> HistogramTable:
        """Return this table folded to at most ``ceiling`` series; sums stay exact."""
        series_each = len(self.bounds) + 3  # the +Inf bucket, the sum and the count
        observed = {key: sum(histogram.counts) for key, histogram in self.rows.items()}
        folded = HistogramTable(self.name, self.help, self.labels, self.bounds)
        for key, to in fold(observed, max(1, ceiling // series_each)).items():
            folded.rows.setdefault(to, Histogram.empty(self.bounds)).add(self.rows[key])
        return folded


class Counters(Struct, rename="camel"):
    """Values that only increase. If the store is lost, Prometheus sees a counter reset."""

    poll_errors: dict[str, int] = {}
    poll_duration: Histogram = field(default_factory=lambda: Histogram.empty(POLL_BOUNDS))
    persist_duration: Histogram = field(default_factory=lambda: Histogram.empty(PERSIST_BOUNDS))
    usage_file_conflicts: int = 0

    def usable(self) -> Counters:
        """Return these counters, with those that cannot be continued reset."""
        return Counters(
            {gvr: count for gvr, count in self.poll_errors.items() if 0 <= count <= MAX_COUNT},
            self.poll_duration
            if self.poll_duration.sound(POLL_BOUNDS)
            else Histogram.empty(POLL_BOUNDS),
            self.persist_duration
            if self.persist_duration.sound(PERSIST_BOUNDS)
            else Histogram.empty(PERSIST_BOUNDS),
            self.usage_file_conflicts if 0 <= self.usage_file_conflicts <= MAX_COUNT else 0,
        )
