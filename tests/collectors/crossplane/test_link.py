"""Claims, XRs and MRs find each other."""

from __future__ import annotations

from copy import copy
from itertools import pairwise
from typing import Any

import msgspec

from support.records import linked, to_claim, to_mr, to_xr
from support.stand_in import (
    APP,
    CLAIM,
    NETWORK,
    NOP,
    XR,
    claim,
    legacy_xr,
    managed,
    modern_xr,
    owner,
)
from xpjob.collect.findings import Ref
from xpjob.collectors.crossplane.records import Claim, CompositeResource, Inventory, ManagedResource


def link(
    claims: list[Claim], xrs: list[CompositeResource]
) -> tuple[list[Claim], list[CompositeResource]]:
    """Link claims and XRs alone."""
    found = linked_all(claims, xrs)
    return found.claims, found.xrs


def linked_all(
    claims: list[Claim], xrs: list[CompositeResource], *mrs: ManagedResource
) -> Inventory:
    """Link copies of everything."""
    return linked(map(copy, [*claims, *xrs, *mrs]))


def test_a_claim_takes_the_composition_of_its_xr() -> None:
    """The XR is authoritative, whatever the claim's own reference says."""
    item = claim(xr="orders-x")
    item["spec"]["compositionRef"] = {"name": "asked-for"}
    claims, _ = link([to_claim(item)], [to_xr(legacy_xr("orders-x", composition="in-use"))])
    assert claims[0].composition == "in-use"


def test_a_claim_whose_xr_is_not_listed_keeps_its_own() -> None:
    """And its reference, which may dangle for a moment."""
    item = claim(xr="orders-x")
    item["spec"]["compositionRef"] = {"name": "asked-for"}
    claims, _ = link([to_claim(item)], [to_xr(legacy_xr("other"))])
    assert claims[0].composition == "asked-for"
    assert claims[0].xr is not None
    assert claims[0].xr.name == "orders-x"


def test_either_reference_is_enough() -> None:
    """Crossplane writes one before the other."""
    claims, xrs = link(
        [to_claim(claim("a")), to_claim(claim("b", xr="b-x"))],
        [to_xr(legacy_xr("a-x", claimed_by=("team-a", "a"))), to_xr(legacy_xr("b-x"))],
    )
    assert [c.xr.name for c in claims if c.xr] == ["a-x", "b-x"]
    assert [x.claim.name for x in xrs if x.claim] == ["a", "b"]


def test_one_name_in_two_namespaces_is_two_claims() -> None:
    """References carry the namespace."""
    claims, xrs = link(
        [to_claim(claim("db", "team-a")), to_claim(claim("db", "team-b"))],
        [
            to_xr(legacy_xr("x-a", claimed_by=("team-a", "db"), composition="for-a")),
            to_xr(legacy_xr("x-b", claimed_by=("team-b", "db"), composition="for-b")),
        ],
    )
    assert [c.composition for c in claims] == ["for-a", "for-b"]
    assert [x.claim.namespace for x in xrs if x.claim] == ["team-a", "team-b"]


def test_one_name_of_two_kinds_or_groups_never_mixes() -> None:
    """An XR of another kind, or another group, with the name that is meant is not meant."""

    def other(**changes: Any) -> Any:
        return msgspec.structs.replace(to_xr(legacy_xr("orders-x", composition="wrong")), **changes)

    claims, xrs = link(
        [to_claim(claim(xr="orders-x"))],
        [other(kind="XBucket"), other(group="storage.example.org"), other(namespace="team-a")],
    )
    assert claims[0].composition == ""
    assert claims[0].xr == Ref(XR.group, XR.kind, "", "orders-x")
    assert all(xr.claim is None for xr in xrs)
    assert CLAIM.kind == claims[0].kind


def test_nothing_is_no_problem() -> None:
    """Crossplane's second generation has no claims."""
    assert link([], []) == ([], [])


