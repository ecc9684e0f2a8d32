"""How long objects of a kind usually take to become ready, as runs have observed it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from xpjob.collect.description import Usual
from xpjob.collect.tables import TableSpec
from xpjob.collectors.crossplane.classes import TABLE_OF
from xpjob.collectors.crossplane.state import READY_BOUNDS, TimeToReady
from xpjob.metrics.cumulative import Histogram

_ENOUGH = 10
"""Observations without which nothing is said of a kind."""
_SHARE = 0.9
_LEAST = 60
"""Seconds: the runs that observe are minutes apart."""


def with_usual(specs: Iterable[TableSpec], times: Sequence[TimeToReady]) -> list[TableSpec]:
    """Return the tables, with the usual times of their kinds; none if no kind has one."""
    found = {spec.key: _seconds(spec.key, times) for spec in specs}
    return [
        replace(spec, usual=Usual(by="kind", seconds=found[spec.key]))
        for spec in specs
        if found[spec.key]
    ]


def _seconds(key: str, times: Iterable[TimeToReady]) -> dict[str, int]:
    """Return the seconds by kind, whatever composition and API group."""
    by_kind: dict[str, Histogram] = {}
    for each in times:
        if TABLE_OF.get(each.class_) == key:
            by_kind.setdefault(each.kind, Histogram.empty(READY_BOUNDS)).add(each.histogram)
    return {
        kind: max(_LEAST, int(histogram.quantile(_SHARE)))
        for kind, histogram in sorted(by_kind.items())
        if sum(histogram.counts) >= _ENOUGH
    }
