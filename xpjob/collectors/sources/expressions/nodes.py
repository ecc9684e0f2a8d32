"""The tree of an expression. Every node knows the column at which it is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression."""

    column: int

    def children(self) -> Iterator[Node]:
        """Yield the parts of which it is made."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Node):
                yield value
            elif isinstance(value, tuple):
                yield from (item for item in value if isinstance(item, Node))


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A number, a string, true, false or null; or the pattern of ``matches``."""

    value: Any


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A variable; ``loop`` says which loop's it is, 0 for one that is handed in."""

    name: str
    loop: int = 0


@dataclass(frozen=True, slots=True)
class Member(Node):
    """``of.key``."""

    of: Node
    key: str


@dataclass(frozen=True, slots=True)
class Index(Node):
    """``of[key]``."""

    of: Node
    key: Node


@dataclass(frozen=True, slots=True)
class Items(Node):
    """``[a, b]``."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """``!x`` or ``-x``."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """An operator that computes both of its sides."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """``a && b && c``, or the same with ``||`` or ``??``: computed as far as necessary."""

    operator: str
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """``test ? yes : no``."""

    test: Node
    yes: Node
    no: Node


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function with its arguments."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Has(Node):
    """``has(path)``."""

    path: Node


@dataclass(frozen=True, slots=True)
class Loop(Node):
    """``of.exists(variable, body)``, and the other methods that go through a list."""

    method: str
    of: Node
    variable: str
    loop: int
    body: Node


def walk(root: Node) -> Iterator[tuple[Node, int]]:
    """Yield every node with its level, from 1. Without recursion: chains may be long."""
    todo = [(root, 1)]
    while todo:
        node, level = todo.pop()
        yield node, level
        todo += [(child, level + 1) for child in node.children()]
