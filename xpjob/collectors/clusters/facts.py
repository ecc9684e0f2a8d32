"""Facts about the cluster as a whole, and the lists that each is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from xpjob.collectors.clusters.pods import PodCounts, total
from xpjob.collectors.clusters.records import FactRow, NodeRow, OperatorRow
from xpjob.kube.quantity import to_float
from xpjob.kube.version import Version

OPENSHIFT_VERSION, OPENSHIFT_DESIRED = "openshiftVersion", "openshiftDesiredVersion"
OPENSHIFT_UPGRADING, OPENSHIFT_CHANNEL = "openshiftUpgrading", "openshiftChannel"
OPENSHIFT_ID, OPENSHIFT_UPDATES = "openshiftClusterId", "openshiftAvailableUpdates"
OPENSHIFT_CONDITIONAL = "openshiftConditionalUpdates"
OPENSHIFT_OVERRIDES = "openshiftOverrides"
VERSION, PLATFORM = "kubernetesVersion", "platform"
NAMESPACES, DEPLOYMENTS = "namespaces", "deployments"

_PLATFORMS = (("-eks-", "EKS"), ("-gke.", "GKE"), ("+k3s", "k3s"), ("+rke2", "RKE2"))
"""Parts of the version of the server, and whose builds have them."""


def of_nodes(nodes: Sequence[NodeRow]) -> Iterator[FactRow]:
    """Yield what the list of nodes tells."""
    by_ready = [row.ready for row in nodes]
    for name, value in (
        ("nodes", len(nodes)),
        ("nodesReady", by_ready.count("True")),
        ("nodesNotReady", by_ready.count("False")),
        ("nodesUnknown", by_ready.count("Unknown")),
        ("nodesUnschedulable", sum(row.unschedulable for row in nodes)),
        ("cpuCapacity", _sum(row.cpu_capacity for row in nodes)),
        ("cpuAllocatable", _sum(row.cpu_allocatable for row in nodes)),
        ("memoryCapacity", _sum(row.memory_capacity for row in nodes)),
        ("memoryAllocatable", _sum(row.memory_allocatable for row in nodes)),
    ):
        if value is not None:
            yield FactRow(fact=name, value=float(value), resource="nodes")


def of_pods(counts: PodCounts) -> Iterator[FactRow]:
    """Yield what the list of pods tells."""
    every, unscheduled = counts.total(), counts.nodes.get("")
    for name, value in (
        ("pods", every.pods),
        ("podsRunning", every.running),
        ("podsPending", every.pending),
        ("podsFailed", every.failed),
        ("podsSucceeded", every.succeeded),
        ("podsUnscheduled", unscheduled.pods if unscheduled else 0),
    ):
        yield FactRow(fact=name, value=float(value), resource="pods")


def of_both(nodes: Sequence[NodeRow], counts: PodCounts) -> Iterator[FactRow]:
    """Yield what it takes nodes and pods for: requests count on nodes that exist."""
    names = {row.node for row in nodes}
    here = {name: sums for name, sums in counts.nodes.items() if name in names}
    lost = {name: sums for name, sums in counts.nodes.items() if name and name not in names}
    sums = total(here)
    for name, value in (
        ("podsOnUnknownNodes", float(total(lost).pods)),
        ("cpuRequested", to_float(int(sums.cpu))),
        ("memoryRequested", to_float(int(sums.memory))),
    ):
        yield FactRow(fact=name, value=value, resource="pods")


def of_operators(rows: Sequence[OperatorRow]) -> Iterator[FactRow]:
    """Yield the sums over operators that OLM installs, of either version.

    Several objects of a package in one namespace, such as two Subscriptions, are one operator.
    """
    for name, counted in (
        ("operators", [row for row in rows if row.installed]),
        ("operatorsFailed", [row for row in rows if row.healthy is False]),
        ("operatorsUpgradePending", [row for row in rows if row.upgrade_pending]),
        ("operatorsApprovalRequired", [row for row in rows if row.approval_required]),
    ):
        value = float(len({(row.manager, row.namespace, row.operator) for row in counted}))
        yield FactRow(fact=name, value=value, resource="operators")


def of_cluster_operators(rows: Sequence[OperatorRow]) -> Iterator[FactRow]:
    """Yield the sums over OpenShift's ClusterOperators."""
    for name, value in (
        ("clusterOperators", len(rows)),
        ("clusterOperatorsAvailable", sum(row.available == "True" for row in rows)),
        ("clusterOperatorsDegraded", sum(row.degraded == "True" for row in rows)),
        ("clusterOperatorsProgressing", sum(row.progressing == "True" for row in rows)),
        ("clusterOperatorsNotUpgradeable", sum(row.upgradeable == "False" for row in rows)),
    ):
        yield FactRow(fact=name, value=float(value), resource="clusteroperators")


def of_counts(counts: Mapping[str, int]) -> Iterator[FactRow]:
    """Yield the numbers of objects, by resource."""
    for name, number in counts.items():
        yield FactRow(fact=name, value=float(number), resource=name)


def of_version(version: Version, *, openshift: bool | None) -> Iterator[FactRow]:
    """Yield version and platform of the server; None if it may be OpenShift or not."""
    text = version.git_version
    platform = next((name for part, name in _PLATFORMS if part in text), "Kubernetes")
    yield FactRow(fact=VERSION, text=text, resource="version")
    if openshift is None:
        return
    named = "OpenShift" if openshift else platform
    yield FactRow(fact=PLATFORM, text=named, resource="version")


def _sum(values: Iterable[float | None]) -> float | None:
    """Return the sum of what is known: None if no node says how much it has."""
    every = [*values]
    known = [value for value in every if value is not None]
    return sum(known) if known or not every else None
