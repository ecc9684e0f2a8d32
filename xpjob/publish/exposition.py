"""Metric families of a snapshot and of a run, and the registries that expose them.

They are two separate groups. The *inventory* is replaced only by a newer inventory; the *outcome*
of a run is pushed even if the run fails, and must not change the inventory or its push time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector as RegistryCollector

from xpjob.base import times
from xpjob.base.truncate import MAX_LABEL, cut
from xpjob.collect.outcome import CollectorOutcome, TargetOutcome
from xpjob.metrics.cumulative import Counters
from xpjob.metrics.stored import folded
from xpjob.metrics.table import Column, Table
from xpjob.snapshot.documents import Head, RunReport

TARGET_LABELS = ("class", "group", "version", "resource", "kind", "namespace", "source")


class _Finished(RegistryCollector):
    """Exposes prepared families, which is much faster than child gauges."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = [_bounded(family) for family in families]

    def collect(self) -> Iterable[Metric]:
        return self._families


def _bounded(family: Metric) -> Metric:
    """Truncate long label values. Most are truncated in the records already."""
    for number, sample in enumerate(family.samples):
        if any(len(value) > MAX_LABEL for value in sample.labels.values()):
            labels = {name: cut(value, MAX_LABEL) for name, value in sample.labels.items()}
            family.samples[number] = sample._replace(labels=labels)
    return family


def registry(families: Iterable[Metric]) -> CollectorRegistry:
    """Return a new registry with exactly these families."""
    registry = CollectorRegistry()
    registry.register(_Finished(families))
    return registry


def inventory(head: Head) -> list[Metric]:
    """Return the families of a snapshot, and last the number of series of each.

    The families are stored in the snapshot, already folded: see ``metrics.stored``.
    """
    tables = head.metrics or []
    families = [
        *(family for table in tables for family in table.metrics()),
        *_cluster(head),
        _gauge(
            "xpjob_inventory_timestamp_seconds",
            "Unix time in seconds at which the run that produced this inventory started.",
            _seconds(head.run.started_at),
        ),
        _by_family(
            "xpjob_folded_series",
            "Number of label sets folded into others because of MAX_SERIES, by family.",
            folded(tables),
        ),
    ]
    declared = _by_family(
        "xpjob_inventory_series",
        "Number of series pushed, by family; fewer in Prometheus indicate a truncated push.",
        _declared(families),
    )
    return [*families, declared]


def _cluster(head: Head) -> Iterator[Metric]:
    """Yield which cluster it is of, unless a version that did not know it has stored it."""
    if head.identity is None:
        return
    family = GaugeMetricFamily(
        "xpjob_cluster_info",
        "Cluster of the inventory: uid of its namespace kube-system, or else the address of its "
        "API; the value is always 1.",
        labels=["uid"],
    )
    family.add_metric([str(head.identity)], 1)
    yield family


def _declared(families: Iterable[Metric]) -> dict[str, int]:
    """Count samples by their name in Prometheus; a histogram has three names."""
    counts: Counter[str] = Counter()
    for family in families:
        counts.update(sample.name for sample in family.samples)
        if not family.samples:
            counts[family.name] = 0
    return counts


def _by_family(name: str, text: str, numbers: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=["family"])
    for other, number in numbers.items():
        family.add_metric([other], number)
    return family


def outcome(report: RunReport) -> Iterator[Metric]:
    """Yield the families of a run: its outcome, targets, collectors, deliveries and counters."""
    yield _gauge(
        "xpjob_last_run_success",
        "1 if the last run ended without an error, else 0.",
        report.success,
    )
    yield _gauge(
        "xpjob_last_run_partial",
        "1 if a list or a collector of the last run failed, else 0.",
        report.partial,
    )
    yield _gauge(
        "xpjob_last_run_timestamp_seconds",
        "Unix time in seconds at which the last run ended.",
        _seconds(report.finished_at),
    )
    yield _gauge(
        "xpjob_last_run_duration_seconds", "Duration of the last run in seconds.", report.seconds
    )
    phases = GaugeMetricFamily(
        "xpjob_last_run_phase_duration_seconds",
        "Duration of each phase of the last run in seconds.",
        labels=["phase"],
    )
    for phase, seconds in report.phases.items():
        phases.add_metric([phase], seconds)
    yield phases
    if report.last_success_at:
        yield _gauge(
            "xpjob_last_success_timestamp_seconds",
            "Unix time in seconds at which a run last ended without an error.",
            _seconds(report.last_success_at),
        )
    yield _gauge(
        "xpjob_malformed_namespace_configs",
        "Number of ConfigMaps in namespaces skipped because of invalid data.",
        report.malformed_configs,
    )
    yield _gauge(
        "xpjob_conflicting_namespace_configs",
        "Number of ConfigMaps in namespaces that contradict another one about a kind.",
        report.conflicting_configs,
    )
    skew = GaugeMetricFamily(
        "xpjob_clock_skew_seconds",
        "Seconds that the clock of the last run was ahead of the server's; negative if behind.",
        labels=["server"],
    )
    for server, seconds in report.clock_skew.items():
        skew.add_metric([server], seconds)
    yield skew
    build = GaugeMetricFamily(
        "xpjob_build_info",
        "Version of the xpjob that did the last run; the value is always 1.",
        labels=["version"],
    )
    build.add_metric([report.run.version], 1)
    yield build
    yield from _targets(report.targets)
    yield from _collectors(report.collectors)
    for delivery in report.deliveries:
        yield from delivery.metrics()
    if report.counters:
        yield from _counters(report.counters.usable())


