"""Findings: what does not fit together, and what only seems so."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from support.records import linked, to_claim, to_mr, to_xr
from support.samples import outcome
from support.stand_in import (
    APP,
    BUCKET,
    CLAIM,
    NOP,
    XR,
    claim,
    legacy_xr,
    managed,
    modern_xr,
    owner,
)
from xpjob.collect.findings import Finding, confirmed
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane import findings
from xpjob.collectors.crossplane.owners import Owners
from xpjob.collectors.crossplane.records import Record
from xpjob.kube.discovery import Kind

AT = "2026-08-21T12:00:00Z"
NEXT = "2026-08-21T12:01:00Z"


def listed(*kinds: Kind, namespace: str = "", error: str = "") -> list[TargetOutcome]:
    """Return the outcomes of these lists."""
    return [
        outcome(group=k.group, kind=k.kind, resource=k.resource, namespace=namespace, error=error)
        for k in kinds
    ]


ALL = listed(CLAIM, XR, APP, BUCKET, NOP)


def found(
    *records: Record, outcomes: list[TargetOutcome] | None = None, before: Any = (), at: str = AT
) -> list[Finding]:
    """Return the findings of linked records."""
    lists = ALL if outcomes is None else outcomes
    inventory = linked(records)
    made = findings.find(inventory, Owners(inventory), lists, at=at, stuck_seconds=3600)
    return confirmed("crossplane", made, before, at)


def told(*records: Record, **given: Any) -> list[tuple[str, str, str]]:
    """Return what was found: finding, name, and the other's name."""
    return [(f.finding, f.name, f.other.name if f.other else "") for f in found(*records, **given)]


def app_with(*ready: bool, app_ready: bool = True, refs: Any = ()) -> list[Record]:
    """Return an app with buckets of its own."""
    app = modern_xr("web", "team-a", ready=app_ready)
    app["spec"]["crossplane"]["resourceRefs"] = [
        {"apiVersion": f"{BUCKET.group}/{BUCKET.version}", "kind": "Bucket", "name": name}
        for name in refs
    ]
    buckets = [
        managed(f"b{n}", "team-a", owned_by=owner(APP, app), ready=one)
        for n, one in enumerate(ready)
    ]
    return [to_xr(app, APP), *map(to_mr, buckets)]


def changed(records: list[Record], **changes: Any) -> list[Record]:
    """Return the records with the first of them changed."""
    return [msgspec.structs.replace(records[0], **changes), *records[1:]]


def test_what_fits_is_no_finding() -> None:
    """A ready tree, and one that is not ready in all its parts."""
    assert told(*app_with(True, True)) == []
    assert told(*app_with(True, False, app_ready=False)) == []


def test_ready_above_what_is_not() -> None:
    """One finding for each child."""
    assert told(*app_with(True, False)) == [("ChildNotReady", "web", "b1")]


def test_not_ready_above_what_is() -> None:
    """It hides what is wrong, unless it is paused, or made of more than is listed."""
    tree = app_with(True, True, app_ready=False)
    assert told(*tree) == [("ParentNotReady", "web", "")]
    assert told(*changed(tree, paused=True)) == []
    assert told(*changed(tree, composed=1)) == []
    assert told(*changed(tree, carried_since=AT)) == []


@pytest.mark.parametrize(
    ("claim_ready", "expected"),
    [(True, []), (False, [("ParentNotReady", "orders", "")])],
)
def test_a_claim_and_its_xr(claim_ready: bool, expected: list[tuple[str, str, str]]) -> None:
    """Are parent and child as well."""
    records = (
        to_claim(claim("orders", ready=claim_ready, xr="orders-x")),
        to_xr(legacy_xr("orders-x", claimed_by=("team-a", "orders"))),
    )
    assert told(*records) == expected


def test_references_to_what_does_not_exist() -> None:
    """Of a claim and of an XR; not where the list of that kind failed or is of elsewhere."""
    tree = app_with(True, refs=("b0", "gone"))
    assert told(*tree) == [("MissingReference", "web", "gone")]
    assert told(*tree, outcomes=listed(APP)) == []
    assert told(*tree, outcomes=listed(APP, BUCKET, namespace="team-b")) == []
    assert told(*tree, outcomes=listed(APP, BUCKET, error="403")) == []
    orders = to_claim(claim("orders", xr="orders-x"))
    assert told(orders) == [("MissingReference", "orders", "orders-x")]


