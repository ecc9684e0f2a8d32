"""The state of usage in the snapshot: what was counted, until when, and what is to be written.

All quantities are integers: seconds times objects, millicores or bytes. Times are epoch seconds.
What no run can have stored is refused when it is decoded, so that nothing fails on it later.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from xpjob.collect.meters import Key
from xpjob.usage.rules import BRIDGED, COLLECTOR, MAX_SKEW, OBSERVED

__all__ = ["Amount", "Closed", "Day", "Folded", "Key", "ListState", "Observed", "Open",
           "Total", "UsageState", "acknowledged", "future_of"]  # fmt: skip

Count = Annotated[int, Meta(ge=0)]
Time = Annotated[int, Meta(ge=0, le=253_370_764_800)]
"""Before the year 9999: the end of a day, and some weeks after it, are still dates."""
_YEARS = range(1970, 9999)
MOST = 10**60
"""The greatest value of a counter; it must be a float, too."""


class Amount(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """The quantity of a key in a day; ``bridged`` is the part of it that was over gaps."""

    key: Key
    quantity: Count
    bridged: Count = 0


class Observed(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """The seconds of a day in which a list was counted; ``bridged`` of them were gaps.

    ``list`` identifies it among the lists of its collector; the other fields describe it.
    """

    collector: str
    list: str
    seconds: Count
    bridged: Count = 0
    class_: str = msgspec.field(default="", name="class")
    group: str = ""
    kind: str = ""
    namespace: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        """Return what identifies the list among all lists."""
        return self.collector, self.list


class Day(Struct, frozen=True, rename="camel"):
    """What was counted for one UTC day, ``YYYY-MM-DD``."""

    day: str
    rows: tuple[Amount, ...] = ()
    observed: tuple[Observed, ...] = ()

    def __post_init__(self) -> None:
        _check_day(self.day)


class Open(Day, frozen=True, rename="camel"):
    """A day that is not closed yet. Its rows are in no order.

    ``corrections`` has what was counted in it for earlier days, after they were closed.
    """

    corrections: tuple[Day, ...] = ()


class Closed(Day, frozen=True, rename="camel"):
    """A closed day, which becomes one file, and is not changed any more. Rows are sorted by key.

    ``corrections`` has what was counted in it for earlier days, after they were closed.
    """

    corrections: tuple[Day, ...] = ()


class ListState(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A list, and the time until which it is counted. The other fields say what it has."""

    collector: str
    list: str
    until: Time
    class_: str = msgspec.field(default="", name="class")
    group: str = ""
    resource: str = ""
    namespace: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        """Return what identifies it among all lists."""
        return self.collector, self.list


class Total(Struct, frozen=True, rename="camel", gc=False):
    """The value of one series of a counter, and when it last grew. ``key`` has its labels."""

    key: Key
    quantity: Count
    changed_at: Time

    def __post_init__(self) -> None:
        if self.quantity > MOST:
            raise ValueError("invalid counter: too large")
        if self.key.meter in (OBSERVED, BRIDGED) and COLLECTOR not in dict(self.key.tags):
            raise ValueError(f"invalid counter {self.key.meter!r}: it names no collector")


class Folded(Struct, frozen=True, rename="camel", gc=False):
    """A label set that has no series of its own: it counts to ``__other__``."""

    key: Key
    changed_at: Time


class UsageState(Struct, frozen=True, rename="camel"):
    """All of it.

    ``closed`` are the days that are closed, as long as something may still be counted for them.
    ``pending`` are the closed days that no file is known to have.
    """

    lists: tuple[ListState, ...] = ()
    totals: tuple[Total, ...] = ()
    folded: tuple[Folded, ...] = ()
    open: tuple[Open, ...] = ()
    closed: tuple[str, ...] = ()
    pending: tuple[Closed, ...] = ()

    def __post_init__(self) -> None:
        for day in self.closed:
            _check_day(day)


def acknowledged(state: UsageState, days: Collection[str]) -> UsageState:
    """Return the state without those closed days whose files are known to be stored."""
    return msgspec.structs.replace(
        state, pending=tuple(closed for closed in state.pending if closed.day not in days)
    )


def future_of(state: UsageState, now: int) -> list[int]:
    """Return until when lists are counted that are so in the future, beyond what clocks differ."""
    return [each.until for each in state.lists if each.until - now > MAX_SKEW]


def _check_day(name: str) -> None:
    try:
        day = date.fromisoformat(name)
    except ValueError:
        day = None
    # Python reads other forms, too: a day that has two names would be counted twice.
    if day is None or day.year not in _YEARS or name != day.isoformat():
        raise ValueError(f"invalid day {name[:40]!r}: expected YYYY-MM-DD")
