"""The counters of usage, for graphs: their values, and their metric tables.

Values only grow, or end: a label set that has a series keeps it, and one that has none counts to
``__other__`` as long as it grows, even if there is room again. Were the smallest folded anew by
each run, ``__other__`` would fall, and ``increase`` would count what it had twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from xpjob.collect.meters import Key
from xpjob.metrics.table import Column, Table
from xpjob.usage.rules import (
    BRIDGED,
    COLLECTOR,
    COUNTED,
    FORGET_SERIES,
    OBSERVED,
    other_series,
    series_of,
)
from xpjob.usage.state import MOST, Folded, Total

PREFIX = "xpjob_usage_"
_LABELS = {"class_": "class"}
_FAMILIES = {
    "objects": (
        "xpjob_usage_object_seconds_total",
        "Seconds of existence of all objects, by class; never sum over classes.",
        1,
    ),
    "cpu_requests": (
        "xpjob_usage_cpu_request_core_seconds_total",
        "Cores that pods requested, times seconds.",
        1000,
    ),
    "memory_requests": (
        "xpjob_usage_memory_request_byte_seconds_total",
        "Bytes of memory that pods requested, times seconds.",
        1,
    ),
}
_OBSERVED = {
    OBSERVED: (
        "xpjob_usage_observed_seconds_total",
        "Seconds in which the lists of a collector were counted, summed over lists.",
    ),
    BRIDGED: (
        "xpjob_usage_bridged_seconds_total",
        "Observed seconds between runs that were further apart than three intervals.",
    ),
}


def of_collector(meter: str, collector: str) -> Key:
    """Return the labels of a counter of seconds, by collector."""
    return Key(meter, tags=((COLLECTOR, collector),))


class Series:
    """The values of all counters, while a run is counted."""

    def __init__(
        self, totals: tuple[Total, ...], folded: tuple[Folded, ...], now: int, ceiling: int
    ) -> None:
        self._now, self._ceiling = now, ceiling
        self._values = {t.key: t for t in totals if now - t.changed_at <= FORGET_SERIES}
        self._folded = {f.key: f for f in folded if now - f.changed_at <= FORGET_SERIES}
        self._own: dict[str, int] = {}
        for key in self._values:
            self._own[key.meter] = self._own.get(key.meter, 0) + (not _is_other(key))

    def add(self, counted: Mapping[Key, int]) -> None:
        """Add what a run has counted, by key. Of label sets that are new, the larger get series."""
        grown: dict[Key, int] = {}
        for key, quantity in counted.items():
            if (series := series_of(key)) and quantity:
                grown[series] = grown.get(series, 0) + quantity
        for series, quantity in sorted(grown.items(), key=lambda item: (-item[1], item[0])):
            self._grow(series if self._has_own(series) else other_series(series), quantity)

    def observe(self, collector: str, seconds: int, *, bridged: bool) -> None:
        """Add seconds of a list."""
        self._grow(of_collector(OBSERVED, collector), seconds)
        self._grow(of_collector(BRIDGED, collector), seconds if bridged else 0)

    def stored(self) -> tuple[tuple[Total, ...], tuple[Folded, ...]]:
        """Return values and folded label sets for storing."""
        return tuple(self._values.values()), tuple(self._folded.values())

    def _has_own(self, series: Key) -> bool:
        """Return whether a label set has a series; give it one if it is new and there is room."""
        if series in self._values:
            return True
        own = self._own.get(series.meter, 0)
        if series not in self._folded and own < self._ceiling:
            self._own[series.meter] = own + 1
            return True
        # As many are remembered as there are series; beyond, one may get a series later.
        if series in self._folded or len(self._folded) < self._ceiling:
            self._folded[series] = Folded(series, self._now)
        return False

    def _grow(self, series: Key, quantity: int) -> None:
        known = self._values.get(series)
        total = min((known.quantity if known else 0) + quantity, MOST)
        changed = self._now if quantity or not known else known.changed_at
        self._values[series] = Total(series, total, changed)


def tables(totals: tuple[Total, ...]) -> Iterator[Table]:
    """Yield the metric tables, in base units; each counter is there, even without series."""
    by_meter: dict[str, list[Total]] = {}
    for total in totals:
        by_meter.setdefault(total.key.meter, []).append(total)
    for meter, (name, text, divisor) in _FAMILIES.items():
        labels = COUNTED[meter]
        table = Table([_LABELS.get(label, label) for label in labels], [_column(name, text)])
        for total in by_meter.get(meter, ()):
            key = tuple(getattr(total.key, label) for label in labels)
            table.add(key, total.quantity / divisor)
        yield table
    for meter, (name, text) in _OBSERVED.items():
        table = Table((COLLECTOR,), [_column(name, text)])
        for total in by_meter.get(meter, ()):
            table.add((dict(total.key.tags)[COLLECTOR],), float(total.quantity))
        yield table


def _column(name: str, text: str) -> Column:
    return Column(name, text, type="counter")


def _is_other(series: Key) -> bool:
    return series == other_series(series)
