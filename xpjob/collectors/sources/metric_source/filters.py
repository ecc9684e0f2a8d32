"""Filters of aggregations: conditions on a value, compiled before the run.

Values are compared as what the type of the field says: numbers as numbers, times as moments. Null
meets no condition, also not ``notEquals``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from xpjob.collectors.sources.expressions.language import Limits
from xpjob.collectors.sources.expressions.pattern_syntax import PatternError
from xpjob.collectors.sources.expressions.patterns import Pattern
from xpjob.collectors.sources.metric_source import types
from xpjob.collectors.sources.metric_source.types import INVALID, ValueType

OPERATORS = (
    *("equals", "notEquals", "contains", "startsWith", "endsWith"),
    *("greaterThan", "lessThan", "in", "matches"),
)
Matches = Callable[[Any, Limits], bool]
_NUMBERS = ("integer", "float", "arrayLength")
_UNTYPED = ("any", "json")


class FilterError(ValueError):
    """A filter that cannot be compiled."""


def compile_filter(operator: str, wanted: Sequence[str], of: ValueType) -> Matches:
    """Return a condition on values of a type that are not null. Only ``in`` takes several texts.

    Raises ``FilterError``.
    """
    if operator in ("equals", "notEquals", "in"):
        return _equals(wanted, of, negated=operator == "notEquals")
    if operator in ("greaterThan", "lessThan"):
        return _compares(wanted[0], of, greater=operator == "greaterThan")
    if operator == "matches":
        return _matches(wanted[0])
    return _part(operator, wanted[0])


def members(written: str) -> list[str]:
    """Return the texts of a list that is written as one text: ``[a, "b"]`` or ``a,b``."""
    stripped = written.strip()
    if stripped.startswith("["):
        found = types.as_json(stripped)
        if isinstance(found, list) and not any(isinstance(each, (list, dict)) for each in found):
            return [types.text(each) for each in found]
        stripped = stripped[1:].removesuffix("]")
    parts = [part.strip() for part in stripped.split(",")]
    return [
        part[1:-1] if len(part) > 1 and part[0] == part[-1] and part[0] in "'\"" else part
        for part in parts
    ]


def _equals(wanted: Sequence[str], of: ValueType, *, negated: bool) -> Matches:
    if of.name in _UNTYPED:
        texts = frozenset(each for text in wanted for each in (text, _canonical(text)))
        return lambda value, _: (_text(value) in texts) != negated
    if not of.number:
        texts = frozenset(wanted)
        return lambda value, _: (value in texts) != negated
    numbers = frozenset(_bound(text, of) for text in wanted)
    number = _number(of)
    return lambda value, _: (number(value) in numbers) != negated


def _canonical(text: str) -> str:
    """Return a number as values are written, so that 3.0 equals 3; any other text as it is."""
    found = types.number(text)
    return text if found is INVALID else str(types.text(found))


def _number(of: ValueType) -> Callable[[Any], Any]:
    """Return what makes a value a number to compare."""
    return types.seconds_of if of.name == "timestamp" else lambda value: value


def _bound(text: str, of: ValueType) -> Any:
    found = _wanted(text, of)
    if found is INVALID:
        raise FilterError(f"cannot compare with {text!r}: expected {of.expected}")
    return _number(of)(found)


def _wanted(text: str, of: ValueType) -> Any:
    if of.name in _NUMBERS:
        return types.number(text)
    found = of.convert(text)
    return types.number(text) if found is INVALID and of.name in ("condition", "state") else found


def _compares(text: str, of: ValueType, *, greater: bool) -> Matches:
    if of.name == "boolean":
        raise FilterError("greaterThan and lessThan compare numbers and times, not booleans")
    number: Callable[[Any], Any]
    if of.number and of.name not in _UNTYPED:
        number, bound = _number(of), _bound(text, of)
    else:
        number, bound = types.number, types.number(text)
        if bound is INVALID:
            number, bound = _moment, _moment(text)
        if bound is INVALID:
            raise FilterError(
                f"cannot compare a {of.name} with {text!r}: expected a number or a time"
            )

    def greater_than(value: Any, _: Limits) -> bool:
        return (found := number(value)) is not INVALID and bool(found > bound)

    def less_than(value: Any, _: Limits) -> bool:
        return (found := number(value)) is not INVALID and bool(found < bound)

    return greater_than if greater else less_than


def _moment(value: Any) -> Any:
    found = types.timestamp(value)
    return found if found is INVALID else types.seconds_of(found)


def _part(operator: str, text: str) -> Matches:
    if operator == "contains":
        return lambda value, _: text in _text(value)
    if operator == "startsWith":
        return lambda value, _: _text(value).startswith(text)
    return lambda value, _: _text(value).endswith(text)


def _matches(text: str) -> Matches:
    try:
        pattern = Pattern(text)
    except PatternError as error:
        raise FilterError(f"invalid regular expression {text[:64]!r}: {error}") from None
    return lambda value, limits: pattern.matches(_text(value), limits)


def _text(value: Any) -> str:
    found = value if type(value) is str else types.text(value)
    return "" if found is INVALID else found
