"""What is wrong with an expression: where it is written, or with a value when it is evaluated."""

from __future__ import annotations


class ExpressionError(ValueError):
    """An expression that cannot be compiled.

    ``column``: character of the source, counted from 1 over all lines of it. The message says
    where, what, and what to write instead.
    """

    def __init__(self, message: str, column: int) -> None:
        self.column = column
        super().__init__(f"column {column}: {message}")


class EvaluationError(ValueError):
    """A value that cannot be computed: a type that cannot be used, or a bound that was reached.

    It costs the value of one object; the same expression may be right for the next.
    """


def shown(value: object) -> str:
    """Return a short text for a value of an object, for an error message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {value[:40]!r}" + ("..." if len(value) > 40 else "")
    if isinstance(value, int | float):
        # The digits of a huge integer would take long, and Python refuses to write them.
        small = isinstance(value, float) or -(10**30) < value < 10**30
        return f"the number {value!r}" if small else "a number of more than 30 digits"
    return {"list": "a list", "dict": "a map"}.get(type(value).__name__, type(value).__name__)
