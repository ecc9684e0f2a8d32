"""What one answer lacks is not gone: kinds, lists, definitions, references of packages."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from support.logs import logged
from support.runs import Runs
from support.stand_in import (
    APP,
    BUCKET,
    CLAIM,
    KINDS,
    NETWORK,
    NOP,
    REVISION,
    XR,
    claim,
    managed,
    revision,
)
from xpjob.collect.before import Before
from xpjob.collect.contract import Listed, Subscription
from xpjob.collect.fetch import outcome_of
from xpjob.collectors.crossplane.absence import Absence, Evidence, judge
from xpjob.collectors.crossplane.platform import (
    ManagedKinds,
    Part,
    Platform,
    settle,
)
from xpjob.collectors.crossplane.providers import Providers
from xpjob.collectors.crossplane.state import State
from xpjob.collectors.crossplane.wire import Object
from xpjob.demo.cluster import Fault
from xpjob.kube.discovery import Kind
from xpjob.kube.lists import ListKey

XRD = Kind(
    "apiextensions.crossplane.io",
    "v2",
    "compositeresourcedefinitions",
    "CompositeResourceDefinition",
    False,
)
DEPLOYMENT = Kind("apps", "v1", "deployments", "Deployment", True, frozenset({"all"}))
AT = "2026-08-21T09:10:01Z"


def without(runs: Runs, *kinds: Kind) -> None:
    """Serve all kinds but these; with none, none of the platform."""
    runs.stand_in.cluster.kinds = (
        tuple(kind for kind in KINDS if kind not in kinds) if kinds else (DEPLOYMENT,)
    )


def told(runs: Runs) -> dict[tuple[str, str, str], int]:
    """Return what is missing and unconfirmed: kind, name, reason and what is kept."""
    found = runs.snapshot()["absences"]
    return {(a["kind"], a["name"], a["reason"]): a["kept"] for a in found}


def seen(runs: Runs) -> dict[str, str]:
    """Return when each object was first seen, by uid."""
    document = runs.snapshot()
    rows = [row for key in ("claims", "xrs", "mrs") for row in document[key]]
    return {row["uid"]: row["firstSeenAt"] for row in rows}


def definition(kind: Kind, offered: Kind | None = None) -> dict[str, Any]:
    """Return an XRD."""
    names = {"kind": kind.kind, "plural": kind.resource}
    claims = {"kind": offered.kind, "plural": offered.resource} if offered else None
    spec = {"group": kind.group, "names": names, "claimNames": claims}
    return {"metadata": {"name": f"{kind.resource}.{kind.group}"}, "spec": spec}


def test_cp17_a_window_of_discovery_costs_nothing(
    runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    """All groups of CRDs are missing for one run: all stays, with its history, and a warning."""
    runs.run()
    before, claims = seen(runs), runs.value("crossplane_claims_total")
    without(runs)
    with caplog.at_level(logging.WARNING):
        window = runs.run()
    assert window.errors == []
    assert window.report.partial
    assert seen(runs) == before
    assert runs.value("crossplane_claims_total") == claims
    assert runs.value("crossplane_mr_total", provider="provider-nop") == 5
    assert all(row["carriedSince"] for row in runs.snapshot()["claims"])
    ((gvr, records),) = logged(caplog, "gvr", "records")
    assert str(CLAIM.gvr) in gvr
    assert records >= 23
    assert runs.value("crossplane_unconfirmed_absences", kind=CLAIM.kind, reason="NotServed") == 5
    assert runs.value("xpjob_target_carried", "xpjob-run", kind=CLAIM.kind) == 5
    without(runs, DEPLOYMENT)
    whole = runs.run()
    assert not whole.report.partial
    assert seen(runs) == before
    assert told(runs) == {}
    assert not any(row["carriedSince"] for row in runs.snapshot()["claims"])
    assert runs.value("crossplane_unconfirmed_absences") == 0


@pytest.mark.parametrize("kind", [CLAIM, XR, APP, NETWORK, BUCKET, NOP], ids=lambda kind: kind.kind)
def test_cp17_a_kind_that_vanishes_is_gone_with_the_second_run(runs: Runs, kind: Kind) -> None:
    """Of every class, however few its objects are."""
    runs.run()
    before = len(seen(runs))
    count = len(runs.stand_in.cluster.objects(kind))
    runs.stand_in.cluster.kinds = tuple(k for k in KINDS if k.resource != kind.resource)
    for left in (before, before - count, before - count):
        assert runs.run().errors == []
        assert len(seen(runs)) == left
    assert told(runs) == {}


def test_cp17_two_windows_apart_are_two_first_times(runs: Runs) -> None:
    """Only a second run in a row confirms."""
    runs.run()
    before = seen(runs)
    for _ in range(3):
        without(runs, CLAIM)
        runs.run()
        without(runs, DEPLOYMENT)
        runs.run()
    assert seen(runs) == before


def test_cp17_the_caution_can_be_switched_off(runs: Runs) -> None:
    """Then everything is gone at once, as the API says."""
    runs.run()
    without(runs)
    assert not runs.run(absence_confirmation="off").report.partial
    assert seen(runs) == {}


def test_cp17_without_carrying_nothing_is_kept(runs: Runs) -> None:
    """CARRY_MAX_AGE_SECONDS=0 means that."""
    runs.run()
    without(runs, CLAIM)
    runs.run(carry_max_age_seconds="0")
    assert runs.names() == set()


@pytest.mark.parametrize("gvrs", ["", str(CLAIM.gvr)], ids=["found", "named"])
def test_cp17_an_xrd_that_is_absent_too_confirms_it_at_once(runs: Runs, gvrs: str) -> None:
    """The list of XRDs is a second source; it must be complete, and have the kind no more."""
    cluster = runs.stand_in.cluster
    cluster.kinds = (*KINDS, XRD)
    for each in (definition(XR, CLAIM), definition(APP), definition(NETWORK)):
        cluster.apply(XRD, each)
    runs.run(claim_gvrs=gvrs)
    cluster.kinds = tuple(kind for kind in cluster.kinds if kind not in (CLAIM, XR))
    runs.run(claim_gvrs=gvrs)
    assert len(runs.names()) == 5
    cluster.kinds = (*KINDS, XRD)
    runs.run(claim_gvrs=gvrs)
    cluster.kinds = tuple(kind for kind in cluster.kinds if kind not in (CLAIM, XR))
    cluster.delete(XRD, "", f"{XR.resource}.{XR.group}")
    runs.run(claim_gvrs=gvrs)
    assert runs.names() == set()


def test_cp17_a_provider_that_is_uninstalled_confirms_it_at_once(runs: Runs) -> None:
    """Neither the API nor any revision has its group any more."""
    runs.run()
    without(runs, BUCKET)
    runs.stand_in.cluster.delete(REVISION, "", "s3-1")
    runs.run()
    assert {row["kind"] for row in runs.snapshot()["mrs"]} == {NOP.kind}


def test_cp17_a_configured_version_that_vanishes_is_kept_for_a_run(runs: Runs) -> None:
    """The API may serve the kind in another version."""
    gvrs = str(CLAIM.gvr)
    runs.run(claim_gvrs=gvrs)
    moved = replace(CLAIM, version="v2")
    runs.stand_in.cluster.kinds = tuple(moved if k == CLAIM else k for k in KINDS)
    for left in (5, 0):
        runs.run(claim_gvrs=gvrs)
        assert len(runs.names()) == left


def empty(kind: Kind) -> Callable[[str, object], Fault | None]:
    """Return a fault by which a list is empty."""
    body = b'{"items": [], "metadata": {}}'
    return lambda path, _query: Fault(200, body) if path.endswith(f"/{kind.resource}") else None


def test_cp17_a_list_of_many_that_is_suddenly_empty_is_kept_for_a_run(
    runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    """And then it is empty; or it was nothing."""
    runs.run()
    before = seen(runs)
    runs.stand_in.cluster.fault = empty(CLAIM)
    with caplog.at_level(logging.WARNING):
        assert runs.run().report.partial
    assert seen(runs) == before
    assert told(runs) == {(CLAIM.kind, "", "Empty"): 5}
    assert logged(caplog, "gvr", "records") == [(str(CLAIM.gvr), 5)]
    (target,) = [t for t in runs.snapshot()["targets"] if t["resource"] == CLAIM.resource]
    assert (target["error"], target["carried"], target["records"]) == ("", 5, 0)
    assert target["unconfirmed"].startswith("the list is empty")
    runs.stand_in.cluster.fault = lambda _path, _query: None
    runs.run()
    assert seen(runs) == before
    runs.stand_in.cluster.fault = empty(CLAIM)
    runs.run()
    assert not runs.run().report.partial
    assert runs.names() == set()


def test_cp17_few_objects_and_single_ones_are_deleted_at_once(runs: Runs) -> None:
    """That is what deletions look like."""
    cluster = runs.stand_in.cluster
    runs.run()
    cluster.delete(CLAIM, "team-c", "db-4")
    cluster.fault = empty(NETWORK)
    assert not runs.run().report.partial
    assert len(runs.names()) == 4
    cluster.fault = empty(CLAIM)
    assert not runs.run().report.partial
    assert runs.names() == set()


def test_cp17_a_deletion_that_was_seen_beginning_explains_an_empty_list(runs: Runs) -> None:
    """Only what was not being deleted is kept."""
    cluster = runs.stand_in.cluster
    for number in range(6):
        item = claim(f"gone-{number}", "team-z")
        item["metadata"]["deletionTimestamp"] = "2026-08-21T09:00:00Z"
        cluster.apply(CLAIM, item)
    runs.run()
    assert len(runs.names()) == 11
    cluster.fault = empty(CLAIM)
    runs.run()
    assert runs.names() == {f"db-{number}" for number in range(5)}


def test_cp17_what_is_no_longer_configured_goes_at_once(runs: Runs) -> None:
    """That the kind is not listed has a reason."""
    runs.run()
    assert not runs.run(exclude_kinds=CLAIM.resource + ".*").report.partial
    assert runs.names() == set()
    runs.run()
    assert not runs.run(claim_gvrs=str(CLAIM.gvr)).report.partial
    assert runs.snapshot()["mrs"] == []


def test_cp17_a_run_in_which_the_list_fails_confirms_nothing(runs: Runs) -> None:
    """It has not looked; the next one that does decides."""
    cluster = runs.stand_in.cluster
    runs.run()
    for fault, left in (
        (empty(CLAIM), 5),
        (_failing(503), 5),
        (_failing(403), 5),
        (empty(CLAIM), 0),
    ):
        cluster.fault = fault
        runs.run()
        assert len(runs.names()) == left


def test_cp17_a_list_that_is_not_found_is_the_first_time(runs: Runs) -> None:
    """Its kind was deleted after discovery: the next discovery confirms it."""
    runs.run()
    runs.stand_in.cluster.fault = _failing(404)
    runs.run()
    assert len(runs.names()) == 5
    without(runs, CLAIM)
    runs.run()
    assert runs.names() == set()


def _failing(status: int) -> Callable[[str, object], Fault | None]:
    return lambda path, _: Fault(status) if path.endswith(f"/{CLAIM.resource}") else None


@pytest.mark.parametrize(
    "refs", [None, [], [{"kind": "ManagedResourceDefinition", "name": "others.other.org"}]]
)
def test_cp17_references_of_a_package_that_shrink_are_kept_for_a_run(
    runs: Runs, refs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """MRs keep their provider, kinds of MRs are counted as before."""
    cluster = runs.stand_in.cluster
    runs.run()
    odd = revision("s3-1", "provider-aws-s3", BUCKET)
    cluster.apply(REVISION, {**odd, "status": {"objectRefs": refs}})
    for provided in (4, 0):
        with caplog.at_level(logging.WARNING):
            runs.run()
        assert runs.value("crossplane_mr_total", provider="provider-aws-s3") == provided
    kept = [a for a in logged(caplog, "gvr") if "ProviderRevision provider-aws-s3" in a[0]]
    assert len(kept) == 1


def test_cp17_all_references_that_are_lost_are_kept_for_a_run(runs: Runs) -> None:
    """Then categories decide, and providers are as they were."""
    cluster = runs.stand_in.cluster
    runs.run()
    for name, provider in (("s3-1", "provider-aws-s3"), ("nop-1", "provider-nop")):
        cluster.apply(REVISION, {**revision(name, provider), "status": None})
    runs.run()
    assert runs.value("crossplane_mr_total", provider="") == 0
    assert runs.value("crossplane_managed_kinds", state="Active") == 2
    runs.run()
    assert runs.value("crossplane_mr_total", provider="") == 9
    assert runs.value("crossplane_managed_kinds") == 0


def test_cp17_a_provider_that_loses_a_kind_keeps_it_for_a_run(
    runs: Runs,
) -> None:
    """Its MRs are kept although nobody vouches for them, and then are not listed."""
    cluster = runs.stand_in.cluster
    queue = replace(BUCKET, group="sqs.aws.m.upbound.io", resource="queues", kind="Queue")
    cluster.kinds = (*KINDS, queue)
    cluster.apply(queue, managed("q", "team-a"))
    cluster.apply(REVISION, revision("s3-1", "provider-aws-s3", BUCKET, queue))
    runs.run()
    cluster.apply(REVISION, revision("s3-1", "provider-aws-s3", BUCKET))
    kinds = {row["kind"] for row in runs.snapshot()["mrs"]}
    runs.run()
    assert {row["kind"] for row in runs.snapshot()["mrs"]} == kinds
    assert told(runs) == {
        ("Queue", "", "NotDefined"): 1,
        ("ProviderRevision", "provider-aws-s3", "References"): 1,
    }
    runs.run()
    assert {row["kind"] for row in runs.snapshot()["mrs"]} == kinds - {"Queue"}
    assert told(runs) == {}


PART = Part("pkg.crossplane.io", "Provider", "p", [])
PACKAGE = ("pkg.crossplane.io", "Provider")


@pytest.mark.parametrize(
    ("served", "silent", "count", "kept"),
    [
        (False, False, 1, "NotServed"),
        (True, False, 5, "Empty"),
        (True, False, 4, ""),
        (False, True, 3, "silent"),
    ],
)
def test_cp17_parts_of_the_platform_are_kept_as_objects_are(
    served: bool, silent: bool, count: int, kept: str
) -> None:
    """XRDs and packages; a group that did not answer says nothing about them."""
    parts = [msgspec.structs.replace(PART, name=f"p{number}") for number in range(count)]
    evidence = Evidence(
        served={PACKAGE: "providers"} if served else {},
        silent=frozenset({"pkg.crossplane.io"} if silent else ()),
    )
    before = Platform(parts=parts)
    known_before = Before(AT, AT, State(platform=before), max_age=60)
    now = Platform().completed(known_before, evidence, AT)
    settled, absences = settle(now, before, Providers(), evidence, {}, AT)
    assert settled.parts == (parts if kept else [])
    reasons = [kept] if kept in ("NotServed", "Empty") else []
    assert [absence.reason for absence in absences] == reasons
    known = {absence.key: absence for absence in absences}
    again, absences = settle(now, before, Providers(), evidence, known, AT)
    assert (again.parts, absences) == (parts if silent else [], [])


def test_cp17_a_revision_that_is_deleted_takes_its_kinds_along() -> None:
    """One object, as any other; five at once are a list that is suddenly empty."""
    kinds = [ManagedKinds("p", 2, 1)]
    before = Platform(managed_kinds=kinds, provided={"a.b": "p"})
    evidence = Evidence()
    for providers, kept in (
        (Providers(names={"q"}), False),
        (Providers(), False),
        (Providers(served=False), True),
        (Providers(names={"p"}), True),
    ):
        settled, absences = settle(Platform(), before, providers, evidence, {}, AT)
        assert (settled.provided, settled.managed_kinds) == (
            (before.provided, kinds) if kept else ({}, [])
        )
        assert len(absences) == kept


def test_a_snapshot_of_an_older_version_knows_of_no_absences() -> None:
    """The state has a default."""
    assert msgspec.json.decode(b"{}", type=State).absences is None
    made = State(absences=[Absence(group="g", kind="K", reason="Empty", kept=3, since=AT)])
    assert msgspec.json.decode(msgspec.json.encode(made), type=State) == made


def test_several_shards_do_not_keep_what_one_of_them_has_listed() -> None:
    """A list that was made counts more than a discovery that lacks the kind."""
    subscription = Subscription(ListKey(CLAIM.gvr), Object, kind=CLAIM.kind, role="claim")
    outcome = outcome_of(subscription)
    outcome.records = 3
    counts = {("claim", CLAIM.group, CLAIM.kind): 5}
    listed = [Listed(subscription, outcome, [])]
    assert not judge(Evidence(), listed, counts, (), AT).unconfirmed
    assert judge(Evidence(), [], counts, (), AT).unconfirmed
