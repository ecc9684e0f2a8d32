"""The functions that compute numbers."""

from __future__ import annotations

import math
from typing import Any

from xpjob.collectors.sources.expressions.errors import EvaluationError, shown
from xpjob.collectors.sources.expressions.limits import Limits
from xpjob.collectors.sources.expressions.values import bounded, elements, number, parsed, whole
from xpjob.kube import quantity as quantities

_MOST_DIGITS = 300
_LONGEST_QUANTITY = 300


def rounded(value: Any, digits: Any = 0) -> int | float:
    """Round half away from zero."""
    found, places = number(value), whole(digits)
    if abs(places) > _MOST_DIGITS:
        raise EvaluationError(f"round: expected up to {_MOST_DIGITS} digits, got {places}")
    if type(found) is int and places >= 0:
        return found
    scale = 10.0 ** abs(places)
    scaled = found * scale if places >= 0 else found / scale
    if not math.isfinite(scaled):
        return found  # so large that it has no such digits
    rounded = math.trunc(scaled)
    if abs(scaled - rounded) >= 0.5:  # half away from zero
        rounded += 1 if scaled > 0 else -1
    if places <= 0:
        return bounded(rounded * 10**-places)
    return bounded(rounded / scale)


def floor(value: Any) -> int | float:
    """Return the next integer below."""
    return bounded(math.floor(number(value)))


def ceil(value: Any) -> int | float:
    """Return the next integer above."""
    return bounded(math.ceil(number(value)))


def absolute(value: Any) -> int | float:
    """Return a number without its sign."""
    return bounded(abs(number(value)))


def lesser(one: Any, two: Any) -> int | float:
    """Return the lesser of two numbers."""
    return min(number(one), number(two))


def greater(one: Any, two: Any) -> int | float:
    """Return the greater of two numbers."""
    return max(number(one), number(two))


def total(limits: Limits, value: Any) -> int | float:
    """Return the sum of a list."""
    total: int | float = 0
    items = elements(value)
    limits.spend(len(items))
    for item in items:
        total = bounded(total + number(item))
    return total


def to_number(value: Any) -> int | float | None:
    """Return a value as a number, null for a text that is none."""
    if value is None or type(value) is str:
        return None if value is None else parsed(value)
    return number(value)


def quantity(value: Any) -> int | float | None:
    """Return a Kubernetes quantity as a number."""
    if value is None:
        return None
    if type(value) is str and len(value) > _LONGEST_QUANTITY:
        raise EvaluationError(f"invalid quantity: {shown(value)}")
    try:
        nano = quantities.from_json(value)
    except ValueError as error:
        raise EvaluationError(str(error)) from None
    if nano % quantities.NANO == 0:
        return bounded(nano // quantities.NANO)
    return bounded(quantities.to_float(nano))
