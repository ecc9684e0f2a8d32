"""What the platform is made of: XRDs, packages, and kinds that are not activated."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from msgspec.structs import replace

from support.collectors import CROSSPLANE
from support.runs import Runs, fail
from support.snapshots import typed
from support.stand_in import (
    APP,
    BUCKET,
    CLAIM,
    NETWORK,
    NOP,
    REVISION,
    XR,
    StandIn,
    condition,
    fill,
    managed,
    revision,
)
from xpjob.collect.before import Before
from xpjob.collectors.crossplane.absence import Evidence
from xpjob.collectors.crossplane.metrics import platform as tables
from xpjob.collectors.crossplane.platform import ManagedKinds, Part, PartCondition, Platform
from xpjob.collectors.crossplane.state import State
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.demo.cluster import Fault
from xpjob.kube.discovery import Kind
from xpjob.run import job
from xpjob.terminal.progress import Silent

FIRST, SECOND, THIRD = (f"2026-08-21T12:0{minute}:00Z" for minute in (0, 1, 2))


def before(found: Platform, at: str, max_age: float = 3600) -> Before:
    """Return what a run has found at a time."""
    return Before(at, at, State(platform=found), max_age=max_age)


XRD = Kind(
    "apiextensions.crossplane.io",
    "v2",
    "compositeresourcedefinitions",
    "CompositeResourceDefinition",
    False,
)
OLD_XRD = replace(XRD, version="v1")
PROVIDER = Kind("pkg.crossplane.io", "v1", "providers", "Provider", False)
SQS = Kind("sqs.aws.m.upbound.io", "v1beta1", "queues", "Queue", True)


def part(name: str, *conditions: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """Return an XRD or package."""
    return {"metadata": {"name": name}, "spec": spec, "status": {"conditions": list(conditions)}}


@pytest.fixture
def platform(stand_in: StandIn) -> StandIn:
    """A small platform with two XRDs and a provider."""
    fill(stand_in.cluster)
    stand_in.cluster.kinds += (XRD, PROVIDER)
    established = condition("Established", "True", "WatchingCompositeResource")
    apps = part("apps.example.org", established)
    orders = part("xorders.example.org", established, claimNames={"kind": "Order"})
    healthy = condition("Healthy", "False", "UnhealthyPackageRevision", "no image")
    stand_in.cluster.apply(XRD, apps)
    stand_in.cluster.apply(XRD, orders)
    stand_in.cluster.apply(PROVIDER, part("provider-nop", healthy))
    return stand_in


def run(stand_in: StandIn) -> Platform:
    """Do one run, and return what it knows of the platform."""
    given = {"kubeconfig": str(stand_in.kubeconfig)}
    made = job.run(load(given, {}, GROUPS), CROSSPLANE, Silent(), dry_run=True)
    assert not made.report.partial
    return typed(made).platform


def test_xrds_and_packages_with_their_conditions(platform: StandIn) -> None:
    """One that it should have and has not counts as not True; Offered only where it offers."""
    found = {part.name: part for part in run(platform).parts}
    assert [c.type for c in found["apps.example.org"].conditions] == ["Established"]
    assert [(c.type, c.status) for c in found["xorders.example.org"].conditions] == [
        ("Established", "True"),
        ("Offered", ""),
    ]
    installed, healthy = found["provider-nop"].conditions
    assert (installed.status, healthy.status, healthy.message) == ("", "False", "no image")


def test_without_rights_the_run_goes_on(
    platform: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """Only their metrics are missing, and no warning comes each minute."""
    hidden = tuple(f"/apis/{kind.group}/" for kind in (XRD, PROVIDER))
    platform.cluster.fault = lambda path, _: Fault(403) if path.startswith(hidden) else None
    with caplog.at_level(logging.INFO):
        found = run(platform)
    assert found.parts == []
    unread = ["CompositeResourceDefinition", "Provider", "ProviderRevision"]
    assert sorted(found.unread) == unread
    levels = {r.levelname for r in caplog.records if r.name.endswith(".crossplane.platform")}
    assert levels == {"INFO"}


def test_what_could_not_be_read_is_as_it_was() -> None:
    """A list that fails for once does not make its series vanish."""
    xrd = Part("g", "CompositeResourceDefinition", "a", [PartCondition("Established", "True")])
    provider = Part("g", "Provider", "p", [])
    now = Platform(parts=[provider], unread=["CompositeResourceDefinition"])
    known = before(Platform(parts=[xrd, provider]), FIRST)
    found = now.completed(known, Evidence(), SECOND)
    assert found.parts == [provider, xrd]
    assert found.carried_since == {"CompositeResourceDefinition": FIRST}


@pytest.mark.parametrize("served", [False, True])
def test_a_group_that_does_not_answer_hides_its_parts(served: bool) -> None:
    """Whatever ABSENCE_CONFIRMATION says; not if another version of it is there."""
    known = before(Platform(parts=[Part("g", "Provider", "p", [])]), FIRST)
    evidence = Evidence({("g", "Provider"): "providers"} if served else {}, frozenset("g"))
    kept = Platform().completed(known, evidence, SECOND)
    assert len(kept.parts) == (not served)


def test_what_cannot_be_read_is_let_go_at_last() -> None:
    """After CARRY_MAX_AGE_SECONDS; MRs keep their providers, which seldom change."""
    parts, kinds = [Part("g", "Provider", "p", [])], [ManagedKinds("p", 1, 0)]
    unread = ["Provider", "ProviderRevision"]
    old = Platform(parts, kinds, unread, {"a.b": "p"}, dict.fromkeys(unread, FIRST))
    now = Platform(unread=unread)
    kept = now.completed(before(old, SECOND, max_age=121), Evidence(), THIRD)
    assert (kept.parts, kept.managed_kinds, kept.provided) == (parts, kinds, old.provided)
    assert kept.carried_since == old.carried_since
    gone = now.completed(before(old, SECOND, max_age=120), Evidence(), THIRD)
    assert (gone.parts, gone.managed_kinds, gone.provided) == ([], [], old.provided)
    assert gone.carried_since == {}
    # A right that is never given.
    nothing = now.completed(before(Platform(unread=unread), FIRST), Evidence(), SECOND)
    assert nothing.carried_since == {}


@pytest.mark.parametrize("aggregated", [True, False], ids=["a list", "discovery of their group"])
def test_without_provider_revisions_mrs_keep_their_providers(runs: Runs, aggregated: bool) -> None:
    """For as long as it takes, what is new and what is carried too; then they are read anew."""
    cluster = runs.stand_in.cluster
    cluster.aggregated = aggregated
    runs.run()
    known, taken = runs.snapshot()["platform"], runs.snapshot()["generatedAt"]
    kept = {"unread": ["ProviderRevision"], "carriedSince": {"ProviderRevision": taken}}
    cluster.apply(BUCKET, managed("new", "team-c"))
    fail(runs, "providerrevisions" if aggregated else "apis/pkg.crossplane.io", 503)
    for _ in range(2):
        assert not runs.run().report.partial
        assert runs.value("crossplane_mr_total", provider="provider-aws-s3") == 5
        assert runs.value("crossplane_mr_total", provider="provider-nop") == 5
        assert runs.value("crossplane_mr_total", provider="") == 0
        assert runs.value("crossplane_managed_kinds", state="Active") == 2
        assert runs.snapshot()["platform"] == {**known, **kept}
    cluster.fault = lambda _path, _query: None
    cluster.delete(REVISION, "", "s3-1")
    runs.run()
    assert runs.value("crossplane_mr_total", provider="provider-aws-s3") == 5
    runs.run()  # confirms that nobody vouches for buckets any more
    assert runs.value("crossplane_mr_total") == 5
    assert list(runs.snapshot()["platform"]["provided"].values()) == ["provider-nop"]


def test_a_snapshot_of_an_older_version_does_not_say_the_providers(runs: Runs) -> None:
    """Then they are not known, and the run is whole."""
    runs.run()
    document = runs.snapshot()
    del document["platform"]["provided"]
    (runs.directory / "snapshot.json").write_text(json.dumps(document))
    fail(runs, "providerrevisions", 503)
    assert runs.run().errors == []
    assert runs.value("crossplane_mr_total", provider="") == 9


def test_kinds_that_nobody_has_activated(stand_in: StandIn) -> None:
    """Their definitions are known from the provider's revision; they are not on the API."""
    fill(stand_in.cluster)
    stand_in.cluster.apply(REVISION, revision("z-1", "provider-aws", BUCKET, SQS))
    found = {item.provider: item for item in run(stand_in).managed_kinds}
    assert found["provider-aws"] == ManagedKinds("provider-aws", 1, 1)
    assert found["provider-nop"] == ManagedKinds("provider-nop", 1, 0)


