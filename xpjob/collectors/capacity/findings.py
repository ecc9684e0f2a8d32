"""Find what an operator should look at: see ``collect.findings`` for how it is confirmed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from xpjob.base.times import seconds_between
from xpjob.collect.description import Severity
from xpjob.collect.findings import Finding
from xpjob.collect.tables import row_id
from xpjob.collectors.capacity.amounts import CPU, MEMORY
from xpjob.collectors.capacity.fit import Shape
from xpjob.collectors.capacity.fold import GATED
from xpjob.collectors.capacity.groups import CLUSTER
from xpjob.collectors.capacity.nodes import VIRTUAL
from xpjob.collectors.capacity.options import CapacityOptions
from xpjob.collectors.capacity.records import GroupRow, NamespaceRow, NodeRow, PendingRow
from xpjob.collectors.capacity.state import Overfull
from xpjob.kube import quantity
from xpjob.kube.quantity import format_quantity

NODE_OVERFULL, PENDING_LONG = "NodeOverfull", "PendingLong"
SHAPE_FITS_NOWHERE, DAEMON_SETS_HEAVY = "ShapeFitsNowhere", "DaemonSetsHeavy"
NO_REQUESTS, LIMITS_FAR_ABOVE = "NoRequests", "LimitsFarAboveRequests"
FINDINGS = (
    *(NODE_OVERFULL, PENDING_LONG, SHAPE_FITS_NOWHERE),
    *(DAEMON_SETS_HEAVY, NO_REQUESTS, LIMITS_FAR_ABOVE),
)
SEVERITIES: dict[str, Severity] = {
    **dict.fromkeys((NODE_OVERFULL, PENDING_LONG, SHAPE_FITS_NOWHERE), "warning"),
    **dict.fromkeys((DAEMON_SETS_HEAVY, NO_REQUESTS, LIMITS_FAR_ABOVE), "info"),
}
_FAR = 10
"""Limits that are more than this multiple of requests are far above them."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of all tables."""

    nodes: Sequence[NodeRow]
    groups: Sequence[GroupRow]
    namespaces: Sequence[NamespaceRow]
    pending: Sequence[PendingRow]


def find(
    rows: Rows, overfull: Sequence[Overfull], options: CapacityOptions, at: str
) -> list[Finding]:
    """Return all findings at a time (RFC 3339), not confirmed yet."""
    return [
        *_overfull(rows.nodes, overfull),
        *_heavy(rows.nodes, options.daemonset_share),
        *_nowhere(rows.groups, options.fit_shapes),
        *_pending(rows.pending, options.pending_seconds, at),
        *_without_requests(rows.namespaces),
    ]


def _overfull(nodes: Sequence[NodeRow], overfull: Sequence[Overfull]) -> Iterator[Finding]:
    rows = {row.node: row for row in nodes}
    by_node: dict[str, list[str]] = {}
    for each in overfull:
        amount = _text(each.excess, each.resource)
        by_node.setdefault(each.node, []).append(f"{amount} more {each.resource}")
    for node, parts in by_node.items():
        text = f"pods request {' and '.join(parts)} than is allocatable"
        yield _of_node(NODE_OVERFULL, rows[node], text)


def _heavy(nodes: Sequence[NodeRow], share: float) -> Iterator[Finding]:
    for row in nodes:
        pairs = (
            (CPU, row.cpu_daemon_sets, row.cpu_allocatable),
            (MEMORY, row.memory_daemon_sets, row.memory_allocatable),
        )
        parts = [
            f"{used / there:.0%} of the {name}"
            for name, used, there in pairs
            if there > 0 and used / there > share
        ]
        if parts and row.state != VIRTUAL:
            text = f"DaemonSets request {' and '.join(parts)} of the node"
            yield _of_node(DAEMON_SETS_HEAVY, row, text)


