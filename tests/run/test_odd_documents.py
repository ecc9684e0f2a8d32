"""Whole runs against an API with odd documents: each costs only itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.runs import Runs
from support.stand_in import BUCKET, CLAIM, KINDS, NOP, REVISION, revision
from xpjob.demo.cluster import CONFIGMAP, Fault
from xpjob.kube.discovery import Kind

AGGREGATED = {
    "Content-Type": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
}
XRD = Kind(
    "apiextensions.crossplane.io",
    "v2",
    "compositeresourcedefinitions",
    "CompositeResourceDefinition",
    False,
)
PROVIDER = Kind("pkg.crossplane.io", "v1", "providers", "Provider", False)
CRD = Kind(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False
)


def answer(runs: Runs, path: str, document: Any, **headers: str) -> None:
    """Let the API answer one path with a document."""
    fault = Fault(200, json.dumps(document).encode(), headers)
    runs.stand_in.cluster.fault = lambda asked, _: fault if asked == path else None


def test_cp19_null_verbs_of_an_adapter_cost_no_run(runs: Runs) -> None:
    """As on clusters with KEDA, prometheus-adapter or KubeVirt."""
    runs.run()
    kinds = [
        {
            "resource": kind.resource,
            "responseKind": {"kind": kind.kind},
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "verbs": ["get", "list"],
            "categories": sorted(kind.categories),
        }
        for kind in KINDS
    ]
    odd: dict[str, Any] = {
        "resource": "pods",
        "responseKind": {},
        "scope": "Namespaced",
        "verbs": None,
    }
    items = [
        {
            "metadata": {"name": kind.group},
            "versions": [{"version": kind.version, "resources": [each]}],
        }
        for kind, each in zip(KINDS, kinds, strict=True)
    ]
    items.append(
        {
            "metadata": {"name": "custom.metrics.k8s.io"},
            "versions": [{"version": "v1beta1", "resources": [odd, None, {"resource": None}]}],
        }
    )
    answer(runs, "/apis", {"items": items}, **AGGREGATED)
    result = runs.run()
    assert result.errors == []
    assert not result.report.partial
    assert len(runs.names()) == 5


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"CLAIM_GVRS": None},
        {"CLAIM_GVRS": 5},
        {"CLAIM_GVRS": ["a.org/v1/b"]},
        {"CLAIM_GVRS": None, "XR_GVRS": {}},
        "x",
    ],
)
def test_cp19_odd_data_of_a_configmap_costs_only_itself(runs: Runs, data: Any) -> None:
    """The good one beside it holds, and the odd one is counted."""
    good = {
        "metadata": {"name": "a", "namespace": "team-a"},
        "data": {"CLAIM_GVRS": str(CLAIM.gvr)},
    }
    odd = {"metadata": {"name": "b", "namespace": "team-b"}, "data": data}
    answer(runs, CONFIGMAP.path(), {"items": [odd, good, None]})
    result = runs.run(discovery="never")
    assert result.errors == []
    assert (result.report.namespace_configs, result.report.malformed_configs) == (1, 2)
    assert runs.names() == {"db-0", "db-1"}


def test_cp19_one_null_value_beside_good_ones_costs_only_itself(runs: Runs) -> None:
    """Null is how Go writes what is not there."""
    data = {"CLAIM_GVRS": str(CLAIM.gvr), "XR_GVRS": None, "TEAM_ANNOTATION_KEY": None, "x": 7}
    item = {"metadata": {"name": "a", "namespace": "team-a", "labels": None}, "data": data}
    answer(runs, CONFIGMAP.path(), {"items": [item]})
    result = runs.run(discovery="never")
    assert (result.report.namespace_configs, result.report.malformed_configs) == (1, 0)
    assert runs.names() == {"db-0", "db-1"}


_ODD: list[Any] = [
    None,
    5,
    {"metadata": None},
    {"metadata": {"name": None}},
    {"metadata": {"name": "odd"}, "spec": None, "status": None},
    {"metadata": {"name": "odd"}, "spec": {"group": None, "names": None}, "status": {}},
    {"metadata": {"name": "odd"}, "spec": [], "status": {"conditions": None, "objectRefs": None}},
    {
        "metadata": {"name": "odd", "ownerReferences": None, "labels": {"a": None}},
        "spec": {"names": {"kind": 5, "plural": None}, "claimNames": "x", "desiredState": None},
        "status": {"conditions": [None, {"type": None}], "objectRefs": [None, {"kind": None}, 5]},
    },
]


@pytest.mark.parametrize("kind", [XRD, PROVIDER, REVISION], ids=lambda kind: kind.kind)
@pytest.mark.parametrize("odd", _ODD)
def test_cp19_odd_definitions_and_packages_cost_only_themselves(
    runs: Runs, kind: Kind, odd: Any
) -> None:
    """The inventory is whole, and so is what the others say."""
    cluster = runs.stand_in.cluster
    cluster.kinds = (*KINDS, XRD, PROVIDER)
    good = [revision("nop-1", "provider-nop", NOP), revision("s3-1", "provider-aws-s3", BUCKET)]
    items = [odd, *good] if kind == REVISION else [odd, {"metadata": {"name": "good"}}]
    answer(runs, kind.path(), {"items": items, "metadata": None})
    result = runs.run()
    assert result.errors == []
    assert not result.report.partial
    assert len(runs.names()) == 5
    assert runs.value("crossplane_mr_total", provider="provider-aws-s3") == 4
    if kind != REVISION:
        assert "good" in {part["name"] for part in runs.snapshot()["platform"]["parts"]}


@pytest.mark.parametrize("odd", [*_ODD[:4], [], "x"])
def test_cp19_an_odd_crd_lets_the_category_decide(runs: Runs, odd: Any) -> None:
    """It costs no run, and what it says is unknown."""
    cluster = runs.stand_in.cluster
    cluster.kinds = (*KINDS, CRD)
    cluster.delete(REVISION, "", "s3-1")
    answer(runs, f"{CRD.path()}/{BUCKET.resource}.{BUCKET.group}", odd)
    assert runs.run().errors == []
    assert runs.value("crossplane_mr_total") == 9
