"""Read the text of a path: dots and brackets, with kubectl's JSONPath."""

from __future__ import annotations

import re
from typing import Any

from msgspec import UNSET

from xpjob.collectors.sources.metric_source.steps import (
    OPERATORS,
    AnyOf,
    Every,
    Index,
    Key,
    Operand,
    Slice,
    Step,
    Where,
)

MAX_LENGTH, MAX_STEPS = 1024, 32
_NAME = re.compile(r"(?:[^\s.\[\]{}()'\"\\,=<>!]|\\.)+", re.DOTALL)
_FILTER_NAME = re.compile(r"(?:[^\s.\[\]{}()'\"\\,=<>!&|]|\\.)+", re.DOTALL)
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_SLICE = re.compile(r"(-?[0-9]{1,9})?\s*:\s*(-?[0-9]{1,9})?(?:\s*:\s*(-?[0-9]{1,9})?)?")
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?")
_WORDS = {"true": True, "false": False, "null": None}


class PathError(ValueError):
    """A path that cannot be compiled. ``column`` is the place in its text, from 1."""

    def __init__(self, message: str, column: int) -> None:
        self.column = column
        super().__init__(message)


def parse(text: str) -> tuple[Step, ...]:
    """Return the steps of a path. Raises ``PathError``."""
    if len(text) > MAX_LENGTH:
        raise PathError(f"longer than {MAX_LENGTH} characters", 1)
    return _Reader(text).path()


def integer(text: str) -> int | None:
    """Return a text as an index; None if it is none."""
    return int(text) if _INTEGER.fullmatch(text) else None


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def path(self) -> tuple[Step, ...]:
        self._space()
        braced = self._take("{")
        self._space()
        rooted = self._take("$") or self._take("@")
        steps: list[Step] = []
        if not rooted and self._peek() not in (".", "[", "", "}"):
            steps.append(self._name(_NAME))
        while (mark := self._peek()) in (".", "[") and mark:
            steps += self._dot(_NAME) if mark == "." else [self._bracket()]
            if len(steps) > MAX_STEPS:
                raise self._error(f"more than {MAX_STEPS} steps")
        self._space()
        if braced and not self._take("}"):
            raise self._error("expected }")
        self._space()
        if self._at < len(self._text):
            raise self._unexpected()
        if not steps:
            raise self._error("the path names no field; expected e.g. .spec.replicas")
        return tuple(steps)

    def _dot(self, names: re.Pattern[str]) -> list[Step]:
        start = self._at
        self._at += 1
        if self._peek() == ".":
            raise self._error("'..' is not supported: write the path in full, or use [*]", start)
        if self._peek() == "[":
            return []
        if self._peek() in ("", "}") and not start:
            return []
        return [self._name(names)]

    def _name(self, names: re.Pattern[str]) -> Step:
        match = names.match(self._text, self._at)
        if match is None:
            raise self._unexpected("expected a key")
        self._at = match.end()
        if match[0] == "*":
            return Every()
        return Key(re.sub(r"\\(.)", r"\1", match[0], flags=re.DOTALL))

    def _bracket(self) -> Step:
        self._at += 1
        self._space()
        step: Step
        if self._take("?"):
            step = self._filter()
        elif self._take("*"):
            step = Every()
        elif match := _SLICE.match(self._text, self._at):
            step = self._slice(match)
        else:
            several = [self._member()]
            while self._skip(","):
                self._space()
                several.append(self._member())
            if len(several) > MAX_STEPS:
                raise self._error(f"more than {MAX_STEPS} in one bracket")
            step = several[0] if len(several) == 1 else AnyOf(tuple(several))
        if not self._skip("]"):
            raise self._unexpected("expected ]")
        return step

    def _slice(self, match: re.Match[str]) -> Slice:
        first, last, step = (int(part) if part else None for part in match.groups())
        if step is not None and step < 1:
            raise self._error("the step of a slice must be at least 1")
        self._at = match.end()
        return Slice(slice(first, last, step))

    def _member(self) -> Key | Index:
        if self._peek() in ("'", '"'):
            return Key(self._quoted())
        match = _INTEGER.match(self._text, self._at)
        if match is None:
            rest = self._text[self._at :].partition("]")[0]
            name, equals, value = rest.partition("=")
            hint = f"['{rest}']"
            if equals:
                hint = f'[?(@.{name.strip()}=="{value.strip(chr(39) + chr(34) + "= ")}")]'
            raise self._error(f"expected an index, *, a quoted key or a filter, such as {hint}")
        self._at = match.end()
        return Index(int(match[0]))

    def _filter(self) -> Where:
        if not self._take("("):
            raise self._unexpected("expected ( after ?")
        left = self._operand()
        self._space()
        found = next((op for op in OPERATORS if self._take(op)), "")
        if not found and self._text.startswith(("=", "&&", "||", "!"), self._at):
            raise self._error(f"expected one of {' '.join(OPERATORS)}, or )")
        right = self._operand() if found else Operand(None)
        if left.literal is not UNSET and (not found or right.literal is not UNSET):
            raise self._error("a filter must look at the element: @.key")
        if not self._skip(")"):
            raise self._unexpected("expected )")
        return Where(left, found, right)

    def _operand(self) -> Operand:
        self._space()
        mark = self._peek()
        if mark == "@":
            self._at += 1
            return Operand(steps=self._keys())
        if mark in ("'", '"'):
            return Operand(self._quoted())
        for word, value in _WORDS.items():
            if self._take(word):
                return Operand(value)
        if match := _NUMBER.match(self._text, self._at):
            self._at = match.end()
            return Operand(float(match[0]) if match[1] or match[2] else int(match[0]))
        raise self._unexpected("expected @, a quoted text or a number")

    def _keys(self) -> tuple[Key | Index, ...]:
        steps: list[Any] = []
        while (mark := self._peek()) in (".", "[") and mark:
            start = self._at
            steps += self._dot(_FILTER_NAME) if mark == "." else [self._bracket()]
            if steps and not isinstance(steps[-1], (Key, Index)):
                raise self._error("only keys and indices can be compared", start)
        return tuple(steps)

    def _quoted(self) -> str:
        start, quote = self._at, self._peek()
        found = re.compile(rf"{quote}((?:[^\\{quote}]|\\.)*){quote}", re.DOTALL).match(
            self._text, start
        )
        if found is None:
            raise self._error(f"no closing {quote}", start)
        self._at = found.end()
        return re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, expected: str) -> bool:
        if self._text.startswith(expected, self._at):
            self._at += len(expected)
            return True
        return False

    def _skip(self, expected: str) -> bool:
        self._space()
        return self._take(expected)

    def _space(self) -> None:
        while self._peek().isspace():
            self._at += 1

    def _unexpected(self, expected: str = "") -> PathError:
        found = repr(self._peek()) if self._peek() else "the end of the path"
        return self._error(f"unexpected {found}" + (f": {expected}" if expected else ""))

    def _error(self, message: str, at: int | None = None) -> PathError:
        return PathError(message, (self._at if at is None else at) + 1)
