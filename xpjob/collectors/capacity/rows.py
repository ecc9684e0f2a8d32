"""Rows of the collector's tables, from what was summed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xpjob.collectors.capacity.amounts import CPU, MEMORY, PODS, Amounts, numbers, ordered, ratio
from xpjob.collectors.capacity.fit import Shape
from xpjob.collectors.capacity.fold import Folded
from xpjob.collectors.capacity.groups import GroupSums
from xpjob.collectors.capacity.nodes import SCHEDULABLE
from xpjob.collectors.capacity.records import (
    GroupRow,
    NamespaceRow,
    NamespaceUse,
    NodeRow,
    PendingRow,
    ResourceUse,
)
from xpjob.collectors.capacity.sums import (
    OTHER_NODE,
    PENDING,
    UNKNOWN_NODE,
    VIRTUAL_NODE,
    Joined,
    NodeSums,
    Sums,
)
from xpjob.kube.quantity import to_float


def node_rows(nodes: Sequence[NodeSums]) -> list[NodeRow]:
    """Return a row of each node."""
    return [_node_row(node) for node in nodes]


def group_rows(groups: Sequence[GroupSums], shapes: Sequence[Shape]) -> list[GroupRow]:
    """Return a row of each group of nodes."""
    return [_group_row(group, shapes) for group in groups if group.nodes]


def namespace_rows(
    joined: Joined, total: Mapping[str, int], teams: Mapping[str, str]
) -> list[NamespaceRow]:
    """Return a row of each namespace that has pods; ``total`` is what all nodes can hold."""
    names = {*joined.namespaces, *(name for name, _ in joined.elsewhere)}
    return [_namespace_row(name, joined, total, teams.get(name, "")) for name in sorted(names)]


def pending_rows(folded: Folded, teams: Mapping[str, str]) -> list[PendingRow]:
    """Return a row of each pending pod that is kept, the oldest first."""
    rows = []
    for pod in folded.pending:
        asked = folded.kinds[pod.kind].asked().requests
        rows.append(
            PendingRow(
                namespace=pod.namespace,
                name=pod.name,
                uid=pod.uid,
                team=teams.get(pod.namespace, ""),
                reason=pod.reason,
                causes=dict(sorted(pod.causes.items())),
                message=pod.message,
                created_at=pod.created_at,
                owner_kind=pod.owner_kind,
                owner_name=pod.owner_name,
                nominated_node=pod.nominated_node,
                cpu=to_float(asked.get(CPU, 0)),
                memory=to_float(asked.get(MEMORY, 0)),
                resources=numbers(asked),
            )
        )
    return rows


def _node_row(node: NodeSums) -> NodeRow:
    facts = node.facts
    return NodeRow(
        node=facts.name,
        state=node.state,
        schedulable=node.state == SCHEDULABLE,
        virtual=facts.virtual,
        pool=facts.pool,
        instance_type=facts.instance_type,
        zone=facts.zone,
        capacity_type=facts.capacity_type,
        kubelet=facts.kubelet,
        created_at=facts.created_at,
        uid=facts.uid,
        ready=facts.ready,
        healthy=facts.healthy,
        unhealthy_since=facts.unhealthy_since,
        message=facts.message,
        cordoned=facts.cordoned,
        taints=facts.taints,
        labels=facts.labels,
        **_use(node.allocatable, node.free, node.sums),
    )


def _group_row(group: GroupSums, shapes: Sequence[Shape]) -> GroupRow:
    name, hole = group.hole()
    return GroupRow(
        group=group.group,
        value=group.value,
        nodes=len(group.nodes),
        schedulable_nodes=len(group.schedulable),
        fits={shape.name: group.fits(shape) for shape in shapes},
        fits_at_most={shape.name: group.fits_at_most(shape) for shape in shapes},
        largest_hole_node=name,
        largest_hole=numbers(hole),
        stranded=numbers(group.stranded(shapes)),
        **_use(group.allocatable, group.free, group.sums),
    )


def _use(allocatable: Amounts, free: Amounts, sums: Sums) -> dict[str, Any]:
    made: dict[str, Any] = {
        "pods": sums.pods,
        "pods_allocatable": to_float(allocatable.get(PODS, 0)),
        "resized_pods": sums.resized,
        "resources": _resources(allocatable, free, sums),
    }
    for name in (CPU, MEMORY):
        there, asked = allocatable.get(name, 0), sums.requested.get(name, 0)
        made[f"{name}_allocatable"] = to_float(there)
        made[f"{name}_requested"] = to_float(asked)
        made[f"{name}_ratio"] = ratio(asked, there)
        made[f"{name}_free"] = to_float(free.get(name, 0))
        made[f"{name}_daemon_sets"] = to_float(sums.daemon_sets.get(name, 0))
        made[f"{name}_limits"] = to_float(sums.limits.get(name, 0))
        made[f"{name}_unlimited_pods"] = sums.unlimited.get(name, 0)
    return made


def _resources(allocatable: Amounts, free: Amounts, sums: Sums) -> dict[str, ResourceUse]:
    made = {}
    for name in ordered((*allocatable, *sums.requested, *sums.resizes, *sums.limits)):
        asked, resizes = sums.requested.get(name, 0), sums.resizes.get(name)
        made[name] = ResourceUse(
            allocatable=to_float(allocatable[name]) if name in allocatable else None,
            requested=_some(asked),
            spec=to_float(asked - resizes) if resizes else None,
            free=to_float(free[name]) if name in free else None,
            daemon_sets=_some(sums.daemon_sets.get(name, 0)),
            limits=_some(sums.limits.get(name, 0)),
        )
    return made


def _namespace_row(name: str, joined: Joined, total: Mapping[str, int], team: str) -> NamespaceRow:
    sums = joined.namespaces.get(name, Sums())

    def elsewhere(*where: str) -> int:
        return sum(joined.elsewhere.get((name, place), 0) for place in where)

    cpu, memory = sums.requested.get(CPU, 0), sums.requested.get(MEMORY, 0)
    return NamespaceRow(
        namespace=name,
        team=team,
        pods=sums.pods,
        pending_pods=elsewhere(PENDING),
        virtual_pods=elsewhere(VIRTUAL_NODE),
        other_pods=elsewhere(OTHER_NODE, UNKNOWN_NODE),
        cpu_requested=to_float(cpu),
        cpu_share=ratio(cpu, total.get(CPU, 0)),
        cpu_limits=to_float(sums.limits.get(CPU, 0)),
        cpu_unlimited_pods=sums.unlimited.get(CPU, 0),
        memory_requested=to_float(memory),
        memory_share=ratio(memory, total.get(MEMORY, 0)),
        memory_limits=to_float(sums.limits.get(MEMORY, 0)),
        memory_unlimited_pods=sums.unlimited.get(MEMORY, 0),
        pods_without_requests=sums.without_requests,
        resources=_of_namespace(sums),
    )


def _of_namespace(sums: Sums) -> dict[str, NamespaceUse]:
    made = {}
    for name in ordered((*sums.requested, *sums.resizes, *sums.limits)):
        asked, resizes = sums.requested.get(name, 0), sums.resizes.get(name)
        made[name] = NamespaceUse(
            requested=_some(asked),
            limits=_some(sums.limits.get(name, 0)),
            spec=to_float(asked - resizes) if resizes else None,
        )
    return made


def _some(amount: int) -> float | None:
    return to_float(amount) if amount else None
