"""The capacity collector: lists nodes, pods and namespaces, and sums what pods ask of nodes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from xpjob.base.errors import XpjobError
from xpjob.collect.before import Before
from xpjob.collect.contract import Listed, ListReader, Plan, Section, Subscription, World
from xpjob.collect.meters import Meter, Reading
from xpjob.collect.tables import TableSpec
from xpjob.collectors.capacity import binpacking, findings, metrics, rows, tables, usage
from xpjob.collectors.capacity.findings import Rows
from xpjob.collectors.capacity.fold import Folded, PodReader
from xpjob.collectors.capacity.groups import grouped
from xpjob.collectors.capacity.namespaces import Namespace, NamespaceReader
from xpjob.collectors.capacity.nodes import NodeFacts, NodeReader
from xpjob.collectors.capacity.options import ALL, CapacityOptions
from xpjob.collectors.capacity.state import Capacity, State
from xpjob.collectors.capacity.summary import summarize
from xpjob.collectors.capacity.sums import join
from xpjob.config.option import Group
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey
from xpjob.kube.nodes import Node
from xpjob.kube.pods import Pod
from xpjob.kube.request_rules import AUTO, NEWEST, Rules, rules_for, rules_named
from xpjob.metrics.table import Table

NODES, PODS, NAMESPACES = "nodes", "pods", "namespaces"

_log = logging.getLogger(__name__)


class _Notes(NamedTuple):
    """Results of planning that ``finish`` needs."""

    options: CapacityOptions
    version: str
    rules: Rules


class CapacityCollector:
    """Nodes: what they can hold, what pods ask of them, and what still fits."""

    name = "capacity"
    options: type[Group] = CapacityOptions
    tables: Sequence[TableSpec] = tables.TABLES
    carry: Literal["list", "section"] = "section"
    state: type[Struct] | None = State
    results: Mapping[str, tuple[str, Any]] = {
        NODES: ("capacityNodes", list[NodeFacts]),
        PODS: ("capacityPods", Folded),
        NAMESPACES: ("capacityNamespaces", dict[str, str]),
    }
    meters: Sequence[Meter] = usage.METERS

    def plan(self, world: World) -> Plan:
        """Want all nodes, all pods, and the namespaces if they tell the team."""
        options: CapacityOptions = world.options
        version, rules, remark = _rules(world, options.capacity_rules)
        wanted = [
            _subscription(NODES, "Node", Node, options.node_selector, why="what they can hold"),
            _subscription(PODS, "Pod", Pod, context=rules, why="what they request"),
        ]
        if options.namespace_team_key:
            wanted.append(
                _subscription(
                    NAMESPACES,
                    "Namespace",
                    Namespace,
                    context=options.namespace_team_key,
                    why="whose they are",
                )
            )
        remarks = [remark] if remark else []
        return Plan(wanted, _Notes(options, version, rules), remarks=remarks)

    def reader(self, subscription: Subscription) -> ListReader:
        """Return a new reader of one list."""
        if subscription.role == NODES:
            return NodeReader()
        if subscription.role == PODS:
            return PodReader(subscription.context)
        return NamespaceReader(subscription.context)

    def recall(self, before: Before) -> None:
        """Remember nothing."""

    def finish(
        self, plan: Plan, listed: Sequence[Listed], before: Before | None, at: str
    ) -> Section:
        """Join pods with nodes, and sum."""
        notes: _Notes = plan.notes
        options = notes.options
        results = {item.subscription.role: item.result for item in listed}
        folded: Folded = results[PODS]
        teams: Mapping[str, str] = results.get(NAMESPACES) or {}
        if folded.invalid:
            _log.warning(
                "pods with invalid requests count as pods that request nothing",
                extra={"pods": folded.invalid},
            )
        joined = join(folded, results[NODES], selected=bool(options.node_selector))
        groups = grouped(joined.nodes, options.label_groups)
        made = Rows(
            rows.node_rows(joined.nodes),
            rows.group_rows(groups, options.fit_shapes),
            rows.namespace_rows(joined, groups[0].allocatable, teams),
            rows.pending_rows(folded, teams),
        )
        capacity = Capacity(
            server_version=notes.version,
            rules=notes.rules.name,
            prefix=options.binpacking_prefix,
            resources=[] if ALL in options.capacity_resources else [*options.capacity_resources],
            node_metrics=not options.disable_node_metrics,
            node_selector=options.node_selector,
            **summarize(joined, folded, teams),
        )
        return Section(
            {
                tables.NODES.key: made.nodes,
                tables.GROUPS.key: made.groups,
                tables.NAMESPACES.key: made.namespaces,
                tables.PENDING_PODS.key: made.pending,
            },
            findings.find(made, capacity.overfull, options, at),
            State(capacity),
        )

    def readings(
        self, plan: Plan, listed: Sequence[Listed], section: Section, since: int
    ) -> Iterator[Reading]:
        """Yield what is counted as usage."""
        at = {item.subscription.role: number for number, item in enumerate(listed)}
        nodes: list[NodeFacts] = listed[at[NODES]].result
        teams = listed[at[NAMESPACES]].result if NAMESPACES in at else {}
        yield from usage.of_pods(at[PODS], listed[at[PODS]].result, nodes, teams, since)
        yield from usage.of_nodes(at[NODES], nodes)

    def metrics(self, section: Section, at: str) -> Iterator[Table]:
        """Yield the metric tables at a time (RFC 3339)."""
        state = section.state if isinstance(section.state, State) else State()
        capacity = state.capacity or Capacity()
        nodes, groups, namespaces = (
            section.tables[spec.key] for spec in (tables.NODES, tables.GROUPS, tables.NAMESPACES)
        )
        yield from binpacking.tables(nodes, groups, capacity)
        yield from metrics.groups(groups, capacity)
        yield from metrics.namespaces(namespaces, capacity)
        yield from metrics.placements(capacity)
        yield from metrics.pending(capacity, at)
        yield metrics.daemon_sets(capacity)
        yield metrics.overfull(capacity)
        yield metrics.findings(section.findings)


def _rules(world: World, chosen: str) -> tuple[str, Rules, str]:
    """Return the server's version, the rules for it, and a remark if it could not be read."""
    if chosen != AUTO:
        return "", rules_named(chosen), ""
    try:
        version = world.server_version()
    except XpjobError as error:
        return "", rules_for(NEWEST), f"requests are computed as in 1.{NEWEST}: {error}"
    if version.number is None:
        text = f"requests are computed as in 1.{NEWEST}: the server's version is "
        return version.git_version, rules_for(NEWEST), f"{text}{version.git_version!r}"
    return version.git_version, rules_for(version.number), ""


def _subscription(
    role: str, kind: str, wire: type[Struct], selector: str = "", *, context: Any = None, why: str
) -> Subscription:
    return Subscription(
        ListKey(Gvr("", "v1", role), label_selector=selector),
        wire,
        kind=kind,
        role=role,
        context=context,
        facts={"namespaced": role == PODS, "why": why},
    )
