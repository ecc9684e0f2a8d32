"""Records: what is made of an object."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from support.paths import DATA
from support.records import KEYS, LABEL, decoded, made, target, to_claim, to_mr, to_xr
from support.stand_in import (
    APP,
    BUCKET,
    CLAIM,
    NOP,
    XR,
    claim,
    condition,
    legacy_xr,
    managed,
    modern_xr,
    owner,
)
from xpjob.base.truncate import cut
from xpjob.collect.findings import Ref
from xpjob.collectors.crossplane import from_wire, wire
from xpjob.collectors.crossplane.extra_labels import ExtraLabel
from xpjob.collectors.crossplane.records import Claim
from xpjob.collectors.crossplane.target import Owners
from xpjob.kube.discovery import Kind


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
    record = to_claim(claim(), Owners("central"))
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
        ("2" * 100_000, ""),
    ],
)
def test_timestamps(text: str, expected: str) -> None:
    """What is no moment in time is empty."""
    assert from_wire.timestamp(text) == expected
    item = claim()
    item["metadata"]["creationTimestamp"] = text
    assert to_claim(item).created_at == expected


def test_objects_of_a_real_api_server() -> None:
    """A claim, its XR, and an XR of the second generation, as Crossplane shapes them."""
    text = (DATA / "objs.yaml").read_text()
    by_kind = {item["kind"]: item for item in yaml.safe_load_all(text)}
    claimed = to_claim(by_kind["PostgreSQLInstance"])
    xr = to_xr(by_kind["XPostgreSQLInstance"])
    app = to_xr(by_kind["App"], APP)
    assert claimed.xr == xr.ref
    assert xr.claim == claimed.ref
    assert xr.composition == "xpostgresqlinstances.aws.platform.example.org"
    assert xr.composition_revision.endswith("-3f2c1ab")
    assert app.composition == "apps.platform.example.org"


def test_managed_resources_of_a_real_api_server() -> None:
    """A cluster-scoped one of the first generation, a namespaced one of the second."""
    text = (DATA / "mrs.yaml").read_text()
    by_kind = {item["kind"]: item for item in yaml.safe_load_all(text)}
    nop = to_mr(by_kind["NopResource"], NOP)
    bucket = to_mr(by_kind["Bucket"])
    assert nop.parent == Ref(XR.group, XR.kind, "", "orders-db-x7k2p")
    assert nop.parent_uid == "000f6c6a-1a08-4123-b791-0c4e5593f983"
    assert (nop.composite_name, nop.claim_namespace, nop.claim_name) == (
        "orders-db-x7k2p",
        "team-a",
        "orders-db",
    )
    assert bucket.parent == Ref(APP.group, "App", "team-a", "web")
    assert (bucket.external_name, bucket.ready_status) == ("web-6a1b2c3d4e5f", "")


def test_an_mr_has_what_its_provider_needs() -> None:
    """Provider, provider config, external name, policies."""
    config = {"providerConfigRef": {"kind": "ClusterProviderConfig", "name": "prod"}}
    record = to_mr(managed("b", "team-a", spec=config))
    assert (record.provider, record.provider_config) == (
        "provider-x",
        "ClusterProviderConfig/prod",
    )
    assert (record.external_name, record.management_policies) == ("ext-b", ("*",))
    assert to_mr(managed("b")).provider_config == "ProviderConfig/default"
    assert not record.paused
    assert record.parent is None


def test_what_is_in_the_category_need_not_be_a_whole_mr() -> None:
    """Some have neither provider config nor policies nor external name."""
    record = to_mr({"metadata": {"name": "x"}})
    assert (record.provider_config, record.external_name, record.management_policies) == (
        "",
        "",
        (),
    )
    assert not record.paused


def test_without_any_policy_an_mr_is_paused() -> None:
    """The list is there and empty; for a claim such a field is a tenant's own."""
    assert to_mr(managed("b", spec={"managementPolicies": []})).paused
    assert to_mr(managed("b", annotations={"crossplane.io/paused": "true"})).paused
    assert not to_mr(managed("b", spec={"managementPolicies": ["Observe"]})).paused
    assert not to_claim({**claim(), "spec": {"managementPolicies": []}}).paused


def test_only_the_controller_is_the_parent() -> None:
    """An object may have several owners."""
    above = owner(APP, modern_xr("web", "team-a"))
    item = managed("b", "team-a", owned_by=above)
    other = {**above, "name": "other", "uid": "u", "controller": False}
    item["metadata"]["ownerReferences"] = [other, above, {"kind": "Odd"}]
    assert to_mr(item).parent_uid == above["uid"]
    item["metadata"]["ownerReferences"] = [other]
    assert to_mr(item).parent is None


