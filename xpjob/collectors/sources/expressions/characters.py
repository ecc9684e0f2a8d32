r"""Sets of characters of a regular expression: a letter, ``.``, ``\d``, ``[a-z]``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Characters:
    """Ranges of characters, or all others."""

    ranges: tuple[tuple[str, str], ...]
    others: bool = False
    any_case: bool = False

    def __contains__(self, character: str) -> bool:
        forms = (character, character.lower(), character.upper()) if self.any_case else character
        for form in forms:
            for first, last in self.ranges:
                if first <= form <= last:
                    return not self.others
        return self.others


_DIGITS = (("0", "9"),)
_WORD = (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z"))
_SPACE = (("\t", "\n"), ("\f", "\r"), (" ", " "))
CLASSES = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
"""As in RE2, they are of ASCII."""
CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "a": "\a"}


def except_for(ranges: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return the ranges of all other characters."""
    others = []
    start = 0
    for first, last in sorted(ranges):
        if start < ord(first):
            others.append((chr(start), chr(ord(first) - 1)))
        start = max(start, ord(last) + 1)
    if start <= 0x10FFFF:
        others.append((chr(start), chr(0x10FFFF)))
    return tuple(others)
