"""Configuration by tenants: ConfigMaps with GVRs, one or more per namespace."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from xpjob.collect.contract import World
from xpjob.config import parsers
from xpjob.kube.gvr import Gvr, parse_gvrs
from xpjob.kube.lists import ListKey
from xpjob.kube.objects import Metadata

CONFIGMAPS = Gvr("", "v1", "configmaps")
SELECTOR = "xp-tracker.kanzi.io/config=gvrs"
MAX_GVRS = 100
"""GVRs per namespace: each costs a request, and series, in every run."""
_GVR_KEYS = ("CLAIM_GVRS", "XR_GVRS")
_MAX_ERROR = 2_000
"""Characters of a logged error, which quotes the ConfigMap: up to a megabyte of data."""

_log = logging.getLogger(__name__)


class NamespaceConfig(Struct, frozen=True):
    """A valid ConfigMap: the kinds to list, and the annotations of their owners."""

    namespace: str
    name: str
    claim_gvrs: tuple[Gvr, ...]
    xr_gvrs: tuple[Gvr, ...]
    creator_annotation_key: str
    team_annotation_key: str

    @property
    def owner_keys(self) -> tuple[str, str]:
        """Return the annotation keys of creator and team."""
        return self.creator_annotation_key, self.team_annotation_key

    def __str__(self) -> str:
        return f"ConfigMap {self.namespace}/{self.name}"


class _ConfigMap(Struct):
    metadata: Metadata
    data: dict[str, str] | None = None


def config_list(namespace: str) -> ListKey:
    """Return the list of the ConfigMaps in a namespace (empty means all)."""
    return ListKey(CONFIGMAPS, namespace, SELECTOR)


def read_configs(world: World, namespace: str) -> tuple[list[NamespaceConfig], int]:
    """Return the valid ConfigMaps of a namespace (empty means all), and the number of invalid ones.

    Raises the errors of ``World.fold``. An invalid ConfigMap is a warning, never an error; so is
    one that exceeds the limit of its namespace.
    """
    (good, malformed), listing = world.fold(config_list(namespace), _ConfigMap, _Reader)
    if listing.malformed:
        _log.warning(
            "unreadable configmaps skipped",
            extra={"namespace": namespace, "malformed": listing.malformed},
        )
    return good, malformed + listing.malformed


class _Reader:
    """Keeps what is valid, up to the limit of each namespace: not the data of a ConfigMap."""

    def __init__(self) -> None:
        self._good: list[NamespaceConfig] = []
        self._malformed = 0
        self._named: Counter[str] = Counter()

    def page(self, objects: Sequence[_ConfigMap]) -> None:
        """Take the ConfigMaps of a page, in the order of namespace and name."""
        for item in objects:
            namespace = item.metadata.namespace
            try:
                count = _count(item, self._named[namespace])
                self._good.append(_parse(item))
                self._named[namespace] += count
            except ValueError as error:
                self._malformed += 1
                _log.warning(
                    "configmap skipped: invalid data",
                    extra={
                        "namespace": namespace,
                        "configmap": item.metadata.name,
                        "error": str(error)[:_MAX_ERROR],
                    },
                )

    def result(self) -> tuple[list[NamespaceConfig], int]:
        """Return the valid ConfigMaps, and the number of invalid ones."""
        return sorted(self._good, key=lambda one: (one.namespace, one.name)), self._malformed


def _count(item: _ConfigMap, others: int) -> int:
    """Return the number of GVRs of a ConfigMap. Raises ``ValueError`` if that is too many.

    ``others``: GVRs of the other ConfigMaps of the namespace.
    """
    data = item.data or {}
    count = sum(bool(gvr.strip()) for key in _GVR_KEYS for gvr in data.get(key, "").split(","))
    if others + count > MAX_GVRS:
        besides = f", in addition to {others} in other ConfigMaps" if others else ""
        raise ValueError(
            f"too many GVRs: {count}{besides}, but at most {MAX_GVRS} are allowed per namespace; "
            "remove some, or ask the operator of xpjob for DISCOVERY=always"
        )
    return count


def _parse(item: _ConfigMap) -> NamespaceConfig:
    data = item.data or {}
    problems = []

    def read(key: str) -> tuple[Gvr, ...]:
        try:
            return parse_gvrs(data.get(key, ""))
        except ValueError as error:
            problems.append(f"{key}: {error}")
            return ()

    def read_key(key: str) -> str:
        try:
            return parsers.key(data.get(key, "").strip())
        except ValueError as error:
            problems.append(f"{key}: {error}")
            return ""

    config = NamespaceConfig(
        item.metadata.namespace,
        item.metadata.name,
        read("CLAIM_GVRS"),
        read("XR_GVRS"),
        read_key("CREATOR_ANNOTATION_KEY"),
        read_key("TEAM_ANNOTATION_KEY"),
    )
    if not problems and not config.claim_gvrs and not config.xr_gvrs:
        problems.append("no GVRs; set CLAIM_GVRS or XR_GVRS")
    if problems:
        raise ValueError("; ".join(problems))
    return config
