"""What values mean: as a number, as a text, as true or false, and the size of a list or map.

Null is 0 as a number, "" as a text, and false.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from datetime import datetime
from typing import Any, cast

import msgspec

from xpjob.base import times
from xpjob.collectors.sources.expressions.errors import EvaluationError, shown
from xpjob.collectors.sources.expressions.limits import MAX_DEPTH, MAX_INTEGER, Limits

_NUMBER = re.compile(r"[+-]?\d{1,400}(?:\.\d{0,400})?(?:[eE][+-]?\d{1,5})?", re.ASCII)
_MIN_INTEGER = -MAX_INTEGER - 1
_PLAIN_BELOW = 1e15
_LONGEST_TIME = 64


def bounded(value: int | float) -> int | float:
    """Return a number within bounds: a large integer becomes a float, infinity is an error."""
    if _MIN_INTEGER <= value <= MAX_INTEGER:
        return value
    try:
        value = float(value)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise EvaluationError("the number is infinite, or larger than any float")
    return value


def parsed(text: str) -> int | float | None:
    """Return the number that a text is, as JSON would write it; None if it is none."""
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    if text.lstrip("+-").isdigit() and abs(value) < 1e20:
        return bounded(int(text))
    return value if math.isfinite(value) else None


def number(value: Any) -> int | float:
    """Return a value as a number. Raises ``EvaluationError``."""
    kind = type(value)
    if kind is int or kind is float:
        return bounded(value)
    if value is None:
        return 0
    if kind is bool:
        return int(value)
    found = parsed(value) if kind is str else None
    if found is None:
        raise EvaluationError(f"expected a number, got {shown(value)}")
    return found


def whole(value: Any) -> int:
    """Return a value as an integer, without its fraction. Raises ``EvaluationError``."""
    found = number(value)
    if not _MIN_INTEGER <= found <= MAX_INTEGER:
        raise EvaluationError(f"expected an integer, got {shown(found)}")
    return int(found)


def text(limits: Limits, value: Any) -> str:
    """Return a value as a text: whole numbers without fraction, lists and maps as JSON.

    Raises ``EvaluationError``.
    """
    kind = type(value)
    if kind is str:
        return str(value)
    if value is None:
        return ""
    if kind is bool:
        return "true" if value else "false"
    if kind is int or kind is float:
        found = bounded(value)
        if type(found) is float and found.is_integer() and abs(found) < _PLAIN_BELOW:
            found = int(found)
        return repr(found)
    measure(limits, value)
    try:
        written = msgspec.json.encode(value).decode()
    except (ValueError, OverflowError):  # half a surrogate pair, an integer of over 64 bits
        raise EvaluationError("a list or map that cannot be written as JSON") from None
    limits.spend_on_text(len(written))
    return written


def moment(value: str) -> datetime | None:
    """Return the time that a text is in RFC 3339; None if it is none.

    Python's parser quotes the whole text when it is none, however long.
    """
    return times.read(value) if len(value) <= _LONGEST_TIME else None


def truthy(value: Any) -> bool:
    """Return whether a value counts as true: not null, 0, or empty."""
    return bool(value)


def elements(value: Any) -> Collection[Any]:
    """Return the items of a list, or the keys of a map; none of null. Nothing is copied."""
    kind = type(value)
    if kind is list or kind is dict:
        return cast(Collection[Any], value)
    if value is None:
        return ()
    raise EvaluationError(f"expected a list or a map, got {shown(value)}")


def measure(limits: Limits, value: Any) -> None:
    """Spend the steps for a value with all that is in it.

    Raises ``EvaluationError`` if it is nested too deeply, or has parts that JSON does not have.
    """
    todo = [(value, 0)]
    while todo:
        found, depth = todo.pop()
        kind = type(found)
        if kind is str:
            limits.spend(1 + (len(found) >> 4))
        elif kind is list or kind is dict:
            if depth >= MAX_DEPTH:
                raise EvaluationError(f"a list or map that is nested more than {MAX_DEPTH} times")
            limits.spend(1 + len(found))
            if kind is dict:
                todo += [(_key(key), depth + 1) for key in found]
            todo += [(item, depth + 1) for item in (found.values() if kind is dict else found)]
        elif kind is int or kind is float:
            bounded(found)
        elif found is not None and kind is not bool:
            raise EvaluationError(f"expected a JSON value, got {shown(found)}")


def _key(key: Any) -> str:
    if type(key) is not str:
        raise EvaluationError(f"expected a text as key of a map, got {shown(key)}")
    return key
