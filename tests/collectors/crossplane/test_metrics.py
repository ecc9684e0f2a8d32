"""Records become metric families."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from prometheus_client.metrics_core import Metric

from support.records import to_claim, to_mr, to_xr
from support.stand_in import APP, claim, legacy_xr, managed, modern_xr
from xpjob.collect.findings import Finding
from xpjob.collectors.crossplane import metrics
from xpjob.collectors.crossplane.metrics import (
    AGE_LABELS,
    CLAIM_LABELS,
    MR_LABELS,
    REVISION_LABELS,
    STATE_LABELS,
    XR_LABELS,
    tables,
)
from xpjob.collectors.crossplane.records import Inventory, ManagedResource
from xpjob.collectors.crossplane.state import Shown
from xpjob.metrics import stored
from xpjob.metrics.table import MAX_SERIES

AT = "2026-08-21T12:00:00Z"


def families(found: Inventory, shown: Shown | None = None) -> Iterator[Metric]:
    """Return the finished families of an inventory, at noon."""
    for table in stored.store("crossplane", tables(found, AT, shown or Shown()), MAX_SERIES):
        yield from table.metrics()


def by_name(*metrics: Metric) -> dict[str, Metric]:
    """Return families by their name."""
    return {metric.name: metric for metric in metrics}


def test_families_have_exactly_these_names_and_labels() -> None:
    """They are a contract with those who move over from an existing exporter."""
    found = by_name(
        *families(Inventory([to_claim(claim())], [to_xr(legacy_xr("x"))], [to_mr(managed("b"))]))
    )
    assert list(found) == [
        "crossplane_claims_total",
        "crossplane_claims_ready",
        "crossplane_xr_total",
        "crossplane_xr_ready",
        "crossplane_mr_total",
        "crossplane_mr_ready",
        "crossplane_resources_by_state",
        "crossplane_resources_by_reason",
        "crossplane_oldest_not_ready_seconds",
        "crossplane_oldest_not_synced_seconds",
        "crossplane_oldest_deleting_seconds",
        "crossplane_oldest_paused_seconds",
        "crossplane_resources_lagging",
        "crossplane_composition_revision_xrs",
        "crossplane_composition_revision_xrs_ready",
    ]
    assert CLAIM_LABELS == (
        "group",
        "kind",
        "namespace",
        "composition",
        "creator",
        "team",
        "source",
    )
    assert XR_LABELS == ("group", "kind", "namespace", "composition", "source")
    assert MR_LABELS == (
        "group",
        "kind",
        "namespace",
        "provider",
        "composition",
        "team",
        "source",
    )
    for name, metric in found.items():
        assert metric.type == "gauge", name
        if not metric.samples:
            continue  # nothing is wrong with any of them
        labels = {
            "claims": CLAIM_LABELS,
            "xr": XR_LABELS,
            "mr": MR_LABELS,
            "resources": STATE_LABELS,
            "oldest": AGE_LABELS,
            "composition": REVISION_LABELS,
        }[name.split("_")[1]]
        if name == "crossplane_resources_lagging":
            labels = AGE_LABELS
        assert set(metric.samples[0].labels) == set(labels)


def test_labels_of_the_platforms_own() -> None:
    """Are added to what is counted by kind and state, empty where an object has none."""
    one = msgspec.structs.replace(to_claim(claim()), extra={"cost_center": "42"})
    inventory = Inventory([one], [to_xr(legacy_xr("x"))], [])
    found = by_name(*families(inventory, Shown(extra_labels=("cost_center",))))
    (total,) = found["crossplane_claims_total"].samples
    (xrs,) = found["crossplane_xr_total"].samples
    assert (total.labels["cost_center"], xrs.labels["cost_center"]) == ("42", "")
    states = found["crossplane_resources_by_state"].samples
    assert {s.labels["cost_center"] for s in states} == {"42", ""}


def test_series_of_single_objects_only_where_asked_for() -> None:
    """With the exporter's names and labels; a time that is not known is no sample."""
    mr = msgspec.structs.replace(to_mr(managed("b")), deleted_at="2026-08-22T00:00:00Z")
    inventory = Inventory([to_claim(claim(ready=False))], [], [mr])
    assert not any("_status_" in name for name in by_name(*families(inventory)))
    found = by_name(*families(inventory, Shown(per_object=("claims", "mrs"))))
    (ready,) = found["crossplane_claims_status_ready"].samples
    assert ready.value == 0
    assert ready.labels == {
        "group": "platform.example.org",
        "kind": "PostgreSQLInstance",
        "version": "v1alpha1",
        "namespace": "team-a",
        "creator": "alice",
        "team": "a",
        "claim_name": "orders-db",
        "synced": "true",
        "ready": "false",
        "reason": "Waiting",
        "paused": "false",
        "deleting": "false",
    }
    assert found["crossplane_claims_status_synced"].samples[0].value == 1
    assert found["crossplane_claims_deletion_timestamp_seconds"].samples == []
    assert found["crossplane_mr_created_timestamp_seconds"].samples[0].value == 1787306403
    assert found["crossplane_mr_deletion_timestamp_seconds"].samples[0].value == 1787356800
    assert not any(name.startswith("crossplane_xr_status") for name in found)


