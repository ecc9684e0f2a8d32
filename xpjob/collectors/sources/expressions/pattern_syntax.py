"""Read a regular expression: the part of RE2's syntax that says whether a text matches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xpjob.collectors.sources.expressions.characters import (
    CLASSES,
    CONTROLS,
    Characters,
    except_for,
)

MAX_PATTERN = 256
"""Characters of a pattern."""
_MAX_GROUPS = 20
_MAX_REPEATS = 1000


class PatternError(ValueError):
    """A regular expression that cannot be used."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a pattern: one character, a place, or several parts."""

    kind: Literal["characters", "start", "end", "sequence", "either", "repeat"]
    characters: Characters | None = None
    parts: tuple[Part, ...] = ()
    fewest: int = 1
    most: int | None = 1


def read(text: str) -> Part:
    """Return the parts of a pattern. Raises ``PatternError``."""
    if len(text) > MAX_PATTERN:
        raise PatternError(f"it has {len(text)} characters, more than {MAX_PATTERN}")
    any_case = text.startswith("(?i)")
    return _Reader(text, 4 if any_case else 0, any_case).whole()


class _Reader:
    def __init__(self, text: str, at: int, any_case: bool) -> None:
        self._text = text
        self._at = at
        self._any_case = any_case
        self._groups = 0

    def whole(self) -> Part:
        part = self._either()
        if self._at < len(self._text):
            raise PatternError(f"')' at character {self._at + 1} closes nothing: write \\)")
        return part

    def _take(self, expected: str) -> bool:
        if self._text.startswith(expected, self._at):
            self._at += len(expected)
            return True
        return False

    def _next(self) -> str:
        character = self._text[self._at : self._at + 1]
        if not character:
            raise PatternError("it ends too early")
        self._at += 1
        return character

    def _either(self) -> Part:
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else Part("either", parts=tuple(branches))

    def _sequence(self) -> Part:
        parts = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            parts.append(self._repeated(self._one()))
        return Part("sequence", parts=tuple(parts))

    def _one(self) -> Part:
        at = self._at + 1
        character = self._next()
        if character == "^":
            return Part("start")
        if character == "$":
            return Part("end")
        if character == ".":
            return self._set((("\n", "\n"),), others=True)
        if character == "[":
            return self._brackets()
        if character == "(":
            return self._group()
        if character == "\\":
            return self._escape()
        if character in "*+?":
            raise PatternError(f"{character!r} at character {at} repeats nothing")
        # RE2 takes a brace that is no repetition literally; so does this.
        return self._set(((character, character),))

    def _set(self, ranges: tuple[tuple[str, str], ...], *, others: bool = False) -> Part:
        return Part("characters", Characters(ranges, others, self._any_case))

    def _group(self) -> Part:
        if self._take("?") and not self._take(":"):
            raise PatternError(
                "of groups with '?', only (?:...) can be used, and (?i) at the start"
            )
        self._groups += 1
        if self._groups > _MAX_GROUPS:
            raise PatternError(f"groups are nested more than {_MAX_GROUPS} times")
        part = self._either()
        if not self._take(")"):
            raise PatternError("a group is not closed: ')' is missing")
        self._groups -= 1
        return part

    def _escape(self) -> Part:
        character = self._next()
        if character == "A":
            return Part("start")
        if character == "z":
            return Part("end")
        return self._set(self._escaped(character))

    def _escaped(self, character: str) -> tuple[tuple[str, str], ...]:
        if character.lower() in CLASSES:
            ranges = CLASSES[character.lower()]
            return ranges if character.islower() else except_for(ranges)
        if character in CONTROLS:
            return ((CONTROLS[character], CONTROLS[character]),)
        if character.isascii() and character.isalnum():
            raise PatternError(f"\\{character} cannot be used")
        return ((character, character),)

    def _brackets(self) -> Part:
        others = self._take("^")
        ranges: list[tuple[str, str]] = []
        first = True
        while first or not self._take("]"):
            first = False
            if self._text.startswith("[:", self._at):
                raise PatternError("classes such as [:alpha:] cannot be used: write a-zA-Z")
            low = self._member()
            if self._text.startswith("-", self._at) and self._text[self._at + 1 :][:1] != "]":
                self._at += 1
                high = self._member()
                if len(low) > 1 or len(high) > 1 or low[0] > high[0]:
                    raise PatternError("a range in [] goes from a character to a later one")
                low = ((low[0][0], high[0][1]),)
            ranges += low
        return self._set(tuple(ranges), others=others)

    def _member(self) -> tuple[tuple[str, str], ...]:
        if self._at >= len(self._text):
            raise PatternError("a class is not closed: ']' is missing")
        character = self._next()
        return self._escaped(self._next()) if character == "\\" else ((character, character),)

    def _repeated(self, part: Part) -> Part:
        while (bounds := self._bounds()) is not None:
            if part.kind in ("start", "end"):
                raise PatternError("'^' and '$' cannot be repeated")
            if part.kind == "repeat":
                raise PatternError("a repetition cannot be repeated: put it in a group")
            self._take("?")  # the shortest match or the longest, a text matches or does not
            part = Part("repeat", parts=(part,), fewest=bounds[0], most=bounds[1])
        return part

    def _bounds(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return bounds
        if not self._take("{"):
            return None
        inside, closed, _ = self._text[self._at :].partition("}")
        low, comma, high = inside.partition(",")
        numbers = [number for number in (low, high) if number]
        if not (closed and low and all(n.isascii() and n.isdigit() for n in numbers)):
            self._at -= 1  # the brace is a character
            return None
        self._at += len(inside) + 1
        fewest = int(low)
        most = int(high) if high else (None if comma else fewest)
        if max(fewest, most or 0) > _MAX_REPEATS or (most is not None and most < fewest):
            raise PatternError(f"{{{inside}}} is not a number of times up to {_MAX_REPEATS}")
        return fewest, most
