"""Families whose series have each their own labels."""

from __future__ import annotations

import msgspec
from prometheus_client import generate_latest

from xpjob.metrics.series import Labels, SeriesTable
from xpjob.metrics.stored import MetricTable, store
from xpjob.publish.exposition import registry

ROWS: dict[Labels, float] = {
    (("b", "2"), ("name", "x")): 2.0,
    (("a", ""),): 1.5,
    (): 0.0,
}


def _exposed(tables: list[MetricTable]) -> list[str]:
    stored = msgspec.json.decode(msgspec.json.encode(tables), type=list[MetricTable])
    families = [metric for table in stored for metric in table.metrics()]
    return generate_latest(registry(families)).decode().splitlines()


def test_each_series_has_its_own_labels() -> None:
    """A label that another series has is absent; an empty one is there."""
    assert _exposed(store("sources", [SeriesTable("m", "Help.", ROWS)], 10)) == [
        "# HELP m Help.",
        "# TYPE m gauge",
        "m 0.0",
        'm{a=""} 1.5',
        'm{b="2",name="x"} 2.0',
    ]


def test_a_family_above_the_limit_is_left_out() -> None:
    """Sums of unknown series mean nothing, so nothing is folded; how many are left out is told."""
    tables = store("sources", [SeriesTable("m", "Help.", ROWS)], 2)
    assert _exposed(tables) == ["# HELP m Help.", "# TYPE m gauge"]
    assert tables[0].folded == 3
