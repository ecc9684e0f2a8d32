"""Convert rows to metric tables. No I/O. What is not known has no series: it is never 0.

Each family is a table of its own, so that one that lacks a value does not need one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence

from xpjob.base.times import read
from xpjob.base.truncate import MAX_LABEL, cut
from xpjob.collect.findings import Finding
from xpjob.collectors.clusters import facts
from xpjob.collectors.clusters.conditions import VALUES
from xpjob.collectors.clusters.records import FactRow, NodeRow, OperatorRow, RegistryRow
from xpjob.collectors.clusters.registries.result import Result
from xpjob.metrics.table import Column, Table

_Combine = Callable[[float, float], float]
_CLUSTER = {
    "nodes": ("nodes_total", "Number of nodes."),
    "nodesReady": ("nodes_ready", "Number of nodes that are ready, cordoned or not."),
    "nodesNotReady": ("nodes_not_ready", "Number of nodes that are not ready."),
    "nodesUnknown": ("nodes_unknown", "Number of nodes of which it is not known, or not said."),
    "nodesUnschedulable": ("nodes_unschedulable", "Number of nodes that are cordoned."),
    "cpuCapacity": ("cpu_capacity", "Cores of all nodes."),
    "cpuAllocatable": ("cpu_allocatable", "Cores of all nodes that are for pods."),
    "cpuRequested": ("cpu_requested", "Cores that the pods on these nodes request."),
    "memoryCapacity": ("memory_capacity_bytes", "Memory of all nodes."),
    "memoryAllocatable": ("memory_allocatable_bytes", "Memory of all nodes that is for pods."),
    "memoryRequested": ("memory_requested_bytes", "Memory that the pods on these nodes request."),
    "pods": ("pods_total", "Number of pods, in any phase, with or without a node."),
    "podsRunning": ("pods_running", "Number of pods in the phase Running."),
    "podsPending": ("pods_pending", "Number of pods in the phase Pending."),
    "podsUnscheduled": ("pods_unscheduled", "Number of pods that have no node."),
    "podsOnUnknownNodes": ("pods_on_unknown_nodes", "Number of pods on nodes that do not exist."),
    facts.NAMESPACES: ("namespaces_total", "Number of namespaces."),
    facts.DEPLOYMENTS: ("deployments_total", "Number of Deployments."),
    "operators": ("operators_total", "Number of operators that OLM has installed."),
    "clusterOperators": ("operators_count", "Number of OpenShift's ClusterOperators."),
    facts.OPENSHIFT_UPGRADING: ("upgrading", "Whether OpenShift is being upgraded: 1 or 0."),
    facts.OPENSHIFT_UPDATES: ("available_updates", "Number of updates that OpenShift offers."),
}
"""Family, without its prefix, and help text of each fact that has one."""
_INFO = (
    (
        "info",
        "Version and platform of the cluster; always 1.",
        {"version": facts.VERSION, "platform": facts.PLATFORM},
    ),
    (
        "openshift_info",
        "Versions and channel of OpenShift; always 1.",
        {
            "version": facts.OPENSHIFT_VERSION,
            "desired_version": facts.OPENSHIFT_DESIRED,
            "channel": facts.OPENSHIFT_CHANNEL,
        },
    ),
)
# One line per family, however long: it reads as a table.
# fmt: off
# ruff: disable[E501]
_REQUESTS = "that pods request, in percent of what is allocatable; requests, not usage."
_NODE: tuple[tuple[str, str, Callable[[NodeRow], float | None], _Combine], ...] = (
    ("ready", "Condition Ready: 1, 0, or -1 if unknown.", lambda n: VALUES[n.ready], min),
    ("unschedulable", "Whether a node is cordoned: 1 or 0.", lambda n: n.unschedulable, max),
    ("cpu_capacity", "Cores of a node.", lambda n: n.cpu_capacity, operator.add),
    ("cpu_allocatable", "Cores of a node for pods.", lambda n: n.cpu_allocatable, operator.add),
    ("cpu_requested", "Cores that the pods on a node request.", lambda n: n.cpu_requested, operator.add),
    ("cpu_usage_percent", f"Cores {_REQUESTS}", lambda n: _percent(n.cpu_ratio), max),
    ("memory_capacity_bytes", "Memory of a node.", lambda n: n.memory_capacity, operator.add),
    ("memory_allocatable_bytes", "Memory of a node for pods.", lambda n: n.memory_allocatable, operator.add),
    ("memory_requested_bytes", "Memory that the pods on a node request.", lambda n: n.memory_requested, operator.add),
    ("memory_usage_percent", f"Memory {_REQUESTS}", lambda n: _percent(n.memory_ratio), max),
    ("storage_capacity_bytes", "Ephemeral storage of a node.", lambda n: n.storage_capacity, operator.add),
    ("storage_allocatable_bytes", "Ephemeral storage of a node for pods.", lambda n: n.storage_allocatable, operator.add),
    ("pods_capacity", "Pods that the kubelet of a node runs.", lambda n: n.pods_capacity, operator.add),
    ("pods_allocatable", "Pods that may be placed on a node.", lambda n: n.pods_allocatable, operator.add),
    ("pods_total", "Number of pods on a node, in any phase.", lambda n: n.pods, operator.add),
    ("pods_running", "Number of pods on a node in the phase Running.", lambda n: n.pods_running, operator.add),
    ("pods_pending", "Number of pods on a node in the phase Pending.", lambda n: n.pods_pending, operator.add),
    ("pods_failed", "Number of pods on a node in the phase Failed.", lambda n: n.pods_failed, operator.add),
    ("pods_succeeded", "Number of pods on a node in the phase Succeeded.", lambda n: n.pods_succeeded, operator.add),
)
_OPERATOR: tuple[tuple[str, str, Callable[[OperatorRow], bool | None], _Combine], ...] = (
    ("installed", "Whether a version of an operator is installed: 1 or 0.", lambda o: o.installed, max),
    ("succeeded", "Whether the installation of an operator has succeeded: 1 or 0.", lambda o: o.succeeded, min),
    ("upgrade_pending", "Whether there is a newer version of an operator: 1 or 0.", lambda o: o.upgrade_pending, max),
    ("approval_required", "Whether an upgrade waits for approval: 1 or 0.", lambda o: o.approval_required, max),
)
_REGISTRY: tuple[tuple[str, str, Callable[[RegistryRow], float | None]], ...] = (
    ("registry_up", "Whether a registry answers: 1 or 0.", lambda r: r.up),
    ("registry_auth_ok", "Whether the credentials of a registry are accepted: 1, 0, or -1 if that is not known.", lambda r: _auth(r)),
    ("registry_response_seconds", "Time until a registry answered, in seconds.", lambda r: r.response_seconds),
    ("registry_repositories", "Number of repositories of a registry.", lambda r: r.repositories),
    ("registry_certificate_expiry_timestamp_seconds", "When the certificate of a registry expires.", lambda r: _timestamp(r.certificate_expires)),
)
# ruff: enable[E501]
# fmt: on
OPERATOR_LABELS = ("manager", "namespace", "operator")
FINDING_LABELS = ("finding", "kind", "namespace", "name")


def cluster(rows: Iterable[FactRow]) -> Iterator[Table]:
    """Yield the tables of the cluster."""
    by_fact = {row.fact: row for row in rows}
    for fact, (name, text) in _CLUSTER.items():
        table = Table((), (Column(f"clusterpulse_cluster_{name}", text),))
        if (row := by_fact.get(fact)) and row.value is not None:
            table.add((), row.value)
        yield table
    for name, text, labels in _INFO:
        column = Column(f"clusterpulse_cluster_{name}", text, max)
        info = Table(tuple(labels), (column,))
        values = [by_fact[fact].text if fact in by_fact else "" for fact in labels.values()]
        if any(values):
            info.add(tuple(values), 1)
        yield info


def nodes(rows: Sequence[NodeRow]) -> Iterator[Table]:
    """Yield the tables of nodes."""
    for name, text, value_of, combine in _NODE:
        table = Table(("node",), (Column(f"clusterpulse_node_{name}", text, combine),))
        for row in rows:
            if (value := value_of(row)) is not None:
                table.add((row.node,), float(value))
        yield table


def operators(rows: Sequence[OperatorRow]) -> Iterator[Table]:
    """Yield the tables of operators."""
    managed = [row for row in rows if row.manager != "openshift"]
    for name, text, known, combine in _OPERATOR:
        table = Table(OPERATOR_LABELS, (Column(f"clusterpulse_operator_{name}", text, combine),))
        for row in managed:
            if (value := known(row)) is not None:
                table.add(_key(row), float(value))
        yield table
    text = "Installed version of an operator; always 1."
    labels = (*OPERATOR_LABELS, "version")
    info = Table(labels, (Column("clusterpulse_operator_info", text, max),))
    for row in managed:
        if row.version:
            info.add((*_key(row), row.version), 1)
    yield info
    own = [row for row in rows if row.manager == "openshift"]
    for name in ("available", "progressing", "degraded"):
        text = f"Condition {name.capitalize()} of a ClusterOperator: 1, 0, or -1 if unknown."
        column = Column(f"clusterpulse_cluster_operator_{name}", text)
        table = Table(("operator",), (column,))
        for row in own:
            if status := getattr(row, name):
                table.add((row.operator,), VALUES[status])
        yield table
    text = "Whether a ClusterOperator allows updates: 1, or 0 if its condition forbids them."
    table = Table(("operator",), (Column("clusterpulse_cluster_operator_upgradeable", text),))
    for row in own:
        table.add((row.operator,), float(row.upgradeable != "False"))
    yield table


def registries(rows: Sequence[RegistryRow]) -> Iterator[Table]:
    """Yield the tables of registries."""
    for name, text, value_of in _REGISTRY:
        table = Table(("registry",), (Column(name, text),))
        for row in rows:
            if (value := value_of(row)) is not None:
                table.add((row.registry,), float(value))
        yield table


def findings(found: Iterable[Finding]) -> Table:
    """Return the confirmed findings."""
    text = "Findings about operators and registries that two consecutive runs have."
    table = Table(FINDING_LABELS, (Column("clusters_findings", text),))
    for item in found:
        if item.confirmed:
            table.add((item.finding, item.kind, item.namespace, cut(item.name, MAX_LABEL)), 1)
    return table


def _key(row: OperatorRow) -> tuple[str, str, str]:
    return row.manager, row.namespace, row.operator


def _percent(ratio: float | None) -> float | None:
    return None if ratio is None else 100 * ratio


def _auth(row: RegistryRow) -> float | None:
    return None if row.up is None else Result(row.state).auth_ok


def _timestamp(text: str) -> float | None:
    moment = read(text)
    return moment.timestamp() if moment else None
