"""The reader's own metrics, in a registry of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from xpjob import __version__

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_FAILURES = (
    "store_away",
    "store_refused",
    "corrupt",
    "newer_schema",
    "not_loaded",
    "report",
    "internal",
)


class Metrics:
    """What the reader counts. ``refreshes`` and ``failures`` are fed by whoever refreshes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "xpjob_reader_requests",
            "Requests answered.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "xpjob_reader_request_duration_seconds",
            "How long it took to answer, the sending included.",
            ["route"],
            buckets=_BOUNDS,
            registry=self.registry,
        )
        self.refreshes = Counter(
            "xpjob_reader_refreshes",
            "Snapshots asked for, by what came: changed, unchanged or absent.",
            ["result"],
            registry=self.registry,
        )
        self.failures = Counter(
            "xpjob_reader_refresh_failures",
            "Snapshots or reports that could not be had, by reason.",
            ["reason"],
            registry=self.registry,
        )
        self._refreshed_at = Gauge(
            "xpjob_reader_last_refresh_timestamp_seconds",
            "When the store last answered.",
            registry=self.registry,
        )
        build = Gauge("xpjob_reader_build_info", "Always 1.", ["version"], registry=self.registry)
        build.labels(__version__).set(1)
        for reason in _FAILURES:
            self.failures.labels(reason)
        for result in ("changed", "unchanged", "absent"):
            self.refreshes.labels(result)

    def refreshed(self, moment: datetime) -> None:
        """Note that the store has answered."""
        self._refreshed_at.set(moment.timestamp())

    def watch(self, clusters: Callable[[], Iterable[ClusterFacts]]) -> None:
        """Expose every cluster's snapshot at each scrape."""
        self.registry.register(_Clusters(clusters))

    def exposition(self) -> bytes:
        """Return the text format."""
        return generate_latest(self.registry)


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """A cluster: its snapshot's age and timestamp in seconds, whether it is stale, and counts.

    ``records`` are those of the extensions, by class; ``rows`` those of each table.
    """

    cluster: str
    age: float
    timestamp: float
    stale: bool
    records: Mapping[str, int] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)


class _Clusters(Collector):
    def __init__(self, clusters: Callable[[], Iterable[ClusterFacts]]) -> None:
        self._clusters = clusters

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        age = GaugeMetricFamily(
            "xpjob_reader_snapshot_age_seconds", "Age of the snapshot served.", labels=["cluster"]
        )
        taken = GaugeMetricFamily(
            "xpjob_reader_snapshot_timestamp_seconds",
            "When the snapshot served was taken.",
            labels=["cluster"],
        )
        stale = GaugeMetricFamily(
            "xpjob_reader_snapshot_stale",
            "1 if runs are missing, or newer snapshots cannot be had, else 0.",
            labels=["cluster"],
        )
        records = GaugeMetricFamily(
            "xpjob_reader_records", "Records in the snapshot served.", labels=["cluster", "class"]
        )
        rows = GaugeMetricFamily(
            "xpjob_reader_table_rows",
            "Rows of each table of the snapshot served.",
            labels=["cluster", "table"],
        )
        for facts in self._clusters():
            labels = [facts.cluster]
            age.add_metric(labels, facts.age)
            taken.add_metric(labels, facts.timestamp)
            stale.add_metric(labels, float(facts.stale))
            for class_, count in facts.records.items():
                records.add_metric([facts.cluster, class_], count)
            for table, count in facts.rows.items():
                rows.add_metric([facts.cluster, table], count)
        yield from (age, taken, stale, records, rows)
