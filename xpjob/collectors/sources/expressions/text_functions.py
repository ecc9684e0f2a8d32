"""The functions that take or make texts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from xpjob.collectors.sources.expressions.limits import Limits
from xpjob.collectors.sources.expressions.values import number, text, whole

_UNITS = ("B", "Ki", "Mi", "Gi", "Ti", "Pi")


def concat(limits: Limits, *values: Any) -> str:
    """Join all values."""
    parts = [text(limits, value) for value in values]
    limits.spend_on_text(sum(map(len, parts)))
    return "".join(parts)


def lower(limits: Limits, value: Any) -> str:
    """Return a text in lower case."""
    return _cased(limits, value, str.lower)


def upper(limits: Limits, value: Any) -> str:
    """Return a text in upper case."""
    return _cased(limits, value, str.upper)


def _cased(limits: Limits, value: Any, change: Callable[[str], str]) -> str:
    found = text(limits, value)
    limits.spend_on_text(len(found))
    found = change(found)  # up to three times as long
    limits.spend_on_text(len(found))
    return found


def length(limits: Limits, value: Any) -> int:
    """Return the characters of a value as text, or the items of a list or map."""
    return len(value) if type(value) in (list, dict) else len(text(limits, value))


def substr(limits: Limits, value: Any, start: Any, length: Any = math.inf) -> str:
    """Return a part of a text; empty where there is none."""
    found, first = text(limits, value), whole(start)
    if first < 0 or first >= len(found):
        return ""
    last = len(found) if length == math.inf else first + max(0, whole(length))
    part = found[first:last]
    limits.spend_on_text(len(part))
    return part


def format_bytes(value: Any) -> str:
    """Return a number with a binary unit."""
    size = float(number(value))
    unit = 0
    while abs(size) >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.2f}{_UNITS[unit]}"


def _two_texts(limits: Limits, value: Any, part: Any) -> tuple[str, str]:
    one, two = text(limits, value), text(limits, part)
    limits.spend((len(one) + len(two)) >> 4)
    return one, two


def contains(limits: Limits, value: Any, part: Any) -> bool:
    """Return whether a text contains another."""
    one, two = _two_texts(limits, value, part)
    return two in one


def starts_with(limits: Limits, value: Any, part: Any) -> bool:
    """Return whether a text starts with another."""
    one, two = _two_texts(limits, value, part)
    return one.startswith(two)


def ends_with(limits: Limits, value: Any, part: Any) -> bool:
    """Return whether a text ends with another."""
    one, two = _two_texts(limits, value, part)
    return one.endswith(two)
