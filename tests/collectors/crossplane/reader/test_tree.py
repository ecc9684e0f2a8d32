"""``/bookkeeping/tree``: one record's tree, and what blocks it; MRs among the records."""

from __future__ import annotations

from typing import Any

import pytest

from support.forest import AWS, FAILED, WAITING, forest, mr, xr_ref
from support.reader import Reader, make_reader
from support.reader_sample import GROUP, FakeStore, at, claim, xr
from support.snapshots import Snapshot010
from xpjob.collectors.crossplane.reader.tree import MAX_CHILDREN
from xpjob.collectors.crossplane.reader.tree_index import Family, Places
from xpjob.collectors.crossplane.records import Record
from xpjob.reader.forest import NONE

MR_KEYS = (
    *("group", "version", "kind", "namespace", "name", "xrName", "claimName", "claimNamespace"),
    *("provider", "providerConfig", "externalName", "managementPolicies", "paused", "deleting"),
    *("ready", "reason", "ageSeconds"),
)


def reading(snapshot: Snapshot010) -> Reader:
    """Return a reader that serves this snapshot."""
    store = FakeStore()
    store.save(snapshot)
    reader = make_reader(store)
    assert reader.snapshots.refresh()
    return reader


@pytest.fixture
def woods() -> Reader:
    """Return a reader that serves the forest."""
    return reading(forest())


def outline(tree: Any) -> list[tuple[int, str, str]]:
    """Return depth, name and state of each node, in order."""
    return [(node["depth"], node["name"], node["state"]) for node in tree["nodes"]]


def blocking(tree: Any) -> list[str]:
    """Return the names of what blocks."""
    return [blocker["name"] for blocker in tree["blockers"]]


def test_managed_resources_are_as_the_exporter_has_them(woods: Reader) -> None:
    """Its keys in its order, flat; then ours, with the place in the tree and what is remembered."""
    document = woods.json("/bookkeeping")
    assert list(document)[:4] == ["claims", "xrs", "mrs", "generatedAt"]
    first = document["mrs"][0]
    assert tuple(first)[: len(MR_KEYS)] == MR_KEYS
    assert (first["xrName"], first["claimName"]) == ("shop-x", "shop")
    assert (first["providerConfig"], first["providerConfigKind"]) == (
        "default",
        "ClusterProviderConfig",
    )
    assert first["managementPolicies"] == "Observe,Update"
    assert first["parent"]["name"] == first["root"]["name"] == "shop-x"
    assert first["notReadySince"] == at(hours=3)
    assert document["xrs"][0]["composed"] == 2
    assert document["total"] == 10


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("class=managed", ["shop-instance", "shop-vpc", "alone", "calm"]),
        ("provider=provider-aws-s3", ["alone"]),
        ("providerConfig=default&ready=false", ["shop-instance"]),
        ("syncedReason=ReconcileError", ["shop-instance"]),
        ("syncedStatus=False", ["shop-instance"]),
        ("readyStatus=False&class=claim", ["shop"]),
        ("readyStatus=Unknown", []),
        ("q=ext-shop-vpc", ["shop-vpc"]),
    ],
)
def test_filters_of_managed_resources(woods: Reader, query: str, expected: list[str]) -> None:
    """Provider, its config, what conditions say, and the external name."""
    document = woods.json(f"/bookkeeping?{query}")
    names = [r["name"] for part in ("claims", "xrs", "mrs") for r in document[part]]
    assert names == expected


def test_a_summary_by_provider_counts_what_has_one(woods: Reader) -> None:
    """Claims and XRs have no provider, and are left out."""
    groups = woods.json("/bookkeeping/summary?by=provider,syncedStatus")["groups"]
    assert [(g["provider"], g["syncedStatus"], g["total"]) for g in groups] == [
        ("provider-aws-rds", "False", 1),
        ("provider-aws-rds", "True", 2),
        ("provider-aws-s3", "True", 1),
    ]