def _nowhere(groups: Sequence[GroupRow], shapes: Sequence[Shape]) -> Iterator[Finding]:
    for row in groups:
        if row.group != CLUSTER or not row.schedulable_nodes:
            continue
        for shape in shapes:
            if not row.fits[shape.name]:
                asked = ", ".join(
                    f"{name} {format_quantity(amount, name)}"
                    for name, amount in shape.requests
                    if name != "pods"
                )
                text = f"no schedulable node has room for {asked}"
                if not row.fits_at_most[shape.name]:
                    text += ", and none would have if it were empty; see FIT_SHAPES"
                yield _finding(SHAPE_FITS_NOWHERE, "shapes", "Shape", shape.name, text)


@dataclass(slots=True)
class _Waiting:
    oldest: PendingRow
    pods: list[str] = field(default_factory=list)


def _pending(rows: Sequence[PendingRow], seconds: float, at: str) -> Iterator[Finding]:
    """Yield one finding for all pods of an owner. A gate is shut on purpose."""
    waiting: dict[tuple[str, str, str], _Waiting] = {}
    for row in rows:
        if row.reason == GATED or seconds_between(row.created_at, at) <= seconds:
            continue
        owner = (row.owner_kind, row.owner_name) if row.owner_name else ("Pod", row.name)
        waiting.setdefault((row.namespace, *owner), _Waiting(row)).pods.append(row.name)
    for (namespace, kind, name), some in sorted(waiting.items()):
        row = some.oldest
        why = ", ".join(f"{cause} ({nodes})" for cause, nodes in row.causes.items())
        many = f"{len(some.pods)} pods are" if len(some.pods) > 1 else "1 pod is"
        text = f"{many} pending, {row.name} the longest: {row.reason}"
        yield Finding(
            finding=PENDING_LONG,
            class_="pending",
            group="",
            kind=kind,
            namespace=namespace,
            name=name,
            uid="",
            team=row.team,
            message=f"{text}: {why or row.message}" if why or row.message else text,
            since=row.created_at,
            severity=SEVERITIES[PENDING_LONG],
            dependants=len(some.pods),
            table="pending",
            row=row_id((row.namespace, row.name, row.uid)),
        )


def _without_requests(rows: Sequence[NamespaceRow]) -> Iterator[Finding]:
    for row in rows:
        if row.pods and row.pods_without_requests == row.pods:
            text = "none of its pods requests anything, so the scheduler cannot plan for them"
            yield _of_namespace(NO_REQUESTS, row, text)
            continue
        pairs = (
            (CPU, row.cpu_requested, row.cpu_limits),
            (MEMORY, row.memory_requested, row.memory_limits),
        )
        parts = [
            f"{name} limits of {_text(limits, name)} for requests of {_text(asked, name)}"
            for name, asked, limits in pairs
            if limits > _FAR * asked
        ]
        if parts:
            yield _of_namespace(LIMITS_FAR_ABOVE, row, "; ".join(parts))


def _of_node(finding: str, row: NodeRow, message: str) -> Finding:
    return _finding(finding, "nodes", "Node", row.node, message, uid=row.uid, pods=row.pods)


def _of_namespace(finding: str, row: NamespaceRow, message: str) -> Finding:
    return _finding(
        *(finding, "namespaces", "Namespace", row.namespace, message),
        team=row.team,
        pods=row.pods,
    )


def _finding(
    finding: str,
    class_: str,
    kind: str,
    name: str,
    message: str,
    *,
    uid: str = "",
    team: str = "",
    pods: int = 0,
) -> Finding:
    # The tables of nodes and namespaces have the names of these classes.
    known = class_ in ("nodes", "namespaces")
    return Finding(
        finding=finding,
        class_=class_,
        group="",
        kind=kind,
        namespace=name if kind == "Namespace" else "",
        name=name,
        uid=uid,
        team=team,
        message=message,
        severity=SEVERITIES[finding],
        dependants=pods,
        table=class_ if known else "",
        row=row_id((name,)) if known else "",
    )


def _text(amount: float, resource: str) -> str:
    return format_quantity(quantity.from_json(amount), resource)
