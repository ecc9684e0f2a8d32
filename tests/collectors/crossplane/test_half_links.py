"""A link is valid if both sides agree. A half link has a finding, and passes nothing on."""

from __future__ import annotations

from typing import Any

import pytest

from support.field_cases import case

VERSION = "platform.example.org/v1alpha1"


def test_cp01_xrs_whose_claim_has_another_xr_are_told() -> None:
    """Only the XR that the claim refers to has its claim and its team."""
    seen = case("CP01").linked()
    assert seen.told() == {
        ("ClaimHasOtherXR", "web-old1", "web"),
        ("ClaimHasOtherXR", "web-old2", "web"),
    }
    assert (seen.record("XRecord", "web-new").team, seen.record("Record", "web").team) == ("a", "a")
    for name in ("web-old1", "web-old2"):
        old = seen.record("XRecord", name)
        assert (old.claim, old.team, old.disputed_claim.name) == (None, "", "web")


def test_cp01_an_xr_whose_claim_is_gone() -> None:
    """Each is a finding, unless the claims could not be listed."""
    some = case("CP01")
    some.remove("Record", "web")
    names = ("web-old1", "web-old2", "web-new")
    assert some.linked().told() == {("ClaimGone", name, "web") for name in names}
    some.resources[0]["fail"] = [403, "Forbidden", ""]
    assert some.linked().told() == set()


def test_cp01_a_claim_that_its_xr_refuses() -> None:
    """The XR is another claim's; neither composition nor state passes between them."""
    some = case("CP01")
    other = some.item("Record", "web")
    other = {**other, "metadata": {**other["metadata"], "name": "api", "uid": "u-api"}}
    other["metadata"]["annotations"] = {"example.org/team": "b"}
    some.resources[0]["items"].append(other)
    some.item("XRecord", "web-new")["status"]["conditions"][1]["status"] = "False"
    for name in ("web-old1", "web-old2"):
        some.remove("XRecord", name)
    seen = some.linked()
    assert seen.told() == {
        ("ClaimRefused", "api", "web-new"),
        ("ChildNotReady", "web", "web-new"),
    }
    assert seen.record("XRecord", "web-new").team == "a"
    assert seen.record("Record", "api").composition == ""


@pytest.mark.parametrize(
    "change", [{"kind": "Other"}, {"apiVersion": "other.org/v1"}, {"name": "x"}, {"namespace": "b"}]
)
def test_cp01_all_of_a_reference_counts(change: dict[str, str]) -> None:
    """Group, kind, namespace and name; the version does not."""
    some = case("CP01")
    some.item("XRecord", "web-new")["spec"]["claimRef"].update(change)
    seen = some.linked()
    assert ("ClaimRefused", "web", "web-new") in seen.told()
    assert seen.record("XRecord", "web-new").team == ""
    newer = case("CP01")
    newer.item("XRecord", "web-new")["spec"]["claimRef"]["apiVersion"] = "platform.example.org/v9"
    assert newer.linked().record("XRecord", "web-new").team == "a"


def test_cp01_a_claim_without_reference_is_nobodys_of_several() -> None:
    """Of one XR alone it is the claim: Crossplane writes one reference before the other."""
    some = case("CP01")
    del some.item("Record", "web")["spec"]["resourceRef"]
    assert {finding for finding, _, _ in some.linked().told()} == {"ClaimHasOtherXR"}
    for name in ("web-old1", "web-old2"):
        some.remove("XRecord", name)
    seen = some.linked()
    assert seen.told() == set()
    assert (seen.record("XRecord", "web-new").team, seen.record("Record", "web").xr.name) == (
        "a",
        "web-new",
    )


def test_cp01_claims_of_v2_xrs_are_fields_of_their_authors() -> None:
    """Such XRs have no claims."""
    some = case("CP01")
    some.remove("Record", "web")
    for item in some.resources[1]["items"]:
        item["spec"]["crossplane"] = {}
    assert some.linked().told() == set()


def test_cp06_a_composed_claim_is_there_and_is_waited_for() -> None:
    """It exists, and is not ready: no finding. It hangs below the XR that has composed it."""
    seen = case("CP06").linked()
    assert seen.told() == set()
    composed = seen.record("Database", "shop-db")
    assert composed.parent == seen.record("XApp", "shop").ref


def test_cp06_states_of_all_children_count() -> None:
    """Of claims as of any others."""
    some = case("CP06")
    ready(some.item("XApp", "shop"), True)
    assert some.linked().told() == {("ChildNotReady", "shop", "shop-db")}
    for kind, name in (("Database", "shop-db"), ("XDatabase", "shop-db-x")):
        ready(some.item(kind, name), True)
    ready(some.item("XApp", "shop"), False)
    assert some.linked().told() == {("ParentNotReady", "shop", "")}


def test_cp06_owners_pass_through_composed_claims() -> None:
    """A claim that an XR has composed takes what it lacks from above, and passes it on."""
    some = case("CP06")
    some.item("XApp", "shop")["metadata"]["annotations"] = {"example.org/team": "shops"}
    seen = some.linked()
    for kind, name in (("Database", "shop-db"), ("XDatabase", "shop-db-x"), ("Bucket", "shop-b")):
        assert seen.record(kind, name).team == "shops"
    some.item("Database", "shop-db")["metadata"]["annotations"] = {"example.org/team": "data"}
    seen = some.linked()
    assert seen.record("XDatabase", "shop-db-x").team == "data"
    assert seen.record("Bucket", "shop-b").team == "shops"


