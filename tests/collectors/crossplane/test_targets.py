"""Which lists a run makes."""

from __future__ import annotations

import logging

import pytest
from msgspec.structs import replace

from support.collectors import CROSSPLANE
from support.logs import logged
from support.planning import plan, told
from support.stand_in import (
    APP,
    BUCKET,
    CLAIM,
    NETWORK,
    NOP,
    REVISION,
    XR,
    StandIn,
    config_map,
    managed,
    revision,
)
from xpjob.base.errors import NotFoundError, RefusedError
from xpjob.collectors.crossplane.target import Owners, Target
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.demo.cluster import CONFIGMAP, Fault
from xpjob.run.plan import attempts_of, list_planned, plan_all
from xpjob.run.targets import describe, planned_targets
from xpjob.terminal.progress import Silent


def test_with_nothing_set_the_api_says_what_there_is(stand_in: StandIn) -> None:
    """Claims, XRs and MRs of both generations, each in its preferred version."""
    made = plan(stand_in)
    assert told(made) == [
        ("postgresqlinstances", "", "discovery"),
        ("apps", "", "discovery"),
        ("networks", "", "discovery"),
        ("xpostgresqlinstances", "", "discovery"),
        ("nopresources", "", "discovery"),
        ("buckets", "", "discovery"),
    ]
    assert [t.kind for t in made.targets] == [CLAIM, APP, NETWORK, XR, NOP, BUCKET]
    assert [t.class_ for t in made.targets][-2:] == ["managed", "managed"]
    assert made.targets[0].why == "in the category claim; no definition says otherwise"


def test_central_gvrs_are_all_that_is_listed(stand_in: StandIn) -> None:
    """Unless discovery is asked for always."""
    named = {"claim_gvrs": str(CLAIM.gvr), "xr_gvrs": str(XR.gvr)}
    central = [("postgresqlinstances", "", "central"), ("xpostgresqlinstances", "", "central")]
    assert told(plan(stand_in, **named)) == central
    assert told(plan(stand_in, **named, discovery="always")) == [
        ("postgresqlinstances", "", "central"),
        ("apps", "", "discovery"),
        ("networks", "", "discovery"),
        ("xpostgresqlinstances", "", "central"),
        ("nopresources", "", "discovery"),
        ("buckets", "", "discovery"),
    ]
    assert told(plan(stand_in, mr_gvrs=str(NOP.gvr))) == [("nopresources", "", "central")]


def test_never_means_never(stand_in: StandIn) -> None:
    """Then only ConfigMaps are left."""
    assert plan(stand_in, discovery="never").targets == ()


def test_a_central_gvr_keeps_its_version(stand_in: StandIn) -> None:
    """Also where the API prefers another; discovery does not list that kind again."""
    made = plan(stand_in, xr_gvrs="platform.example.org/v1alpha1/apps", discovery="always")
    assert [t.kind.version for t in made.targets if t.kind.resource == "apps"] == ["v1alpha1"]


def test_a_namespace_scope_never_hides_cluster_scoped_kinds(stand_in: StandIn) -> None:
    """They have no list in a namespace."""
    made = plan(stand_in, kube_namespace_scope="team-b,team-a")
    assert told(made) == [
        ("postgresqlinstances", "team-a", "discovery"),
        ("postgresqlinstances", "team-b", "discovery"),
        ("apps", "team-a", "discovery"),
        ("apps", "team-b", "discovery"),
        ("networks", "", "discovery"),
        ("xpostgresqlinstances", "", "discovery"),
        ("nopresources", "", "discovery"),
        ("buckets", "team-a", "discovery"),
        ("buckets", "team-b", "discovery"),
    ]
    assert "/api/v1/namespaces/team-a/configmaps" in stand_in.paths()
    assert "/api/v1/configmaps" not in stand_in.paths()


def test_a_kind_that_does_not_exist_is_told_with_what_is_near(stand_in: StandIn) -> None:
    """The others are listed all the same."""
    made = plan(
        stand_in,
        claim_gvrs="platform.example.org/v1/postgresqlinstances,other.org/v1/things",
        xr_gvrs=str(XR.gvr),
    )
    assert told(made) == [("xpostgresqlinstances", "", "central")]
    near, far = made.unlistable
    assert isinstance(near.error, NotFoundError)
    assert f"did you mean {CLAIM.gvr}" in str(near.error)
    assert "check the spelling" in str(far.error)
    assert near.gone
    assert far.gone


