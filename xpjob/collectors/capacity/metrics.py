"""Metrics beyond those of ``binpacking``. Families are aggregates, so series are few.

Groups of nodes overlap: sum over the values of one ``label_group``, never over all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from xpjob.base.times import seconds_between
from xpjob.base.truncate import MAX_LABEL, cut
from xpjob.collect.findings import Finding
from xpjob.collectors.capacity.binpacking import GROUP_LABELS, names
from xpjob.collectors.capacity.records import GroupRow, NamespaceRow, NamespaceUse, ResourceUse
from xpjob.collectors.capacity.state import Capacity
from xpjob.metrics.table import Column, Table

_OF_GROUP = GROUP_LABELS[:2]
_NODES = "nodes that are counted: those selected, without virtual ones"
_COUNTED = f"of a namespace on {_NODES}"
_NONE, _NOTHING = ResourceUse(), NamespaceUse()


def groups(rows: Sequence[GroupRow], capacity: Capacity) -> Iterator[Table]:
    """Yield the tables of groups of nodes."""
    amounts = Table(
        GROUP_LABELS,
        (
            Column("capacity_limits", "Sum of the limits of the pods on a group of nodes."),
            Column(
                "capacity_spec_requests",
                "Requests of the pods on a group of nodes as written, whatever was resized.",
            ),
            Column(
                "capacity_stranded",
                "What is free on the schedulable nodes of a group that lack another resource.",
            ),
            Column(
                "capacity_largest_hole",
                "What is free on the node of a group that has the largest hole.",
                max,
            ),
        ),
    )
    unlimited = Table(
        GROUP_LABELS,
        (
            Column(
                "capacity_unlimited_pods",
                "Number of pods on a group of nodes with a container that has no such limit.",
            ),
        ),
    )
    pods = Table(
        _OF_GROUP,
        (
            Column("capacity_pods", "Number of pods on a group of nodes."),
            Column(
                "capacity_resized_pods",
                "Number of pods on a group of nodes whose requests are not those written.",
            ),
            Column(
                "capacity_schedulable_nodes",
                "Number of nodes of a group to which pods without tolerations are scheduled.",
            ),
        ),
    )
    text = "Number of pods of a shape of FIT_SHAPES that still fit on a group of nodes."
    most = "Number of pods of a shape that would fit on a group of nodes beside DaemonSets' alone."
    fits = Table(
        (*_OF_GROUP, "shape"),
        (Column("capacity_fit_pods", text), Column("capacity_fit_pods_max", most)),
    )
    for row in rows:
        key = (row.group, row.value)
        for resource in names(capacity.resources, row):
            use = row.resources.get(resource, _NONE)
            amounts.add(
                (*key, resource),
                use.limits or 0.0,
                (use.requested or 0.0) if use.spec is None else use.spec,
                row.stranded.get(resource, 0.0),
                row.largest_hole.get(resource, 0.0),
            )
        unlimited.add((*key, "cpu"), row.cpu_unlimited_pods)
        unlimited.add((*key, "memory"), row.memory_unlimited_pods)
        pods.add(key, row.pods, row.resized_pods, row.schedulable_nodes)
        for shape, count in row.fits.items():
            fits.add((*key, shape), count, row.fits_at_most.get(shape, 0))
    yield from (amounts, unlimited, pods, fits)


def namespaces(rows: Iterable[NamespaceRow], capacity: Capacity) -> Iterator[Table]:
    """Yield the tables of namespaces."""
    labels = ("namespace", "team", "resource")
    amounts = Table(
        labels,
        (
            Column("capacity_namespace_requests", f"Requests of the pods {_COUNTED}."),
            Column("capacity_namespace_limits", f"Sum of the limits of the pods {_COUNTED}."),
        ),
    )
    pods = Table(
        labels[:2],
        (
            Column("capacity_namespace_pods", f"Number of pods {_COUNTED}."),
            Column(
                "capacity_namespace_pods_without_requests",
                f"Number of pods {_COUNTED} that request nothing.",
            ),
        ),
    )
    for row in rows:
        key = (row.namespace, cut(row.team, MAX_LABEL))
        for resource in capacity.resources or row.resources:
            use = row.resources.get(resource, _NOTHING)
            requested, limits = use.requested or 0.0, use.limits or 0.0
            amounts.add((*key, resource), requested, limits, objects=max(1, row.pods))
        pods.add(key, row.pods, row.pods_without_requests, objects=max(1, row.pods))
    yield from (amounts, pods)


def placements(capacity: Capacity) -> Iterator[Table]:
    """Yield how many pods are where."""
    pods = Table(
        ("placement",),
        (
            Column(
                "capacity_placed_pods",
                "Number of pods, by where they are: on a node, a virtual node, another node than "
                "those selected, an unknown node, or pending.",
            ),
        ),
    )
    requests = Table(
        ("placement", "resource"),
        (Column("capacity_placed_requests", "Requests of pods, by where they are."),),
    )
    for placed in capacity.placed:
        pods.add((placed.placement,), placed.pods)
        for resource in capacity.resources or placed.requests:
            key = (placed.placement, resource)
            requests.add(key, placed.requests.get(resource, 0.0))
    yield from (pods, requests)


def pending(capacity: Capacity, at: str) -> Iterator[Table]:
    """Yield the tables of pending pods at a time (RFC 3339)."""
    pods = Table(
        ("namespace", "team", "reason"),
        (
            Column("capacity_pending_pods", "Number of pods without a node, by reason."),
            Column(
                "capacity_pending_oldest_seconds",
                "Time for which the oldest of these pods has been pending, in seconds.",
                max,
            ),
        ),
    )
    for waiting in capacity.waiting:
        key = (waiting.namespace, cut(waiting.team, MAX_LABEL), waiting.reason)
        age = seconds_between(waiting.oldest, at)
        pods.add(key, waiting.pods, age, objects=waiting.pods)
    yield pods
    text = "Number of pending pods for which the scheduler rules out nodes for this cause."
    causes = Table(("cause",), (Column("capacity_pending_pods_by_cause", text),))
    for cause, count in sorted(capacity.causes.items()):
        causes.add((cut(cause, MAX_LABEL),), count, objects=count)
    yield causes


def daemon_sets(capacity: Capacity) -> Table:
    """Return what each DaemonSet requests."""
    labels = ("namespace", "daemonset", "resource")
    text = f"Requests of the pods of a DaemonSet on {_NODES}."
    table = Table(labels, (Column("capacity_daemonset_requests", text),))
    for each in capacity.daemon_sets:
        for resource in capacity.resources or each.requests:
            key = (each.namespace, cut(each.name, MAX_LABEL), resource)
            table.add(key, each.requests.get(resource, 0.0), objects=each.pods)
    return table


def overfull(capacity: Capacity) -> Table:
    """Return how much more is requested of nodes than they can hold."""
    text = "How much more pods request of a node than is allocatable; only where it is more."
    table = Table(("node", "resource"), (Column("capacity_overfull", text),))
    for each in capacity.overfull:
        table.add((each.node, each.resource), each.excess)
    return table


def findings(found: Iterable[Finding]) -> Table:
    """Return the number of confirmed findings."""
    text = "Number of findings about capacity that two consecutive runs have, by finding."
    labels = ("finding", "kind", "namespace", "team")
    table = Table(labels, (Column("capacity_findings", text),))
    for item in found:
        if item.confirmed:
            table.add((item.finding, item.kind, item.namespace, cut(item.team, MAX_LABEL)), 1)
    return table