@pytest.mark.parametrize("modern", [True, False])
def test_what_an_xr_composes_of_other_kinds_is_counted(modern: bool) -> None:
    """A Deployment, and a kind of the same name in another group; not a bucket."""
    refs = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"},
        {"apiVersion": "v1", "kind": "Bucket", "name": "b"},
        {"apiVersion": f"{BUCKET.group}/v1beta1", "kind": "Bucket", "name": "c"},
    ]
    item = modern_xr("web", "team-a") if modern else legacy_xr("web")
    machinery = item["spec"]["crossplane"] if modern else item["spec"]
    machinery["resourceRefs"] = refs
    assert to_xr(item, APP).composed == 2
    assert to_xr(legacy_xr("none")).composed == 0


def test_a_spec_that_its_controller_has_not_seen() -> None:
    """Where the condition says which generation it is about."""
    item = claim()
    item["metadata"]["generation"] = 5
    synced = condition("Synced", "True", "ReconcileSuccess")
    item["status"] = {"conditions": [{**synced, "observedGeneration": 4}]}
    assert to_claim(item).lagging
    item["status"] = {"conditions": [{**synced, "observedGeneration": 5}]}
    assert not to_claim(item).lagging
    item["status"] = {"conditions": [synced]}
    assert not to_claim(item).lagging


def test_further_conditions_that_are_not_true() -> None:
    """With their reasons, and not more than a few."""
    broken = condition("Responsive", "False", "WatchCircuitOpen")
    fine = condition("Other", "True", "Fine")
    assert with_conditions(broken, fine).failing == {"Responsive": "WatchCircuitOpen"}
    many = [condition(f"C{n}", "Unknown", "Why") for n in range(10_000)]
    assert len(with_conditions(*many).failing) == 8


def test_labels_of_the_platforms_own() -> None:
    """From an annotation or a label, empty where there is none."""
    cost = ExtraLabel("cost", "annotation", "example.org/cost")
    keys = KEYS._replace(extra=(cost, ExtraLabel("env", "label", "e")))
    item = claim(annotations={"example.org/cost": "42"})
    record = made(item, CLAIM, "claim", keys=keys)
    assert record.extra == {"cost": "42", "env": ""}


def everything(number: int) -> dict[str, Any]:
    """Return an object that has whatever an object of any class may have."""
    refs = [{"apiVersion": f"{BUCKET.group}/v1beta1", "kind": "Bucket", "name": f"b{number}"}] * 2
    item = managed(f"b{number}", "team-a", owned_by=owner(APP, modern_xr("web", "team-a")))
    item["metadata"] |= {"generation": 5, "deletionTimestamp": f"2026-08-22T00:00:{number:02d}Z"}
    item["metadata"]["labels"] = {LABEL: f"c{number}", "crossplane.io/composite": f"x{number}"}
    item["metadata"]["annotations"] |= {"example.org/team": "a", "crossplane.io/paused": "true"}
    item["spec"] |= {"resourceRefs": refs, "claimRef": refs[0], "resourceRef": refs[0]}
    broken = condition("Synced", "False", f"Error{number}", f"cannot compose {number}")
    further = condition(f"Further{number}", "False", "Broken")
    item["status"] = {"conditions": [{**broken, "observedGeneration": 1}, further]}
    return item


OBJECTS = [
    *map(everything, range(3)),
    {"metadata": {"name": "nothing"}},
    claim(),
    modern_xr("web", "team-a"),
    {**managed("b"), "spec": {"managementPolicies": []}},
]


@pytest.mark.parametrize(
    ("kind", "class_"), [(CLAIM, "claim"), (XR, "composite"), (BUCKET, "managed")]
)
@given(items=st.lists(st.sampled_from(OBJECTS), max_size=6), extra=st.booleans())
def test_objects_of_a_list_have_no_influence_on_each_other(
    kind: Kind, class_: str, items: list[dict[str, Any]], extra: bool
) -> None:
    """Each record is the one that a list of only that object has."""
    keys = KEYS._replace(extra=(ExtraLabel("team", "annotation", "example.org/team"),) * extra)
    make = from_wire.MAKERS[class_](target(kind, class_), keys).make
    together = [make(decoded(item)) for item in items]
    assert together == [made(item, kind, class_, keys=keys) for item in items]


def test_any_number_of_values_is_converted() -> None:
    """Also more than are remembered, and those too long to be: each to its own short text."""
    texts = [f"{number}-{'x' * (number % 300)}" for number in range(10_000)]
    make = from_wire.MAKERS["claim"](target(CLAIM, "claim"), KEYS).make
    item = claim(annotations={"example.org/team": "?"})
    body = json.dumps({"items": [item]})
    records = [
        make(read)
        for text in (*texts, *texts)
        for read in wire.decode_page(body.replace("?", text).encode()).items
    ]
    assert [record.team for record in records] == [cut(text, 256) for text in texts] * 2
