"""Metric families of a snapshot and of a run, and the registries they are exposed from.

Two groups, never mixed. The *inventory* is replaced only by a newer inventory; the *outcome* of a
run is pushed also when it fails, and must not touch the inventory or its push time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector as RegistryCollector

from xpjob.collector import COLLECTORS
from xpjob.outcome import TargetOutcome
from xpjob.snapshot.counters import Counters
from xpjob.snapshot.model import RunReport, Snapshot, moment

TARGET_LABELS = ("class", "group", "version", "resource", "kind", "namespace", "source")


class _Finished(RegistryCollector):
    """Hands out families that are finished already: much faster than child gauges."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def registry(families: Iterable[Metric]) -> CollectorRegistry:
    """Return a registry of its own that exposes exactly these families."""
    made = CollectorRegistry()
    made.register(_Finished(families))
    return made


def inventory(snapshot: Snapshot) -> Iterator[Metric]:
    """Yield the families of a snapshot, and last how many series each of them has."""
    families: list[Metric] = []
    for collector in COLLECTORS:
        families += collector.families([*snapshot.claims, *snapshot.xrs])
    families += [
        GaugeMetricFamily(
            "xp_tracker_store_claims", "Claims in the snapshot.", len(snapshot.claims)
        ),
        GaugeMetricFamily("xp_tracker_store_xrs", "XRs in the snapshot.", len(snapshot.xrs)),
        GaugeMetricFamily(
            "xp_tracker_namespace_configs",
            "ConfigMaps in namespaces that name what to list.",
            snapshot.namespace_configs,
        ),
        GaugeMetricFamily(
            "xpjob_inventory_timestamp_seconds",
            "When the run that made this inventory started looking.",
            _seconds(snapshot.run.started_at),
        ),
    ]
    yield from families
    declared = GaugeMetricFamily(
        "xpjob_inventory_series",
        "Series that were pushed of each family; fewer in Prometheus means a cut-off push.",
        labels=["family"],
    )
    for family in families:
        declared.add_metric([family.name], len(family.samples))
    yield declared


def outcome(report: RunReport) -> Iterator[Metric]:
    """Yield the families of a run: how it went, target by target, and what it has counted."""
    yield _gauge(
        "xpjob_last_run_success",
        "1 if the last run ended without an error, else 0.",
        report.success,
    )
    yield _gauge(
        "xpjob_last_run_partial",
        "1 if a target of the last run failed, else 0.",
        report.partial,
    )
    yield _gauge(
        "xpjob_last_run_timestamp_seconds",
        "When the last run ended.",
        _seconds(report.finished_at),
    )
    yield _gauge("xpjob_last_run_duration_seconds", "How long the last run took.", report.seconds)
    phases = GaugeMetricFamily(
        "xpjob_last_run_phase_duration_seconds",
        "How long each phase of the last run took.",
        labels=["phase"],
    )
    for phase, seconds in report.phases.items():
        phases.add_metric([phase], seconds)
    yield phases
    if report.last_success_at:
        yield _gauge(
            "xpjob_last_success_timestamp_seconds",
            "When a run last ended without an error.",
            _seconds(report.last_success_at),
        )
    yield _gauge(
        "xpjob_malformed_namespace_configs",
        "ConfigMaps in namespaces that were skipped because their data is wrong.",
        report.malformed_configs,
    )
    build = GaugeMetricFamily("xpjob_build_info", "Always 1.", labels=["version"])
    build.add_metric([report.run.version], 1)
    yield build
    yield from _targets(report.targets)
    if report.counters:
        yield from _counters(report.counters)


def _targets(targets: Iterable[TargetOutcome]) -> Iterator[Metric]:
    columns = (
        ("success", "1 if this list was made in the last run, else 0.", lambda t: not t.error),
        ("duration_seconds", "How long this list took.", lambda t: t.seconds),
        ("records", "Objects in this list.", lambda t: t.records),
        ("malformed", "Objects in this list that could not be read.", lambda t: t.malformed),
        ("carried", "Objects kept from an earlier run as this list failed.", lambda t: t.carried),
        (
            "restarts",
            "Times this list was begun anew: its token had expired.",
            lambda t: t.restarts,
        ),
    )
    for suffix, text, value in columns:
        family = GaugeMetricFamily(f"xpjob_target_{suffix}", text, labels=TARGET_LABELS)
        for t in targets:
            labels = (t.class_, t.group, t.version, t.resource, t.kind, t.namespace, t.source)
            family.add_metric(labels, value(t))
        yield family


def _counters(counters: Counters) -> Iterator[Metric]:
    errors = CounterMetricFamily(
        "xp_tracker_poll_errors", "Lists that failed, by group/version/resource.", labels=["gvr"]
    )
    for gvr, count in sorted(counters.poll_errors.items()):
        errors.add_metric([gvr], count)
    yield errors
    yield HistogramMetricFamily(
        "xp_tracker_poll_duration_seconds",
        "How long a run took to list everything.",
        buckets=counters.poll_duration.buckets(),
        sum_value=counters.poll_duration.sum,
    )
    yield HistogramMetricFamily(
        "xp_tracker_s3_persist_duration_seconds",
        "How long it took to write the snapshot, whatever the store.",
        buckets=counters.persist_duration.buckets(),
        sum_value=counters.persist_duration.sum,
    )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, float(value))


def _seconds(text: str) -> float:
    return moment(text).timestamp()
