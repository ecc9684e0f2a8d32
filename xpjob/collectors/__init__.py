"""The registry of collectors: one line each."""

from __future__ import annotations

from xpjob.collect.contract import Collectors
from xpjob.collectors.capacity.collector import CapacityCollector
from xpjob.collectors.crossplane.collector import Crossplane
from xpjob.collectors.deployments.collector import Deployments

COLLECTORS: Collectors = (Crossplane(), CapacityCollector(), Deployments())

DEFAULT = "crossplane"
"""Default of COLLECTORS."""
