"""What the ConfigMap of a tenant says of owners, and for which objects it holds."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.logs import logged
from support.planning import plan, told
from support.runs import Runs
from support.stand_in import APP, CLAIM, NETWORK, XR, StandIn, config_map, modern_xr
from xpjob.collectors.crossplane.classes import COMPOSITE
from xpjob.collectors.crossplane.from_wire import MAKERS, Keys
from xpjob.collectors.crossplane.target import Owners, Target
from xpjob.collectors.crossplane.wire import Machinery, Object, Spec
from xpjob.demo.cluster import CONFIGMAP
from xpjob.kube.objects import Metadata, ObjectRef

Owned = dict[tuple[str, str], tuple[str, str, str]]


def owners(runs: Runs) -> Owned:
    """Return source, creator and team of all records, by namespace and name."""
    snapshot = runs.snapshot()
    return {
        (r["namespace"], r["name"]): (r["source"], r["creator"], r["team"])
        for key in ("claims", "xrs", "mrs")
        for r in snapshot[key]
    }


@pytest.mark.parametrize("named", [{"XR_GVRS": str(APP.gvr)}, {"CLAIM_GVRS": str(CLAIM.gvr)}])
def test_a_tenants_configmap_changes_owners_in_its_namespace_only(
    runs: Runs, named: dict[str, str]
) -> None:
    """Objects of all other namespaces have exactly the owners and source that they had."""
    runs.run()
    before = owners(runs)
    config = config_map("team-a", **named, TEAM_ANNOTATION_KEY="example.org/creator")
    runs.stand_in.cluster.apply(CONFIGMAP, config)
    runs.run()
    after = owners(runs)
    changed = {key for key, value in after.items() if before[key] != value}
    assert after.keys() == before.keys()
    assert changed
    assert {namespace for namespace, _ in changed if namespace} == {"team-a"}
    assert {after[key][0] for key in changed if key[0]} == {"namespace"}


def test_a_tenant_takes_over_nothing_of_kinds_that_only_it_has_named(runs: Runs) -> None:
    """XRs of other namespaces are listed, with the central annotation keys."""
    config = config_map("team-a", XR_GVRS=str(APP.gvr), TEAM_ANNOTATION_KEY="example.org/creator")
    runs.stand_in.cluster.apply(CONFIGMAP, config)
    for namespace in ("team-a", "team-c"):
        xr = modern_xr("owned", namespace)
        xr["metadata"]["annotations"] = {"example.org/creator": "eve", "example.org/team": "a"}
        runs.stand_in.cluster.apply(APP, xr)
    runs.run(discovery="never")
    by_namespace = {n: value for (n, name), value in owners(runs).items() if name == "owned"}
    assert by_namespace == {
        "team-a": ("namespace", "eve", "eve"),
        "team-c": ("namespace", "eve", "a"),
    }


TENANTS = {"team-a": Owners("namespace", "a/by", "a/team"), "team-b": Owners("namespace")}
CENTRAL = Owners("discovery", "example.org/creator", "example.org/team")


@given(
    own=st.sampled_from(["", "team-a", "team-c"]),
    claims=st.sampled_from(["", "team-a", "team-b", "team-c"]),
    modern=st.booleans(),
)
def test_an_xr_has_the_owners_of_its_namespace_or_that_of_its_claim(
    own: str, claims: str, modern: bool
) -> None:
    """Only a legacy XR has a claim; in others the field is the author's own."""
    target = Target(XR, COMPOSITE, "", CENTRAL, "", TENANTS)
    annotations = {
        "a/by": "mallory",
        "a/team": "theirs",
        "example.org/creator": "alice",
        "example.org/team": "a",
    }
    spec = Spec(
        crossplane=Machinery() if modern else None,
        claim_ref=ObjectRef(namespace=claims, name="x") if claims else None,
    )
    metadata = Metadata(name="x", namespace=own, annotations=annotations)
    made = MAKERS[COMPOSITE](target, Keys("", "")).make(Object(metadata, spec))
    decides = own or ("" if modern else claims)
    expected = {"team-a": ("mallory", "theirs"), "team-b": ("", "")}.get(decides, ("alice", "a"))
    assert (made.creator, made.team) == expected


OTHER_VERSION = f"{APP.group}/v1alpha1/{APP.resource}"


