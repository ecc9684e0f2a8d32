"""Find out the types of an expression before it runs, and what can never be right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

from xpjob.collectors.sources.expressions.errors import ExpressionError
from xpjob.collectors.sources.expressions.functions import FUNCTIONS
from xpjob.collectors.sources.expressions.loops import LOOPS
from xpjob.collectors.sources.expressions.nodes import (
    Binary,
    Call,
    Chain,
    Conditional,
    Constant,
    Has,
    Index,
    Items,
    Loop,
    Member,
    Name,
    Node,
    Unary,
)
from xpjob.collectors.sources.expressions.values import parsed

Type = Literal["string", "number", "boolean", "null", "list", "map", "any"]

_OF_FIELDS: Mapping[str, Type] = {
    "string": "string",
    "timestamp": "string",
    "integer": "number",
    "float": "number",
    "quantity": "number",
    "arrayLength": "number",
    "boolean": "boolean",
    "list": "list",
    "map": "map",
}
_ARITHMETIC = ("-", "*", "/", "%")
_SCALARS = ("string", "number", "boolean")


def type_of(node: Node, types: Mapping[str, str]) -> Type:
    """Return the type of an expression, ``any`` if it depends on the object.

    ``types``: of the variables, by the names that fields of a source give them; what is not known
    may have any type. A value of any type may also be null. Raises ``ExpressionError``.
    """
    return _Types(types).of(node)


class _Types:
    def __init__(self, types: Mapping[str, str]) -> None:
        self._types = types

    def of(self, node: Node) -> Type:
        match node:
            case Constant():
                return _constant(node.value)
            case Name():
                known = not node.loop and self._types.get(node.name)
                return _OF_FIELDS.get(known, "any") if known else "any"
            case Member():
                self._check(node, self.of(node.of), ("map", "any", "null"), f".{node.key}", "a map")
                return "any"
            case Index():
                known = self.of(node.of)
                self._check(node, known, ("list", "map", "any", "null"), "[ ]", "a list or a map")
                key = self.of(node.key)
                if (known, key) in (("list", "string"), ("map", "number")):
                    expected = "a number" if known == "list" else "a text"
                    raise ExpressionError(
                        f"[ ] of a {known}: expected {expected} as index", node.key.column
                    )
                return "any"
            case Items():
                for item in node.items:
                    self.of(item)
                return "list"
            case Has():
                self.of(node.path)
                return "boolean"
            case Loop():
                known = self.of(node.of)
                allowed = ("list", "map", "any", "null")
                self._check(node, known, allowed, f".{node.method}()", "a list or a map")
                self.of(node.body)
                return cast(Type, LOOPS[node.method][1])
            case Call():
                return self._call(node)
        return self._operator(node)

    def _operator(self, node: Node) -> Type:
        match node:
            case Unary(operator="!"):
                self.of(node.operand)
                return "boolean"
            case Unary():
                self._number(node.operand, "-")
                return "number"
            case Conditional():
                self.of(node.test)
                return _either([self.of(node.yes), self.of(node.no)])
            case Chain():
                found = [self.of(item) for item in node.items]
                return _either(found) if node.operator == "??" else "boolean"
            case Binary():
                return self._binary(node)
        raise TypeError(f"unknown node {type(node).__name__}")

    def _call(self, node: Call) -> Type:
        function = FUNCTIONS[node.function]
        found = [self.of(argument) for argument in node.arguments]
        if function.takes != "any":
            allowed: tuple[str, ...] = ("list", "any", "null")
            what = "a list"
            if function.takes == "sized":
                allowed, what = (*allowed, "map", "string"), "a text, a list or a map"
            self._check(node, found[0], allowed, node.function, what)
        if node.function == "coalesce":
            return _either(found)
        return cast(Type, function.returns)

    def _binary(self, node: Binary) -> Type:
        if node.operator in _ARITHMETIC:
            self._number(node.left, node.operator)
            self._number(node.right, node.operator)
            return "number"
        left, right = self.of(node.left), self.of(node.right)
        if node.operator == "+":
            if "string" in (left, right):
                return "string"
            self._check(node, left, (*_SCALARS, "null", "any"), "+", "a number or a text")
            self._check(node, right, (*_SCALARS, "null", "any"), "+", "a number or a text")
            return "any" if "any" in (left, right) else "number"
        if node.operator == "in":
            self._check(node, right, ("list", "map", "any", "null"), "in", "a list or a map")
        elif node.operator not in ("==", "!="):
            scalars = (*_SCALARS, "null", "any")
            self._check(node, left, scalars, node.operator, "a number or a text")
            self._check(node, right, scalars, node.operator, "a number or a text")
        return "boolean"

    def _number(self, node: Node, operator: str) -> None:
        found = self.of(node)
        self._check(node, found, (*_SCALARS, "null", "any"), operator, "a number")
        text = node.value if isinstance(node, Constant) else None
        if isinstance(text, str) and parsed(text) is None:
            raise ExpressionError(f"{operator} of a text that is not a number", node.column)

    def _check(
        self, node: Node, found: Type, allowed: tuple[str, ...], what: str, expected: str
    ) -> None:
        if found not in allowed:
            raise ExpressionError(
                f"{what[:40]}: expected {expected}, and this is always a {found}", node.column
            )


def _constant(value: object) -> Type:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "any"


def _either(found: list[Type]) -> Type:
    """Return the type that several possible values have in common, besides null."""
    distinct = set(found) - {"null"}
    if len(distinct) > 1:
        return "any"
    return distinct.pop() if distinct else "null"
