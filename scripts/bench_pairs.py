"""Whether two contenders that were measured in turn differ by more than the machine's noise."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

ERROR_OF_MEDIAN = 1.2533
"""Standard error of a median, in deviations of a sample of one: that of a mean times this."""
DEVIATION = 1.4826
"""Standard deviation of normally distributed values, in medians of their absolute deviations."""
ERRORS = 2
"""What is within so many standard errors is not told from chance, in 19 of 20 cases."""
FEWEST = 5
"""Pairs from which anything is concluded."""


class Difference(NamedTuple):
    """How another contender differs from a base: medians of pairs.

    ``ratio`` is the other's share of the base. ``noise`` is the smallest change that could be told
    from none.
    """

    ratio: float
    change: float
    noise: float

    @property
    def resolved(self) -> bool:
        """Return whether the change is more than noise."""
        return abs(self.change) > self.noise

    def cell(self, unit: str, digits: int) -> str:
        """Return what a table says about it."""
        change = f"{self.change:+.{digits}f} {unit}"
        if math.isinf(self.noise):
            return f"not resolved ({change}, fewer than {FEWEST} pairs)"
        if not self.resolved:
            return f"not resolved ({change}, noise {self.noise:.{digits}f})"
        return f"{self.ratio:.2f} ({change})"


def noise_of(first: Sequence[float], again: Sequence[float]) -> float:
    """Return the smallest difference of medians that could be told from none.

    ``first`` and ``again`` are the same code, measured in turn. Where their medians differ by more
    than their spread explains, it is that difference.
    """
    changes = _changes(first, again)
    spread = statistics.median(map(abs, changes))
    return max(abs(statistics.median(changes)), _error(spread, len(changes)))


def compared(base: Sequence[float], other: Sequence[float], noise: float) -> Difference:
    """Compare two contenders that were measured in turn; ``noise`` is that of the same code twice.

    If the pairs themselves spread more than the noise allows for, that counts.
    """
    changes = _changes(base, other)
    change = statistics.median(changes)
    spread = statistics.median(abs(each - change) for each in changes)
    ratio = ratio_of(base, other)
    return Difference(ratio, change, max(noise, _error(spread, len(changes))))


def ratio_of(base: Sequence[float], other: Sequence[float]) -> float:
    """Return the median of the ratios of pairs."""
    pairs = zip(base, other, strict=True)
    return statistics.median(b / a if a else math.inf for a, b in pairs)


def _changes(base: Sequence[float], other: Sequence[float]) -> list[float]:
    if not base:
        raise ValueError("no pairs to compare")
    return [b - a for a, b in zip(base, other, strict=True)]


def _error(spread: float, count: int) -> float:
    if count < FEWEST:
        return math.inf
    return ERRORS * ERROR_OF_MEDIAN * DEVIATION * spread / math.sqrt(count)
