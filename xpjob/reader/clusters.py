"""Which clusters there are, which one a request is about, and how each is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from xpjob import __version__
from xpjob.reader.extension import Extensions
from xpjob.reader.held import Held
from xpjob.reader.loaded import Loaded
from xpjob.reader.metrics import ClusterFacts
from xpjob.reader.parameters import QueryError, unknown
from xpjob.reader.render import Json
from xpjob.reader.snapshots import STALE_AFTER, Snapshots
from xpjob.snapshot.documents import RunReport

_FAILED_SHOWN = 50


def pick(snapshots: Snapshots, name: str) -> Held:
    """Return what is held of the cluster that a request is about.

    Without a name: the configured one, the one without a name, or the only one there is. Raises
    ``QueryError`` where that does not say which.
    """
    held = snapshots.clusters
    name = name or default(held, snapshots.cluster)
    if name in held:
        return held[name]
    served = [known for known, item in held.items() if item.snapshot]
    if name:
        raise unknown("cluster", name, served)
    if len(served) > 1:
        raise QueryError(
            "cluster-needed",
            "there are several clusters; name one with cluster=",
            facts={"known": served},
        )
    return Held()


def default(held: dict[str, Held], cluster: str) -> str:
    """Return the cluster that a request without a name is about, "" where that is not clear."""
    if cluster:
        return cluster
    served = [name for name, item in held.items() if item.snapshot]
    return served[0] if len(served) == 1 else ""


def describe(snapshots: Snapshots, extensions: Extensions, now: datetime) -> Json:
    """Return the document of ``/clusters``."""
    held = snapshots.clusters
    chosen = default(held, snapshots.cluster)
    rows = []
    for name, item in held.items():
        freshness = snapshots.freshness(item)
        snapshot = item.snapshot
        row: Json = {
            "name": name,
            "default": name == chosen,
            "generatedAt": snapshot.stamp.generated_at if snapshot else "",
            "ageSeconds": int(freshness.age) if snapshot else None,
            "stale": freshness.stale,
            "staleReasons": freshness.reasons,
        }
        for extension in extensions:
            row |= extension.cluster(snapshot.view_of(extension.name) if snapshot else None)
        row["findings"] = len(snapshot.head.findings) if snapshot else 0
        row["failedTargets"] = _failed(snapshot)
        row["lastRun"] = run_of(item.report)
        row["tables"] = snapshot.counts if snapshot else {}
        rows.append(row)
    return {
        "clusters": rows,
        "servedAt": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "pollIntervalSeconds": snapshots.poll_interval_seconds,
        "staleAfterSeconds": STALE_AFTER * snapshots.poll_interval_seconds,
        "version": __version__,
    }


def version(snapshots: Snapshots) -> Json:
    """Return the document of ``/version``, which is the same until a client must ask again."""
    held = snapshots.clusters
    chosen = default(held, snapshots.cluster)
    rows: list[Json] = []
    for name, item in held.items():
        freshness = snapshots.freshness(item)
        run = item.report and {"id": item.report.run.id, "success": item.report.success}
        rows.append(
            {
                "name": name,
                "default": name == chosen,
                "generatedAt": item.snapshot.stamp.generated_at if item.snapshot else "",
                "stale": freshness.stale,
                "staleReasons": freshness.reasons,
                "lastRun": run,
            }
        )
    return {"version": __version__, "clusters": rows}


def metric_facts(snapshots: Snapshots, extensions: Extensions) -> Iterator[ClusterFacts]:
    """Yield what ``/metrics`` says of each cluster that is served."""
    for name, held in snapshots.clusters.items():
        if snapshot := held.snapshot:
            fresh = snapshots.freshness(held)
            records: dict[str, int] = {}
            for extension in extensions:
                records |= extension.records(snapshot.view_of(extension.name))
            facts = ClusterFacts(name, fresh.age, snapshot.stamp.generated, fresh.stale)
            yield replace(facts, records=records, rows=snapshot.counts)


def _failed(snapshot: Loaded | None) -> list[Json]:
    if snapshot is None:
        return []
    failed = [target for target in snapshot.head.targets if target.error]
    return [
        {
            "gvr": target.gvr,
            "namespace": target.namespace,
            "error": target.error,
            "gone": target.gone,
            "carried": target.carried,
        }
        for target in failed[:_FAILED_SHOWN]
    ]


def run_of(report: RunReport | None) -> Json | None:
    """Return how the last run ended; None if no run has reported."""
    if report is None:
        return None
    return {
        "id": report.run.id,
        "startedAt": report.run.started_at,
        "finishedAt": report.finished_at,
        "success": report.success,
        "partial": report.partial,
        "phase": report.phase,
        "error": report.error,
        "seconds": round(report.seconds, 3),
        "lastSuccessAt": report.last_success_at,
        "history": report.history,
    }
