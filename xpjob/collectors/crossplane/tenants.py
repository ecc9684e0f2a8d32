"""Contradictions between tenants' ConfigMaps: each holds in its own namespace only."""

from __future__ import annotations

import logging

from xpjob.collectors.crossplane.classes import CLAIM
from xpjob.collectors.crossplane.configmaps import NamespaceConfig
from xpjob.kube.gvr import Gvr

_MAX_NAMED = 20
"""ConfigMaps and kinds that a log line names."""

_log = logging.getLogger(__name__)


class Contradictions:
    """What ConfigMaps say of each kind, compared with the first that names it."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], tuple[NamespaceConfig, Gvr, str]] = {}
        self._conflicting: set[tuple[str, str]] = set()
        self._contested: dict[tuple[str, str], None] = {}

    @property
    def count(self) -> int:
        """Return how many ConfigMaps contradict another."""
        return len(self._conflicting)

    def note(self, config: NamespaceConfig, gvr: Gvr, class_: str) -> bool:
        """Compare a ConfigMap with the first that names a kind, and note a contradiction.

        Returns whether it must be left out: nothing can be a claim and an XR at once. Claims of
        different namespaces have nothing to do with each other.
        """
        key = (gvr.group, gvr.resource)
        first, its_gvr, its_class = self._first.setdefault(key, (config, gvr, class_))
        elsewhere = first.namespace != config.namespace
        if elsewhere and class_ == its_class == CLAIM:
            return False
        if (gvr, class_, config.owner_keys) != (its_gvr, its_class, first.owner_keys):
            self._conflicting |= {(c.namespace, c.name) for c in (first, config)}
            self._contested[key] = None
        return class_ != its_class

    def tell(self) -> None:
        """Warn once of all ConfigMaps that contradict each other."""
        if self._conflicting:
            named = [f"ConfigMap {namespace}/{name}" for namespace, name in self._conflicting]
            _log.warning(
                "configmaps of tenants contradict each other: each holds in its own namespace only",
                extra={
                    "count": len(named),
                    "configmaps": sorted(named)[:_MAX_NAMED],
                    "kinds": [f"{name}.{group}" for group, name in self._contested][:_MAX_NAMED],
                },
            )
