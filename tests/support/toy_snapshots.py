"""Snapshots of the toy that keeps a row of each pod, and how runs recall and commit them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from support import samples
from support.samples import run_info
from support.toy_rows import PodList, PodRow
from xpjob.collect.attempt import Attempt
from xpjob.collect.contract import Listed
from xpjob.collect.outcome import TargetOutcome
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey
from xpjob.metrics.cumulative import Counters
from xpjob.metrics.table import MAX_SERIES
from xpjob.run import commit as commits
from xpjob.run.assemble import Facts
from xpjob.run.journal import Journal
from xpjob.run.plan import Collected
from xpjob.run.previous import Previous, recall
from xpjob.snapshot import documents
from xpjob.snapshot.documents import Head, RunInfo, RunReport, Snapshot
from xpjob.store.base import Store

CLUSTER = "prod"


def pod(name: str, namespace: str = "team-a", **changes: Any) -> PodRow:
    """Return the row of a pod."""
    made = PodRow(namespace=namespace, name=name, node="node-1", priority=0)
    return msgspec.structs.replace(made, **changes)


def pods_outcome(**changes: Any) -> TargetOutcome:
    """Return how the list of pods went."""
    made = TargetOutcome(
        class_="listed",
        group="",
        version="v1",
        resource="pods",
        kind="Pod",
        namespace="",
        source="",
        records=2,
        collector=PodList.name,
    )
    return msgspec.structs.replace(made, **changes)


def snapshot(
    minute: int = 0,
    id_: str = "run-a",
    *,
    rows: Sequence[PodRow] = (pod("a"), pod("b", "team-b")),
    **changes: Any,
) -> Snapshot:
    """Return the snapshot of a run that listed pods."""
    head = Head(
        run=run_info(minute, id_),
        cluster=CLUSTER,
        generated_at=f"2026-08-21T09:{minute:02d}:01.000000Z",
        targets=[pods_outcome()],
        counters=Counters(),
        collectors=[],
        tables=[spec.describe(PodList.name) for spec in PodList.tables],
        metrics=[],
    )
    return Snapshot(msgspec.structs.replace(head, **changes), {"podList": list(rows)})


def report(minute: int = 0, id_: str = "run-a", **changes: Any) -> RunReport:
    """Return the report of a good run of that cluster."""
    return samples.report(
        minute, id_, **{"cluster": CLUSTER, "targets": [pods_outcome()], **changes}
    )


def put(store: Store, made: Snapshot | bytes) -> str:
    """Store a snapshot as an earlier run would; return its etag."""
    body = documents.encode(made) if isinstance(made, Snapshot) else made
    return store.put(f"{CLUSTER}/snapshot.json", body, replacing=None)


def put_report(store: Store, made: RunReport) -> None:
    """Store a report as an earlier run would."""
    store.put(f"{CLUSTER}/run.json", documents.encode(made), replacing=None)


def held(store: Store) -> Head:
    """Return the head of the stored snapshot."""
    found = store.get(f"{CLUSTER}/snapshot.json")
    assert found is not None
    return documents.decode_raw(found.body, "store").head


def recalled(store: Store, run: RunInfo, cluster: str = CLUSTER) -> Previous:
    """Return what a run recalls."""
    attempts = {PodList.name: Attempt(PodList.name)}
    found = recall(store, cluster, run, (PodList(),), attempts, max_age=3600)
    assert not attempts[PodList.name].failed
    return found


def commit(
    store: Store,
    previous: Previous,
    minute: int,
    id_: str,
    *,
    cluster: str = CLUSTER,
    collector: PodList | None = None,
) -> tuple[Snapshot, str]:
    """Commit what a run has found, which is one pod."""
    collector = collector or PodList()
    journal = Journal(cluster)
    journal.run.id, journal.run.started_at = id_, run_info(minute).started_at
    outcome = pods_outcome(records=1)
    facts = Facts(journal.run, cluster, [outcome], MAX_SERIES, 3600)
    (subscription,) = collector.plan(None).subscriptions  # type: ignore[arg-type]
    assert subscription.key == ListKey(Gvr("", "v1", "pods"))
    listed = [Listed(subscription, outcome, [pod("found")])]
    gathered = [Collected(collector, Attempt(collector.name), listed=listed)]
    return commits.commit(store, journal, gathered, previous, facts, (collector,))
