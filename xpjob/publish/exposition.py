"""Metric families of a snapshot and of a run, and the registries they are exposed from.

Two groups, never mixed. The *inventory* is replaced only by a newer inventory; the *outcome* of a
run is pushed also when it fails, and must not touch the inventory or its push time.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector as RegistryCollector

from xpjob.base.truncate import MAX_LABEL, cut
from xpjob.collect.contract import COLLECTORS
from xpjob.collect.outcome import TargetOutcome
from xpjob.metrics.cumulative import READY_BOUNDS, Counters, Histogram, TimeToReady
from xpjob.metrics.table import OTHER, Key, fold
from xpjob.snapshot.documents import RunReport, Snapshot, moment

_TIME_TO_READY = "crossplane_time_to_ready_seconds"
TARGET_LABELS = ("class", "group", "version", "resource", "kind", "namespace", "source")

_log = logging.getLogger(__name__)


class _Finished(RegistryCollector):
    """Hands out families that are finished already: much faster than child gauges."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = [_bounded(family) for family in families]

    def collect(self) -> Iterable[Metric]:
        return self._families


def _bounded(family: Metric) -> Metric:
    """Cut long values of labels. Most are short in the records already."""
    for number, sample in enumerate(family.samples):
        if any(len(value) > MAX_LABEL for value in sample.labels.values()):
            labels = {name: cut(value, MAX_LABEL) for name, value in sample.labels.items()}
            family.samples[number] = sample._replace(labels=labels)
    return family


def registry(families: Iterable[Metric]) -> CollectorRegistry:
    """Return a registry of its own that exposes exactly these families."""
    made = CollectorRegistry()
    made.register(_Finished(families))
    return made


def inventory(snapshot: Snapshot) -> list[Metric]:
    """Return the families of a snapshot, and last how many series each of them has.

    The snapshot says how many series a family may have at most: see ``xpjob.metrics.table``.
    """
    ceiling = snapshot.shown.max_series
    families: list[Metric] = []
    folded: dict[str, int] = {}
    for collector in COLLECTORS:
        for table in collector.tables(
            snapshot.records,
            snapshot.findings,
            snapshot.platform,
            snapshot.generated_at,
            snapshot.shown,
        ):
            shown = table.under(ceiling)
            families += shown.families()
            folded |= {c.name: len(table.rows) - len(shown.rows) for c in table.columns}
    times, folded[_TIME_TO_READY] = _times_to_ready(snapshot.time_to_ready or (), ceiling)
    families.append(times)
    families += [
        _gauge("xp_tracker_store_claims", "Claims in the snapshot.", len(snapshot.claims)),
        _gauge("xp_tracker_store_xrs", "XRs in the snapshot.", len(snapshot.xrs)),
        _gauge("xp_tracker_store_mrs", "MRs in the snapshot.", len(snapshot.mrs)),
        _gauge(
            "xp_tracker_namespace_configs",
            "ConfigMaps in namespaces that name what to list.",
            snapshot.namespace_configs,
        ),
        _gauge(
            "xpjob_inventory_timestamp_seconds",
            "When the run that made this inventory started looking.",
            _seconds(snapshot.run.started_at),
        ),
        _by_family(
            "xpjob_folded_series",
            "Label sets of each family that MAX_SERIES has folded into others.",
            folded,
        ),
    ]
    if any(folded.values()):
        told = {family: count for family, count in folded.items() if count}
        _log.warning(
            "families have more label sets than MAX_SERIES: the rarest values of their widest "
            "label are told as one",
            extra={"max_series": ceiling, "folded": told, "as": OTHER},
        )
    declared = _by_family(
        "xpjob_inventory_series",
        "Series that were pushed of each family; fewer in Prometheus means a cut-off push.",
        _declared(families),
    )
    return [*families, declared]


def _declared(families: Iterable[Metric]) -> dict[str, int]:
    """Count samples by the name that Prometheus has them under: a histogram has three."""
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


def _times_to_ready(times: Sequence[TimeToReady], ceiling: int) -> tuple[Metric, int]:
    """Return the histogram family, and how many label sets were folded."""
    series_each = len(READY_BOUNDS) + 3  # the last bucket, the sum and the count
    observed: dict[Key, int] = {time.key: sum(time.histogram.counts) for time in times}
    becomes = fold(observed, max(1, ceiling // series_each))
    merged: dict[Key, Histogram] = {}
    for time in times:
        to = merged.setdefault(becomes[time.key], Histogram.empty(READY_BOUNDS))
        to.add(time.usable().histogram)
    family = HistogramMetricFamily(
        _TIME_TO_READY,
        "How long objects took from creation to first being ready, where that was seen.",
        labels=("class", "group", "kind", "composition"),
    )
    for key, histogram in sorted(merged.items()):
        family.add_metric(key, histogram.buckets(), histogram.sum)
    return family, len(times) - len(merged)


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
        yield from _counters(report.counters.usable())


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
