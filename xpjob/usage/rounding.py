"""Rounding that sums: what is shown adds up to the total that is shown."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def rounded(exact: Mapping[K, Fraction], decimals: int) -> tuple[dict[K, Decimal], Decimal]:
    """Return the parts and their total with so many decimals.

    The total is rounded half to even. The parts are rounded down, and the last digits that are
    missing go to the largest remainders; of equal ones to the first key. So each part is off by
    less than one last digit.
    """
    scale = 10**decimals
    scaled = {key: value * scale for key, value in exact.items()}
    low = {key: floor(value) for key, value in scaled.items()}
    total = round(sum(scaled.values(), Fraction(0)))  # half to even
    missing = total - sum(low.values())
    order = sorted(scaled, key=lambda key: (low[key] - scaled[key], key))
    for key in order[:missing]:
        low[key] += 1
    return {key: digits(value, decimals) for key, value in low.items()}, digits(total, decimals)


def nearest(exact: Fraction, decimals: int) -> Decimal:
    """Return a number that is no part of a sum, rounded half to even."""
    return digits(round(exact * 10**decimals), decimals)


def digits(number: int, decimals: int) -> Decimal:
    """Return a number of last digits as a decimal number."""
    return Decimal(number).scaleb(-decimals)
