"""The operators, and access to members and items.

Generated code calls them: each takes values of any type, and raises nothing but
``EvaluationError``. The first lines of each are for the usual types, the rest for all others.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from xpjob.collectors.sources.expressions.errors import EvaluationError, shown
from xpjob.collectors.sources.expressions.limits import MAX_INTEGER, Limits
from xpjob.collectors.sources.expressions.values import (
    bounded,
    elements,
    measure,
    number,
    parsed,
    text,
    truthy,
    whole,
)

_MIN_INTEGER = -MAX_INTEGER - 1
_SHORT = 1024


def add(limits: Limits, left: Any, right: Any) -> Any:
    """Join if either is a text, otherwise add."""
    if type(left) is str or type(right) is str:
        one, two = text(limits, left), text(limits, right)
        limits.spend_on_text(len(one) + len(two))
        return one + two
    return _computed(operator.add, left, right)


def subtract(left: Any, right: Any) -> int | float:
    """Subtract."""
    return _computed(operator.sub, left, right)


def multiply(left: Any, right: Any) -> int | float:
    """Multiply."""
    return _computed(operator.mul, left, right)


def _computed(operation: Callable[[Any, Any], Any], left: Any, right: Any) -> int | float:
    if type(left) not in _NUMBERS:
        left = number(left)
    if type(right) not in _NUMBERS:
        right = number(right)
    try:
        result = operation(left, right)
    except OverflowError:  # of an integer that no float can hold
        result = math.inf
    return result if _MIN_INTEGER <= result <= MAX_INTEGER else bounded(result)


_NUMBERS = frozenset({int, float})


def divide(left: Any, right: Any) -> int | float | None:
    """Divide, without rounding; null for a division by 0."""
    one, two = number(left), number(right)
    return bounded(one / two) if two else None


def remainder(left: Any, right: Any) -> int | float | None:
    """Return what a division leaves, with the sign of the left; null for a division by 0."""
    one, two = number(left), number(right)
    if not two:
        return None
    if type(one) is int and type(two) is int:
        rest = abs(one) % abs(two)
        return rest if one >= 0 else -rest
    return math.fmod(one, two)


def negate(value: Any) -> int | float:
    """Return the number with the other sign."""
    return bounded(-number(value))


def equal(limits: Limits, left: Any, right: Any) -> bool:
    """Compare by the type of the left; null equals null only."""
    kind, other = type(left), type(right)
    if kind is str and other is str:
        if len(left) > _SHORT:
            limits.spend(len(left) >> 4)
        return bool(left == right)
    if left is None or right is None:
        return left is right
    if kind is bool:
        return left is truthy(right)
    if other is list or other is dict or kind is list or kind is dict:
        if kind is not other:
            return False
        measure(limits, left)
        measure(limits, right)
        return bool(left == right)
    if kind is str:
        return bool(left == text(limits, right))
    if other is str:
        right = parsed(right)
        return right is not None and bool(number(left) == right)
    return number(left) == number(right)


def less(limits: Limits, left: Any, right: Any) -> bool:
    """Compare two texts as texts, everything else as numbers."""
    one, two = _ordered(limits, left, right)
    return bool(one < two)


def at_most(limits: Limits, left: Any, right: Any) -> bool:
    """Compare two texts as texts, everything else as numbers."""
    one, two = _ordered(limits, left, right)
    return bool(one <= two)


def greater(limits: Limits, left: Any, right: Any) -> bool:
    """Compare two texts as texts, everything else as numbers."""
    one, two = _ordered(limits, left, right)
    return bool(one > two)


def at_least(limits: Limits, left: Any, right: Any) -> bool:
    """Compare two texts as texts, everything else as numbers."""
    one, two = _ordered(limits, left, right)
    return bool(one >= two)


def _ordered(limits: Limits, left: Any, right: Any) -> tuple[Any, Any]:
    kind, other = type(left), type(right)
    if kind in _NUMBERS and other in _NUMBERS:
        return left, right
    texts = (kind is str) + (other is str)
    if texts == 2 or (texts == 1 and (left is None or right is None)):
        one, two = left or "", right or ""
        if len(one) > _SHORT:
            limits.spend(len(one) >> 4)
        return one, two
    return number(left), number(right)


def contained(limits: Limits, value: Any, among: Any) -> bool:
    """Return whether a list has an item that equals the value, or a map has it as key."""
    if type(among) is dict:
        return type(value) is str and value in among
    items = elements(among)
    limits.spend(len(items))
    return any(equal(limits, value, item) for item in items)


def member(value: Any, key: str) -> Any:
    """Return what a map has under a key; null if there is none."""
    if type(value) is dict:
        return value.get(key)
    if value is None:
        return None
    hint = ": use [0] for one item, .map(x, x.…) for all" if type(value) is list else ""
    raise EvaluationError(f".{key[:40]} of {shown(value)}: only a map has fields{hint}")


def item(value: Any, key: Any) -> Any:
    """Return an item of a list, counted from 0 or back from -1, or of a map; null if none."""
    if value is None or key is None:
        return None
    if type(value) is dict:
        if type(key) is not str:
            raise EvaluationError(f"expected a text as key of a map, got {shown(key)}")
        return value.get(key)
    if type(value) is not list:
        raise EvaluationError(f"expected a list or a map before [ ], got {shown(value)}")
    if type(key) not in _NUMBERS or key != key // 1:
        raise EvaluationError(f"expected a whole number as index of a list, got {shown(key)}")
    index = whole(key)
    return value[index] if -len(value) <= index < len(value) else None
