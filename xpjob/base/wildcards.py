"""Patterns in which ``*`` stands for any characters, matched without backtracking.

Patterns come from anybody who can reach the reader, or write a ConfigMap. A regular expression for
``*a*a*a*b`` tries every way to split a text; here each part is looked for once.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A pattern."""

    text: str
    _parts: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        first, *middle = self.text.split("*")
        last = middle[-1:]
        # Two stars in a row are one.
        parts = (first, *filter(None, middle[:-1]), *last)
        object.__setattr__(self, "_parts", parts)

    def matches(self, value: str) -> bool:
        """Return whether it matches the whole of a text.

        The first place of each part is as good as any later one, so nothing is tried twice.
        """
        first, *middle = self._parts
        if not middle:
            return value == first
        last = middle.pop()
        at, end = len(first), len(value) - len(last)
        if end < at or not (value.startswith(first) and value.endswith(last)):
            return False
        for part in middle:
            at = value.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True