def nested() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a claimed XR, and an XR that it has made."""
    root = legacy_xr("orders-x", claimed_by=("team-a", "orders-db"), composition="outer")
    inner = legacy_xr("orders-x-inner", composition="inner")
    inner["metadata"]["ownerReferences"] = [owner(XR, root)]
    return root, inner


def test_an_mr_finds_its_parent_its_root_and_its_claim() -> None:
    """Composition from the XR that made it, owners from the claim at the top."""
    root, inner = nested()
    mr = to_mr(managed("orders-x-inner-nop", owned_by=owner(XR, inner)), NOP)
    linked = linked_all([to_claim(claim(xr="orders-x"))], [to_xr(inner), to_xr(root)], mr)
    (found,) = linked.mrs
    assert found.parent == Ref(XR.group, XR.kind, "", "orders-x-inner")
    assert found.root == Ref(XR.group, XR.kind, "", "orders-x")
    assert found.claim == Ref(CLAIM.group, CLAIM.kind, "team-a", "orders-db")
    assert (found.composition, found.creator, found.team) == ("inner", "alice", "a")
    below, top = linked.xrs
    assert (below.root, below.claim, below.team) == (top.ref, found.claim, "a")
    assert below.composition == "inner"
    assert (top.root, top.parent, top.claim) == (None, None, found.claim)
    assert linked.claims[0].composition == "outer"


def test_linking_again_changes_nothing() -> None:
    """Records that are carried have been linked before."""
    root, inner = nested()
    mr = to_mr(managed("m", owned_by=owner(XR, inner)), NOP)
    once = linked_all([to_claim(claim(xr="orders-x"))], [to_xr(inner), to_xr(root)], mr)
    assert linked_all(once.claims, once.xrs, *once.mrs) == once


def test_an_xr_without_a_claim_carries_its_owners_itself() -> None:
    """Crossplane's second generation; what it has made inherits them."""
    item = modern_xr("web", "team-a")
    item["metadata"]["annotations"] = {"example.org/team": "web", "example.org/creator": "eva"}
    mr = to_mr(managed("assets", "team-a", owned_by=owner(APP, item)))
    linked = linked_all([], [to_xr(item, APP)], mr)
    assert (linked.mrs[0].team, linked.mrs[0].creator) == ("web", "eva")
    assert linked.mrs[0].parent == linked.mrs[0].root == linked.xrs[0].ref
    assert linked.mrs[0].claim is None


def test_a_cluster_scoped_xr_may_own_what_is_in_a_namespace() -> None:
    """The reference does not say where the owner is."""
    item = modern_xr("backbone", composition="net.aws")
    mr = to_mr(managed("b", "team-a", owned_by={**owner(NETWORK, item), "uid": ""}))
    (found,) = linked_all([], [to_xr(item, NETWORK)], mr).mrs
    assert found.parent == Ref(NETWORK.group, NETWORK.kind, "", "backbone")
    assert found.composition == "net.aws"


def test_a_standalone_mr_is_nobodys() -> None:
    """Whatever else there is; it may carry its owners itself."""
    mr = to_mr(managed("b", "team-a", annotations={"example.org/team": "ops"}))
    (found,) = linked_all([], [to_xr(modern_xr("b", "team-a"), APP)], mr).mrs
    assert (found.parent, found.root, found.claim, found.composition) == (None, None, None, "")
    assert found.team == "ops"


def test_mrs_and_xrs_of_one_name_never_mix() -> None:
    """Another kind, another group, another namespace, or an object of the past."""
    item = modern_xr("web", "team-a")
    right = to_xr(item, APP)
    others = [
        msgspec.structs.replace(right, uid=f"u{n}", composition="wrong", **change)
        for n, change in enumerate(
            ({"kind": "Api"}, {"group": "other.org"}, {"namespace": "team-b"}, {"namespace": ""})
        )
    ]
    for reference in (owner(APP, item), {**owner(APP, item), "uid": ""}):
        mr = to_mr(managed("assets", "team-a", owned_by=reference))
        assert linked_all([], [*others, right], mr).mrs[0].composition == "apps.aws"
        assert linked_all([], others[:3], mr).mrs[0].root is None
    gone = to_mr(managed("assets", "team-a", owned_by={**owner(APP, item), "uid": "former"}))
    (found,) = linked_all([], [right], gone).mrs
    assert (found.root, found.composition) == (None, "")
    assert found.parent == right.ref


def test_labels_are_the_last_resort_and_only_where_they_mean_one() -> None:
    """They name neither kind nor namespace of the root."""
    labels = {"crossplane.io/composite": "web"}
    mr = to_mr(managed("assets", "team-a", labels=labels))
    one, elsewhere = to_xr(modern_xr("web", "team-a"), APP), to_xr(modern_xr("web", "team-b"), APP)
    found = linked_all([], [one, elsewhere], mr).mrs[0]
    assert (found.root, found.composition) == (one.ref, "apps.aws")
    for other in (
        to_xr(modern_xr("web"), NETWORK),
        msgspec.structs.replace(one, kind="Api", uid="u"),
    ):
        assert linked_all([], [one, other], mr).mrs[0].root is None


