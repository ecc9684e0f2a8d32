"""Patterns of kinds, for options: a group, or resource.group, with ``*`` for any characters."""

from __future__ import annotations

import re
from dataclasses import dataclass

from xpjob.config.parsers import invalid
from xpjob.kube.discovery import Kind

_ALLOWED = re.compile(r"[a-z0-9*]([-a-z0-9.*]*[a-z0-9*])?", re.ASCII)
_MAX = 253


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern, e.g. ``*.upbound.io`` or ``buckets.s3.aws.upbound.io``."""

    text: str

    def matches(self, kind: Kind) -> bool:
        """Return whether it matches the group of a kind, or its resource.group."""
        return _matches(self.text, kind.group) or _matches(
            self.text, f"{kind.resource}.{kind.group}"
        )

    def __str__(self) -> str:
        return self.text


def parse_pattern(text: str) -> Pattern:
    """Parse a pattern. Raises ``ValueError`` with what is expected."""
    lower = text.strip().lower()
    if len(lower) > _MAX or not _ALLOWED.fullmatch(lower):
        expected = "a group or resource.group, * allowed, e.g. *.upbound.io"
        raise invalid("pattern of kinds", text, expected)
    return Pattern(lower)


def _matches(pattern: str, text: str) -> bool:
    """Match from left to right without backtracking: the first place of each part will do."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == first
    *middle, last = rest
    if not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, max(at, end))
        if found < 0:
            return False
        at = found + len(part)
    return at <= end
