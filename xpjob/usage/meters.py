"""What reports know of the meters that collectors declare."""

from __future__ import annotations

from xpjob.collect.contract import Collectors
from xpjob.collect.meters import Metering


def orders(collectors: Collectors) -> frozenset[str]:
    """Return the classes of which reports tell by default: no object is a part of another one."""
    return frozenset(
        class_
        for collector in collectors
        if isinstance(collector, Metering)
        for meter in collector.meters
        for class_ in meter.orders
    )
