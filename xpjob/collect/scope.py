"""The option that says which namespaces are listed, for every collector that can be restricted."""

from __future__ import annotations

from xpjob.config import parsers
from xpjob.config.option import Group, option

namespaces = parsers.each(
    parsers.matching("namespace", r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "a name, e.g. team-a")
)
"""Accept comma-separated names of namespaces."""


class NamespacedOptions(Group, frozen=True, kw_only=True):
    """One declaration, which the options of several collectors inherit."""

    namespace: tuple[str, ...] = option(
        "Namespaces whose pods are listed, comma-separated; empty means all.", "", namespaces
    )
