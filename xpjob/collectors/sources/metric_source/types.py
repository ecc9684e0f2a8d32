"""Types of fields: how a value of an object becomes a value of the table.

What cannot be converted becomes ``INVALID``, and never 0 or an empty text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, Final

import msgspec

from xpjob.base import times
from xpjob.base.truncate import MAX_MESSAGE, cut
from xpjob.collect.description import ColumnType
from xpjob.collectors.sources.state_metrics.values import coerce, go_text
from xpjob.kube import quantity


class Invalid(Enum):
    """The type of INVALID."""

    INVALID = "invalid"


INVALID: Final = Invalid.INVALID
"""A value that is there, but cannot be converted."""
Convert = Callable[[Any], Any]
"""Converts a value that is neither missing nor null. Returns INVALID rather than raise."""

_INT64 = 2**63
_LONGEST = 256  # characters of a number
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})([eE][+-]?[0-9]{1,5})?")
_PERCENT = re.compile(r"([+-]?[0-9]{1,30}(?:\.[0-9]{0,30})?)%?")
_GO_DURATION = re.compile(r"([+-]?)((?:[0-9]{1,15}(?:\.[0-9]{1,15})?(?:ns|us|µs|ms|s|m|h|d|w))+)")
_PART = re.compile(r"([0-9.]+)(ns|us|µs|ms|s|m|h|d|w)")
_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
    "w": 604_800.0,
}
_CONDITION = {"true": 1, "false": 0, "unknown": -1}


@dataclass(frozen=True, slots=True)
class ValueType:
    """One type. ``number``: its values are numbers, or stand for one, as times do."""

    name: str
    expected: str
    convert: Convert
    column: ColumnType
    number: bool


def text(value: Any) -> Any:
    """Convert to text: numbers without needless decimals, lists and maps as Go prints them."""
    if type(value) is str:
        return value if len(value) <= MAX_MESSAGE else cut(value, MAX_MESSAGE)
    if type(value) is float and value.is_integer() and abs(value) < 1e21:
        value = int(value)
    try:
        return cut(go_text(value), MAX_MESSAGE)
    except OverflowError:
        return INVALID


def integer(value: Any) -> Any:
    """Convert to an integer of 64 bits; a fraction is cut off."""
    kind = type(value)
    if kind is str and _WHOLE.fullmatch(value):
        value, kind = int(value), int
    if kind is float and math.isfinite(value):
        value, kind = int(value), int
    return value if kind is int and -_INT64 <= value < _INT64 else INVALID


def number(value: Any) -> Any:
    """Convert to a finite float."""
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else INVALID
    if kind is int or (kind is str and _DECIMAL.fullmatch(value)):
        try:
            found = float(value)
        except OverflowError:
            return INVALID
        return found if math.isfinite(found) else INVALID
    return INVALID


def boolean(value: Any) -> Any:
    """Convert to a boolean: also text and numbers, of which 0 is false."""
    kind = type(value)
    if kind is bool:
        return value
    if kind is str:
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), INVALID)
    return value != 0 if kind is int or (kind is float and math.isfinite(value)) else INVALID


def amount(value: Any) -> Any:
    """Convert a quantity to a number in base units: cores, bytes."""
    kind = type(value)
    if kind is str:
        return _amount(value) if len(value) <= _LONGEST else INVALID
    return integer(value) if kind is int else number(value)


@lru_cache(maxsize=8192)
def _amount(value: str) -> Any:
    if not any(map(str.isdigit, value)):
        return INVALID  # "-" and "." are 0 for the API server
    try:
        nano = quantity.from_json(value)
    except quantity.QuantityError:
        return INVALID
    if nano % quantity.NANO == 0 and abs(nano) < _INT64 * quantity.NANO:
        return nano // quantity.NANO
    return number(quantity.to_float(nano))


def timestamp(value: Any) -> Any:
    """Convert to an RFC 3339 time in UTC: equal times are equal texts."""
    return _timestamp(value) if type(value) is str and len(value) <= 64 else INVALID


@lru_cache(maxsize=8192)
def _timestamp(value: str) -> Any:
    moment = times.read(value)
    if moment is None:
        return INVALID
    found = times.rfc3339(moment)
    return found if moment.microsecond else found.replace(".000000Z", "Z")


def seconds_of(value: str) -> float:
    """Return a converted time in seconds since the epoch."""
    return times.parse(value).timestamp()


def length(value: Any) -> Any:
    """Return the number of elements of a list, or of keys of a map."""
    return len(value) if isinstance(value, (list, dict)) else INVALID


def duration(value: Any) -> Any:
    """Convert a duration as Go writes it (1h30m), also with d and w, to seconds."""
    if type(value) is not str:
        return number(value)
    return _duration(value) if len(value) <= _LONGEST else INVALID


@lru_cache(maxsize=8192)
def _duration(value: str) -> Any:
    if not (matched := _GO_DURATION.fullmatch(value)):
        return number(value)
    seconds = math.fsum(float(n) * _SECONDS[unit] for n, unit in _PART.findall(matched[2]))
    return -seconds if matched[1] == "-" else seconds


def percent(value: Any) -> Any:
    """Convert a percentage to a ratio: 25% and 25 to 0.25."""
    if type(value) is str:
        return _percent(value) if len(value) <= _LONGEST else INVALID
    found = number(value)
    return INVALID if found is INVALID else found / 100


@lru_cache(maxsize=8192)
def _percent(value: str) -> Any:
    matched = _PERCENT.fullmatch(value)
    return float(matched[1]) / 100 if matched else INVALID


def condition(value: Any) -> Any:
    """Convert the status of a condition, or the condition: True is 1, False 0, Unknown -1."""
    if type(value) is dict:
        value = value.get("status")
    if type(value) is bool:
        return int(value)
    return _CONDITION.get(value.lower(), INVALID) if type(value) is str else INVALID


def plain(value: Any) -> Any:
    """Take any value as it is, for expressions that look into lists and maps."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return amount(value)
    return text(value) if type(value) is str else value