def test_cp06_what_is_missing_is_not_all() -> None:
    """An XR that waits for something missing is not said to be made of what is ready."""
    some = case("CP06")
    some.remove("Database", "shop-db")
    assert some.linked().told() == {
        ("MissingReference", "shop", "shop-db"),
        ("ClaimGone", "shop-db-x", "shop-db"),
    }


def test_cp06_a_reference_twice_is_one_finding() -> None:
    """And a reference without a namespace may mean an object that has one."""
    some = case("CP06")
    some.remove("Bucket", "shop-b")
    refs = some.item("XApp", "shop")["spec"]["resourceRefs"]
    refs.append(refs[1])
    del refs[0]["namespace"]
    found = some.linked().findings()
    assert [(f.finding, f.other.name) for f in found if f.other] == [("MissingReference", "shop-b")]


def test_cp06_an_mr_may_own_an_mr() -> None:
    """Root, claim and team are those of the one above, whose state is not compared."""
    some = case("CP06")
    some.item("XApp", "shop")["metadata"]["annotations"] = {"example.org/team": "shops"}
    above = some.item("Bucket", "shop-b")
    below = owned("below", "Bucket", above)
    ready(below, False)
    some.resources[-1]["items"].insert(0, below)
    seen = some.linked()
    record = seen.record("Bucket", "below")
    assert (record.parent.name, record.root.name, record.team) == ("shop-b", "shop", "shops")
    assert (record.composition, seen.told()) == ("apps", set())


def test_cp06_an_object_of_two_xrs() -> None:
    """Belongs to its owner; the other one only refers to it, and waits for it in vain."""
    some = case("CP06")
    first = some.item("XApp", "shop")
    second = {
        "metadata": {"name": "store", "uid": "u-store"},
        "spec": {"resourceRefs": first["spec"]["resourceRefs"][1:]},
        "status": first["status"],
    }
    some.resources[2]["items"].append(second)
    assert some.linked().told() == {("ChildHasOtherOwner", "store", "shop-b")}


def test_cp08_a_name_never_attributes_across_kinds() -> None:
    """The owner reference says that it is another kind's, which is not listed."""
    seen = case("CP08").linked()
    bucket = seen.record("Bucket", "web-b")
    assert (bucket.team, bucket.root, bucket.composition) == ("", None, "")
    assert seen.told() == set()


@pytest.mark.parametrize("labels", [True, False])
def test_cp08_an_owner_of_another_uid_is_no_owner(labels: bool) -> None:
    """One finding, of the object; no state, no team."""
    some = case("CP08")
    bucket = some.item("Bucket", "web-b")
    bucket["metadata"]["ownerReferences"][0].update(apiVersion=VERSION, kind="XWebsite")
    if not labels:
        del bucket["metadata"]["labels"]
    ready(bucket, False)
    website = some.item("XWebsite", "web")
    website["spec"]["resourceRefs"] = [
        {"apiVersion": "s3.aws.upbound.io/v1beta1", "kind": "Bucket", "name": "web-b"}
    ]
    seen = some.linked()
    assert seen.told() == {("OwnerReplaced", "web-b", "web")}
    assert (seen.record("Bucket", "web-b").team, seen.record("Bucket", "web-b").root) == ("", None)
    bucket["metadata"]["ownerReferences"][0]["uid"] = website["metadata"]["uid"]
    seen = some.linked()
    assert seen.told() == {("ChildNotReady", "web", "web-b")}
    assert seen.record("Bucket", "web-b").team == "frontend"


def test_cp08_a_claim_names_an_xr_of_a_kind_that_is_not_listed() -> None:
    """The owner reference of the MR is to that XR: by group, kind and name."""
    some = case("CP08")
    refers = {"apiVersion": "data.example.org/v1", "kind": "XWarehouse", "name": "web"}
    asking = {
        "metadata": {
            "name": "w",
            "namespace": "data",
            "uid": "u",
            "annotations": {"example.org/team": "data"},
        },
        "spec": {"resourceRef": refers},
    }
    some.resources.append(
        {
            "group": "data.example.org",
            "version": "v1",
            "resource": "warehouses",
            "kind": "Warehouse",
            "categories": ["claim"],
            "namespaced": True,
            "items": [asking],
        }
    )
    bucket = some.linked().record("Bucket", "web-b")
    assert (bucket.team, bucket.claim.kind, bucket.root) == ("data", "Warehouse", None)
    refers["kind"] = "XOther"
    assert some.linked().record("Bucket", "web-b").team == ""


def ready(item: dict[str, Any], value: bool) -> None:
    """Change the Ready condition of an object."""
    for condition in item["status"]["conditions"]:
        if condition["type"] == "Ready":
            condition["status"] = str(value)


def owned(name: str, kind: str, above: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of an object that is owned by it."""
    reference = {
        "apiVersion": "s3.aws.upbound.io/v1beta1",
        "kind": kind,
        "name": above["metadata"]["name"],
        "uid": above["metadata"]["uid"],
        "controller": True,
    }
    metadata = {"name": name, "uid": f"u-{name}", "ownerReferences": [reference]}
    status = {"conditions": [dict(c) for c in above["status"]["conditions"]]}
    return {"metadata": metadata, "spec": {}, "status": status}
