"""The metrics that the binpacking exporter has, under its names and labels.

A ratio is left out where nothing is allocatable: there is no such number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from xpjob.collectors.capacity.groups import CLUSTER
from xpjob.collectors.capacity.nodes import VIRTUAL
from xpjob.collectors.capacity.records import GroupRow, NodeRow, ResourceUse, Use
from xpjob.collectors.capacity.state import Capacity
from xpjob.metrics.table import Column, Key, Table

AGE = "_cache_age_seconds"
"""Only the reader exposes it: pushed, it would stand still."""

COUNT = "_cluster_node_count"

NODE_LABELS = ("node", "resource")
CLUSTER_LABELS = ("resource",)
GROUP_LABELS = ("label_group", "label_group_value", "resource")
_NONE = ResourceUse()


def tables(
    nodes: Iterable[NodeRow], groups: Sequence[GroupRow], capacity: Capacity
) -> Iterator[Table]:
    """Yield the tables of nodes, of the cluster and of groups."""
    prefix, resources = capacity.prefix, capacity.resources
    machines = [((row.node,), row) for row in nodes if row.state != VIRTUAL]
    if capacity.node_metrics:
        yield from _use(f"{prefix}_node", "a node", NODE_LABELS, machines, resources)
    whole = [((), row) for row in groups if row.group == CLUSTER]
    yield from _use(f"{prefix}_cluster", "all nodes", CLUSTER_LABELS, whole, resources)
    count = Table((), (Column(f"{prefix}{COUNT}", "Number of nodes."),))
    count.add((), len(machines))
    yield count
    parts = [((row.group, row.value), row) for row in groups if row.group != CLUSTER]
    yield from _use(f"{prefix}_group", "a group of nodes", GROUP_LABELS, parts, resources)
    text = "Number of nodes of a group."
    counts = Table(GROUP_LABELS[:2], (Column(f"{prefix}_group_node_count", text),))
    for key, row in parts:
        counts.add(key, row.nodes)
    yield counts


def names(resources: Sequence[str], row: Use) -> Sequence[str]:
    """Return the resources of a row that have metrics; none given means all."""
    return resources or list(row.resources)


def _use(
    prefix: str,
    what: str,
    labels: Sequence[str],
    rows: Iterable[tuple[Key, Use]],
    resources: Sequence[str],
) -> Iterator[Table]:
    amounts = Table(
        labels,
        (
            Column(f"{prefix}_allocated", f"Requests of the pods on {what}, in base units."),
            Column(f"{prefix}_allocatable", f"What pods on {what} can request, in base units."),
            Column(
                f"{prefix}_daemonset_overhead",
                f"Requests of the pods of DaemonSets on {what}, in base units.",
            ),
        ),
    )
    ratios = Table(
        labels,
        (
            Column(
                f"{prefix}_utilization_ratio",
                f"Requests of the pods on {what}, as a share of what is allocatable.",
                max,
            ),
            Column(
                f"{prefix}_daemonset_overhead_ratio",
                f"Requests of the pods of DaemonSets on {what}, as a share of what is allocatable.",
                max,
            ),
        ),
    )
    for key, row in rows:
        for resource in names(resources, row):
            use = row.resources.get(resource, _NONE)
            there, asked = use.allocatable or 0.0, use.requested or 0.0
            daemon_sets = use.daemon_sets or 0.0
            amounts.add((*key, resource), asked, there, daemon_sets)
            if there > 0:
                ratios.add((*key, resource), asked / there, daemon_sets / there)
    yield amounts
    yield ratios