def test_a_claims_tree_goes_down_to_what_blocks_it(woods: Reader) -> None:
    """From the claim over nested XRs to MRs, trouble first; the sentence names the failed MR."""
    tree = woods.json("/bookkeeping/tree?kind=Database&namespace=team-a&name=shop")
    assert outline(tree) == [
        (0, "shop", "not ready"),
        (1, "shop-x", "not ready"),
        (2, "shop-instance", "not synced"),
        (2, "shop-net", "ready"),
        (3, "shop-vpc", "ready"),
    ]
    assert [node["parent"] for node in tree["nodes"]] == [None, 0, 1, 1, 3]
    assert blocking(tree) == ["shop-instance"]
    assert [node["name"] for node in tree["nodes"] if node["blocks"]] == ["shop-instance"]
    assert tree["sentence"] == (
        "Database team-a/shop is not ready, for 3 h; what blocks it: Instance shop-instance "
        "cannot be brought to its latest state: ReconcileError: quota exceeded."
    )
    assert (tree["total"], tree["blockerCount"]) == (5, 1)


@pytest.mark.parametrize("asked", ["kind=instance&name=shop-instance", "name=shop-net"])
def test_any_of_a_tree_gives_the_whole_tree(woods: Reader, asked: str) -> None:
    """With the record that was asked for marked."""
    tree = woods.json(f"/bookkeeping/tree?{asked}")
    assert len(tree["nodes"]) == 5
    (marked,) = [node["name"] for node in tree["nodes"] if node["asked"]]
    assert marked in asked
    assert "At the top of its tree, Database team-a/shop" in tree["sentence"]


@pytest.mark.parametrize(
    "query",
    ["kind=databases&name=shop", "kind=dataBASE&name=shop", f"group={GROUP}&name=shop",
     "class=claim&name=shop&cluster="],
)  # fmt: skip
def test_a_record_is_found_by_what_people_know(woods: Reader, query: str) -> None:
    """Kind or resource in any case, a group, a class; what is not said does not matter."""
    assert woods.json(f"/bookkeeping/tree?{query}")["nodes"][0]["name"] == "shop"


def test_a_name_of_several_is_refused_with_all_of_them(woods: Reader) -> None:
    """Different kinds, groups or namespaces with one name never mix."""
    problem = woods.refused("/bookkeeping/tree?name=calm", 400, "ambiguous")
    assert problem["known"] == [
        f"Database.{GROUP}/team-a/calm",
        f"Database.{GROUP}/team-b/calm",
        "Bucket.s3.aws.upbound.io/calm",
    ]
    tree = woods.json("/bookkeeping/tree?name=calm&kind=bucket")
    assert outline(tree) == [(0, "calm", "ready")]
    tree = woods.json("/bookkeeping/tree?name=calm&namespace=team-b")
    assert outline(tree) == [(0, "calm", "ready")]
    assert len(woods.json("/bookkeeping/tree?name=calm&namespace=team-a")["nodes"]) == 2


@pytest.mark.parametrize(
    "query", ["name=shp-x", "kind=xdatabase&name=shop-", "kind=no&name=shop-x"]
)
def test_what_is_not_there_is_404_with_what_is_near(woods: Reader, query: str) -> None:
    """Also where only the kind is wrong."""
    problem = woods.refused(f"/bookkeeping/tree?{query}", 404, "no-such-record")
    assert f"XDatabase.{GROUP}/shop-x" in problem["known"]
    assert "did you mean" in problem["detail"]


def test_a_name_is_needed(woods: Reader) -> None:
    """A tree is of one record."""
    woods.refused("/bookkeeping/tree?kind=Database", 400, "missing-parameter")
    woods.refused("/bookkeeping/tree?name=", 400, "missing-parameter")
    woods.refused("/bookkeeping/tree?name=x&team=payments", 400, "unknown-parameter")


def test_an_xr_that_is_not_synced_blocks_beside_what_is_below_it() -> None:
    """Its own error is one more reason."""
    broken = forest()
    broken.xrs[0] = xr("shop-x", claim=broken.xrs[0].claim, **FAILED)
    tree = reading(broken).json("/bookkeeping/tree?name=shop")
    assert blocking(tree) == ["shop-x", "shop-instance"]
    assert "(1 more blocks it too)" in tree["sentence"]


