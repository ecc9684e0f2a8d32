"""What decides whether a kind is a claim, an XR or an MR."""

from __future__ import annotations

import json
import logging
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from support.collectors import CROSSPLANE
from support.logs import logged
from support.planning import plan
from support.stand_in import (
    APP,
    BUCKET,
    CLAIM,
    GROUP,
    NETWORK,
    NOP,
    REVISION,
    XR,
    StandIn,
    config_map,
    managed,
    modern_xr,
    revision,
)
from xpjob.collectors.crossplane.classes import CLASSES
from xpjob.collectors.crossplane.patterns import Pattern, parse_pattern
from xpjob.collectors.crossplane.targets import Targets
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.demo.cluster import CONFIGMAP, Cluster, Fault
from xpjob.doctor.checks import examine
from xpjob.kube.discovery import Kind
from xpjob.run.targets import describe, planned_targets

XRD = Kind(
    "apiextensions.crossplane.io",
    "v2",
    "compositeresourcedefinitions",
    "CompositeResourceDefinition",
    False,
)
CRD = Kind(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False
)
MRD = replace(XRD, version="v1alpha1", resource="managedresourcedefinitions", kind="MRD")
WIDGET = Kind("example.org", "v1", "widgets", "Widget", True, frozenset({"managed"}))
PACKAGE = "pkg.crossplane.io/v1"


def xrd(kind: Kind, claim: Kind | None = None, **spec: Any) -> dict[str, Any]:
    """Return an XRD that defines these."""
    names = {"kind": kind.kind, "plural": kind.resource}
    offered = {"kind": claim.kind, "plural": claim.resource} if claim else None
    own = {"group": kind.group, "names": names, "claimNames": offered}
    return {"metadata": {"name": f"{kind.resource}.{kind.group}"}, "spec": {**own, **spec}}


def owned(kind: Kind, *owners: tuple[str, str]) -> dict[str, Any]:
    """Return the definition of a kind with owners: (kind, name) of packages."""
    references = [{"apiVersion": PACKAGE, "kind": each, "name": name} for each, name in owners]
    name = f"{kind.resource}.{kind.group}"
    return {"metadata": {"name": name, "ownerReferences": references}}


def serve(stand_in: StandIn, *kinds: Kind, **objects: list[dict[str, Any]]) -> Cluster:
    """Serve these kinds, and definitions by resource."""
    cluster = stand_in.cluster
    by_name = {"xrds": XRD, "crds": CRD, "mrds": MRD, "revisions": REVISION}
    cluster.kinds = (*kinds, *(by_name[name] for name in objects))
    for name, items in objects.items():
        for item in items:
            cluster.apply(by_name[name], item)
    return cluster


def classes(made: Targets) -> dict[str, str]:
    """Return the class of each listed resource."""
    return {t.kind.resource: t.class_ for t in made.targets}


def in_categories(kind: Kind, *categories: str) -> Kind:
    """Return the kind in these categories."""
    return replace(kind, categories=frozenset(categories))


SETS = [set_ for size in range(4) for set_ in combinations(CLASSES, size)]


@pytest.mark.parametrize("categories", SETS, ids=lambda some: "+".join(some) or "none")
def test_cp21_the_xrd_decides_whatever_the_categories(
    stand_in: StandIn, categories: tuple[str, ...]
) -> None:
    """Of its XR and of its claim, in none, one, two or all of the categories."""
    xr, claim = in_categories(XR, *categories), in_categories(CLAIM, *categories)
    serve(stand_in, xr, claim, xrds=[xrd(xr, claim)])
    made = plan(stand_in)
    assert classes(made) == {XR.resource: "composite", CLAIM.resource: "claim"}
    assert {t.why for t in made.targets} == {f"defined by the XRD {XR.resource}.{GROUP}"}


