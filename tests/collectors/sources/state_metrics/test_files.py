"""Files of the form that projects publish are taken as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.state_metrics import compiled, exposed, problems
from xpjob.collectors.sources.state_metrics.config import Mode

FILES = Path(__file__).parent / "files"
FLUX = (FILES / "flux.yaml").read_text()
CLUSTER_API = (FILES / "cluster-api.yaml").read_text()
both_modes = pytest.mark.parametrize("mode", ["default", "compat"])


def of_kind(group: str, kind: str, metadata: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """Return an object."""
    return {"apiVersion": group, "kind": kind, "metadata": metadata, **parts}


@both_modes
def test_flux_has_one_family_of_all_its_kinds(mode: Mode) -> None:
    """In Helm values, with help texts that differ and without the suffix of the prefix."""
    source = compiled(FLUX, mode)
    assert len(source.targets) == 13
    assert [(each.name, each.type) for each in source.families] == [("gotk_resource_info", "info")]
    assert [each for each in problems(FLUX, mode) if not each.warning] == []
    item = of_kind(
        *("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
        {"name": "apps", "namespace": "flux-system"},
        spec={"suspend": False, "sourceRef": {"kind": "GitRepository", "name": "flux-system"}},
        status={
            "conditions": [{"type": "Ready", "status": "False"}],
            "lastAppliedRevision": "main",
        },
    )
    text = FLUX[: FLUX.index("          - groupVersionKind:", FLUX.index("HelmRelease") - 200)]
    assert exposed(text, [item], mode) == [
        'gotk_resource_info{customresource_group="kustomize.toolkit.fluxcd.io",'
        'customresource_kind="Kustomization",customresource_version="v1",'
        'exported_namespace="flux-system",name="apps",ready="False",revision="main",'
        'source_name="flux-system",suspended="false"} 1'
    ]


@both_modes
def test_cluster_api_means_absent_by_null_and_empty(mode: Mode) -> None:
    """And an info at a map, or at one annotation, gives one line."""
    assert [each for each in problems(CLUSTER_API, mode) if not each.warning] == []
    cluster = of_kind(
        *("cluster.x-k8s.io/v1beta1", "Cluster"),
        {
            "name": "c",
            "namespace": "n",
            "uid": "u",
            "creationTimestamp": "2024-01-15T10:30:00Z",
            "annotations": {"cluster.x-k8s.io/paused": ""},
            "ownerReferences": [{"kind": "Fleet", "name": "f", "controller": True}],
        },
        spec={"controlPlaneRef": {"kind": "K", "name": "cp"}, "topology": {"version": "v1.36.3"}},
        status={"phase": "Provisioned", "conditions": [{"type": "Ready", "status": "Unknown"}]},
    )
    found = exposed(
        CLUSTER_API.partition("    - errorLogV: 0\n      groupVersionKind: {")[0], [cluster], mode
    )
    gvk = ",".join(
        f'customresource_{part}="{value}"'
        for part, value in (
            *(("group", "cluster.x-k8s.io"), ("kind", "Cluster"), ("version", "v1beta1")),
        )
    )
    states = ("Pending", "Provisioning", "Provisioned", "Deleting", "Failed", "Unknown")
    end = 'name="c",namespace="n"'
    assert sorted(found) == sorted(
        [
            'capi_cluster_info{control_plane_reference_kind="K",control_plane_reference_name="cp",'
            f'{gvk},{end},topology_version="v1.36.3",uid="u"}} 1',
            f'capi_cluster_created{{{gvk},{end},uid="u"}} 1.7053146e+09',
            f'capi_cluster_annotation_paused{{{gvk},{end},paused_value="",uid="u"}} 1',
            *(
                f'capi_cluster_status_phase{{{gvk},{end},phase="{state}",uid="u"}}'
                f" {int(state == 'Provisioned')}"
                for state in states
            ),
            *(
                f'capi_cluster_status_condition{{{gvk},{end},status="{state}",type="Ready",uid="u"}}'
                f" {int(state == 'Unknown')}"
                for state in ("True", "False", "Unknown")
            ),
            f'capi_cluster_owner{{{gvk},{end},owner_is_controller="true",owner_kind="Fleet",'
            'owner_name="f",uid="u"} 1',
        ]
    )


@both_modes
def test_an_info_at_a_map_is_one_line(mode: Mode) -> None:
    """Its entries have no labels of their own."""
    machines = "spec:\n  resources:\n" + CLUSTER_API[CLUSTER_API.rindex("    - errorLogV: 0") :]
    machine = of_kind(
        *("cluster.x-k8s.io/v1beta1", "Machine"),
        {"name": "m", "namespace": "n"},
        status={"nodeRef": {"name": "node", "uid": "u", "kind": "Node", "apiVersion": "v1"}},
    )
    assert exposed(machines, [machine], mode) == [
        'capi_machine_status_noderef{customresource_group="cluster.x-k8s.io",'
        'customresource_kind="Machine",customresource_version="v1beta1",name="m",namespace="n",'
        'node_name="node",node_uid="u"} 1'
    ]
