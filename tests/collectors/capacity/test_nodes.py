"""What a node is, and what it can hold."""

from __future__ import annotations

from typing import Any

import pytest

from support.capacity import HOLDS, ZONE, container, node, pod
from support.capacity_section import make

TAINT = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
SOFT = {"key": "dedicated", "value": "gpu", "effect": "PreferNoSchedule"}
CORDON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
AWAY = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
OF_NODES = [f"node.kubernetes.io/{what}" for what in ("not-ready", "unreachable", "unschedulable")]
"""Taints that stay for a while, or for ever, when a node is ready and not cordoned any more."""
KUBELET = {"key": "virtual-kubelet.io/provider", "value": "azure", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("made", "state", "virtual"),
    [
        ({}, "schedulable", ""),
        ({"taints": [SOFT]}, "schedulable", ""),
        ({"taints": [TAINT]}, "tainted", ""),
        ({"unschedulable": True, "taints": [CORDON]}, "cordoned", ""),
        ({"unschedulable": True, "taints": [TAINT]}, "cordoned", ""),
        *(({"taints": [{"key": key, "effect": "NoSchedule"}]}, "tainted", "") for key in OF_NODES),
        ({"ready": "False"}, "not ready", ""),
        ({"ready": "Unknown", "taints": [AWAY]}, "not ready", ""),
        ({"ready": "False", "unschedulable": True}, "not ready", ""),
        ({"labels": {"type": "virtual-kubelet"}}, "virtual", "virtual-kubelet"),
        ({"taints": [KUBELET], "ready": "False"}, "virtual", "azure"),
        ({"labels": {"eks.amazonaws.com/compute-type": "fargate"}}, "virtual", "fargate"),
    ],
)
def test_a_node_is_one_thing(made: dict[str, Any], state: str, virtual: str) -> None:
    """The first of virtual, not ready, cordoned, tainted and schedulable that is true."""
    row = make([node("n", **made)], []).row("nodes", node="n")
    assert (row["state"], row["virtual"], row["schedulable"]) == (
        state,
        virtual,
        state == "schedulable",
    )


@pytest.mark.parametrize(
    ("labels", "pool", "capacity_type"),
    [
        ({"karpenter.sh/nodepool": "a", "karpenter.sh/capacity-type": "spot"}, "a", "spot"),
        (
            {"eks.amazonaws.com/nodegroup": "b", "eks.amazonaws.com/capacityType": "ON_DEMAND"},
            "b",
            "on-demand",
        ),
        ({"cloud.google.com/gke-nodepool": "c", "cloud.google.com/gke-spot": "true"}, "c", "spot"),
        (
            {
                "kubernetes.azure.com/agentpool": "d",
                "kubernetes.azure.com/scalesetpriority": "spot",
            },
            "d",
            "spot",
        ),
        ({}, "", ""),
    ],
)
def test_the_pools_of_the_usual_platforms_are_known(
    labels: dict[str, str], pool: str, capacity_type: str
) -> None:
    """And how their nodes are paid for."""
    made = make([node("n", labels=labels)], [])
    row = made.row("nodes", node="n")
    assert (row["pool"], row["capacityType"]) == (pool, capacity_type)
    pools = [row["value"] for row in made.rows("nodeGroups") if row["group"] == "node pool"]
    assert pools == ([pool] if pool else [])


def test_virtual_nodes_are_in_no_total() -> None:
    """They have a group of their own; their pods are counted as such."""
    fargate = node("f", labels={"eks.amazonaws.com/compute-type": "fargate", ZONE: "a"})
    made = make(
        [node("n", labels={ZONE: "a"}), fargate],
        [pod("a", "n", container("1")), pod("b", "f", container("2"))],
        label_groups=ZONE,
    )
    groups = {(row["group"], row["value"]): row for row in made.rows("nodeGroups")}
    assert groups["all nodes", "all"]["cpuAllocatable"] == 4.0
    assert groups[ZONE, "a"]["cpuRequested"] == 1.0
    assert groups["node state", "virtual"]["cpuRequested"] == 2.0
    assert made.value("binpacking_cluster_node_count") == 1.0
    assert made.value('binpacking_node_allocated{node="f",resource="cpu"}') is None
    assert made.value('capacity_placed_pods{placement="virtual node"}') == 1.0
    (namespace,) = made.rows("namespaces")
    assert (namespace["pods"], namespace["virtualPods"]) == (1, 1)


def test_case_7_without_allocatable_it_is_the_capacity() -> None:
    """A resource of which there is none has no ratio: never NaN or infinity."""
    holds = {**HOLDS, "hugepages-2Mi": "0", "attachable-volumes-x": "39"}
    whole = node("n", holds)
    del whole["status"]["allocatable"]
    made = make([whole], [pod("p", "n", container("1"))], capacity_resources="all")
    row = made.row("nodes", node="n")
    assert {name: use["allocatable"] for name, use in row["resources"].items()} == {
        "cpu": 4.0,
        "memory": 8 * 2**30,
        "pods": 110.0,
        "attachable-volumes-x": 39.0,
        "hugepages-2Mi": 0.0,
    }
    hugepages = 'resource="hugepages-2Mi"'
    assert made.value(f'binpacking_node_allocatable{{node="n",{hugepages}}}') == 0.0
    assert made.value(f'binpacking_node_utilization_ratio{{node="n",{hugepages}}}') is None
    assert made.value(f"binpacking_cluster_utilization_ratio{{{hugepages}}}") is None
    assert "NaN" not in made.text
    assert "Inf" not in made.text


def test_case_7_a_node_may_hold_more_than_is_allocatable() -> None:
    """The free amount is negative, the ratio is above 1, and nothing fits."""
    made = make([node("n", {**HOLDS, "cpu": "1930m"})], [pod("p", "n", container("2100m"))])
    row = made.row("nodes", node="n")
    assert row["cpuFree"] == -0.17
    assert row["cpuRatio"] == pytest.approx(1.088, abs=0.001)
    assert made.row("nodeGroups", group="all nodes")["largestHole"]["cpu"] == 0.0
    assert made.value('capacity_overfull{node="n",resource="cpu"}') == 0.17
    assert made.message("NodeOverfull") == "pods request 170m more cpu than is allocatable"


def test_devices_of_a_claim_are_no_excess() -> None:
    """A node need not have what a ResourceClaim provides."""
    made = make([node("n")], [pod("p", "n", container("1", **{"vendor.example/x": "1"}))])
    use = made.row("nodes", node="n")["resources"]["vendor.example/x"]
    assert use["requested"] == 1.0
    assert "allocatable" not in use
    assert ("NodeOverfull", "n") not in made.findings


def test_a_node_that_holds_nothing_is_counted() -> None:
    """Nothing is divided by its zeros."""
    made = make([node("n", {"cpu": "0", "memory": "0", "pods": "0"})], [])
    row = made.row("nodes", node="n")
    assert (row["cpuRatio"], row["memoryRatio"]) == (None, None)
    assert made.value('binpacking_cluster_allocatable{resource="cpu"}') == 0.0
    assert made.row("nodeGroups", group="all nodes")["largestHole"] == {}


def test_invalid_quantities_are_left_out() -> None:
    """They cost the resource, not the node."""
    row = make([node("n", {"cpu": "four", "memory": "8Gi", "pods": "9"})], []).row("nodes")
    assert set(row["resources"]) == {"memory", "pods"}
