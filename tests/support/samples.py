"""Snapshots for tests."""

from __future__ import annotations

from typing import Any

import msgspec

from support.records import to_claim, to_mr, to_xr
from support.snapshots import Snapshot010
from support.stand_in import APP, CLAIM, claim, managed, modern_xr
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.state import TimeToReady
from xpjob.metrics.cumulative import Counters
from xpjob.snapshot.documents import RunInfo, RunReport


def run_info(minute: int = 0, id_: str = "run-a") -> RunInfo:
    """Return a run that started at that minute of an hour long past."""
    return RunInfo(id=id_, version="0.0.0", started_at=f"2026-08-21T09:{minute:02d}:00.000000Z")


def outcome(**changes: Any) -> TargetOutcome:
    """Return how the claims' target went."""
    made = TargetOutcome(
        class_="claim",
        group=CLAIM.group,
        version=CLAIM.version,
        resource=CLAIM.resource,
        kind=CLAIM.kind,
        namespace="",
        source="discovery",
        records=2,
    )
    return msgspec.structs.replace(made, **changes)


def snapshot(minute: int = 0, id_: str = "run-a", **changes: Any) -> Snapshot010:
    """Return a snapshot of two claims and an app."""
    time = TimeToReady.of("composite", APP.group, APP.kind, "apps.aws")
    time.histogram.observe(90.0)
    made = Snapshot010(
        generated_at=f"2026-08-21T09:{minute:02d}:01.000000Z",
        cluster="",
        run=run_info(minute, id_),
        targets=[outcome()],
        counters=Counters(),
        time_to_ready=[time],
        claims=[to_claim(claim("a")), to_claim(claim("b", "team-b", ready=False))],
        xrs=[to_xr(modern_xr("web", "team-a"), APP)],
        mrs=[to_mr(managed("web-assets", "team-a"))],
    )
    return msgspec.structs.replace(made, **changes)


def report(minute: int = 0, id_: str = "run-a", **changes: Any) -> RunReport:
    """Return the report of a good run."""
    made = RunReport(
        run=run_info(minute, id_),
        cluster="",
        finished_at=f"2026-08-21T09:{minute:02d}:02.000000Z",
        success=True,
        phase="publish",
        seconds=2.0,
        last_success_at=f"2026-08-21T09:{minute:02d}:02.000000Z",
        phases={"discover": 0.5, "list": 1.0},
        targets=[outcome()],
        counters=Counters(),
    )
    return msgspec.structs.replace(made, **changes)