def _targets(targets: Sequence[TargetOutcome]) -> Iterator[Metric]:
    """Yield the families of lists. Two collectors may have a list with the same labels."""
    columns: tuple[tuple[Column, Callable[[TargetOutcome], float]], ...] = (
        (
            Column("success", "1 if this list succeeded in the last run, else 0.", min),
            lambda t: not t.error,
        ),
        (
            Column("duration_seconds", "Duration of this list in seconds.", max),
            lambda t: t.seconds,
        ),
        (Column("records", "Number of objects in this list.", max), lambda t: t.records),
        (
            Column("malformed", "Number of objects in this list that could not be decoded.", max),
            lambda t: t.malformed,
        ),
        (
            Column(
                "carried",
                "Number of objects carried over from an earlier run because this list failed.",
            ),
            lambda t: t.carried,
        ),
        (
            Column(
                "restarts",
                "Number of times this list was restarted because its continue token had expired.",
                max,
            ),
            lambda t: t.restarts,
        ),
    )
    table = Table(
        TARGET_LABELS,
        [Column(f"xpjob_target_{c.name}", c.help, c.combine) for c, _ in columns],
    )
    for t in targets:
        labels = (t.class_, t.group, t.version, t.resource, t.kind, t.namespace, t.source)
        table.add(labels, *(float(value(t)) for _, value in columns))
    for position, column in enumerate(table.columns):
        family = GaugeMetricFamily(column.name, column.help, labels=TARGET_LABELS)
        for key, values in table.rows.items():
            family.add_metric(key, values[position])
        yield family


def _collectors(outcomes: Iterable[CollectorOutcome]) -> Iterator[Metric]:
    success = GaugeMetricFamily(
        "xpjob_collector_success",
        "1 if the collector succeeded in the last run, else 0.",
        labels=["collector"],
    )
    seconds = GaugeMetricFamily(
        "xpjob_collector_duration_seconds",
        "Duration of the collector's own steps in the last run in seconds, excluding its lists.",
        labels=["collector"],
    )
    for outcome in outcomes:
        success.add_metric([outcome.collector], outcome.success)
        seconds.add_metric([outcome.collector], outcome.seconds)
    yield from (success, seconds)


def _counters(counters: Counters) -> Iterator[Metric]:
    errors = CounterMetricFamily(
        "xp_tracker_poll_errors",
        "Total number of failed lists, by group/version/resource.",
        labels=["gvr"],
    )
    for gvr, count in sorted(counters.poll_errors.items()):
        errors.add_metric([gvr], count)
    yield errors
    yield HistogramMetricFamily(
        "xp_tracker_poll_duration_seconds",
        "Time that a run took to list everything, in seconds.",
        buckets=counters.poll_duration.buckets(),
        sum_value=counters.poll_duration.sum,
    )
    yield HistogramMetricFamily(
        "xp_tracker_s3_persist_duration_seconds",
        "Time that a run took to write the snapshot to the store, in seconds.",
        buckets=counters.persist_duration.buckets(),
        sum_value=counters.persist_duration.sum,
    )
    conflicts = CounterMetricFamily(
        "xpjob_usage_file_conflicts",
        "Total number of usage files not written because there was another one.",
    )
    conflicts.add_metric([], counters.usage_file_conflicts)
    yield conflicts


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, float(value))


def _seconds(text: str) -> float:
    return times.parse(text).timestamp()
