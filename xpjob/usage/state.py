"""The state of usage in the snapshot: what was counted, until when, and what is to be written.

All quantities are integers: seconds times objects, millicores or bytes. Times are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from msgspec import Struct

from xpjob.collect.meters import Key

__all__ = ["Amount", "Closed", "Day", "Folded", "Key", "ListState", "Observed", "Open",
           "Total", "UsageState", "acknowledged"]  # fmt: skip


class Amount(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """The quantity of a key in a day; ``bridged`` is the part of it that was over gaps."""

    key: Key
    quantity: int
    bridged: int = 0


class Observed(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """The seconds of a day in which a list was counted; ``bridged`` of them were gaps.

    ``list`` identifies it among the lists of its collector; the other fields describe it.
    """

    collector: str
    list: str
    seconds: int
    bridged: int = 0
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
    until: int
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
    quantity: int
    changed_at: int


class Folded(Struct, frozen=True, rename="camel", gc=False):
    """A label set that has no series of its own: it counts to ``__other__``."""

    key: Key
    changed_at: int


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


def acknowledged(state: UsageState, days: Collection[str]) -> UsageState:
    """Return the state without those closed days whose files are known to be stored."""
    return msgspec.structs.replace(
        state, pending=tuple(closed for closed in state.pending if closed.day not in days)
    )
