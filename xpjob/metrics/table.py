"""Tables of numbers by label values, and the ceiling on how many series become of them.

Tenants choose names, namespaces and annotations, so the number of label sets is not ours to
choose. Above the ceiling the rarest values of the widest label (the one with most values) become
one, ``__other__``: sums stay exact, and what is big keeps its name.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta, Struct
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

Key = tuple[str, ...]

OTHER = "__other__"
MAX_SERIES = 10_000


class Shown(Struct, frozen=True, rename="camel"):
    """How records become series: it is in the snapshot, so that all make the same of it.

    ``per_object`` names classes with series of single objects, ``extra_labels`` labels that the
    records have in ``extra``.
    """

    max_series: Annotated[int, Meta(ge=1)] = MAX_SERIES
    per_object: tuple[str, ...] = ()
    extra_labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One family of a table. ``combine`` makes one value of two that get the same labels."""

    name: str
    help: str
    combine: Callable[[float, float], float] = operator.add


@dataclass(frozen=True, slots=True)
class Table:
    """Families that share their labels, so that what is folded in one is in the others."""

    labels: Sequence[str]
    columns: Sequence[Column]
    objects: Counter[Key] = field(default_factory=Counter)
    rows: dict[Key, list[float]] = field(default_factory=dict)

    def add(self, key: Key, *values: float, objects: int = 1) -> None:
        """Combine the values of some objects, one a column, with what is there."""
        self.objects[key] += objects
        if (row := self.rows.get(key)) is None:
            self.rows[key] = list(values)
            return
        for position, column in enumerate(self.columns):
            row[position] = column.combine(row[position], values[position])

    def under(self, ceiling: int) -> Table:
        """Return this table, or one with at most so many rows."""
        if len(self.rows) <= ceiling:
            return self
        folded = Table(self.labels, self.columns)
        for key, to in fold(self.objects, ceiling).items():
            folded.add(to, *self.rows[key], objects=self.objects[key])
        return folded

    def families(self) -> Iterator[Metric]:
        """Yield one finished gauge family a column, rows in order."""
        keys = sorted(self.rows)
        for position, column in enumerate(self.columns):
            family = GaugeMetricFamily(column.name, column.help, labels=self.labels)
            for key in keys:
                family.add_metric(key, self.rows[key][position])
            yield family


def fold(objects: Mapping[Key, int], ceiling: int) -> dict[Key, Key]:
    """Return what becomes of each key, so that at most ``ceiling`` (at least 1) are left.

    ``objects`` says how many objects stand behind each: the rarest value has fewest. Where the
    widest label is not enough, the next one follows.
    """
    becomes = {key: key for key in objects}
    left: Mapping[Key, int] = objects
    while len(left) > ceiling:
        position = _widest(left)
        rare = _rarest(left, position, ceiling)
        becomes = {
            key: _renamed(to, position) if to[position] in rare else to
            for key, to in becomes.items()
        }
        merged: Counter[Key] = Counter()
        for key, to in becomes.items():
            merged[to] += objects[key]
        left = merged
    return becomes


def _widest(objects: Mapping[Key, int]) -> int:
    width = len(next(iter(objects)))
    return max(range(width), key=lambda n: len({key[n] for key in objects} - {OTHER}))


def _rarest(objects: Mapping[Key, int], position: int, ceiling: int) -> set[str]:
    """Return as many values of a label, the rarest first, as it takes; or else all of them."""
    weight: Counter[str] = Counter()
    keys: dict[str, list[Key]] = {}
    for key, count in objects.items():
        weight[key[position]] += count
        keys.setdefault(key[position], []).append(key)
    folded = set(keys.pop(OTHER, ()))
    left = len(objects)
    rare: set[str] = set()
    for value in sorted(keys, key=lambda value: (weight[value], value)):
        if left <= ceiling:
            break
        rare.add(value)
        new = {_renamed(key, position) for key in keys[value]} - folded
        folded |= new
        left += len(new) - len(keys[value])
    return rare


def _renamed(key: Key, position: int) -> Key:
    return (*key[:position], OTHER, *key[position + 1 :])
