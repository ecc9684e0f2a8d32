"""The steps of a path: what each reads, and how it goes from a value to the next."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET

from xpjob.collectors.sources.shape import Shape, child, elements, field_name

Get = Callable[[Any], Any]
"""Returns a part of a value, and UNSET if there is none."""
Choose = Callable[[Any], Sequence[Any] | None]
"""Returns parts of a list or map, and None if the value is none."""


@dataclass(frozen=True, slots=True)
class Key:
    """The value at a key of a map."""

    name: str

    def declare(self, shape: Shape) -> Shape:
        """Add what it reads, and return the shape of the values that it leads to."""
        return shape.key(self.name)

    def get(self) -> Get:
        """Return what makes the step."""
        return child(self.name)


@dataclass(frozen=True, slots=True)
class Index:
    """An element of a list; a negative number counts from the end.

    In a list of keys it is also a key of a map.
    """

    at: int
    name: str = ""

    def declare(self, shape: Shape) -> Shape:
        """Add what it reads, and return the shape of the values that it leads to."""
        if self.name:  # either a list or a map: its own shape cannot be said beforehand
            shape.take()
            return Shape()
        return shape.element()

    def get(self) -> Get:
        """Return what makes the step."""
        at, of_map = self.at, child(self.name) if self.name else None

        def get(value: Any) -> Any:
            among = elements(value)
            if among is None:
                return of_map(value) if of_map else UNSET
            return among[at] if -len(among) <= at < len(among) else UNSET

        return get


@dataclass(frozen=True, slots=True)
class First:
    """The first element of a list with this text at a key: ``[type=Ready]``."""

    name: str
    text: str

    def declare(self, shape: Shape) -> Shape:
        """Add what it reads, and return the shape of the values that it leads to."""
        shape.element().key(self.name).take()
        return shape.element()

    def get(self) -> Get:
        """Return what makes the step."""
        of, text = child(self.name), self.text

        def get(value: Any) -> Any:
            return next((each for each in elements(value) or () if _is(of(each), text)), UNSET)

        return get


@dataclass(frozen=True, slots=True)
class Every:
    """All elements of a list, or all values of a map in the order of their keys."""

    def declare(self, shape: Shape) -> Shape:
        """Add what it reads, and return the shape of the values that it leads to."""
        shape.take_map()
        return shape.element()

    def choose(self) -> Choose:
        """Return what makes the step."""

        def choose(value: Any) -> Sequence[Any] | None:
            if isinstance(value, dict):
                return [value[key] for key in sorted(value)]
            return elements(value)

        return choose


@dataclass(frozen=True, slots=True)
class Slice:
    """Some elements of a list."""

    bounds: slice

    def declare(self, shape: Shape) -> Shape:
        """Add what it reads, and return the shape of the values that it leads to."""
        return shape.element()

    def choose(self) -> Choose:
        """Return what makes the step."""
        bounds = self.bounds

        def choose(value: Any) -> Sequence[Any] | None:
            among = elements(value)
            return None if among is None else among[bounds]

        return choose


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Several keys or indices: ``['a','b']``, ``[0,2]``."""

    steps: tuple[Key | Index, ...]

    def declare(self, shape: Shape) -> Shape:
        """Add what it reads, and return the shape of the values that it leads to."""
        if any(isinstance(step, Key) for step in self.steps):
            shape.take_map()
        return shape.element()

    def choose(self) -> Choose:
        """Return what makes the step."""
        gets = [step.get() for step in self.steps]
        taken = (dict, list) if any(isinstance(step, Key) for step in self.steps) else list

        def choose(value: Any) -> Sequence[Any] | None:
            if not isinstance(value, taken):
                return None
            return [found for get in gets if (found := get(value)) is not UNSET]

        return choose


@dataclass(frozen=True, slots=True)
class Operand:
    """One side of a comparison: a literal, or keys and indices of the element."""

    literal: Any = UNSET
    steps: tuple[Key | Index, ...] = ()

    def get(self) -> Get:
        """Return what returns its value for an element."""
        return chain(self.steps) if self.literal is UNSET else lambda _: self.literal


@dataclass(frozen=True, slots=True)
class Where:
    """The elements of a list for which a comparison is true: ``[?(@.type=="Ready")]``.

    Without an operator: those that have the left side. As for kubectl, an element that lacks one
    side is left out, also for ``!=``.
    """

    left: Operand
    operator: str = ""
    right: Operand = Operand(None)

    def declare(self, shape: Shape) -> Shape:
        """Add what it reads, and return the shape of the values that it leads to."""
        for side in (self.left, self.right):
            if side.literal is UNSET:
                part = shape.element()
                for step in side.steps:
                    part = step.declare(part)
                part.take()
        return shape.element()

    def choose(self) -> Choose:
        """Return what makes the step."""
        left, right, holds = self.left.get(), self.right.get(), self._holds

        def choose(value: Any) -> Sequence[Any] | None:
            among = elements(value)
            if among is None:
                return None
            return [each for each in among if holds(left(each), right(each))]

        def equal(value: Any) -> Sequence[Any] | None:
            among = elements(value)
            return None if among is None else [each for each in among if left(each) == text]

        text = self.right.literal
        return equal if self.operator == "==" and isinstance(text, str) else choose

    def _holds(self, left: Any, right: Any) -> bool:
        if left is UNSET or right is UNSET:
            return False
        if not self.operator:
            return True
        if _kind(left) == _kind(right) != "other":
            return bool(OPERATORS[self.operator](left, right))
        return self.operator == "!="


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
"""Of comparisons; a longer one comes before what it begins with."""

Definite = Key | Index | First
Several = Every | Slice | AnyOf | Where
Step = Definite | Several


def chain(steps: Sequence[Definite]) -> Get:
    """Return what makes several steps, one after another."""
    gets = [step.get() for step in steps]
    if len(gets) == 0:
        return lambda value: value

    def get(value: Any) -> Any:
        for step in gets:
            value = step(value)
        return value

    names = [field_name(step.name) for step in steps if isinstance(step, Key)]
    if not steps or len(names) < len(steps):
        return get
    of_structs = operator.attrgetter(".".join(names))

    def fast(value: Any) -> Any:
        try:
            return of_structs(value)
        except AttributeError:
            return get(value)

    return fast


def _kind(value: Any) -> str:
    """Return what it can be compared with: numbers with numbers, text with text."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if value is None:
        return "null"
    return "string" if isinstance(value, str) else "other"


def _is(value: Any, text: str) -> bool:
    if isinstance(value, str):
        return value == text
    if isinstance(value, bool):
        return text == ("true" if value else "false")
    return isinstance(value, (int, float)) and _as_text(value) == text


def _as_text(value: float) -> str:
    try:
        return str(value)
    except ValueError:  # a number of thousands of digits
        return ""