def test_further_conditions_are_counted_by_reason() -> None:
    """Such as the circuit breaker of an XR."""
    xr = msgspec.structs.replace(
        to_xr(legacy_xr("x")), failing={"Responsive": "WatchCircuitOpen"}, lagging=True
    )
    found = by_name(*families(Inventory([], [xr], [])))
    (sample,) = found["crossplane_resources_by_reason"].samples
    assert (sample.labels["condition"], sample.labels["reason"]) == (
        "Responsive",
        "WatchCircuitOpen",
    )
    assert [s.value for s in found["crossplane_resources_lagging"].samples] == [1]


def test_only_confirmed_findings_count() -> None:
    """What one run alone has seen is none yet."""
    seen = Finding(
        finding="OwnerGone",
        class_="managed",
        group="g",
        kind="Bucket",
        namespace="",
        name="b",
        uid="u",
        team="a",
        confirmed=True,
    )
    table = metrics.findings([seen, msgspec.structs.replace(seen, confirmed=False)])
    assert table.rows == {("OwnerGone", "managed", "g", "Bucket", "", "a"): [1]}


def test_one_object_more_is_not_one_series_more() -> None:
    """Objects with the same labels are counted together."""
    claims = [to_claim(claim(f"db-{n}", ready=n % 3 > 0)) for n in range(30)]
    found = by_name(*families(Inventory(claims, [], [])))
    (total,) = found["crossplane_claims_total"].samples
    (ready,) = found["crossplane_claims_ready"].samples
    assert (total.value, ready.value) == (30, 20)


def test_none_ready_is_zero_and_not_a_gap() -> None:
    """A ratio needs both series."""
    found = by_name(*families(Inventory([to_claim(claim(ready=False))], [], [])))
    assert [sample.value for sample in found["crossplane_claims_ready"].samples] == [0]


def test_labels_that_do_not_apply_are_empty() -> None:
    """A series without them would get those of the Pushgateway."""
    found = by_name(
        *families(
            Inventory([], [to_xr(legacy_xr("x")), to_xr(modern_xr("web", "team-a"), APP)], [])
        )
    )
    namespaces = [sample.labels["namespace"] for sample in found["crossplane_xr_total"].samples]
    assert sorted(namespaces) == ["", "team-a"]


def test_the_same_records_give_the_same_families() -> None:
    """In whatever order they were listed."""
    claims = [to_claim(claim(f"db-{n}", f"team-{n % 4}")) for n in range(20)]
    assert list(families(Inventory(claims, [], []))) == list(
        families(Inventory(claims[::-1], [], []))
    )