@pytest.mark.parametrize(
    ("first", "second", "contradict"),
    [
        ({"XR_GVRS": str(APP.gvr)}, {"XR_GVRS": str(APP.gvr)}, False),
        ({"XR_GVRS": str(APP.gvr)}, {"XR_GVRS": str(NETWORK.gvr)}, False),
        ({"XR_GVRS": str(APP.gvr)}, {"XR_GVRS": OTHER_VERSION}, True),
        (
            {"XR_GVRS": str(NETWORK.gvr), "TEAM_ANNOTATION_KEY": "a"},
            {"XR_GVRS": str(NETWORK.gvr), "TEAM_ANNOTATION_KEY": "b"},
            True,
        ),
        (
            {"CLAIM_GVRS": str(CLAIM.gvr), "CREATOR_ANNOTATION_KEY": "a"},
            {"CLAIM_GVRS": str(CLAIM.gvr), "CREATOR_ANNOTATION_KEY": "b"},
            False,
        ),
    ],
)
def test_tenants_that_contradict_each_other_are_counted_and_logged_once(
    stand_in: StandIn,
    first: dict[str, str],
    second: dict[str, str],
    contradict: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """About a kind that both name for the whole cluster; claims are each tenant's own."""
    stand_in.cluster.apply(CONFIGMAP, config_map("team-a", **first))
    stand_in.cluster.apply(CONFIGMAP, config_map("team-b", **second))
    with caplog.at_level(logging.WARNING):
        made = plan(stand_in)
    assert made.conflicting_configs == (2 if contradict else 0)
    assert logged(caplog, "count", "configmaps") == (
        [(2, ["ConfigMap team-a/inventory", "ConfigMap team-b/inventory"])] if contradict else []
    )


def test_two_configmaps_of_a_namespace_that_contradict_each_other_count_too(
    stand_in: StandIn,
) -> None:
    """The first by name holds."""
    for name, key in (("a", "one"), ("b", "two")):
        config = config_map(
            "team-a", name, CLAIM_GVRS=str(CLAIM.gvr), TEAM_ANNOTATION_KEY=f"{key}/team"
        )
        stand_in.cluster.apply(CONFIGMAP, config)
    made = plan(stand_in, discovery="never")
    assert made.conflicting_configs == 2
    assert [t.owners.team_key for t in made.targets] == ["one/team"]


@pytest.mark.parametrize("discovery", ["auto", "never"])
def test_no_tenant_decides_the_version_for_the_others(stand_in: StandIn, discovery: str) -> None:
    """The API's preferred version is listed, if it was named or discovery lists the kind."""
    namespaces = ("team-a", "team-b")
    for namespace, gvr in zip(namespaces, (OTHER_VERSION, str(APP.gvr)), strict=True):
        stand_in.cluster.apply(CONFIGMAP, config_map(namespace, XR_GVRS=gvr))
    made = plan(stand_in, discovery=discovery)
    (apps,) = [t for t in made.targets if t.kind.resource == APP.resource]
    assert (apps.kind, apps.namespace) == (APP, "")
    assert set(apps.overrides) == set(namespaces)


def test_what_only_tenants_name_is_listed_as_theirs(stand_in: StandIn) -> None:
    """The source of the list is the ConfigMaps, and the central keys apply elsewhere."""
    config = config_map("team-a", XR_GVRS=str(XR.gvr), TEAM_ANNOTATION_KEY="a/team")
    stand_in.cluster.apply(CONFIGMAP, config)
    made = plan(stand_in, discovery="never", team_annotation_key="example.org/team")
    assert told(made) == [(XR.resource, "", "namespace")]
    assert made.targets[0].owners == Owners("namespace", "example.org/creator", "example.org/team")
    assert made.targets[0].owners_in("team-a").team_key == "a/team"


def test_the_count_is_published(runs: Runs) -> None:
    """As a gauge of the run's outcome, also where it is 0."""
    runs.run()
    assert runs.value("xpjob_conflicting_namespace_configs", "xpjob-run") == 0
    for namespace, key in (("team-a", "a"), ("team-b", "b")):
        config = config_map(namespace, XR_GVRS=str(APP.gvr), TEAM_ANNOTATION_KEY=key)
        runs.stand_in.cluster.apply(CONFIGMAP, config)
    result = runs.run()
    assert (result.errors, result.report.partial) == ([], False)
    assert runs.value("xpjob_conflicting_namespace_configs", "xpjob-run") == 2
