"""The registry of collectors: one line each."""

from __future__ import annotations

from xpjob.collect.contract import Collectors
from xpjob.collectors.crossplane.collector import Crossplane

COLLECTORS: Collectors = (Crossplane(),)

DEFAULT = "crossplane"
"""Default of COLLECTORS."""