def automatic(value: Any) -> Any:
    """Convert what kube-state-metrics takes as a number: also booleans, times and quantities."""
    try:
        return number(coerce(value))
    except ValueError:
        return INVALID


def states(numbers: Mapping[str, float]) -> ValueType:
    """Return the type of a field whose texts stand for numbers."""
    numbers = dict(numbers)

    def convert(value: Any) -> Any:
        found = value if type(value) is str else text(value)
        return numbers.get(found, INVALID)

    listed = cut(", ".join(numbers), 200)
    return ValueType("state", f"one of the states {listed}", convert, "count", number=True)


def shown(value: Any) -> str:
    """Return a short text for a value of an object, for a message."""
    if isinstance(value, str):
        return repr(value[:40]) + ("..." if len(value) > 40 else "")
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "a map"
    written = "null" if value is None else text(value)
    return "a number of too many digits" if written is INVALID else str(written)[:60]


def as_json(value: Any) -> Any:
    """Return a text read as JSON, INVALID if it is none."""
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return INVALID


TYPES: Mapping[str, ValueType] = {
    each.name: each
    for each in (
        ValueType("string", "a text", text, "text", number=False),
        ValueType("integer", "an integer of 64 bits", integer, "count", number=True),
        ValueType("float", "a number", number, "count", number=True),
        ValueType("boolean", "true or false", boolean, "flag", number=True),
        ValueType("quantity", "a quantity such as 500m or 1.5Gi", amount, "count", number=True),
        ValueType("timestamp", "an RFC 3339 time", timestamp, "time", number=True),
        ValueType("arrayLength", "a list or map", length, "count", number=True),
        ValueType(
            "duration", "a duration such as 1h30m or seconds", duration, "count", number=True
        ),
        ValueType("percent", "a percentage such as 25%", percent, "ratio", number=True),
        ValueType("condition", "True, False or Unknown", condition, "count", number=True),
        ValueType(
            "auto",
            "a number, boolean, time, quantity or percentage",
            automatic,
            "count",
            number=True,
        ),
        ValueType("json", "any value", plain, "object", number=False),
    )
}
"""By name, as documents have it."""
