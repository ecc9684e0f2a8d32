"""Metric tables, and the limit on their number of series.

Tenants choose names, namespaces and annotations, and with them the number of label sets. Above
the limit, the rarest values of the label with the most values are folded into one,
``__other__``: sums stay exact, and frequent values keep their name.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field

Key = tuple[str, ...]
ColumnType = Literal["gauge", "counter"]

OTHER = "__other__"
MAX_SERIES = 10_000


class Column(Struct, frozen=True):
    """One family of a table. ``combine`` merges two values with the same labels.

    A counter goes on from run to run: its collector keeps it, for example in its state.
    """

    name: str
    help: str
    combine: Callable[[float, float], float] = operator.add
    type: ColumnType = "gauge"


class Table(Struct, frozen=True):
    """Families that share their labels, and are folded alike."""

    labels: Sequence[str]
    columns: Sequence[Column]
    objects: Counter[Key] = field(default_factory=Counter)
    rows: dict[Key, list[float]] = {}

    def add(self, key: Key, *values: float, objects: int = 1) -> None:
        """Combine the values of some objects, one per column, with the row of this key."""
        self.objects[key] += objects
        if (row := self.rows.get(key)) is None:
            self.rows[key] = list(values)
            return
        for position, column in enumerate(self.columns):
            row[position] = column.combine(row[position], values[position])

    def under(self, ceiling: int) -> Table:
        """Return this table folded to at most ``ceiling`` rows."""
        if len(self.rows) <= ceiling:
            return self
        folded = Table(self.labels, self.columns)
        for key, to in fold(self.objects, ceiling).items():
            folded.add(to, *self.rows[key], objects=self.objects[key])
        return folded


def fold(objects: Mapping[Key, int], ceiling: int) -> dict[Key, Key]:
    """Map each key to its folded key, so that at most ``ceiling`` (at least 1) remain.

    ``objects`` has the number of objects of each key: the rarest value has the fewest. If folding
    the label with the most values is not enough, the next label follows.
    """
    targets = {key: key for key in objects}
    remaining: Mapping[Key, int] = objects
    while len(remaining) > ceiling:
        position = _widest(remaining)
        rare = _rarest(remaining, position, ceiling)
        targets = {
            key: _renamed(to, position) if to[position] in rare else to
            for key, to in targets.items()
        }
        merged: Counter[Key] = Counter()
        for key, to in targets.items():
            merged[to] += objects[key]
        remaining = merged
    return targets


def _widest(objects: Mapping[Key, int]) -> int:
    width = len(next(iter(objects)))
    return max(range(width), key=lambda n: len({key[n] for key in objects} - {OTHER}))


def _rarest(objects: Mapping[Key, int], position: int, ceiling: int) -> set[str]:
    """Return the rarest values of a label, as many as needed to reach ``ceiling``, or all."""
    weight: Counter[str] = Counter()
    keys: dict[str, list[Key]] = {}
    for key, count in objects.items():
        weight[key[position]] += count
        keys.setdefault(key[position], []).append(key)
    folded = set(keys.pop(OTHER, ()))
    remaining = len(objects)
    rare: set[str] = set()
    for value in sorted(keys, key=lambda value: (weight[value], value)):
        if remaining <= ceiling:
            break
        rare.add(value)
        new = {_renamed(key, position) for key in keys[value]} - folded
        folded |= new
        remaining += len(new) - len(keys[value])
    return rare


def _renamed(key: Key, position: int) -> Key:
    return (*key[:position], OTHER, *key[position + 1 :])
