"""Metric tables as the snapshot stores them: complete, and folded to the series limit.

Push, repush and the reader expose the stored tables, so they all show the same numbers and do not
need the code of any collector.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    UntypedMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from xpjob.metrics.cumulative import Histogram, HistogramTable
from xpjob.metrics.series import SeriesTable
from xpjob.metrics.table import ColumnType, Table


class Family(Struct, frozen=True, gc=False, omit_defaults=True):
    """Name, help text and type of one family."""

    name: str
    help: str
    type: ColumnType = "gauge"

    def metric(
        self, labels: Sequence[str]
    ) -> GaugeMetricFamily | CounterMetricFamily | UntypedMetricFamily:
        """Return it without samples.

        A counter whose name does not end in ``_total``, as in other exporters, is exposed without a
        type: prometheus_client adds that suffix to every counter. Queries are the same.
        """
        if self.type == "gauge":
            return GaugeMetricFamily(self.name, self.help, labels=labels)
        if self.name.endswith("_total"):
            return CounterMetricFamily(self.name, self.help, labels=labels)
        return UntypedMetricFamily(self.name, self.help, labels=labels)


class MetricTable(Struct, rename="camel", kw_only=True):
    """Families that share their labels.

    A row is label values (null if the series lacks a label) and numbers: one number for each gauge
    or counter; for a histogram, which is one family with ``bounds``, the count of each bucket (the
    last is +Inf) and the sum.
    ``folded``: number of label sets folded into others because of the series limit.
    """

    collector: str = ""
    type: Literal["gauge", "histogram"] = "gauge"
    labels: list[str]
    families: list[Family]
    rows: list[tuple[list[str | None], list[float | None]]]
    bounds: list[float] = []
    folded: int = 0

    def metrics(self) -> Iterator[Metric]:
        """Yield the families of an exposition."""
        if self.type == "histogram":
            yield self._histogram()
            return
        for position, family in enumerate(self.families):
            metric = family.metric(self.labels)
            for labels, values in self.rows:
                metric.add_metric(labels, _number(values[position]))  # type: ignore[arg-type]
                if None in labels:
                    metric.samples[-1] = _without_null(metric.samples[-1])
            yield metric

    def _histogram(self) -> Metric:
        (family,) = self.families
        metric = HistogramMetricFamily(family.name, family.help, labels=self.labels)
        for labels, values in self.rows:
            *counts, total = map(_number, values)
            histogram = Histogram(self.bounds, [int(count) for count in counts], total)
            metric.add_metric(labels, histogram.buckets(), histogram.sum)  # type: ignore[arg-type]
        return metric


def _without_null(sample: Sample) -> Sample:
    labels = {name: value for name, value in sample.labels.items() if value is not None}
    return sample._replace(labels=labels)


Tables = Iterable[Table | HistogramTable | SeriesTable]


def store(collector: str, tables: Tables, ceiling: int) -> list[MetricTable]:
    """Convert metric tables to their stored form, with at most ``ceiling`` series a family."""
    return [
        _of_series(collector, table, ceiling)
        if isinstance(table, SeriesTable)
        else _stored(collector, table, ceiling)
        for table in tables
    ]


def folded(tables: Iterable[MetricTable]) -> Mapping[str, int]:
    """Return by family how many label sets were folded into others.

    A family without labels is one number, and cannot be folded.
    """
    return {
        family.name: table.folded for table in tables if table.labels for family in table.families
    }


def _stored(collector: str, table: Table | HistogramTable, ceiling: int) -> MetricTable:
    limited = table.under(ceiling)
    rows: list[tuple[list[str | None], list[float | None]]]
    if isinstance(limited, HistogramTable):
        rows = [
            (_labels(limited, key), [*map(float, histogram.counts), _storable(histogram.sum)])
            for key, histogram in sorted(limited.rows.items())
        ]
        families, bounds = [Family(limited.name, limited.help)], list(limited.bounds)
    else:
        rows = [
            (_labels(limited, key), list(map(_storable, values)))
            for key, values in sorted(limited.rows.items())
        ]
        families, bounds = (
            [Family(column.name, column.help, column.type) for column in limited.columns],
            [],
        )
    return MetricTable(
        collector=collector,
        type="histogram" if bounds else "gauge",
        labels=list(limited.labels),
        families=families,
        rows=rows,
        bounds=bounds,
        folded=len(table.rows) - len(limited.rows),
    )


def _of_series(collector: str, table: SeriesTable, ceiling: int) -> MetricTable:
    limited = table.under(ceiling)
    names = sorted({name for labels in limited.rows for name, _ in labels})
    rows: list[tuple[list[str | None], list[float | None]]] = []
    for labels, value in sorted(limited.rows.items()):
        own = dict(labels)
        rows.append((list(map(own.get, names)), [_storable(value)]))
    return MetricTable(
        collector=collector,
        labels=names,
        families=[Family(table.name, table.help)],
        rows=rows,
        folded=len(table.rows) - len(limited.rows),
    )


def _labels(table: Table | HistogramTable, key: Sequence[str]) -> list[str | None]:
    """Return label values. Raises ``ValueError`` if they are not one string for each label."""
    if len(key) != len(table.labels) or not all(isinstance(value, str) for value in key):
        raise ValueError(f"labels {tuple(table.labels)} cannot be {key!r}")
    return list(key)


def _storable(value: float) -> float | None:
    """Return a number as JSON can hold it: what is no finite number is unknown."""
    return float(value) if math.isfinite(value) else None


def _number(value: float | None) -> float:
    """Restore a stored number: JSON has no NaN, so NaN is stored as null."""
    return math.nan if value is None else value
