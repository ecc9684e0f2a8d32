"""Random forests: what holds of links and findings, however objects refer to each other."""

from __future__ import annotations

from copy import copy
from functools import partial
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from support.records import linked as link_in_place
from support.records import to_claim, to_mr, to_xr
from support.samples import outcome
from support.stand_in import APP, BUCKET, CLAIM, XR, claim, legacy_xr, managed, modern_xr
from xpjob.collect.before import Before
from xpjob.collect.findings import Finding, Ref, confirmed
from xpjob.collectors.crossplane import findings
from xpjob.collectors.crossplane.kept_findings import with_kept
from xpjob.collectors.crossplane.owners import Owners
from xpjob.collectors.crossplane.reader.tree_index import Family, Places
from xpjob.collectors.crossplane.records import Inventory, Record
from xpjob.reader.forest import NONE

# Few names, so that references meet; kinds of all classes, and one that is not listed.
KINDS = (CLAIM, XR, APP, BUCKET)
NAMES = st.sampled_from("ab")
REFS = st.none() | st.tuples(
    st.sampled_from([*(f"{kind.group}/{kind.version}" for kind in KINDS), "other.org/v1"]),
    st.sampled_from([kind.kind for kind in KINDS]),
    NAMES,
    st.sampled_from(["right", "other", ""]),
)
READY = st.booleans()
OBJECTS = st.lists(
    st.tuples(st.integers(0, 3), NAMES, REFS, REFS, st.lists(REFS, max_size=3), READY, READY),
    max_size=9,
    unique_by=lambda made: made[:2],
)
FAILED = ("failed", "not requested", "not planned")
PHASES = (Phase.explicit, Phase.generate)
ALL = [outcome(group=k.group, kind=k.kind, resource=k.resource) for k in KINDS]


def uid(kind: str, name: str) -> str:
    """Return the uid of an object that exists."""
    return f"uid-{kind}-{name}"


def wire_ref(ref: Any) -> dict[str, str]:
    """Return a reference; all namespaced objects are in one namespace."""
    version, kind, name, _ = ref
    within = {"namespace": "team-a"} if kind == CLAIM.kind else {}
    return {"apiVersion": version, "kind": kind, "name": name, **within}


def record(made: Any) -> Record:
    """Return a record that is not linked yet."""
    number, name, owner, bound, children, ready, labelled = made
    kind = KINDS[number]
    team = {"example.org/team": f"{kind.kind}-{name}"}
    if kind is CLAIM:
        item = claim(name, ready=ready, annotations=team)
        item["spec"] = {"resourceRef": wire_ref(bound)} if bound else {}
    elif kind is BUCKET:
        labels = {"crossplane.io/composite": name} if labelled else {}
        item = managed(name, "team-a", labels=labels, ready=ready)
    else:
        item = legacy_xr(name) if kind is XR else modern_xr(name, "team-a", ready=ready)
        spec = item["spec"] if kind is XR else item["spec"]["crossplane"]
        spec["resourceRefs"] = [wire_ref(ref) for ref in children if ref]
        if bound:
            item["spec"]["claimRef"] = wire_ref(bound)
        item["metadata"]["annotations"] = team
    item["metadata"]["uid"] = uid(kind.kind, name)
    if owner:
        version, its_kind, its_name, which = owner
        its_uid = {"right": uid(its_kind, its_name), "other": "uid-former", "": ""}[which]
        reference = {"apiVersion": version, "kind": its_kind, "name": its_name, "uid": its_uid}
        item["metadata"]["ownerReferences"] = [{**reference, "controller": True}]
    if kind is CLAIM:
        return to_claim(item)
    return to_mr(item) if kind is BUCKET else to_xr(item, kind)


def linked(records: list[Record]) -> Inventory:
    """Link copies, by class."""
    return link_in_place(map(copy, records))


def found(inventory: Inventory) -> list[Finding]:
    """Return the findings, when all lists were complete."""
    return findings.find(
        inventory, Owners(inventory), ALL, at="2026-08-21T12:00:00Z", stuck_seconds=60
    )


def every(inventory: Inventory) -> list[Any]:
    """Return all records."""
    return [record for of_class in inventory for record in of_class]


@settings(max_examples=150, phases=PHASES)
@given(OBJECTS, st.randoms(use_true_random=False))
def test_order_is_nothing(made: list[Any], random: Any) -> None:
    """Links and findings are the same in whatever order objects are listed; linking ends."""
    records = list(map(record, made))
    shuffled = random.sample(records, len(records))
    one, other = linked(records), linked(shuffled)
    assert {r.uid: r for r in every(one)} == {r.uid: r for r in every(other)}
    assert sorted(map(repr, found(one))) == sorted(map(repr, found(other)))