def test_one_series_a_condition() -> None:
    """1 where it is True, 0 where not or where it is not there."""
    conditions = [PartCondition("Installed", "True"), PartCondition("Healthy")]
    found = Platform(
        parts=[Part("pkg.crossplane.io", "Provider", "p", conditions)],
        managed_kinds=[ManagedKinds("p", 3, 40)],
    )
    parts, kinds = tables(found)
    assert parts.rows == {
        ("pkg.crossplane.io", "Provider", "p", "Installed"): [1],
        ("pkg.crossplane.io", "Provider", "p", "Healthy"): [0],
    }
    assert kinds.rows == {("p", "Active"): [3], ("p", "Inactive"): [40]}


@pytest.mark.parametrize(
    "kinds",
    [(APP, NETWORK), (CLAIM, XR, NOP, OLD_XRD), (CLAIM, XR)],
    ids=["XRs alone", "Crossplane 1.x", "no packages and no MRs"],
)
def test_older_and_smaller_platforms(stand_in: StandIn, kinds: tuple[Kind, ...]) -> None:
    """Without claims, without MRs, without the second generation's APIs: the run is whole."""
    stand_in.cluster.kinds = kinds
    fill(stand_in.cluster)
    if OLD_XRD in kinds:
        established = condition("Established", "True", "WatchingCompositeResource")
        stand_in.cluster.apply(OLD_XRD, part("xpostgresqlinstances.example.org", established))
    found = run(stand_in)
    assert found.unread == []
    assert [part.name for part in found.parts] == (
        ["xpostgresqlinstances.example.org"] if OLD_XRD in kinds else []
    )