@pytest.mark.parametrize(
    ("categories", "class_"),
    [
        ({"claim", "composite"}, "composite"),
        ({"claim", "composite", "managed"}, "composite"),
        ({"claim", "managed"}, "claim"),
        ({"composite", "managed"}, "composite"),
        ({"managed", "all"}, "managed"),
    ],
)
def test_cp21_without_definitions_composite_wins(
    stand_in: StandIn, categories: set[str], class_: str
) -> None:
    """An author may have added the category of the other one."""
    serve(stand_in, in_categories(APP, *categories))
    assert classes(plan(stand_in)) == {APP.resource: class_}


def test_cp21_a_cluster_scoped_kind_is_no_claim(stand_in: StandIn) -> None:
    """Even where no definition says so."""
    serve(stand_in, in_categories(NETWORK, "claim"))
    made = plan(stand_in)
    assert classes(made) == {}
    assert "claims are namespaced" in made.skipped[0].why


def test_cp21_what_no_xrd_defines_is_neither_claim_nor_xr(stand_in: StandIn) -> None:
    """A foreign kind in these categories is reported and not listed."""
    foreign = replace(WIDGET, categories=frozenset({"claim", "composite"}))
    serve(stand_in, APP, foreign, xrds=[xrd(APP)])
    made = plan(stand_in)
    assert classes(made) == {"apps": "composite"}
    (skipped,) = made.skipped
    assert skipped.why == (
        "in the category composite, but no XRD defines it, and in the category claim, but no XRD "
        "defines it"
    )
    assert skipped.advice == "if it is an XR, set INCLUDE_KINDS=widgets.example.org to list it"
    assert made.undefined == {("example.org", "Widget")}


