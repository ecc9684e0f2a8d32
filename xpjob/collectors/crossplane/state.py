"""State that the collector keeps for its next run, in addition to its records."""

from __future__ import annotations

import copy
from typing import Annotated

from msgspec import Meta, Struct, field

from xpjob.collectors.crossplane.absence import Absence
from xpjob.collectors.crossplane.platform import Platform
from xpjob.metrics.cumulative import Count, Histogram
from xpjob.metrics.table import MAX_SERIES

READY_BOUNDS = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0)


class TimeToReady(Struct, rename="camel"):
    """Histogram of the time from creation to first ready, of one kind and composition.

    It is stored with the records that it counts, so that none is counted twice.
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
        """Return the label values of the histogram."""
        return (self.class_, self.group, self.kind, self.composition)

    def usable(self) -> TimeToReady:
        """Return a copy to continue with, reset if it cannot be continued."""
        sound = self.histogram.sound(READY_BOUNDS)
        return copy.deepcopy(self) if sound else TimeToReady.of(*self.key)


class State(Struct, rename="camel", kw_only=True):
    """State of the collector in the snapshot.

    ``time_to_ready`` is None if the previous one is unknown: a gap is better than a counter reset.
    ``absences`` has what this run missed, which the next run confirms; None in old
    documents.
    """

    time_to_ready: list[TimeToReady] | None = None
    namespace_configs: Count = 0
    platform: Platform = Platform()
    absences: list[Absence] | None = None


class Shown(Struct, frozen=True, rename="camel"):
    """Settings for converting records to series, stored in the snapshot.

    ``per_object`` has the classes with series per object, ``extra_labels`` the names of labels in
    ``Record.extra``.
    """

    max_series: Annotated[int, Meta(ge=1)] = MAX_SERIES
    per_object: tuple[str, ...] = ()
    extra_labels: tuple[str, ...] = ()
