"""Patterns of kinds, for options: a group, or resource.group, with ``*`` for any characters."""

from __future__ import annotations

import re

from msgspec import Struct

from xpjob.base.wildcards import Wildcard
from xpjob.config.parsers import invalid
from xpjob.kube.discovery import Kind

_ALLOWED = re.compile(r"[a-z0-9*]([-a-z0-9.*]*[a-z0-9*])?", re.ASCII)
_MAX = 253


class Pattern(Struct, frozen=True):
    """A pattern, e.g. ``*.upbound.io`` or ``buckets.s3.aws.upbound.io``."""

    text: str

    def matches(self, kind: Kind) -> bool:
        """Return whether it matches the group of a kind, or its resource.group."""
        pattern = Wildcard(self.text)
        return pattern.matches(kind.group) or pattern.matches(f"{kind.resource}.{kind.group}")

    def __str__(self) -> str:
        return self.text


def parse_pattern(text: str) -> Pattern:
    """Parse a pattern. Raises ``ValueError`` with what is expected."""
    lower = text.strip().lower()
    if len(lower) > _MAX or not _ALLOWED.fullmatch(lower):
        expected = "a group or resource.group, * allowed, e.g. *.upbound.io"
        raise invalid("pattern of kinds", text, expected)
    return Pattern(lower)