def test_a_ready_top_tells_what_is_amiss_below() -> None:
    """Ready is not the same as well."""
    woods = forest()
    woods.claims[0], woods.xrs[0] = claim("shop", xr=xr_ref("shop-x")), xr("shop-x")
    woods.xrs[0] = xr("shop-x", claim=woods.claims[0].ref)
    tree = reading(woods).json("/bookkeeping/tree?name=shop")
    assert tree["sentence"].startswith("Database team-a/shop is ready, but Instance shop-instance")


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (claim("one", xr=None, **WAITING), "no XR has been made for it yet"),
        (xr("one", ready=False, ready_status="", reason=""), "it has no Ready condition yet"),
        (xr("one", composed=3, **WAITING), "it composes 3 of kinds that are not listed"),
        (xr("one", paused=True, **WAITING), "is paused and not ready, for 3 h"),
        (xr("one", deleting=True, deleting_since=at(days=2)), "is being deleted, for 2 d"),
        (mr("one", message="a\nb" * 4000, ready=False), "Instance one is not"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_has_nothing_below_it_explains_itself(record: Record, says: str) -> None:
    """In words, and not at any length."""
    parts: dict[str, list[Record]] = {"claims": [], "xrs": [], "mrs": []}
    parts[{"claim": "claims", "composite": "xrs", "managed": "mrs"}[record.class_]].append(record)
    tree = reading(forest(**parts)).json("/bookkeeping/tree?name=one")
    assert says in tree["sentence"]
    assert len(tree["sentence"]) < 500
    assert "\n" not in tree["sentence"]


def test_a_deletion_waits_for_what_is_still_there() -> None:
    """Whether or not that is being deleted yet."""
    gone: dict[str, object] = {"deleting": True, "deleting_since": at(hours=5)}
    made = forest(claims=[], xrs=[xr("top", **gone)], mrs=[mr("rest", xr_ref("top")), mr("else")])
    tree = reading(made).json("/bookkeeping/tree?name=top")
    assert "it waits for what is below it: Instance rest is still there" in tree["sentence"]


@pytest.mark.process  # loads a large snapshot
def test_a_large_family_is_bounded_and_says_so() -> None:
    """What is in trouble is told, and what was asked for; the rest is counted."""
    many = [mr(f"n-{number:04d}", xr_ref("top")) for number in range(3000)]
    many[2500] = mr("n-2500", xr_ref("top"), **FAILED)
    made = forest(claims=[], xrs=[xr("top", **WAITING)], mrs=many)
    tree = reading(made).json("/bookkeeping/tree?name=n-2999")
    names = [node["name"] for node in tree["nodes"]]
    assert len(names) == MAX_CHILDREN + 1
    assert names[:2] == ["top", "n-2500"]
    assert "n-2999" in names
    top = tree["nodes"][0]
    assert (top["children"], top["leftOut"], tree["total"]) == (3000, 3000 - MAX_CHILDREN, 3001)


def test_owners_in_a_circle_end() -> None:
    """Owner references are tenants' input: no hang, and every row has one top."""
    ring = [
        xr(
            f"r{number}",
            parent=xr_ref(f"r{(number + 1) % 3}"),
            parent_uid=f"uid-r{(number + 1) % 3}",
        )
        for number in range(3)
    ]
    tree = reading(forest(claims=[], xrs=ring, mrs=[])).json("/bookkeeping/tree?name=r1")
    assert len(tree["nodes"]) == 3
    family = Family(Places([xr("self", parent=xr_ref("self"))]), 0, 1)
    assert list(family.parents) == [NONE]


@pytest.mark.process  # loads a large snapshot
def test_a_chain_of_thousands_is_no_trouble() -> None:
    """Depth costs no stack."""
    chain = [xr(f"c{n}", parent=xr_ref(f"c{n - 1}") if n else None) for n in range(5000)]
    tree = reading(forest(claims=[], xrs=chain, mrs=[])).json("/bookkeeping/tree?name=c10")
    assert tree["total"] == 5000
    assert len(tree["nodes"]) < 1100


def test_parents_are_found_by_uid_and_never_by_bare_name() -> None:
    """Another group, kind or namespace of the same name is something else."""
    stranger = mr("stranger", parent=xr_ref("top"))
    found = xr("top", group="other.example.org")
    assert list(Family(Places([found, stranger]), 0, 1).parents) == [NONE, NONE]
    by_uid = mr("child", parent=None, root=None, parent_uid="uid-top", group=AWS)
    assert list(Family(Places([found, by_uid]), 0, 1).parents) == [NONE, 0]