@pytest.mark.parametrize(
    "item",
    [
        {"metadata": {"name": "odd.example.org"}},
        {"metadata": {"name": "odd.example.org"}, "spec": None},
        {"metadata": {"name": "odd.example.org"}, "spec": {"group": "a", "names": None}},
        {**xrd(NETWORK), "spec": {**xrd(NETWORK)["spec"], "claimNames": {"kind": "X"}}},
        {"metadata": {}},
    ],
)
def test_cp21_an_odd_xrd_lets_categories_decide_the_rest(
    stand_in: StandIn, item: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be what defines the kind; what the others say holds."""
    both = in_categories(APP, "claim", "composite")
    cluster = serve(stand_in, both, in_categories(CLAIM, "claim"), xrds=[xrd(APP)])
    monkeypatch.setattr(
        cluster, "objects", lambda kind, _ns="": [xrd(APP), item] if kind == XRD else []
    )
    assert classes(plan(stand_in)) == {"apps": "composite", CLAIM.resource: "claim"}


def test_cp21_an_empty_claim_type_is_none(stand_in: StandIn) -> None:
    """Go writes an empty struct where there is none."""
    serve(stand_in, APP, CLAIM, xrds=[xrd(APP, claimNames={"kind": "", "plural": ""})])
    assert classes(plan(stand_in)) == {"apps": "composite"}


@pytest.mark.parametrize("definition", ["", "CustomResourceDefinition"], ids=["MRD", "CRD"])
@pytest.mark.parametrize("state", ["Active", "Inactive"])
def test_cp21_a_provider_revision_vouches_for_an_mr(
    stand_in: StandIn, definition: str, state: str
) -> None:
    """Of any state: during an upgrade the new one has no references yet."""
    revisions = [revision("a", "provider-a", BUCKET, state=state, definition=definition)]
    serve(stand_in, BUCKET, WIDGET, revisions=revisions)
    made = plan(stand_in)
    assert classes(made) == {"buckets": "managed"}
    assert made.targets[0].why == "installed by provider-a"
    assert [skipped.kind for skipped in made.skipped] == ["Widget"]


def test_a_revision_without_references_has_the_name_of_its_provider(stand_in: StandIn) -> None:
    """Where the CRD is made from an MRD, which owns it besides the revision."""
    crd = owned(WIDGET, ("ManagedResourceDefinition", "widgets"), ("ProviderRevision", "a-1"))
    serve(stand_in, WIDGET, revisions=[revision("a-1", "provider-a")], crds=[crd])
    assert {t.kind: t.provider for t in plan(stand_in).targets} == {WIDGET: "provider-a"}


@pytest.mark.parametrize(
    ("owners", "provider"),
    [
        ([("ProviderRevision", "p-1"), ("Provider", "p")], "p"),
        ([("ProviderRevision", "p-1")], "p-1"),
        ([("ConfigurationRevision", "c-1")], None),
        ([("Deployment", "p")], None),
        ([], None),
    ],
)
def test_cp21_the_owner_of_its_crd_vouches_for_an_mr(
    stand_in: StandIn, owners: list[tuple[str, str]], provider: str | None
) -> None:
    """Where no revision refers to it; nothing is asked about the others."""
    known = revision("a", "provider-a", BUCKET)
    serve(stand_in, BUCKET, WIDGET, revisions=[known], crds=[owned(WIDGET, *owners)])
    made = plan(stand_in)
    found = {t.kind: t.provider for t in made.targets}
    expected = {BUCKET: "provider-a"} | ({WIDGET: provider} if provider else {})
    assert found == expected
    assert [p for p in stand_in.paths() if "customresource" in p] == [
        f"{CRD.path()}/widgets.example.org"
    ]


def test_cp21_an_mrd_vouches_for_an_mr(stand_in: StandIn) -> None:
    """Also where its CRD may not be read."""
    known = revision("a", "provider-a", BUCKET)
    cluster = serve(stand_in, BUCKET, WIDGET, revisions=[known], crds=[], mrds=[owned(WIDGET)])
    cluster.fault = lambda path, _: Fault(403) if path.startswith(CRD.path()) else None
    assert classes(plan(stand_in)) == {"buckets": "managed", "widgets": "managed"}


def test_cp21_crds_that_cannot_be_read_let_the_category_decide(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """And the run says so once."""
    other = replace(WIDGET, resource="others", kind="Other")
    known = revision("a", "provider-a", BUCKET)
    cluster = serve(stand_in, BUCKET, WIDGET, other, revisions=[known], crds=[])
    cluster.fault = lambda path, _: Fault(403) if path.startswith(CRD.path()) else None
    with caplog.at_level(logging.INFO):
        made = plan(stand_in)
    assert set(classes(made)) == {"buckets", "widgets", "others"}
    assert logged(caplog, "kinds", "error")[0][0] == 2
    assert len(logged(caplog, "kinds", "error")) == 1
    assert made.remarks == (
        "CRDs of 2 kinds without a provider cannot be read, so their category decides",
    )


def test_cp21_owners_of_crds_are_enough(stand_in: StandIn) -> None:
    """Where revisions have no references, as during an upgrade, CRDs say which kinds are MRs."""
    crds = [owned(BUCKET, ("Provider", "provider-a")), owned(WIDGET)]
    serve(stand_in, BUCKET, WIDGET, revisions=[], crds=crds)
    made = plan(stand_in)
    assert {t.kind: t.provider for t in made.targets} == {BUCKET: "provider-a"}
    assert [skipped.kind for skipped in made.skipped] == ["Widget"]


def test_cp21_kinds_of_a_provider_that_is_no_package_are_mrs(stand_in: StandIn) -> None:
    """Without any revision, or with too many kinds to ask for, categories decide."""
    serve(stand_in, BUCKET, WIDGET, revisions=[], crds=[])
    assert set(classes(plan(stand_in))) == {"buckets", "widgets"}
    stand_in.cluster.requests.clear()
    many = [replace(WIDGET, resource=f"w{n}", kind=f"W{n}") for n in range(60)]
    serve(stand_in, BUCKET, *many, revisions=[revision("a", "provider-a", BUCKET)], crds=[])
    assert len(classes(plan(stand_in))) == 61
    assert not any(path.startswith(f"{CRD.path()}/") for path in stand_in.paths())


def test_cp21_without_rights_categories_decide_and_the_run_says_so_once(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """As before; on information level, as these rights are optional."""
    both = in_categories(APP, "claim", "composite")
    cluster = serve(stand_in, both, CLAIM, BUCKET, WIDGET, xrds=[xrd(APP)], revisions=[])
    hidden = (XRD.path(), REVISION.path())
    cluster.fault = lambda path, _: Fault(403) if path.startswith(hidden) else None
    with caplog.at_level(logging.INFO):
        made = plan(stand_in)
    assert classes(made) == {
        "apps": "composite",
        CLAIM.resource: "claim",
        "buckets": "managed",
        "widgets": "managed",
    }
    assert logged(caplog, "definitions") == [("compositeresourcedefinitions, providerrevisions",)]
    assert len(made.remarks) == 2


@pytest.mark.parametrize(
    "name",
    [
        *("ProviderConfig", "ClusterProviderConfig", "ProviderConfigUsage"),
        *("ClusterProviderConfigUsage", "StoreConfig"),
    ],
)
def test_cp21_what_configures_a_provider_is_never_an_mr(stand_in: StandIn, name: str) -> None:
    """Whether a revision refers to it, the category decides, or an option includes it."""
    config = replace(BUCKET, resource=f"{name.lower()}s", kind=name)
    for revisions in ([], [revision("a", "provider-a", BUCKET, config)]):
        serve(stand_in, BUCKET, config, revisions=revisions)
        for included in ("", "*"):
            made = plan(stand_in, include_kinds=included)
            assert classes(made) == {"buckets": "managed"}
            assert [skipped.kind for skipped in made.skipped] == [name]


def test_a_definition_outside_the_category_is_no_mr(stand_in: StandIn) -> None:
    """A provider installs other kinds too."""
    plain = in_categories(WIDGET)
    serve(stand_in, BUCKET, plain, revisions=[revision("a", "p", BUCKET, plain)])
    assert classes(plan(stand_in)) == {"buckets": "managed"}


@pytest.mark.parametrize(
    ("given_", "listed"),
    [
        ({"include_kinds": "example.org"}, {"buckets", "nopresources", "widgets"}),
        ({"include_kinds": "widgets.*"}, {"buckets", "nopresources", "widgets"}),
        ({"exclude_kinds": "*.upbound.io"}, {"nopresources"}),
        ({"exclude_kinds": "buckets.s3.*,nop.*"}, set()),
        ({"include_kinds": "*", "exclude_kinds": "example.org"}, {"buckets", "nopresources"}),
    ],
)
def test_kinds_are_included_and_excluded_by_pattern(
    stand_in: StandIn, given_: dict[str, str], listed: set[str]
) -> None:
    """Exclusion takes precedence. Both are reported; an excluded kind has no missing definition."""
    serve(stand_in, BUCKET, NOP, WIDGET, revisions=[revision("a", "p", BUCKET, NOP)])
    made = plan(stand_in, **given_)
    assert set(classes(made)) == listed
    assert len(made.skipped) == 3 - len(listed)
    assert made.undefined <= {("example.org", "Widget")}


def test_options_of_discovery_do_not_concern_what_is_named(stand_in: StandIn) -> None:
    """A central GVR and a tenant's are listed as was asked."""
    serve(stand_in, APP, CLAIM, WIDGET, xrds=[xrd(APP)])
    stand_in.cluster.apply(CONFIGMAP, config_map("team-a", CLAIM_GVRS=str(CLAIM.gvr)))
    made = plan(
        stand_in, mr_gvrs=str(WIDGET.gvr), discovery="always", exclude_kinds="*", include_kinds=""
    )
    assert classes(made) == {CLAIM.resource: "claim", "widgets": "managed"}


def test_cp21_a_tenant_may_name_an_xr_that_is_also_in_category_claim(stand_in: StandIn) -> None:
    """As its XRD says, and not as a claim."""
    both = in_categories(APP, "claim", "composite")
    serve(stand_in, both, xrds=[xrd(APP)])
    for key, malformed in (("XR_GVRS", 0), ("CLAIM_GVRS", 1)):
        stand_in.cluster.apply(CONFIGMAP, config_map("team-a", **{key: str(APP.gvr)}))
        made = plan(stand_in)
        assert classes(made) == {"apps": "composite"}
        assert made.malformed_configs == malformed


def test_xrds_are_read_once(stand_in: StandIn) -> None:
    """For planning and for the state of the platform."""
    serve(stand_in, APP, xrds=[xrd(APP)])
    stand_in.cluster.apply(APP, modern_xr("web", "team-a"))
    config = load({"kubeconfig": str(stand_in.kubeconfig)}, {}, GROUPS)
    planned_targets(config, CROSSPLANE)
    assert stand_in.paths().count(XRD.path()) == 1


def test_cp21_targets_and_doctor_explain_each_decision(stand_in: StandIn) -> None:
    """What is listed, what is not, and why."""
    serve(stand_in, APP, BUCKET, WIDGET, xrds=[xrd(APP)], revisions=[revision("a", "p", BUCKET)])
    stand_in.cluster.apply(BUCKET, managed("b", "team-a"))
    config = load({"kubeconfig": str(stand_in.kubeconfig)}, {}, GROUPS)
    rows = list(describe(planned_targets(config, CROSSPLANE)))
    assert [(row["kind"], row["class"], row["listed"]) for row in rows] == [
        ("App", "composite", True),
        ("Bucket", "managed", True),
        ("Widget", "", False),
    ]
    assert rows[2]["why"] == (
        "not listed: in the category managed, but no provider revision refers to it, and no "
        "provider owns its CRD; if it is an MR, set INCLUDE_KINDS=widgets.example.org to list it"
    )
    json.dumps(rows)
    checks = {check.what: check for check in examine(config, CROSSPLANE)}
    check = checks["kind example.org/v1/widgets"]
    assert (check.status, check.code) == ("ok", 0)
    assert "no provider revision" in check.detail
    assert "INCLUDE_KINDS=widgets.example.org" in check.advice


def test_an_unreadable_definition_is_reported_by_the_doctor(stand_in: StandIn) -> None:
    """The check does not fail."""
    cluster = serve(stand_in, APP, xrds=[xrd(APP)])
    cluster.fault = lambda path, _: Fault(403) if path == XRD.path() else None
    config = load({"kubeconfig": str(stand_in.kubeconfig)}, {}, GROUPS)
    checks = {check.what: check for check in examine(config, CROSSPLANE)}
    assert "XRDs cannot be read (not permitted)" in checks["definitions"].detail
    assert checks["definitions"].code == 0


def test_a_pattern_matches_as_a_glob_does() -> None:
    """Group, or resource.group; from end to end."""
    table = {
        "s3.aws.m.upbound.io": True,
        "buckets.s3.aws.m.upbound.io": True,
        "*.upbound.io": True,
        "*": True,
        "buckets.*": True,
        "*aws*io": True,
        "s3.aws.m.upbound.io*": True,
        "upbound.io": False,
        "buckets": False,
        "s3": False,
        "*s3": False,
        "s3.aws.m.upbound.io.*": False,
        "**.m.**": True,
    }
    assert {text: parse_pattern(text).matches(BUCKET) for text in table} == table


@pytest.mark.parametrize("text", ["", "a/b", "-a", "a b", "a?", "[a]", "*" * 254])
def test_an_invalid_pattern_is_a_mistake(text: str) -> None:
    """With what is expected."""
    with pytest.raises(ValueError, match=r"a group or resource\.group"):
        parse_pattern(text)


_TEXT = st.text("ab.*", max_size=12)


@given(_TEXT, st.text("ab.", max_size=12))
def test_patterns_match_as_a_regular_expression_would(pattern: str, group: str) -> None:
    """For every pattern and group."""
    import re

    wanted = re.compile(".*".join(map(re.escape, pattern.split("*"))))
    kind = Kind(group, "v1", "r", "R", True)
    expected = bool(wanted.fullmatch(group) or wanted.fullmatch(f"r.{group}"))
    assert Pattern(pattern).matches(kind) == expected


def test_a_hostile_pattern_takes_no_time() -> None:
    """Matching takes linear time."""
    kind = Kind("a" * 250, "v1", "r", "R", True)
    assert not Pattern("*a" * 120 + "b").matches(kind)
