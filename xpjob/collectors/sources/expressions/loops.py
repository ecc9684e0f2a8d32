"""The methods that go through a list, or through the keys of a map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xpjob.collectors.sources.expressions.limits import Limits
from xpjob.collectors.sources.expressions.values import elements

Body = Callable[[Any], Any]


def exists(limits: Limits, steps: int, value: Any, body: Body) -> bool:
    """Return whether the condition is true for at least one."""
    for item in elements(value):
        limits.spend(steps)
        if body(item):
            return True
    return False


def every(limits: Limits, steps: int, value: Any, body: Body) -> bool:
    """Return whether the condition is true for each, also if there is none."""
    for item in elements(value):
        limits.spend(steps)
        if not body(item):
            return False
    return True


def chosen(limits: Limits, steps: int, value: Any, body: Body) -> list[Any]:
    """Return those for which the condition is true."""
    items = elements(value)
    limits.spend(steps * len(items))
    return [item for item in items if body(item)]


def mapped(limits: Limits, steps: int, value: Any, body: Body) -> list[Any]:
    """Return what is computed of each."""
    items = elements(value)
    limits.spend(steps * len(items))
    return [body(item) for item in items]


LOOPS: dict[str, tuple[Callable[[Limits, int, Any, Body], Any], str, str]] = {
    "exists": (exists, "boolean", "whether the condition is true for at least one"),
    "all": (every, "boolean", "whether the condition is true for each; true if there is none"),
    "filter": (chosen, "list", "those for which the condition is true"),
    "map": (mapped, "list", "what is computed of each"),
}
"""By name: the function, the type of its result, and what it returns."""
