"""What the counting goes by: limits, and the meters that become counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, structs

from xpjob.collect.meters import Key, Meter, declared
from xpjob.metrics.table import MAX_SERIES, OTHER

DAY = 86_400
MAX_SKEW = 300
"""Seconds by which the clocks of a run and of the API may differ; beyond, nothing is counted."""
FORGET_SERIES = 35 * DAY
"""Seconds without growth after which a series ends."""
KEEP_PENDING = 31 * DAY
"""Seconds for which it is tried to write the file of a closed day."""

OBSERVED, BRIDGED = "observed", "bridged"
"""Meters of the core: seconds in which lists of a collector were counted, and those over gaps."""
COLLECTOR = "collector"
COUNTED: Mapping[str, tuple[str, ...]] = {
    "objects": ("class_", "group", "kind", "namespace", "team"),
    "cpu_requests": ("namespace", "team"),
    "memory_requests": ("namespace", "team"),
}
"""Meters that are counters, too, and the fields of their keys that are labels."""


class Rules(Struct, frozen=True):
    """Limits of the counting. ``interval`` is that of runs, in seconds, as are the others.

    ``max_rows`` is that of keys a day, ``max_series`` that of series of a counter; beyond, what is
    new counts to ``__other__``. ``meters`` are those of all collectors.
    """

    interval: float
    max_gap: int = 7 * DAY
    grace: int = DAY // 4
    max_rows: int = 20_000
    max_series: int = MAX_SERIES
    meters: Sequence[Meter] = ()

    def is_gap(self, seconds: int) -> bool:
        """Return whether runs are missing in a window of this length."""
        return seconds > 3 * self.interval


def other_row(key: Key, meters: Sequence[Meter]) -> Key:
    """Return the key of all that are beyond the limit: meter and class stay exact."""
    found = declared(meters, key.meter)
    names = found.dimensions if found else ()
    others = {name: OTHER for name in names if name not in ("class_", "tags")}
    return structs.replace(Key(key.meter, class_=key.class_), **others)


def series_of(key: Key) -> Key | None:
    """Return the labels of the counter that a key counts to, None if it is none."""
    labels = COUNTED.get(key.meter)
    if labels is None:
        return None
    return structs.replace(Key(key.meter), **{name: getattr(key, name) for name in labels})


def other_series(series: Key) -> Key:
    """Return the labels of the series of those that have none of their own."""
    others = {name: OTHER for name in COUNTED.get(series.meter, ()) if name != "class_"}
    return structs.replace(series, **others)
