"""How much of the time lists were counted, by cluster and day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from xpjob.usage.fold import Folded
from xpjob.usage.rules import DAY

_APART = ("Pod", "Node")
"""Kinds whose lists are told apart: requests and what nodes have to give are compared."""


@dataclass(slots=True)
class Seconds:
    """Of the lists of a day: how many, their seconds, those of the longest, and of gaps."""

    lists: int = 0
    total: int = 0
    longest: int = 0
    bridged: int = 0

    def count(self, seconds: int, bridged: int) -> None:
        """Add a list."""
        self.lists += 1
        self.total += seconds
        self.longest = max(self.longest, seconds)
        self.bridged += bridged


_Lists = dict[tuple[str, str], tuple[int, int]]


@dataclass(slots=True)
class Coverage:
    """Seconds of lists. ``lengths`` are the seconds of days that are not over."""

    lengths: dict[tuple[str, str], int] = field(default_factory=dict)
    _open: dict[tuple[str, str], _Lists] = field(default_factory=dict)
    _settled: dict[tuple[str, str], dict[str, Seconds]] = field(default_factory=dict)

    def add(self, cluster: str, folded: Folded) -> None:
        """Add the lists of a file or an open day, corrections included."""
        for (day, kind, tags), (seconds, bridged) in folded.observed.items():
            lists = self._open.setdefault((cluster, day), {})
            known = lists.get((kind, tags), (0, 0))
            lists[kind, tags] = (known[0] + seconds, known[1] + bridged)

    def settle(self, before: date | None = None) -> None:
        """Sum up the days before one, or all: no correction of them follows."""
        for key in [key for key in self._open if before is None or key[1] < str(before)]:
            kinds = self._settled.setdefault(key, {})
            for (kind, _), (seconds, bridged) in self._open.pop(key).items():
                kinds.setdefault(kind if kind in _APART else "", Seconds()).count(seconds, bridged)

    def seconds(self, cluster: str, day: str, kind: str) -> Seconds:
        """Return the seconds of lists of a kind, or of all others; of all if there are none."""
        kinds = self._settled.get((cluster, day), {})
        if kind in kinds:
            return kinds[kind]
        if kind:
            return Seconds()
        each = kinds.values()
        return Seconds(
            sum(one.lists for one in each),
            sum(one.total for one in each),
            max((one.longest for one in each), default=0),
            sum(one.bridged for one in each),
        )

    def longest(self, cluster: str, days: Iterable[str], kind: str) -> int:
        """Return the seconds in which usage was counted, over days."""
        return sum(self.seconds(cluster, day, kind).longest for day in days)

    def length(self, cluster: str, day: str) -> int:
        """Return the seconds of a day, as far as it is over."""
        return self.lengths.get((cluster, day), DAY)

    def share(self, cluster: str, days: Iterable[str], kind: str) -> float:
        """Return the mean over days of the part of the time in which lists were counted."""
        parts = []
        for day in days:
            found, length = self.seconds(cluster, day, kind), self.length(cluster, day)
            parts.append(found.total / (found.lists * length) if found.lists and length else 0.0)
        return sum(parts) / len(parts) if parts else 0.0
