"""GVR (group, version and resource), as written in the configuration."""

from __future__ import annotations

import re
from typing import NamedTuple

from xpjob.config.parsers import invalid, split

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_VERSION = re.compile(r"v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?")
EXAMPLE = "platform.example.org/v1alpha1/postgresqlinstances"


class Gvr(NamedTuple):
    """A resource type, e.g. ``platform.example.org/v1/apps``; core kinds have an empty group."""

    group: str
    version: str
    resource: str

    def __str__(self) -> str:
        return f"{self.group}/{self.version}/{self.resource}"

    def path(self, namespace: str = "") -> str:
        """Return the path of the list; cluster-wide without a namespace."""
        root = f"/apis/{self.group}" if self.group else "/api"
        within = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}/{self.version}{within}/{self.resource}"


def parse_gvr(text: str) -> Gvr:
    """Parse ``group/version/resource``, or ``v1/pods`` or ``/v1/pods`` for a core kind.

    Raises ``ValueError`` with what is expected.
    """
    stripped = text.strip()
    parts = stripped.split("/")
    if len(parts) == 2 and _VERSION.fullmatch(parts[0]):
        parts.insert(0, "")
    if len(parts) == 4 or (len(parts) == 3 and _VERSION.fullmatch(parts[0])):
        raise invalid(
            "kind",
            stripped,
            f"group/version/resource, e.g. {EXAMPLE}; subresources cannot be listed",
        )
    if len(parts) != 3:
        raise invalid("kind", stripped, f"group/version/resource, e.g. {EXAMPLE}")
    gvr = Gvr(*parts)
    if gvr.group and (not _SUBDOMAIN.fullmatch(gvr.group) or len(gvr.group) > 253):
        raise invalid("kind", stripped, f"an API group instead of {gvr.group!r}, as in {EXAMPLE}")
    if not (_LABEL if gvr.group else _VERSION).fullmatch(gvr.version):
        raise invalid(
            "kind", stripped, f"an API version instead of {gvr.version!r}, as in {EXAMPLE}"
        )
    if not _LABEL.fullmatch(gvr.resource):
        raise invalid(
            "kind",
            stripped,
            f"the plural in lower case instead of {gvr.resource!r}, as in {EXAMPLE}",
        )
    return gvr


def parse_gvrs(text: str, *, core: bool = False) -> tuple[Gvr, ...]:
    """Parse a comma-separated list in order, without duplicates and empty entries.

    Core kinds are rejected unless ``core``. Raises ``ValueError`` with every invalid entry, and for
    a resource in two versions, whose objects would be counted twice.
    """
    gvrs: dict[Gvr, None] = {}
    problems = []
    for entry in split(text):
        try:
            gvr = parse_gvr(entry)
            if not (gvr.group or core):
                raise ValueError(f"{entry!r} has no API group: core kinds are not supported here")
            gvrs[gvr] = None
        except ValueError as error:
            problems.append(str(error))
    versions: dict[tuple[str, str], Gvr] = {}
    for gvr in gvrs:
        first = versions.setdefault((gvr.group, gvr.resource), gvr)
        if first != gvr:
            problems.append(f"{first} and {gvr} are the same objects in two versions; keep one")
    if problems:
        raise ValueError("; ".join(problems))
    return tuple(gvrs)