def test_tenants_claims_are_listed_in_their_namespace(stand_in: StandIn) -> None:
    """XRs cluster-wide, one that several name once; owners by the tenant's own annotations."""
    cluster = stand_in.cluster
    cluster.apply(
        CONFIGMAP,
        config_map(
            "team-a",
            CLAIM_GVRS=str(CLAIM.gvr),
            XR_GVRS=str(XR.gvr),
            CREATOR_ANNOTATION_KEY="a.example.org/by",
        ),
    )
    cluster.apply(
        CONFIGMAP,
        config_map("team-b", CLAIM_GVRS=f" {CLAIM.gvr}\n,", XR_GVRS=f"{XR.gvr},{NETWORK.gvr}"),
    )
    made = plan(stand_in, discovery="never", team_annotation_key="example.org/team")
    assert told(made) == [
        ("postgresqlinstances", "team-a", "namespace"),
        ("postgresqlinstances", "team-b", "namespace"),
        ("networks", "", "namespace"),
        ("xpostgresqlinstances", "", "namespace"),
    ]
    assert made.targets[0].owners == Owners("namespace", "a.example.org/by", "example.org/team")
    assert made.targets[1].owners == Owners("namespace", "example.org/creator", "example.org/team")
    assert made.targets[0].why == "ConfigMap team-a/inventory"
    assert (made.namespace_configs, made.malformed_configs) == (2, 0)


def test_central_wins_over_tenants(stand_in: StandIn) -> None:
    """Silently, also where they name another version of the kind."""
    stand_in.cluster.apply(
        CONFIGMAP,
        config_map("team-a", CLAIM_GVRS=str(CLAIM.gvr), XR_GVRS="platform.example.org/v1/apps"),
    )
    made = plan(stand_in, claim_gvrs=str(CLAIM.gvr), xr_gvrs="platform.example.org/v1alpha1/apps")
    assert told(made) == [("postgresqlinstances", "", "central"), ("apps", "", "central")]
    assert made.targets[0].overrides == {}


