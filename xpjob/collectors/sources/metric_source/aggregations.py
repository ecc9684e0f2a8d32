"""Aggregations: what is kept of the objects of a list, and merged with that of other lists.

Results do not depend on the order of objects, nor on how they are split into lists: sums are
exact, and percentiles are of all values. What is kept is doubles, and for ``distinct`` short texts.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from typing import Any, Protocol

from xpjob.base.truncate import cut
from xpjob.collectors.sources.metric_source import types

_KEPT = 65_536  # numbers before they are added up
_LONGEST = 64  # characters of a distinct text; of a longer one the hash counts
_MAX_ROUNDS = 64


class State(Protocol):
    """What is kept for one aggregation of one group."""

    def add(self, value: Any) -> None:
        """Take a number; for ``count`` and ``distinct`` any value, null included."""

    def partial(self) -> Any:
        """Return what JSON can hold of it."""

    def merge(self, partial: Any) -> None:
        """Take what another one returned."""

    def result(self) -> float | None:
        """Return the number, None if there is none. Raises ``OverflowError``."""


class Count:
    """How many there are, null or not."""

    def __init__(self) -> None:
        self._count = 0

    def add(self, value: Any) -> None:
        """Count a value."""
        self._count += 1

    def partial(self) -> Any:
        """Return the count."""
        return self._count

    def merge(self, partial: Any) -> None:
        """Add a count."""
        self._count += int(partial)

    def result(self) -> float | None:
        """Return the count."""
        return float(self._count)


class Numbers:
    """All numbers, for percentiles."""

    def __init__(self, percentile: float) -> None:
        self._percentile = percentile
        self._numbers = array("d")

    def add(self, value: Any) -> None:
        """Keep a number."""
        self._numbers.append(value)

    def partial(self) -> Any:
        """Return the numbers."""
        return self._numbers.tolist()

    def merge(self, partial: Any) -> None:
        """Add numbers."""
        self._numbers.extend(map(float, partial))

    def result(self) -> float | None:
        """Return the percentile, interpolated between two numbers."""
        if not self._numbers:
            return None
        ordered = sorted(self._numbers)
        place = self._percentile * (len(ordered) - 1) / 100
        low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
        share = place - math.floor(place)
        between = low + (high - low) * share
        return between if math.isfinite(between) else low * (1 - share) + high * share


class Sum:
    """The exact sum of numbers, or their mean."""

    def __init__(self, *, mean: bool) -> None:
        self._mean = mean
        self._count = 0
        self._numbers = array("d")
        self._most = _KEPT

    def add(self, value: Any) -> None:
        """Add a number."""
        self._count += 1
        self._numbers.append(value)
        if len(self._numbers) >= self._most:
            self._numbers = array("d", _exact(self._numbers))
            self._most = len(self._numbers) + max(_KEPT, len(self._numbers))

    def partial(self) -> Any:
        """Return the count, and numbers with the same sum."""
        return [self._count, _exact(self._numbers)]

    def merge(self, partial: Any) -> None:
        """Add a count and numbers."""
        count, numbers = partial
        self._count += int(count)
        self._numbers.extend(map(float, numbers))

    def result(self) -> float | None:
        """Return the sum, or the mean if there is a number."""
        if not self._mean:
            return math.fsum(self._numbers)
        return math.fsum(self._numbers) / self._count if self._count else None


class Extreme:
    """The smallest or the largest number."""

    def __init__(self, *, largest: bool) -> None:
        self._largest = largest
        self._number: float | None = None

    def add(self, value: Any) -> None:
        """Compare with a number."""
        if self._number is None or (value > self._number) == self._largest:
            self._number = float(value)

    def partial(self) -> Any:
        """Return the number, or null."""
        return self._number

    def merge(self, partial: Any) -> None:
        """Compare with another."""
        if partial is not None:
            self.add(float(partial))

    def result(self) -> float | None:
        """Return the number, if there is one."""
        return self._number


class Distinct:
    """How many different values there are; 1 and 1.0 are equal, 1 and "1" are not."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def add(self, value: Any) -> None:
        """Take a value; null is none."""
        if value is not None:
            self._seen.add(_canonical(value))

    def partial(self) -> Any:
        """Return the values in a short form."""
        return sorted(self._seen)

    def merge(self, partial: Any) -> None:
        """Add values in their short form."""
        self._seen.update(map(str, partial))

    def result(self) -> float | None:
        """Return how many there are."""
        return float(len(self._seen))


def new(function: str, percentile: float) -> State:
    """Return what an aggregation keeps, without any value."""
    match function:
        case "count":
            return Count()
        case "distinct":
            return Distinct()
        case "percentile":
            return Numbers(percentile)
        case "min" | "max":
            return Extreme(largest=function == "max")
        case "sum" | "avg":
            return Sum(mean=function == "avg")
    raise ValueError(f"unknown function {function!r}")


def _canonical(value: Any) -> str:
    if isinstance(value, str):
        return "s" + (value if len(value) <= _LONGEST else cut(value, _LONGEST))
    if isinstance(value, bool):
        return "b1" if value else "b0"
    if isinstance(value, (int, float)):
        return f"n{int(value) if value == value // 1 else value!r}"
    return "j" + cut(str(types.text(value)), _LONGEST)


def _exact(numbers: Iterable[float]) -> list[float]:
    """Return few numbers with exactly the same sum; all of them if it is larger than floats are.

    Each is what remains of the sum without those before it, rounded.
    """
    numbers = list(numbers)
    found: list[float] = []
    try:
        for _ in range(_MAX_ROUNDS):
            rest = math.fsum([*numbers, *(-each for each in found)])
            if not rest:
                return found
            found.append(rest)
    except OverflowError:
        pass
    return numbers
