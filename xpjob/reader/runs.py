"""The last run, for operators: how each list and each collector went, and the run's report."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from xpjob.collect.outcome import CollectorOutcome, TargetOutcome
from xpjob.reader.clusters import run_of
from xpjob.reader.loaded import Loaded
from xpjob.reader.render import Json
from xpjob.snapshot.documents import RunReport


def document(snapshot: Loaded | None, report: RunReport | None, limit: int) -> Json:
    """Return the last run and the snapshot that is served, which may be of an earlier one.

    The lists are those of the report: a run that fails has one, and stores no snapshot. What
    failed comes first, then what took longest.
    """
    head = snapshot.head if snapshot else None
    lists = (report.targets if report else []) or (head.targets if head else [])
    outcomes = (report.collectors if report else []) or (head.collectors if head else None) or []
    ordered = sorted(lists, key=lambda target: (not target.error, -target.seconds))
    return {
        "run": _run(report),
        "snapshot": _snapshot(snapshot),
        "lists": [_list(target) for target in ordered[:limit]],
        "listCount": len(lists),
        "failedLists": sum(1 for target in lists if target.error),
        "records": sum(target.records for target in lists),
        "collectors": [_collector(each, lists, snapshot) for each in outcomes],
    }


def _run(report: RunReport | None) -> Json | None:
    if report is None:
        return None
    return {
        **(run_of(report) or {}),
        "version": report.run.version,
        "phases": report.phases,
        "clockSkew": report.clock_skew,
        "namespaceConfigs": report.namespace_configs,
        "malformedConfigs": report.malformed_configs,
        "conflictingConfigs": report.conflicting_configs,
    }


def _snapshot(snapshot: Loaded | None) -> Json | None:
    if snapshot is None:
        return None
    head = snapshot.head
    return {
        "run": head.run.id,
        "version": head.run.version,
        "startedAt": head.run.started_at,
        "generatedAt": head.generated_at,
        "rows": sum(snapshot.counts.get(key, 0) for key in snapshot.tables),
        "findings": len(head.findings),
    }


def _list(target: TargetOutcome) -> Json:
    outcome: Json = msgspec.to_builtins(target)
    return {"gvr": target.gvr, **outcome}


def _collector(
    outcome: CollectorOutcome, lists: Sequence[TargetOutcome], snapshot: Loaded | None
) -> Json:
    own = [target for target in lists if target.collector == outcome.collector]
    tables = snapshot.tables.values() if snapshot else ()
    made: Json = msgspec.to_builtins(outcome)
    return {
        **made,
        "lists": len(own),
        "failedLists": sum(1 for target in own if target.error),
        "listSeconds": round(sum(target.seconds for target in own), 3),
        "rows": sum(
            snapshot.counts.get(table.key, 0)
            for table in tables
            if snapshot and table.collector == outcome.collector
        ),
    }