def test_the_owner_is_gone() -> None:
    """Nobody will ever clean this up."""
    _, bucket = app_with(True)
    assert told(bucket) == [("OwnerGone", "b0", "web")]
    assert told(bucket, outcomes=listed(BUCKET)) == []


def test_what_is_being_deleted_is_not_inconsistent() -> None:
    """In the foreground its parts go first, in the background its owner does."""
    tree = app_with(True, refs=("b0", "gone"))
    assert told(*tree) == [("MissingReference", "web", "gone")]
    assert told(*changed(tree, deleting=True)) == []
    bound = to_claim(claim("orders", xr="orders-x"))
    assert told(bound) == [("MissingReference", "orders", "orders-x")]
    assert told(*changed([bound], deleting=True)) == []
    _, bucket = app_with(True)
    assert told(bucket) == [("OwnerGone", "b0", "web")]
    assert told(*changed([bucket], deleting=True)) == []


def test_nothing_is_concluded_from_what_is_carried() -> None:
    """It may be gone."""
    same = {"crossplane.io/external-name": "assets"}
    one, two = (to_mr(managed(name, "", annotations=same), NOP) for name in ("one", "two"))
    assert told(one, two) == [("DuplicateExternalName", "two", "one")]
    assert told(one, *changed([two], carried_since=AT)) == []
    long = {"deleting": True, "deleting_since": "2026-08-21T10:00:00Z"}
    assert told(*changed([one], **long)) == [("StuckDeletion", "one", "")]
    assert told(*changed([one], **long, carried_since="2026-08-21T10:10:00Z")) == []


def test_a_resource_that_may_do_nothing_is_no_duplicate() -> None:
    """An empty list of policies pauses it."""
    same = {"crossplane.io/external-name": "assets"}
    policies: tuple[list[str], ...] = (["*"], [])
    one, two = (
        to_mr(managed(name, "", annotations=same, spec={"managementPolicies": own}), NOP)
        for name, own in zip(("one", "two"), policies, strict=True)
    )
    assert told(one, two) == []


def test_two_that_stand_for_one() -> None:
    """Of the same kind and provider config; those that only look do no harm."""
    same = {"crossplane.io/external-name": "assets"}
    one, two = (to_mr(managed(n, "", annotations=same), NOP) for n in ("one", "two"))
    assert told(one, two) == [("DuplicateExternalName", "two", "one")]
    assert told(one, msgspec.structs.replace(two, management_policies=("Observe",))) == []
    assert told(one, msgspec.structs.replace(two, provider_config="ProviderConfig/other")) == []
    assert told(one, msgspec.structs.replace(two, kind="Other")) == []
    a, b = (to_mr(managed("n", ns, annotations=same)) for ns in ("team-a", "team-b"))
    assert told(a, b) == []  # each namespace has a provider config of its own
    shared = [msgspec.structs.replace(m, provider_config="ClusterProviderConfig/x") for m in (a, b)]
    assert told(*shared) == [("DuplicateExternalName", "n", "n")]


def test_a_deletion_that_does_not_end() -> None:
    """Since it was asked for."""
    record = msgspec.structs.replace(
        to_mr(managed("old"), NOP), deleting=True, deleting_since="2026-08-21T10:00:00Z"
    )
    (finding,) = found(record)
    assert (finding.finding, finding.since) == ("StuckDeletion", "2026-08-21T10:00:00Z")
    assert told(record, at="2026-08-21T10:30:00Z") == []


def test_it_takes_two_runs_to_be_sure() -> None:
    """Lists are made one after the other: once is nothing yet."""
    tree = app_with(True, refs=("gone",))
    first = found(*tree)
    second = found(*tree, before=first, at=NEXT)
    assert [(f.confirmed, f.since) for f in first] == [(False, AT)]
    assert [(f.confirmed, f.since) for f in second] == [(True, AT)]
    assert found(*app_with(True), before=second, at=NEXT) == []


def test_findings_lead_to_the_row_and_count_what_is_below() -> None:
    """What hangs on a claim or an XR depends on it; what has no uid has no row."""
    records = app_with(True, False, False)
    (first, second) = found(*records)
    assert (first.severity, first.table, first.row) == ("warning", "xrs", records[0].uid)
    assert (first.dependants, second.dependants) == (3, 3)
    (nameless, _) = found(*changed(records, uid=""))
    assert (nameless.finding, nameless.table, nameless.row) == ("ChildNotReady", "", "")
