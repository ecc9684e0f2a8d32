"""Rows of nodes: what a node says of itself, and what the pods on it request."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from xpjob.base.truncate import MAX_LABEL, MAX_MESSAGE, cut
from xpjob.collectors.clusters.conditions import status_of
from xpjob.collectors.clusters.pods import PodCounts, PodSums
from xpjob.collectors.clusters.records import NodeRow
from xpjob.kube.nodes import Node
from xpjob.kube.quantity import QuantityError, amount, to_float

_ROLE = "node-role.kubernetes.io/"
_OLD_ROLE = "kubernetes.io/role"
_READY = "Ready"


def node_row(node: Node) -> NodeRow:
    """Return the row of a node, without its pods."""
    metadata, spec, status = node.metadata, node.spec, node.status
    ready, since = status_of(status.conditions, _READY)
    capacity, allocatable = status.capacity or {}, status.allocatable or {}
    trouble = node.trouble
    healthy = ready == "True" and not trouble
    created = metadata.creation_timestamp or ""
    return NodeRow(
        node=metadata.name,
        ready=ready or "Unknown",
        ready_since=since,
        healthy=healthy,
        unhealthy_since=node.trouble_since if not healthy else "",
        message=cut("; ".join(each.text for each in trouble), MAX_MESSAGE),
        unschedulable=spec.unschedulable,
        roles=_roles(metadata.labels or {}),
        pressures=sorted(
            sys.intern(cut(each.type, MAX_LABEL))
            for each in status.conditions or ()
            if each.type != _READY and each.status != "False"
        ),
        taints=[sys.intern(str(taint)) for taint in spec.taints or ()],
        kubelet=sys.intern(status.node_info.kubelet_version),
        cpu_capacity=_amount(capacity, "cpu"),
        cpu_allocatable=_amount(allocatable, "cpu"),
        memory_capacity=_amount(capacity, "memory"),
        memory_allocatable=_amount(allocatable, "memory"),
        storage_capacity=_amount(capacity, "ephemeral-storage"),
        storage_allocatable=_amount(allocatable, "ephemeral-storage"),
        pods_capacity=_amount(capacity, "pods"),
        pods_allocatable=_amount(allocatable, "pods"),
        created_at=created,
        uid=metadata.uid,
    )


def add_pods(row: NodeRow, counts: PodCounts) -> None:
    """Add the pods on a node to its row."""
    sums = counts.nodes.get(row.node) or PodSums()
    row.pods, row.pods_running, row.pods_pending = sums.pods, sums.running, sums.pending
    row.pods_failed, row.pods_succeeded = sums.failed, sums.succeeded
    row.cpu_requested, row.memory_requested = to_float(int(sums.cpu)), to_float(int(sums.memory))
    row.cpu_ratio = ratio(row.cpu_requested, row.cpu_allocatable)
    row.memory_ratio = ratio(row.memory_requested, row.memory_allocatable)


def ratio(part: float | None, whole: float | None) -> float | None:
    """Return part / whole, None if there is no such number."""
    return part / whole if part is not None and whole else None


def _amount(amounts: Mapping[str, str], name: str) -> float | None:
    """Return an amount in base units, None if it is not there or not valid."""
    try:
        return to_float(amount(amounts[name])) if name in amounts else None
    except QuantityError:
        return None


def _roles(labels: Mapping[str, str]) -> list[str]:
    roles = {key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE)}
    if old := labels.get(_OLD_ROLE):
        roles.add(old)
    return sorted(sys.intern(role) for role in roles if role)
