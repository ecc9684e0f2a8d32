"""Records of all lists -> the snapshot: what is carried, how they link, their past, findings."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from xpjob.collect.contract import COLLECTORS
from xpjob.collect.fetch import Listed
from xpjob.collectors.crossplane.platform import Platform
from xpjob.collectors.crossplane.records import Inventory
from xpjob.collectors.crossplane.timeline import History
from xpjob.config.settings import Settings
from xpjob.metrics.table import Shown
from xpjob.run.journal import Journal
from xpjob.run.previous import Memory
from xpjob.snapshot import documents
from xpjob.snapshot.carry import carry, keep_owners
from xpjob.snapshot.documents import Snapshot


def assemble(
    journal: Journal,
    settings: Settings,
    memory: Memory | None,
    past: Snapshot | None,
    listed: Sequence[Listed],
    platform: Platform,
) -> Snapshot:
    """Make the snapshot. ``past`` is the whole of the previous one, if there is to carry."""
    report = journal.report
    records = [record for item in listed for record in item.records]
    generated_at = documents.rfc3339(documents.now())
    if past:
        # Built again after a conflict, nothing may be left of what was carried this time.
        records = [copy.copy(record) for record in records]
        keep_owners(past, records, report.targets)
        records += carry(past, report.targets, generated_at, settings.carry_max_age_seconds)
    for collector in COLLECTORS:
        records = collector.link(records)
    previous, history = (memory.snapshot, memory.history) if memory else (None, History())
    history.complete(records, generated_at)
    by_class = Inventory.of(records)
    platform = platform.completed(previous.platform) if previous else platform
    platform.attribute(by_class.mrs)
    known = previous.findings if previous else ()
    findings = [
        finding
        for collector in COLLECTORS
        for finding in collector.findings(records, report.targets, known, generated_at, settings)
    ]
    return Snapshot(
        generated_at=generated_at,
        cluster=settings.cluster_name,
        run=journal.run,
        targets=report.targets,
        counters=copy.deepcopy(report.counters),
        time_to_ready=history.times_to_ready(records) if memory else None,
        namespace_configs=report.namespace_configs,
        claims=by_class.claims,
        xrs=by_class.xrs,
        mrs=by_class.mrs,
        findings=findings,
        platform=platform,
        shown=Shown(
            max_series=settings.max_series,
            per_object=settings.per_object_metrics,
            extra_labels=tuple(extra.name for extra in settings.extra_labels),
        ),
    )