@settings(max_examples=150, phases=PHASES)
@given(OBJECTS)
def test_claims_and_xrs_agree(made: list[Any]) -> None:
    """Where an XR is bound, both references agree or one is not set; no claim has two XRs."""
    before = {r.uid: r for r in map(record, made)}
    inventory = linked(list(before.values()))
    claims = {c.ref: c for c in inventory.claims}
    bound = [
        (xr, claims[xr.claim])
        for xr in inventory.xrs
        if xr.claim and xr.claim in claims and not xr.parent
    ]
    assert len({its.uid for _, its in bound}) == len(bound)
    for xr, its in bound:
        own = before[xr.uid]
        assert its.xr == xr.ref
        assert own.claim in (None, xr.claim)  # type: ignore[attr-defined]
        assert before[its.uid].xr in (None, xr.ref)  # type: ignore[attr-defined]
        assert xr.disputed_claim is None


@settings(max_examples=150, phases=PHASES)
@given(OBJECTS)
def test_an_owner_has_group_kind_name_and_uid(made: list[Any]) -> None:
    """What is attributed to an XR has an owner reference to it, or none and a label."""
    records = list(map(record, made))
    inventory = linked(records)
    by_ref = {r.ref: r for r in every(inventory)}
    by_uid = {r.uid: r for r in every(inventory)}
    for mr in inventory.mrs:
        owner = by_uid.get(mr.parent_uid) if mr.parent_uid else by_ref.get(bare(mr.parent, by_ref))
        if mr.parent is None:
            assert mr.root is None or mr.root.name == mr.composite_name
        elif owner is None:
            assert (mr.root, mr.composition) == (None, "")
        if mr.team:
            assert owner is not None or mr.parent is None or mr.claim is not None


def bare(ref: Ref | None, by_ref: dict[Ref, Any]) -> Ref:
    """Return a reference as the object has it that it is to, if there is one."""
    if ref is None or ref in by_ref:
        return ref or Ref("", "", "", "")
    return Ref(ref.group, ref.kind, "", ref.name)


@settings(max_examples=150, phases=PHASES)
@given(OBJECTS)
def test_nothing_is_told_twice(made: list[Any]) -> None:
    """Neither of a pair of objects, from whichever side, nor of one alone."""
    inventory = linked(list(map(record, made)))
    told = found(inventory)
    pairs = [frozenset((f.ref, f.other)) for f in told if f.other]
    alone = [(f.finding, f.ref) for f in told if not f.other]
    assert len(set(pairs)) == len(pairs)
    assert len(set(alone)) == len(alone)


@settings(max_examples=150, phases=PHASES)
@given(OBJECTS)
def test_linking_again_changes_nothing(made: list[Any]) -> None:
    """Records that are carried have been linked before."""
    once = linked(list(map(record, made)))
    again = linked(every(once))
    assert again == once


@settings(max_examples=150, phases=PHASES)
@given(OBJECTS)
def test_trees_show_what_was_linked(made: list[Any]) -> None:
    """A row hangs below its owner, its root or its claim, and below no other."""
    inventory = linked(list(map(record, made)))
    records = every(inventory)
    family = Family(Places(records), len(inventory.claims), len(inventory.xrs))
    for row, parent in enumerate(family.parents):
        if parent != NONE:
            below, above = records[row], records[parent]
            named = (below.parent, getattr(below, "root", None), getattr(below, "claim", None))
            assert above.uid == below.parent_uid or above.ref in named
            lost = below.parent == above.ref and below.parent_uid not in ("", above.uid)
            assert not lost or above.ref in named[1:]


@settings(max_examples=300, phases=PHASES)
@given(OBJECTS, st.sets(st.sampled_from(KINDS)), st.sampled_from(FAILED))
def test_nothing_is_found_and_nothing_is_over_because_a_list_fails(
    made: list[Any], failing: set[Any], how: str
) -> None:
    """Findings are those of before if nothing has changed; what is not requested has no kind."""
    records = list(map(record, made))
    first, second = "2026-08-21T12:00:00Z", "2026-08-21T12:01:00Z"
    inventory = linked(records)
    known = confirmed("crossplane", found(inventory), (), first)
    before = Before(first, first, findings=known, max_age=3600)
    of_failing = {kind.kind for kind in failing}
    kept = [r for r in map(copy, every(inventory)) if r.kind in of_failing]
    for each in kept:
        each.carried_since = first
    again = linked([*(r for r in records if r.kind not in of_failing), *kept])
    outcomes = [
        outcome(
            group=kind.group,
            kind="" if how == "not requested" and kind in failing else kind.kind,
            resource=kind.resource,
            error="503" if kind in failing else "",
        )
        for kind in KINDS
        if not (how == "not planned" and kind.kind in {r.kind for r in kept})
    ]
    find = partial(findings.find, again, Owners(again), outcomes, at=second, stuck_seconds=60)
    likely = with_kept(find(), partial(find, stale=kept), before, second)
    now = confirmed("crossplane", likely, known, second)
    assert sorted((repr(f.identity), f.message, f.since) for f in now) == sorted(
        (repr(f.identity), f.message, f.since) for f in known
    )
    assert all(f.confirmed != bool(f.carried_since) for f in now)
    assert failing or not any(f.carried_since for f in now)
