"""GVR: group, version and resource, as people write them in the configuration."""

from __future__ import annotations

import re
from typing import NamedTuple

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
EXAMPLE = "platform.example.org/v1alpha1/postgresqlinstances"


class Gvr(NamedTuple):
    """One listable resource, such as ``platform.example.org/v1/apps``."""

    group: str
    version: str
    resource: str

    def __str__(self) -> str:
        return f"{self.group}/{self.version}/{self.resource}"


def parse_gvr(text: str) -> Gvr:
    """Read ``group/version/resource``. Raises ``ValueError`` saying what is wrong with it."""
    parts = text.strip().split("/")
    if len(parts) != 3:
        raise ValueError(f"{text.strip()!r} is not group/version/resource, such as {EXAMPLE}")
    gvr = Gvr(*parts)
    if not _SUBDOMAIN.fullmatch(gvr.group) or len(gvr.group) > 253:
        raise ValueError(f"{text.strip()!r}: {gvr.group!r} is no API group (see {EXAMPLE})")
    if not _LABEL.fullmatch(gvr.version):
        raise ValueError(f"{text.strip()!r}: {gvr.version!r} is no API version (see {EXAMPLE})")
    if not _LABEL.fullmatch(gvr.resource):
        raise ValueError(
            f"{text.strip()!r}: {gvr.resource!r} is no resource; give the plural in lower case, "
            f"as in {EXAMPLE}"
        )
    return gvr


def parse_gvrs(text: str) -> tuple[Gvr, ...]:
    """Read a comma-separated list: order kept, repeats dropped, empty segments ignored.

    Raises ``ValueError`` with every bad entry, and for one resource named in two versions: they
    are the same objects, and would be counted twice.
    """
    found: dict[Gvr, None] = {}
    problems = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        try:
            found[parse_gvr(entry)] = None
        except ValueError as error:
            problems.append(str(error))
    versions: dict[tuple[str, str], Gvr] = {}
    for gvr in found:
        first = versions.setdefault((gvr.group, gvr.resource), gvr)
        if first != gvr:
            problems.append(f"{first} and {gvr} are the same objects in two versions; name one")
    if problems:
        raise ValueError("; ".join(problems))
    return tuple(found)
