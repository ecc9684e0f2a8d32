"""Which kinds of the API a source counts."""

from __future__ import annotations

from xpjob.collect.contract import World
from xpjob.collectors.sources.documents import places
from xpjob.collectors.sources.program import Target
from xpjob.kube.discovery import Catalogue, Kind


class Kinds:
    """The kinds that the API serves; core kinds are discovered when the first is asked for."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._core: Catalogue | None = None

    @property
    def core(self) -> Catalogue:
        """Return the kinds without a group."""
        if self._core is None:
            self._core = self._world.core_kinds()
        return self._core

    @property
    def metric_sources(self) -> Kind | None:
        """Return the kind MetricSource, None if the API does not serve it."""
        return self._world.catalogue.resource(places.METRIC_SOURCE_GROUP, places.METRIC_SOURCES)

    def of(self, target: Target) -> tuple[list[Kind], list[tuple[str, str]]]:
        """Return the kinds of a target, and the group versions that did not answer."""
        catalogue = self._world.catalogue
        if target.category:
            found = [
                kind
                for some in (self.core, catalogue)
                for kind in some.in_category(target.category)
            ]
            return found, [*self.core.incomplete, *catalogue.incomplete]
        if not target.group:
            catalogue = self.core
        found = [kind for kind in catalogue.kinds if _is_of(kind, target)]
        if not target.version:  # the preferred version only
            first: dict[tuple[str, str], Kind] = {}
            for kind in found:
                first.setdefault((kind.group, kind.resource), kind)
            found = list(first.values())
        if found and "*" not in (target.group, target.version, target.kind):
            return found, []
        silent = [
            (group, version)
            for group, version in catalogue.incomplete
            if target.group in ("*", group) and _has(target, version)
        ]
        return found, silent


def _is_of(kind: Kind, target: Target) -> bool:
    named = target.kind in ("", "*", kind.kind) and target.resource in ("", kind.resource)
    in_group, in_version = target.group in ("*", kind.group), _has(target, kind.version)
    return named and in_group and in_version


def _has(target: Target, version: str) -> bool:
    return target.version in ("*", "", version)
