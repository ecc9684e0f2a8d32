"""The functions, each with its arity and the types of what it takes and returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xpjob.collectors.sources.expressions import number_functions as numbers
from xpjob.collectors.sources.expressions import text_functions as texts
from xpjob.collectors.sources.expressions.errors import EvaluationError, shown
from xpjob.collectors.sources.expressions.limits import Limits
from xpjob.collectors.sources.expressions.patterns import Pattern
from xpjob.collectors.sources.expressions.values import bounded, moment, text


@dataclass(frozen=True, slots=True)
class Function:
    """A function. ``parameters`` is how the documentation writes them.

    ``takes``: the type of the first parameter, if not every type can be converted to it.
    ``method``: whether it can be called as ``x.f(y)`` too. ``limited``: whether it is called with
    the limits as its first argument.
    """

    parameters: str
    fewest: int
    most: int | None
    call: Callable[..., Any]
    returns: str
    text: str
    takes: str = "any"
    method: bool = False
    limited: bool = True


def _size(value: Any) -> int:
    if type(value) in (str, list, dict):
        return len(value)
    if value is None:
        return 0
    raise EvaluationError(f"size: expected a text, a list or a map, got {shown(value)}")


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _now(limits: Limits) -> str:
    return limits.now_text


def _unix_seconds(value: Any) -> float | None:
    since = moment(value) if type(value) is str else None
    return since.timestamp() if since else None


def _age(limits: Limits, value: Any) -> float | None:
    since = _unix_seconds(value)
    return None if since is None else float(bounded(limits.now - since))


def _matches(limits: Limits, value: Any, pattern: Pattern) -> bool:
    return pattern.matches(text(limits, value), limits)


def _to_string(limits: Limits, value: Any) -> str:
    return text(limits, value)


FUNCTIONS: dict[str, Function] = {
    "concat": Function(
        "x, …", 1, None, texts.concat, "string", "All values as one text; null adds nothing."
    ),
    "lower": Function("s", 1, 1, texts.lower, "string", "The text in lower case."),
    "upper": Function("s", 1, 1, texts.upper, "string", "The text in upper case."),
    "len": Function(
        "x",
        1,
        1,
        texts.length,
        "number",
        "Characters (not bytes) of a value as text; items of a list or map.",
    ),
    "substr": Function(
        "s, start[, length]",
        2,
        3,
        texts.substr,
        "string",
        "A part of a text, in characters from 0; empty if `start` is outside of it or `length` is"
        " negative.",
    ),
    "round": Function(
        "x[, digits]",
        1,
        2,
        numbers.rounded,
        "number",
        "Rounded, half away from zero; negative `digits` round before the point.",
        limited=False,
    ),
    "floor": Function("x", 1, 1, numbers.floor, "number", "The next integer below.", limited=False),
    "ceil": Function("x", 1, 1, numbers.ceil, "number", "The next integer above.", limited=False),
    "abs": Function(
        "x", 1, 1, numbers.absolute, "number", "The number without its sign.", limited=False
    ),
    "min": Function(
        "x, y", 2, 2, numbers.lesser, "number", "The lesser of two numbers.", limited=False
    ),
    "max": Function(
        "x, y", 2, 2, numbers.greater, "number", "The greater of two numbers.", limited=False
    ),
    "coalesce": Function(
        "x, …", 1, None, _coalesce, "any", "The first that is not null.", limited=False
    ),
    "now": Function("", 0, 0, _now, "string", "The time of the run, RFC 3339 in UTC."),
    "age": Function(
        "time",
        1,
        1,
        _age,
        "number",
        "Seconds from an RFC 3339 time to the time of the run; null if it is none.",
    ),
    "formatBytes": Function(
        "x",
        1,
        1,
        texts.format_bytes,
        "string",
        "With two digits and a unit from B to Pi.",
        limited=False,
    ),
    "contains": Function(
        "s, part", 2, 2, texts.contains, "boolean", "Whether a text contains another.", method=True
    ),
    "startsWith": Function(
        "s, part",
        2,
        2,
        texts.starts_with,
        "boolean",
        "Whether a text starts with another.",
        method=True,
    ),
    "endsWith": Function(
        "s, part",
        2,
        2,
        texts.ends_with,
        "boolean",
        "Whether a text ends with another.",
        method=True,
    ),
    "toString": Function(
        "x",
        1,
        1,
        _to_string,
        "string",
        "As a text: null is empty, whole numbers have no fraction, lists and maps are JSON.",
    ),
    "toNumber": Function(
        "x",
        1,
        1,
        numbers.to_number,
        "number",
        "As a number; null for a text that is no number.",
        limited=False,
    ),
    "matches": Function(
        "s, 'pattern'",
        2,
        2,
        _matches,
        "boolean",
        "Whether a regular expression matches a part of a text. See [patterns](#patterns).",
        method=True,
    ),
    "size": Function(
        "x",
        1,
        1,
        _size,
        "number",
        "Characters of a text, or items of a list or map; 0 for null.",
        takes="sized",
        method=True,
        limited=False,
    ),
    "sum": Function(
        "list",
        1,
        1,
        numbers.total,
        "number",
        "The sum of a list of numbers; null adds 0.",
        takes="list",
    ),
    "quantity": Function(
        "x",
        1,
        1,
        numbers.quantity,
        "number",
        "A Kubernetes quantity as a number: `500m` is 0.5, `1Ki` is 1024.",
        limited=False,
    ),
    "unixSeconds": Function(
        "time",
        1,
        1,
        _unix_seconds,
        "number",
        "An RFC 3339 time in seconds since 1970; null if it is none.",
        limited=False,
    ),
}
