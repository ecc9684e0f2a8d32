"""The registry of collectors: one line each."""

from __future__ import annotations

from xpjob.collect.contract import Collectors
from xpjob.collectors.capacity.collector import CapacityCollector
from xpjob.collectors.clusters.collector import Clusters
from xpjob.collectors.crossplane.collector import Crossplane
from xpjob.collectors.deployments.collector import Deployments
from xpjob.collectors.services.collector import ServicesCollector
from xpjob.collectors.sources.collector import Sources

# What users define comes last: a family that another collector has is not theirs.
COLLECTORS: Collectors = (
    Crossplane(),
    CapacityCollector(),
    Deployments(),
    ServicesCollector(),
    Clusters(),
    Sources(),
)

DEFAULT = "crossplane"
"""Default of COLLECTORS."""
