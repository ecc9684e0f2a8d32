"""The registry of collectors: one line each. Their code is imported for those that are used."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from xpjob.collectors.capacity.options import CapacityOptions
from xpjob.collectors.clusters.options import ClusterOptions
from xpjob.collectors.crossplane.options import CrossplaneOptions
from xpjob.collectors.deployments.options import DeploymentOptions
from xpjob.collectors.services.options import ServiceOptions
from xpjob.collectors.sources.options import SourcesOptions
from xpjob.config.option import Group

if TYPE_CHECKING:
    from xpjob.collect.contract import Collector, Collectors

    COLLECTORS: Collectors


class Registered(Struct, frozen=True, dict=True):
    """A collector that can be chosen: the class of its module ``collector``, and its options."""

    name: str
    class_name: str
    options: type[Group]

    @cached_property
    def collector(self) -> Collector:
        """Return the collector. Its module is imported at the first use."""
        module = import_module(f"{__name__}.{self.name}.collector")
        made: Collector = getattr(module, self.class_name)()
        return made


# What users define comes last: a family that another collector has is not theirs.
REGISTERED = (
    Registered("crossplane", "Crossplane", CrossplaneOptions),
    Registered("capacity", "CapacityCollector", CapacityOptions),
    Registered("deployments", "Deployments", DeploymentOptions),
    Registered("services", "ServicesCollector", ServiceOptions),
    Registered("clusters", "Clusters", ClusterOptions),
    Registered("sources", "Sources", SourcesOptions),
)

DEFAULT = "crossplane"
"""Default of COLLECTORS."""


def __getattr__(name: str) -> Any:
    """Return ``COLLECTORS``, all of them, for those who need the code of all."""
    if name != "COLLECTORS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return tuple(each.collector for each in REGISTERED)
