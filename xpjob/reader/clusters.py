"""Which clusters there are, which one is meant, and how each is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from xpjob import __version__
from xpjob.collectors.crossplane.targets import CLAIM, COMPOSITE, MANAGED
from xpjob.config.settings import Settings
from xpjob.reader.metrics import ClusterFacts
from xpjob.reader.parameters import QuestionError, unknown
from xpjob.reader.render import Json
from xpjob.reader.snapshots import STALE_AFTER, Held, Snapshots
from xpjob.reader.table import View
from xpjob.snapshot.documents import RunReport

_FAILED_SHOWN = 50


def pick(snapshots: Snapshots, settings: Settings, name: str) -> Held:
    """Return what is held of the cluster that is meant.

    Without a name: the configured one, the one without a name, or the only one there is. Raises
    ``QuestionError`` where that does not say which.
    """
    held = snapshots.clusters
    name = name or default(held, settings)
    if name in held:
        return held[name]
    served = [known for known, item in held.items() if item.view]
    if name:
        raise unknown("cluster", name, served)
    if len(served) > 1:
        raise QuestionError(
            "cluster-needed",
            "there are several clusters; name one with cluster=",
            facts={"known": served},
        )
    return Held()


def default(held: dict[str, Held], settings: Settings) -> str:
    """Return the cluster that is meant where none is named, "" where that is not clear."""
    if settings.cluster_name:
        return settings.cluster_name
    served = [name for name, item in held.items() if item.view]
    return served[0] if len(served) == 1 else ""


def describe(snapshots: Snapshots, settings: Settings, now: datetime) -> Json:
    """Return the document of ``/clusters``."""
    held = snapshots.clusters
    chosen = default(held, settings)
    rows = []
    for name, item in held.items():
        freshness = snapshots.freshness(item)
        view = item.view
        rows.append(
            {
                "name": name,
                "default": name == chosen,
                "generatedAt": view.generated_at if view else "",
                "ageSeconds": int(freshness.age) if view else None,
                "stale": freshness.stale,
                "staleReasons": freshness.reasons,
                "claims": _count(view, CLAIM),
                "xrs": _count(view, COMPOSITE),
                "mrs": _count(view, MANAGED),
                "failedTargets": _failed(view),
                "lastRun": _run(item.report),
            }
        )
    return {
        "clusters": rows,
        "servedAt": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "pollIntervalSeconds": settings.poll_interval_seconds,
        "staleAfterSeconds": STALE_AFTER * settings.poll_interval_seconds,
        "version": __version__,
    }


def metric_facts(snapshots: Snapshots) -> Iterator[ClusterFacts]:
    """Yield what ``/metrics`` tells of each cluster that is served."""
    for name, held in snapshots.clusters.items():
        if view := held.view:
            fresh = snapshots.freshness(held)
            yield (name, fresh.age, view.generated, fresh.stale, view.total)


def _count(view: View | None, class_: str) -> Json:
    if view is None:
        return {"total": 0, "ready": 0}
    return {"total": view.total[class_], "ready": view.ready[class_]}


def _failed(view: View | None) -> list[Json]:
    if view is None:
        return []
    failed = [target for target in view.targets if target.error]
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


def _run(report: RunReport | None) -> Json | None:
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
