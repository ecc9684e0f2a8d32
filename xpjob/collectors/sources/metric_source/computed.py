"""Computed fields: compile their expressions, and check what they refer to."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from xpjob.collect.description import ColumnType
from xpjob.collectors.sources.expressions.cel import compile_cel
from xpjob.collectors.sources.expressions.errors import ExpressionError
from xpjob.collectors.sources.expressions.language import compile_expression
from xpjob.collectors.sources.metric_source import types
from xpjob.collectors.sources.metric_source.spec import Compiled
from xpjob.collectors.sources.metric_source.types import TYPES, ValueType

CEL = "cel:"
RESULTS = ("string", "integer", "float", "boolean", "timestamp", "quantity", "duration", "json")
"""Types that a computed field may have."""
_COLUMNS: Mapping[str, ColumnType] = {
    "string": "text",
    "number": "count",
    "boolean": "flag",
    "null": "text",
    "list": "list",
}


def compile_computed(source: str, names: Collection[str], known: Mapping[str, str]) -> Compiled:
    """Compile an expression: of strict CEL after ``cel:``. Raises ``ExpressionError``."""
    if not source.startswith(CEL):
        return compile_expression(source, names, types=known)
    try:
        return compile_cel(source.removeprefix(CEL), names)
    except ExpressionError as error:
        message = str(error).partition(": ")[2]
        raise ExpressionError(message, error.column + len(CEL)) from None


def result_type(name: str, expression: Compiled) -> ValueType:
    """Return the type of a computed field; without a name the value stays what it is."""
    if name:
        return TYPES[name]
    inferred = getattr(expression, "type", "any")
    column = _COLUMNS.get(inferred, "object")
    number = inferred in ("number", "boolean", "any")
    return ValueType("any", "a value", types.plain, column, number=number)


def cycle(name: str, references: Mapping[str, Collection[str]]) -> list[str]:
    """Return the names by which a computed field refers to itself; empty if it does not."""
    waiting = [[name]]
    seen: set[str] = set()
    while waiting:
        way = waiting.pop()
        for other in sorted(references.get(way[-1], ())):
            if other == name:
                return [*way, name]
            if other not in seen:
                seen.add(other)
                waiting.append([*way, other])
    return []
