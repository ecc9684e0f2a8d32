"""Compile an expression, and compute its value for one object after another.

What the language has and means is described in ``EXPRESSIONS.md``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from xpjob.collectors.sources.expressions.errors import EvaluationError, ExpressionError
from xpjob.collectors.sources.expressions.generator import generate
from xpjob.collectors.sources.expressions.inference import Type, type_of
from xpjob.collectors.sources.expressions.limits import MAX_TEXT, Limits
from xpjob.collectors.sources.expressions.nodes import Name, walk
from xpjob.collectors.sources.expressions.parser import parse
from xpjob.collectors.sources.expressions.values import bounded, measure

__all__ = ["EvaluationError", "Expression", "ExpressionError", "Limits", "compile_expression"]

_NO_TYPES: Mapping[str, str] = MappingProxyType({})


class Expression:
    """A compiled expression.

    ``names``: the variables that it uses. ``type``: of its value, ``any`` if that depends on the
    object; whatever the type, a value may be null.
    """

    def __init__(self, source: str, names: Collection[str], types: Mapping[str, str]) -> None:
        root = parse(source, names)
        self.source = source
        self.names = frozenset(
            node.name for node, _ in walk(root) if isinstance(node, Name) and not node.loop
        )
        self.type: Type = type_of(root, types)
        self._run = generate(root)

    def __call__(self, values: Mapping[str, Any], limits: Limits) -> Any:
        """Return the value for one object; variables that are missing are null.

        Variables, and the value, are what JSON can hold; no number is infinite or NaN. A list or
        map may share parts with the object: do not change it. Raises ``EvaluationError``.
        """
        result = self._run(values, limits)
        kind = type(result)
        if kind is int or kind is float:
            return bounded(result)
        if kind is str:
            if len(result) > MAX_TEXT:
                limits.spend_on_text(len(result))
        elif result is not None and kind is not bool:
            measure(limits, result)
        return result


def compile_expression(
    source: str, names: Collection[str], *, types: Mapping[str, str] = _NO_TYPES
) -> Expression:
    """Compile an expression.

    ``names``: the variables that it may use. ``types``: what is known of them, as fields of a
    source declare it (``string``, ``integer``, ``timestamp``, …): what can then never be right is
    an error. Raises ``ExpressionError``.
    """
    return Expression(source, frozenset(names), types)
