"""Nodes, pods and namespaces for tests of the capacity collector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xpjob.demo.cluster import Cluster
from xpjob.kube.discovery import Kind

POD = Kind("", "v1", "pods", "Pod", True)
NODE = Kind("", "v1", "nodes", "Node", False)
NAMESPACE = Kind("", "v1", "namespaces", "Namespace", False)
KINDS = (NODE, POD, NAMESPACE)
CREATED = "2026-08-20T08:00:00Z"
ZONE = "topology.kubernetes.io/zone"

Json = dict[str, Any]
HOLDS = {"cpu": "4", "memory": "8Gi", "pods": "110"}
UNSCHEDULABLE = (
    "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint "
    "{dedicated: gpu, x}. preemption: 0/3 nodes are available: 3 No preemption victims found."
)


def node(
    name: str,
    holds: Mapping[str, str] | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    taints: Sequence[Json] = (),
    ready: str = "True",
    **spec: Any,
) -> Json:
    """Return a node that holds these resources; ``ready`` is the status of its condition."""
    allocatable = dict(HOLDS if holds is None else holds)
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "creationTimestamp": CREATED,
            "labels": {"kubernetes.io/hostname": name, **(labels or {})},
        },
        "spec": {**spec, **({"taints": list(taints)} if taints else {})},
        "status": {
            "capacity": allocatable,
            "allocatable": allocatable,
            "conditions": [{"type": "Ready", "status": ready}],
            "nodeInfo": {"kubeletVersion": "v1.36.0"},
        },
    }


def container(cpu: str = "", memory: str = "", **more: Any) -> Json:
    """Return a container with these requests; ``limits`` are its limits."""
    limits = more.pop("limits", None)
    requests = {**({"cpu": cpu} if cpu else {}), **({"memory": memory} if memory else {}), **more}
    resources = {"requests": requests, **({"limits": limits} if limits else {})}
    return {"name": "app", "resources": resources}


def pod(
    name: str,
    on: str = "",
    *containers: Json,
    namespace: str = "team-a",
    owner: tuple[str, str] | None = None,
    phase: str = "Running",
    metadata: Json | None = None,
    spec: Json | None = None,
    status: Json | None = None,
) -> Json:
    """Return a pod on a node; ``owner`` is kind and name of its controller."""
    kind, owned_by = owner or ("", "")
    reference = {"apiVersion": "apps/v1", "kind": kind, "name": owned_by, "uid": f"uid-{owned_by}"}
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{namespace}-{name}",
            "creationTimestamp": CREATED,
            **({"ownerReferences": [{**reference, "controller": True}]} if owner else {}),
            **(metadata or {}),
        },
        "spec": {
            **({"nodeName": on} if on else {}),
            "containers": list(containers) or [container("1", "1Gi")],
            **(spec or {}),
        },
        "status": {"phase": phase, **(status or {})},
    }


def pending(
    name: str, *containers: Json, reason: str = "Unschedulable", message: str = "", **more: Any
) -> Json:
    """Return a pod without a node, and what the scheduler says of it."""
    condition = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
    status = {"conditions": [condition]}
    return pod(name, "", *containers, phase="Pending", status=status, **more)


def namespace(name: str, team: str = "") -> Json:
    """Return a namespace, with the team as an annotation."""
    annotations = {"example.org/team": team} if team else {}
    return {"metadata": {"name": name, "uid": f"uid-{name}", "annotations": annotations}}


def fill_cluster(cluster: Cluster) -> None:
    """Fill a cluster with a node of every sort, and pods of every sort."""
    pool = {"karpenter.sh/nodepool": "default", ZONE: "a", "kubernetes.io/arch": "amd64"}
    gpu = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
    for made in (
        node("node-0", labels=pool),
        node("node-1", labels={**pool, ZONE: "b"}),
        node("node-2", {**HOLDS, "nvidia.com/gpu": "2"}, labels={"disk": "ssd"}, taints=[gpu]),
        node("node-3", unschedulable=True),
        node("node-4", ready="Unknown"),
        node("node-5", {"cpu": "1930m", "memory": "0", "pods": "2", "hugepages-2Mi": "0"}),
        node("fargate-1", labels={"eks.amazonaws.com/compute-type": "fargate"}),
    ):
        cluster.apply(NODE, made)
    for number in range(3):
        made = pod(
            f"agent-{number}",
            f"node-{number}",
            container("100m"),
            namespace="kube-system",
            owner=("DaemonSet", "agent"),
        )
        cluster.apply(POD, made)
    limits = {"cpu": "2", "memory": "2Gi"}
    for made in (
        pod("web-0", "node-0", container("500m", "1Gi", limits=limits), owner=("ReplicaSet", "w")),
        pod("web-1", "node-1", container("500m", "1Gi", limits=limits), owner=("ReplicaSet", "w")),
        pod("done", "node-1", container("2"), phase="Succeeded"),
        pod("big", "node-5", container("2100m", "128Mi"), namespace="team-b"),
        pod("job", "fargate-1", container("250m", "512Mi"), namespace="team-b"),
        pod("lost", "node-9", container("1"), namespace="team-b"),
        pod("idle", "node-4", {"name": "app"}, namespace="team-c"),
        pending("gated", reason="SchedulingGated", message="Scheduling is blocked"),
        pending("train-0", container("8"), message=UNSCHEDULABLE, owner=("Job", "train")),
        pending("train-1", container("8"), message=UNSCHEDULABLE, owner=("Job", "train")),
    ):
        cluster.apply(POD, made)
    for name, team in (("team-a", "payments"), ("team-b", "search"), ("kube-system", "")):
        cluster.apply(NAMESPACE, namespace(name, team))