def mr(**changes: Any) -> ManagedResource:
    """Return an MR with some fields changed."""
    return msgspec.structs.replace(to_mr(managed("b", "team-a")), team="a", **changes)


def values(metric: Metric, *labels: str) -> dict[tuple[str, ...], float]:
    """Return a family's values by these labels."""
    return {tuple(s.labels[name] for name in labels): s.value for s in metric.samples}


def test_every_object_is_in_one_joint_state() -> None:
    """Ready and not synced is visible as itself; Unknown and absent are not False."""
    records = [
        mr(),
        mr(synced=False, synced_status="False"),
        mr(ready=False, ready_status="Unknown"),
        mr(ready=False, ready_status="", synced=False, synced_status=""),
        mr(paused=True, deleting=True),
    ]
    states = by_name(*families(Inventory([], [], records)))["crossplane_resources_by_state"]
    assert values(states, "class", "team", "ready", "synced", "paused", "deleting") == {
        ("managed", "a", "True", "True", "false", "false"): 1,
        ("managed", "a", "True", "False", "false", "false"): 1,
        ("managed", "a", "Unknown", "True", "false", "false"): 1,
        ("managed", "a", "Absent", "Absent", "false", "false"): 1,
        ("managed", "a", "True", "True", "true", "true"): 1,
    }


def test_what_is_wrong_is_counted_by_its_reason() -> None:
    """Of each condition for itself; what is well is not there."""
    records = [
        mr(),
        mr(ready=False, ready_status="False", reason="Creating"),
        mr(
            ready=False,
            ready_status="False",
            reason="Creating",
            synced=False,
            synced_status="False",
            synced_reason="ReconcileError",
        ),
    ]
    reasons = by_name(*families(Inventory([], [], records)))["crossplane_resources_by_reason"]
    assert values(reasons, "condition", "reason") == {
        ("Ready", "Creating"): 2,
        ("Synced", "ReconcileError"): 1,
    }


def test_the_oldest_is_as_old_as_it_is() -> None:
    """Of those that run; a deletion counts also where it is paused."""
    records = [
        mr(not_ready_since="2026-08-21T11:00:00Z", not_synced_since="2026-08-21T11:59:00Z"),
        mr(not_ready_since="2026-08-21T11:30:00Z"),
        mr(not_ready_since="2026-08-21T09:00:00Z", not_synced_since="x", paused=True),
        mr(deleting_since="2026-08-21T10:00:00Z", paused=True),
    ]
    found = by_name(*families(Inventory([], [], records)))
    oldest = {
        name.removeprefix("crossplane_oldest_"): values(metric, "class", "kind", "team")
        for name, metric in found.items()
        if "oldest" in name
    }
    key = ("managed", "Bucket", "a")
    assert oldest == {
        "not_ready_seconds": {key: 3600},
        "not_synced_seconds": {key: 60},
        "deleting_seconds": {key: 7200},
        "paused_seconds": {key: 0},
    }
    none = by_name(*families(Inventory([], [], [mr()])))["crossplane_oldest_not_ready_seconds"]
    assert [sample.value for sample in none.samples] == [0]


def test_revisions_are_told_apart() -> None:
    """Whether failures began with the new one can be seen."""
    xr = to_xr(modern_xr("web", "team-a"), APP)
    xrs = [
        msgspec.structs.replace(xr, composition_revision="r-1"),
        msgspec.structs.replace(xr, composition_revision="r-2", ready=False),
        msgspec.structs.replace(xr, composition_revision="r-2"),
    ]
    found = by_name(*families(Inventory([], xrs, [])))
    labels = ("composition", "revision")
    total = values(found["crossplane_composition_revision_xrs"], *labels)
    ready = values(found["crossplane_composition_revision_xrs_ready"], *labels)
    assert total == {("apps.aws", "r-1"): 1, ("apps.aws", "r-2"): 2}
    assert ready == {("apps.aws", "r-1"): 1, ("apps.aws", "r-2"): 1}
