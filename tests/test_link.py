"""Claims and XRs find each other."""

from __future__ import annotations

from typing import Any

import msgspec
from stand_in import CLAIM, XR, claim, legacy_xr
from test_records import to_claim, to_xr

from xpjob.crossplane.link import link
from xpjob.crossplane.records import Ref


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
