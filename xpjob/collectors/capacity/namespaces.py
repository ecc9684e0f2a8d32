"""Namespaces: which team each belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from xpjob.base.truncate import MAX_LABEL, cut
from xpjob.kube.objects import Metadata


class Namespace(Struct, gc=False):
    """A namespace."""

    metadata: Metadata


class NamespaceReader:
    """Reads the team of each namespace, an annotation or else a label."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._teams: dict[str, str] = {}

    def page(self, objects: Sequence[Namespace]) -> None:
        """Read the namespaces of a page."""
        for item in objects:
            metadata = item.metadata
            for values in (metadata.annotations, metadata.labels):
                if team := (values or {}).get(self._key):
                    self._teams[metadata.name] = cut(team, MAX_LABEL)
                    break

    def result(self) -> dict[str, str]:
        """Return the team of each namespace that has one."""
        return self._teams