def test_a_tenants_keys_hold_in_its_namespace_of_a_discovered_kind(stand_in: StandIn) -> None:
    """The kind is listed once, everywhere; nothing is listed twice."""
    config = config_map(
        "team-a", CLAIM_GVRS=str(CLAIM.gvr), CREATOR_ANNOTATION_KEY="a.example.org/by"
    )
    stand_in.cluster.apply(CONFIGMAP, config)
    claims: list[Target] = [t for t in plan(stand_in).targets if t.kind == CLAIM]
    assert [(t.namespace, t.owners.source) for t in claims] == [("", "discovery")]
    assert claims[0].owners_in("team-a") == Owners("namespace", "a.example.org/by", "")
    assert claims[0].owners_in("team-b") == Owners("discovery", "example.org/creator", "")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"CLAIM_GVRS": ""},
        {"CLAIM_GVRS": "apps"},
        {"CLAIM_GVRS": str(CLAIM.gvr), "XR_GVRS": "v1/pods"},
        {"CLAIM_GVRS": str(CLAIM.gvr), "TEAM_ANNOTATION_KEY": "not a key"},
    ],
)
def test_a_malformed_configmap_is_counted_and_skipped(
    stand_in: StandIn, data: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """The good ones beside it hold."""
    stand_in.cluster.apply(CONFIGMAP, config_map("team-a", "broken", **data))
    stand_in.cluster.apply(CONFIGMAP, config_map("team-b", CLAIM_GVRS=str(CLAIM.gvr)))
    with caplog.at_level(logging.WARNING):
        made = plan(stand_in, discovery="never")
    assert told(made) == [("postgresqlinstances", "team-b", "namespace")]
    assert (made.namespace_configs, made.malformed_configs) == (1, 1)
    assert any(getattr(r, "configmap", "") == "broken" for r in caplog.records)


def test_a_tenant_cannot_have_a_cluster_scoped_kind_as_claim(stand_in: StandIn) -> None:
    """Its list would show what is not the tenant's."""
    stand_in.cluster.apply(CONFIGMAP, config_map("team-a", CLAIM_GVRS=str(NETWORK.gvr)))
    made = plan(stand_in, discovery="never")
    assert (made.targets, made.malformed_configs) == ((), 1)


def test_a_tenant_cannot_take_a_kind_away_from_others(stand_in: StandIn) -> None:
    """A claim named as XR would vanish from everybody's claims."""
    data = {"CLAIM_GVRS": f"{CLAIM.gvr},{APP.gvr}", "XR_GVRS": f"{CLAIM.gvr},{APP.gvr}"}
    stand_in.cluster.apply(CONFIGMAP, config_map("team-a", **data))
    made = plan(stand_in)
    assert {(t.class_, t.kind.resource, t.namespace) for t in made.targets} == {
        ("claim", "postgresqlinstances", ""),
        ("composite", "apps", ""),
        ("composite", "networks", ""),
        ("composite", "xpostgresqlinstances", ""),
        ("managed", "buckets", ""),
        ("managed", "nopresources", ""),
    }
    assert made.malformed_configs == 2


def test_a_central_gvr_in_the_wrong_variable_is_told(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """It is listed as was asked."""
    assert told(plan(stand_in, claim_gvrs=str(APP.gvr))) == [("apps", "", "central")]
    assert logged(caplog, "gvr", "variable") == [(str(APP.gvr), "CLAIM_GVRS")]


def test_configmaps_of_one_namespace_may_be_refused(stand_in: StandIn) -> None:
    """Those of the others count."""
    stand_in.cluster.apply(CONFIGMAP, config_map("team-a", CLAIM_GVRS=str(CLAIM.gvr)))
    stand_in.cluster.fault = lambda path, _: Fault(403) if "team-b/config" in path else None
    made = plan(stand_in, kube_namespace_scope="team-a,team-b", discovery="never")
    assert told(made) == [("postgresqlinstances", "team-a", "namespace")]
    assert [item.namespace for item in made.unlistable] == ["team-b"]


def test_a_missing_xr_that_two_tenants_name_fails_once(stand_in: StandIn) -> None:
    """One series, one line."""
    for namespace in ("team-a", "team-b"):
        stand_in.cluster.apply(CONFIGMAP, config_map(namespace, XR_GVRS="gone.org/v1/things"))
    assert len(plan(stand_in, discovery="never").unlistable) == 1


def test_configmaps_that_cannot_be_read_do_not_stop_the_run(stand_in: StandIn) -> None:
    """The error says what was refused."""
    stand_in.cluster.fault = lambda path, _: Fault(403) if path.endswith("configmaps") else None
    made = plan(stand_in)
    assert len(made.targets) == 6
    (failed,) = made.unlistable
    assert isinstance(failed.error, RefusedError)
    assert failed.gvr == ("", "v1", "configmaps")
    assert not failed.gone


def test_the_plan_can_be_shown(stand_in: StandIn) -> None:
    """One row a target, and one for what cannot be listed."""
    named = {"claim_gvrs": f"{CLAIM.gvr},a.b/v1/c", "kubeconfig": str(stand_in.kubeconfig)}
    rows = list(describe(planned_targets(load(named, {}, GROUPS), CROSSPLANE)))
    assert [row["kind"] for row in rows] == ["PostgreSQLInstance", ""]
    assert rows[0]["why"] == "CLAIM_GVRS"
    assert "the API has no a.b/v1/c" in str(rows[1]["error"])


def test_a_kind_of_two_classes_is_listed_once(stand_in: StandIn) -> None:
    """As what stands higher: a claim before an XR before an MR."""
    both = replace(APP, categories=frozenset({"managed", "composite"}))
    stand_in.cluster.kinds = (both,)
    assert [(t.kind, t.class_) for t in plan(stand_in).targets] == [(both, "composite")]


def test_managed_kinds_know_their_provider(stand_in: StandIn) -> None:
    """Of the active revision where a kind has changed hands; nobody's where none names it."""
    apply = stand_in.cluster.apply
    apply(REVISION, revision("z-old", "provider-old", BUCKET, NOP, state="Inactive"))
    apply(
        REVISION, revision("a-new", "provider-new", BUCKET, definition="CustomResourceDefinition")
    )
    apply(REVISION, revision("z-secrets", "provider-z", BUCKET, definition="Secret"))
    found = {t.kind: t.provider for t in plan(stand_in).targets}
    assert (found[BUCKET], found[NOP], found[APP]) == ("provider-new", "provider-old", "")
    apply(REVISION, {"metadata": {"name": "bare"}})
    assert len(plan(stand_in).targets) == 6


def test_providers_that_cannot_be_read_are_not_known(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """That is a warning, and no failed target."""
    stand_in.cluster.apply(REVISION, revision("a", "provider-a", BUCKET))
    stand_in.cluster.fault = lambda path, _: Fault(403) if "revisions" in path else None
    with caplog.at_level(logging.WARNING):
        made = plan(stand_in)
    assert {t.provider for t in made.targets} == {""}
    assert made.unlistable == ()
    assert not made.definitions.providers.known
    ((gvr, error),) = logged(caplog, "gvr", "error")
    assert "providerrevisions" in gvr
    assert "403" in error


def test_hundreds_of_kinds_cost_one_small_request_each(stand_in: StandIn) -> None:
    """Nothing is asked about a kind but its list, and empty ones leave no records."""
    kinds = tuple(
        replace(BUCKET, group=f"g{n % 40}.aws.m.upbound.io", resource=f"r{n}", kind=f"R{n}")
        for n in range(300)
    )
    stand_in.cluster.kinds = kinds
    for kind in kinds[:50]:
        stand_in.cluster.apply(kind, managed("one", "team-a"))
    api, config = stand_in.api(), load({}, {}, GROUPS)
    made = plan_all(api, config, CROSSPLANE, attempts_of(CROSSPLANE))
    assert len(stand_in.paths()) == 2
    (gathered,) = list_planned(made, api, config, Silent(), {})
    listed = gathered.listed
    assert sum(len(item.result) for item in listed) == 50
    assert not any(item.error for item in listed)
    assert len(stand_in.paths()) == 2 + 300


def test_providers_are_asked_for_only_where_there_are_any(stand_in: StandIn) -> None:
    """Not of a Crossplane that has none."""
    stand_in.cluster.kinds = (BUCKET,)
    plan(stand_in)
    assert not any("revisions" in path for path in stand_in.paths())
