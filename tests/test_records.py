"""Records: what is made of an object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from stand_in import APP, CLAIM, XR, claim, condition, legacy_xr, modern_xr

from xpjob.crossplane import records, wire
from xpjob.crossplane.records import Claim, CompositeResource, Ref

LABEL = "crossplane.io/composition-name"


def to_claim(item: dict[str, Any]) -> Claim:
    """Make the record of a claim."""
    (decoded,) = wire.decode_page(json.dumps({"items": [item]}).encode()).items
    return records.claim(
        decoded, CLAIM, "central", "example.org/creator", "example.org/team", LABEL
    )


def to_xr(item: dict[str, Any], kind: Any = XR) -> CompositeResource:
    """Make the record of an XR."""
    (decoded,) = wire.decode_page(json.dumps({"items": [item]}).encode()).items
    return records.composite(decoded, kind, "central", LABEL)


def with_conditions(*conditions: dict[str, Any]) -> Claim:
    """Make the record of a claim with these conditions."""
    return to_claim({**claim(), "status": {"conditions": list(conditions)}})


def test_a_claim_has_its_owners_and_its_state() -> None:
    """Everything that people ask for is there."""
    record = to_claim(claim(xr="orders-db-x7k2p", ready=False))
    assert (record.creator, record.team, record.source) == ("alice", "a", "central")
    assert (record.ready, record.ready_status, record.reason) == (False, "False", "Waiting")
    assert record.message == "Claim is waiting for composite resource"
    assert (record.synced, record.synced_status) == (True, "True")
    assert record.ready_since == "2026-08-21T09:00:03Z"
    assert record.created_at == "2026-08-21T09:00:00Z"
    assert record.xr == Ref("platform.example.org", "XPostgreSQLInstance", "", "orders-db-x7k2p")


def test_absent_is_not_false() -> None:
    """A brand-new object has no conditions: nobody has said that it is not ready."""
    record = with_conditions()
    assert (record.ready, record.ready_status, record.reason) == (False, "", "")
    assert (record.synced, record.synced_status) == (False, "")


def test_unknown_is_neither() -> None:
    """And keeps its reason."""
    record = with_conditions(condition("Ready", "Unknown", "FatalError"))
    assert (record.ready, record.ready_status, record.reason) == (False, "Unknown", "FatalError")


def test_ready_and_not_synced_is_visible_as_itself() -> None:
    """Crossplane leaves Ready as it was when a reconcile fails."""
    record = with_conditions(
        condition("Ready", "True", "Available"),
        condition("Synced", "False", "ReconcileError", "cannot compose"),
    )
    assert (record.ready, record.synced) == (True, False)
    assert (record.synced_reason, record.synced_message) == ("ReconcileError", "cannot compose")


def test_of_two_conditions_of_one_type_the_first_counts() -> None:
    """An API server would not store them; a hostile one may send them."""
    record = with_conditions(condition("Ready", "True", "A"), condition("Ready", "False", "B"))
    assert (record.ready, record.reason) == (True, "A")


def test_paused_and_deleting() -> None:
    """Paused means exactly "true", as Crossplane reads it."""
    item = claim(annotations={"crossplane.io/paused": "true"})
    item["metadata"]["deletionTimestamp"] = "2026-08-22T00:00:00Z"
    record = to_claim(item)
    assert (record.paused, record.deleting) == (True, True)
    assert record.deleted_at == "2026-08-22T00:00:00Z"
    assert not to_claim(claim(annotations={"crossplane.io/paused": "True"})).paused


@pytest.mark.parametrize(
    ("labels", "spec", "expected"),
    [
        ({}, {}, ""),
        ({}, {"compositionRef": {"name": "legacy"}}, "legacy"),
        ({}, {"crossplane": {"compositionRef": {"name": "modern"}}}, "modern"),
        (
            {},
            {"crossplane": {"compositionRef": {"name": "m"}}, "compositionRef": {"name": "l"}},
            "m",
        ),
        ({LABEL: "labelled"}, {"compositionRef": {"name": "legacy"}}, "labelled"),
        ({LABEL: ""}, {"compositionRef": {"name": "legacy"}}, "legacy"),
        ({}, {"crossplane": {}, "compositionRef": {"name": "legacy"}}, "legacy"),
    ],
)
def test_where_the_composition_comes_from(
    labels: dict[str, str], spec: dict[str, Any], expected: str
) -> None:
    """The label where it is, else the reference of either generation."""
    item = legacy_xr("x")
    item["metadata"]["labels"] = labels
    assert to_xr({**item, "spec": spec}).composition == expected


def test_a_namespaced_xr_has_its_namespace() -> None:
    """Crossplane's second generation."""
    record = to_xr(modern_xr("web", "team-a"), APP)
    assert record.ref == Ref("platform.example.org", "App", "team-a", "web")
    assert record.claim is None


def test_without_annotation_keys_there_are_no_owners() -> None:
    """An annotation with an empty key cannot exist."""
    (item,) = wire.decode_page(json.dumps({"items": [claim()]}).encode()).items
    record = records.claim(item, CLAIM, "central", "", "", LABEL)
    assert (record.creator, record.team) == ("", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-08-21T09:00:00Z", "2026-08-21T09:00:00Z"),
        ("2026-08-21T09:00:00+02:00", "2026-08-21T09:00:00+02:00"),
        ("0001-01-01T00:00:00Z", ""),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ("2026-08-21T09:00:00", ""),
        ("yesterday", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_timestamps(text: str | None, expected: str) -> None:
    """What is no moment in time is empty."""
    assert records.timestamp(text) == expected


def test_objects_of_a_real_api_server() -> None:
    """A claim, its XR, and an XR of the second generation, as Crossplane shapes them."""
    text = (Path(__file__).parent / "data" / "objs.yaml").read_text()
    by_kind = {item["kind"]: item for item in yaml.safe_load_all(text)}
    claimed = to_claim(by_kind["PostgreSQLInstance"])
    xr = to_xr(by_kind["XPostgreSQLInstance"])
    app = to_xr(by_kind["App"], APP)
    assert claimed.xr == xr.ref
    assert xr.claim == claimed.ref
    assert xr.composition == "xpostgresqlinstances.aws.platform.example.org"
    assert xr.composition_revision.endswith("-3f2c1ab")
    assert app.composition == "apps.platform.example.org"
