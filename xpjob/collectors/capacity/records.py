"""Rows of the collector's tables. Amounts are in base units: cores, bytes, pieces."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class ResourceUse(Struct, rename="camel", omit_defaults=True, gc=False):
    """One resource of a node or a group of nodes. What pods ask for is left out where it is zero.

    ``allocatable`` is left out where nodes do not have it, as with devices that a ResourceClaim
    provides, and ``spec``, the requests as written, where it does not differ.
    """

    allocatable: float | None = None
    requested: float | None = None
    spec: float | None = None
    free: float | None = None
    daemon_sets: float | None = None
    limits: float | None = None


class Use(Struct, rename="camel", kw_only=True, gc=False):
    """What pods ask of a node, or of a group of nodes."""

    pods: Annotated[int, Meta(description="Pods that are placed and not terminal.")]
    pods_allocatable: Annotated[float, Meta(description="Pods that can be placed.")]
    cpu_allocatable: Annotated[float, Meta(description="Cores that pods can request.")]
    cpu_requested: Annotated[float, Meta(description="Cores that pods request, as scheduled.")]
    cpu_ratio: Annotated[float | None, Meta(description="Requested cores of the allocatable ones.")]
    cpu_free: Annotated[float, Meta(description="Cores that are free; negative if overfull.")]
    cpu_daemon_sets: Annotated[float, Meta(description="Cores that DaemonSets request.")]
    cpu_limits: Annotated[float, Meta(description="Sum of the cpu limits there are.")]
    cpu_unlimited_pods: Annotated[int, Meta(description="Pods without a cpu limit.")]
    memory_allocatable: Annotated[float, Meta(description="Memory that pods can request.")]
    memory_requested: Annotated[float, Meta(description="Memory that pods request, as scheduled.")]
    memory_ratio: Annotated[
        float | None, Meta(description="Requested memory of the allocatable one.")
    ]
    memory_free: Annotated[float, Meta(description="Memory that is free; negative if overfull.")]
    memory_daemon_sets: Annotated[float, Meta(description="Memory that DaemonSets request.")]
    memory_limits: Annotated[float, Meta(description="Sum of the memory limits there are.")]
    memory_unlimited_pods: Annotated[int, Meta(description="Pods without a memory limit.")]
    resized_pods: Annotated[
        int, Meta(description="Pods whose requests are not those written, because of a resize.")
    ]
    resources: Annotated[
        dict[str, ResourceUse],
        Meta(description="Every resource that nodes have or pods request."),
    ]


class NodeRow(Use, rename="camel", kw_only=True, gc=False):
    """A node."""

    node: Annotated[str, Meta(description="Name of the node.")]
    state: Annotated[
        str,
        Meta(
            description="What it is, the first that is true: virtual, not ready, cordoned, "
            "tainted, or schedulable."
        ),
    ]
    schedulable: Annotated[
        bool, Meta(description="Whether pods without tolerations are scheduled to it.")
    ]
    virtual: Annotated[str, Meta(description="Provider, if the node is no machine.")]
    pool: Annotated[str, Meta(description="Node pool, by the labels of the usual platforms.")]
    instance_type: Annotated[str, Meta(description="Instance type.")]
    zone: Annotated[str, Meta(description="Zone.")]
    capacity_type: Annotated[str, Meta(description="How it is paid for, e.g. spot.")]
    kubelet: Annotated[str, Meta(description="Version of the kubelet.")]
    created_at: Annotated[str, Meta(description="When the node was created.")]
    uid: Annotated[str, Meta(description="uid of the node.")]
    ready: Annotated[bool, Meta(description="Whether its Ready condition is True.")]
    healthy: Annotated[bool, Meta(description="Whether it is ready, and under no pressure.")]
    unhealthy_since: Annotated[str, Meta(description="Since when it is not healthy.")]
    message: Annotated[str, Meta(description="What its conditions say if it is not healthy.")]
    cordoned: Annotated[bool, Meta(description="Whether it is marked as unschedulable.")]
    taints: Annotated[list[str], Meta(description="Taints, as key=value:effect.")]
    labels: Annotated[dict[str, str], Meta(description="Labels.")]


class GroupRow(Use, rename="camel", kw_only=True, gc=False):
    """A group of nodes."""

    group: Annotated[
        str,
        Meta(description="What it is made by: all nodes, node state, node pool, or label keys."),
    ]
    value: Annotated[str, Meta(description="What its nodes have in common.")]
    nodes: Annotated[int, Meta(description="Nodes.")]
    schedulable_nodes: Annotated[
        int, Meta(description="Nodes to which pods without tolerations are scheduled.")
    ]
    fits: Annotated[
        dict[str, int], Meta(description="How many more pods of each shape of FIT_SHAPES fit.")
    ]
    fits_at_most: Annotated[
        dict[str, int], Meta(description="How many would fit beside pods of DaemonSets alone.")
    ] = {}
    largest_hole_node: Annotated[str, Meta(description="Node with the largest hole.")]
    largest_hole: Annotated[dict[str, float], Meta(description="What is free on that node.")]
    stranded: Annotated[
        dict[str, float],
        Meta(description="What is free on nodes that lack another resource of each shape."),
    ]


class NamespaceUse(Struct, rename="camel", omit_defaults=True, gc=False):
    """One resource of a namespace. What is zero is left out."""

    requested: float | None = None
    limits: float | None = None
    spec: float | None = None


class NamespaceRow(Struct, rename="camel", kw_only=True, gc=False):
    """What the pods of a namespace ask for."""

    namespace: Annotated[str, Meta(description="Namespace.")]
    team: Annotated[str, Meta(description="Team, by NAMESPACE_TEAM_KEY.")]
    pods: Annotated[int, Meta(description="Pods on the nodes that are counted.")]
    pending_pods: Annotated[int, Meta(description="Pods without a node.")]
    virtual_pods: Annotated[int, Meta(description="Pods on virtual nodes.")]
    other_pods: Annotated[int, Meta(description="Pods on nodes that are not listed.")]
    cpu_requested: Annotated[float, Meta(description="Cores that they request, as scheduled.")]
    cpu_share: Annotated[float | None, Meta(description="Requested cores of all allocatable ones.")]
    cpu_limits: Annotated[float, Meta(description="Sum of the cpu limits there are.")]
    cpu_unlimited_pods: Annotated[int, Meta(description="Pods without a cpu limit.")]
    memory_requested: Annotated[float, Meta(description="Memory that they request, as scheduled.")]
    memory_share: Annotated[
        float | None, Meta(description="Requested memory of all allocatable one.")
    ]
    memory_limits: Annotated[float, Meta(description="Sum of the memory limits there are.")]
    memory_unlimited_pods: Annotated[int, Meta(description="Pods without a memory limit.")]
    pods_without_requests: Annotated[int, Meta(description="Pods that request nothing.")]
    resources: Annotated[
        dict[str, NamespaceUse], Meta(description="Every resource that they ask for.")
    ]


class PendingRow(Struct, rename="camel", kw_only=True, gc=False):
    """A pod without a node."""

    namespace: Annotated[str, Meta(description="Namespace.")]
    name: Annotated[str, Meta(description="Name of the pod.")]
    uid: Annotated[str, Meta(description="uid of the pod.")]
    team: Annotated[str, Meta(description="Team, by NAMESPACE_TEAM_KEY.")]
    reason: Annotated[
        str,
        Meta(
            description="Why it has no node: Unschedulable, SchedulingGated, SchedulerError, or "
            "Waiting if the scheduler says nothing."
        ),
    ]
    causes: Annotated[
        dict[str, int], Meta(description="How many nodes the scheduler ruled out, by cause.")
    ]
    message: Annotated[str, Meta(description="What the scheduler says.")]
    created_at: Annotated[str, Meta(description="Since when it is pending: its creation.")]
    owner_kind: Annotated[str, Meta(description="Kind of its owner.")]
    owner_name: Annotated[str, Meta(description="Name of its owner.")]
    nominated_node: Annotated[str, Meta(description="Node on which room is being made for it.")]
    cpu: Annotated[float, Meta(description="Cores that it requests.")]
    memory: Annotated[float, Meta(description="Memory that it requests.")]
    resources: Annotated[dict[str, float], Meta(description="All that it requests.")]
