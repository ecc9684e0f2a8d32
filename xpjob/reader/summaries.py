"""Groups of rows, and the sums of their columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, isnan

from xpjob.net import deadline
from xpjob.reader.table import Rows, View


@dataclass(frozen=True, slots=True)
class Group:
    """How many rows share these values, and the sums of their numbers, by column."""

    values: tuple[str, ...]
    total: int
    sums: Mapping[str, float]


Key = tuple[int, ...]
"""The codes of a row's values: what tells groups apart."""


def keys(view: View, rows: Rows, by: Sequence[str]) -> list[Key]:
    """Return for each row the group that it is in."""
    if not by:
        return [()] * len(rows)
    columns = [view.columns[view.schema.dimensions[name]] for name in by]
    return list(zip(*([c.codes[row] for row in rows] for c in columns), strict=True))


def values_of(view: View, by: Sequence[str], key: Key) -> tuple[str, ...] | None:
    """Return the values that a group has, None where its rows have no such key."""
    columns = [view.columns[view.schema.dimensions[name]] for name in by]
    values = [column.values[code] for column, code in zip(columns, key, strict=True)]
    return None if None in values else tuple(value or "" for value in values)


def summary(view: View, rows: Rows, by: Sequence[str]) -> list[Group]:
    """Count rows by dimensions, and add up their numbers: most rows first."""
    of_rows = keys(view, rows, by)
    counted = Counter(of_rows)
    deadline.check()
    found: dict[Key, dict[str, float]] = {key: {} for key in counted}
    for name in view.schema.sums:
        deadline.check()
        numbers = view.numbers[name]
        members: dict[Key, list[float]] = {}
        for key, row in zip(of_rows, rows, strict=True):
            if not isnan(number := numbers[row]):
                members.setdefault(key, []).append(number)
        for key in found:
            found[key][name] = total(members.get(key, ()))
    groups = []
    for key, count in counted.items():
        if (values := values_of(view, by, key)) is not None:
            groups.append(Group(values, count, found[key]))
    return sorted(groups, key=lambda group: (-group.total, group.values))


def sums(view: View, rows: Rows) -> dict[str, float]:
    """Return the sums of the number columns of rows."""
    found = {}
    for name in view.schema.sums:
        deadline.check()
        numbers = view.numbers[name]
        found[name] = total([number for row in rows if not isnan(number := numbers[row])])
    return found


def total(numbers: Iterable[float]) -> float:
    """Return the exact sum, as a whole number where it is one: JSON shows the difference."""
    try:
        exact = fsum(numbers)
    except (OverflowError, ValueError):  # infinities of both signs, or beyond the largest double
        return 0
    return int(exact) if exact.is_integer() and abs(exact) < 1 << 53 else exact
