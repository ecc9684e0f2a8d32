"""Counters and histograms that go on from run to run, through the store."""

from __future__ import annotations

from bisect import bisect_left

from msgspec import Struct, field

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
        """Tell whether this can be continued: same bounds, one count each, none negative."""
        return (
            tuple(self.bounds) == bounds
            and len(self.counts) == len(bounds) + 1
            and min(self.counts) >= 0
        )


class Counters(Struct, rename="camel"):
    """What only ever grows. A lost store starts it anew, which Prometheus takes for a reset."""

    poll_errors: dict[str, int] = field(default_factory=dict)
    poll_duration: Histogram = field(default_factory=lambda: Histogram.empty(POLL_BOUNDS))
    persist_duration: Histogram = field(default_factory=lambda: Histogram.empty(PERSIST_BOUNDS))

    def usable(self) -> Counters:
        """Return these counters, with what cannot be continued started anew."""
        return Counters(
            {gvr: count for gvr, count in self.poll_errors.items() if count >= 0},
            self.poll_duration
            if self.poll_duration.sound(POLL_BOUNDS)
            else Histogram.empty(POLL_BOUNDS),
            self.persist_duration
            if self.persist_duration.sound(PERSIST_BOUNDS)
            else Histogram.empty(PERSIST_BOUNDS),
        )