def test_the_claims_labels_tell_legacy_roots_apart() -> None:
    """And lead to the claim where the root is not listed."""
    labels = {
        "crossplane.io/composite": "orders-x",
        "crossplane.io/claim-name": "orders-db",
        "crossplane.io/claim-namespace": "team-a",
    }
    mr = to_mr(managed("m", labels=labels), NOP)
    root = to_xr(nested()[0])
    stranger = msgspec.structs.replace(root, kind="XOther", uid="u", claim=None)
    asking = to_claim(claim(xr="orders-x"))
    assert linked_all([asking], [root, stranger], mr).mrs[0].root == root.ref
    (found,) = linked_all([asking], [], mr).mrs
    assert (found.root, found.claim, found.team) == (None, asking.ref, "a")
    same_name = msgspec.structs.replace(asking, kind="Other")
    assert linked_all([asking, same_name], [], mr).mrs[0].claim is None


def test_owners_in_a_circle_come_to_an_end() -> None:
    """Nobody makes such a thing but on purpose."""
    one, two = modern_xr("one", "team-a"), modern_xr("two", "team-a")
    one["metadata"]["ownerReferences"] = [owner(APP, two)]
    two["metadata"]["ownerReferences"] = [owner(APP, one)]
    mr = to_mr(managed("b", "team-a", owned_by=owner(APP, one)))
    linked = linked_all([], [to_xr(one, APP), to_xr(two, APP)], mr)
    assert linked.mrs[0].parent == linked.xrs[0].ref


def test_a_tower_of_xrs_is_climbed_once() -> None:
    """A thousand deep, a thousand MRs at its foot: no recursion, nothing twice."""
    items = [modern_xr(f"x-{n:04}", "team-a") for n in range(1000)]
    for above, below in pairwise(items):
        below["metadata"]["ownerReferences"] = [owner(APP, above)]
    foot = owner(APP, items[-1])
    mrs = [to_mr(managed(f"b-{n}", "team-a", owned_by=foot)) for n in range(1000)]
    linked = linked_all([], [to_xr(item, APP) for item in reversed(items)], *mrs)
    assert {mr.root.name for mr in linked.mrs if mr.root} == {"x-0000"}


def test_extra_labels_come_from_above_where_it_has_them() -> None:
    """The claim knows best, then the root; what neither has stays the object's own."""
    asking = msgspec.structs.replace(
        to_claim(claim("orders", xr="orders-x")), extra={"cost_center": "42", "env": "", "own": ""}
    )
    item = legacy_xr("orders-x", claimed_by=("team-a", "orders"))
    root = msgspec.structs.replace(
        to_xr(item), extra={"cost_center": "7", "env": "prod", "own": ""}
    )
    mr = msgspec.structs.replace(
        to_mr(managed("m", owned_by=owner(XR, item)), NOP),
        extra={"cost_center": "", "env": "", "own": "mine"},
    )
    linked = linked_all([asking], [root], mr)
    assert linked.mrs[0].extra == {"cost_center": "42", "env": "prod", "own": "mine"}
    assert linked.xrs[0].extra == {"cost_center": "42", "env": "prod", "own": ""}


def test_what_is_named_and_does_not_exist() -> None:
    """Is what stays in ``missing``: here of two buckets and one that an XR calls its own."""
    item = modern_xr("web", "team-a")
    refs = [
        {"apiVersion": "s3.aws.m.upbound.io/v1beta1", "kind": "Bucket", "name": name}
        for name in ("there", "gone")
    ]
    refs.append({"apiVersion": "platform.example.org/v1", "kind": "Network", "name": "backbone"})
    refs.append({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"})
    item["spec"]["crossplane"]["resourceRefs"] = refs
    web, backbone = to_xr(item, APP), to_xr(modern_xr("backbone"), NETWORK)
    assert (len(web.missing), web.composed) == (3, 1)
    linked = linked_all([], [web, backbone], to_mr(managed("there", "team-a")))
    assert linked.xrs[0].missing == (Ref("s3.aws.m.upbound.io", "Bucket", "team-a", "gone"),)
    assert linked.xrs[0].root is None
    both = (to_mr(managed(name, "team-a")) for name in ("there", "gone"))
    again = linked_all([], linked.xrs, *both)
    assert again.xrs[0].missing == ()
