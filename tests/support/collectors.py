"""The collectors of tests that are about Crossplane's alone."""

from __future__ import annotations

from xpjob.collect.contract import Collectors
from xpjob.collectors.crossplane.collector import Crossplane

CROSSPLANE: Collectors = (Crossplane(),)
