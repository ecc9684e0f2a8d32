"""The clusters collector: a cluster's facts, nodes, operators and registries."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from xpjob.collect.before import Before
from xpjob.collect.carry import ANY_RESOURCE
from xpjob.collect.contract import Listed, ListReader, Plan, Section, Subscription, World
from xpjob.collect.outcome import TargetOutcome
from xpjob.collect.tables import TableSpec
from xpjob.collectors.clusters import extensions, facts, findings, lists, metrics, olm, openshift
from xpjob.collectors.clusters.keeping import Failed, Keeper, List, fill
from xpjob.collectors.clusters.lists import Asked, Converter
from xpjob.collectors.clusters.nodes import add_pods
from xpjob.collectors.clusters.options import ClusterOptions
from xpjob.collectors.clusters.pods import PodCounts, PodReader
from xpjob.collectors.clusters.records import OF_PODS, FactRow, NodeRow, OperatorRow
from xpjob.collectors.clusters.registry_rows import Checked, check_registries, rows_of
from xpjob.collectors.clusters.tables import (
    FACTS,
    NODES,
    OPERATORS,
    REGISTRIES,
    TABLES,
    SeenRegistry,
)
from xpjob.config.option import Group
from xpjob.kube.lists import ListKey
from xpjob.metrics.table import Table
from xpjob.net.threads import begin

_log = logging.getLogger(__name__)

_NODES, _PODS, _VERSION = ("", "nodes"), ("", "pods"), ("", "version")
_REGISTRIES = ("", "registries")
_SUBSCRIPTIONS, _CSVS = (olm.GROUP, olm.SUBSCRIPTIONS), (olm.GROUP, olm.CSVS)
_GROUPS = (olm.GROUP, olm.GROUPS)
_EXTENSIONS = (extensions.GROUP, extensions.EXTENSIONS)
_CLUSTER_OPERATORS = (openshift.GROUP, openshift.OPERATORS)
_OF_FACTS: Mapping[str, Sequence[List]] = {
    **dict.fromkeys(("podsOnUnknownNodes", "cpuRequested", "memoryRequested"), (_NODES, _PODS)),
    **dict.fromkeys(
        ("operators", "operatorsFailed", "operatorsUpgradePending", "operatorsApprovalRequired"),
        (_SUBSCRIPTIONS, _CSVS, _EXTENSIONS),
    ),
    facts.DEPLOYMENTS: (("apps", "deployments"),),
    # Not the list: that the API serves it says what the platform is.
    facts.PLATFORM: (_VERSION, (openshift.GROUP, ANY_RESOURCE)),
}
"""The lists of facts that are made of others than their own."""


class _Notes(NamedTuple):
    """What planning found out.

    ``openshift`` is None if that is not known. ``silent`` maps API groups that did not answer
    discovery to the error: nothing says that their kinds do not exist.
    """

    options: ClusterOptions
    asked: Asked
    checked: Checked
    openshift: bool | None
    silent: Mapping[str, str]


class Clusters:
    """What a cluster is: its nodes and their state, its operators, its registries."""

    name = "clusters"
    options: type[Group] = ClusterOptions
    tables: Sequence[TableSpec] = TABLES
    carry: Literal["list", "section"] = "list"
    state: type[Struct] | None = None
    results: Mapping[str, tuple[str, Any]] = {
        lists.NODE: ("clusterNodeRows", list[NodeRow]),
        lists.POD: ("clusterPods", PodCounts),
        lists.VERSIONS: ("clusterVersions", list[list[FactRow]]),
        lists.CLUSTER_OPERATORS: ("clusterOperatorRows", list[OperatorRow]),
        lists.SUBSCRIPTIONS: ("subscriptionRows", list[OperatorRow]),
        lists.CSVS: ("csvRows", list[OperatorRow]),
        lists.GROUPS: ("operatorGroups", list[tuple[str, list[str]]]),
        lists.EXTENSIONS: ("clusterExtensionRows", list[OperatorRow]),
    }

    def plan(self, world: World) -> Plan:
        """Decide which lists to request; meanwhile check the registries, and count."""
        options: ClusterOptions = world.options
        checking = begin(partial(check_registries, options.registries_file, world.net))
        asked = lists.ask(world)
        wanted = [*lists.wanted(world, asked.rules), *asked.failed]
        silent = {each.key.gvr.group: str(each.error) for each in wanted if _is_silent(each)}
        served = world.catalogue.resource(openshift.GROUP, openshift.VERSIONS) is not None
        is_openshift = None if not served and openshift.GROUP in silent else served
        checked = checking()
        remarks = [asked.remark] if asked.remark else []
        reads = [ListKey(gvr, metadata_only=True) for gvr in lists.COUNTED]
        notes = _Notes(options, asked, checked, is_openshift, silent)
        return Plan(wanted, notes, reads=reads, remarks=remarks, warnings=checked.warnings)

    def reader(self, subscription: Subscription) -> ListReader:
        """Return a new reader of one list."""
        if subscription.role == lists.POD:
            return PodReader(subscription.context)
        return Converter(lists.CONVERTED[subscription.role])

    def recall(self, before: Before) -> Mapping[str, SeenRegistry]:
        """Return the states of registries."""
        return {row.registry: row for row in before.rows.get(REGISTRIES.key, ())}

    def finish(
        self, plan: Plan, listed: Sequence[Listed], before: Before | None, at: str
    ) -> Section:
        """Join the lists; of those that failed, keep what they had told.

        The core reports a group that did not answer discovery only if there are rows of it.
        """
        notes: _Notes = plan.notes
        unread = [*_unread(notes)]
        outcomes = [each.outcome for each in listed]
        silent = [*_silent(notes, outcomes)]
        failed = Failed([*outcomes, *unread, *silent])
        keeper = Keeper(
            before,
            failed,
            at,
            (
                (FACTS, _lists_of_fact),
                (NODES, lambda _: (_NODES, _PODS)),
                (OPERATORS, _lists_of_operator),
                (REGISTRIES, lambda _: (_REGISTRIES,)),
            ),
        )
        results = {each.outcome.class_: each.result for each in listed if not each.error}
        counts: PodCounts | None = results.get(lists.POD)
        if counts and counts.invalid:
            _log.warning(
                "pods with invalid requests count as pods that request nothing",
                extra={"pods": counts.invalid},
            )
        nodes = _nodes(results.get(lists.NODE), counts, keeper)
        operators = _operators(results, failed, keeper)
        rows = [*_facts(results, notes), *_sums(operators, results, failed)]
        known = {row.fact for row in rows}
        rows += [row for row in keeper.rows(FACTS) if row.fact not in known]
        seen: Mapping[str, SeenRegistry] = (before and before.recalled) or {}
        registries = [*rows_of(notes.checked, seen, at), *keeper.rows(REGISTRIES)]
        return Section(
            {
                FACTS.key: sorted(rows, key=lambda row: row.fact),
                NODES.key: sorted(nodes, key=lambda row: row.node),
                OPERATORS.key: sorted(operators, key=_operator),
                REGISTRIES.key: registries,
            },
            findings.find(operators, registries, notes.options.certificate_days, at),
            kept=[*unread, *(each for each in silent if each.carried or each.let_go)],
            lacks_rows=bool((unread or silent) and before and not before.whole),
        )

    def metrics(self, section: Section, at: str) -> Iterator[Table]:
        """Yield the metric tables of the rows."""
        yield from metrics.cluster(section.tables[FACTS.key])
        yield from metrics.nodes(section.tables[NODES.key])
        yield from metrics.operators(section.tables[OPERATORS.key])
        yield from metrics.registries(section.tables[REGISTRIES.key])
        yield metrics.findings(section.findings)


def _unread(notes: _Notes) -> Iterator[TargetOutcome]:
    """Yield what could not be read, and is no list."""
    for (group, resource), why in (
        (_VERSION, notes.asked.version_error),
        (_REGISTRIES, notes.checked.error),
    ):
        if why:
            yield _not_read(group, resource, why)


def _silent(notes: _Notes, outcomes: Iterable[TargetOutcome]) -> Iterator[TargetOutcome]:
    """Yield the groups that did not answer discovery, and of which no outcome says so."""
    known = {each.group for each in outcomes if each.resource == ANY_RESOURCE}
    for group, why in notes.silent.items():
        if group not in known:
            yield _not_read(group, ANY_RESOURCE, why)


def _is_silent(subscription: Subscription) -> bool:
    return subscription.error is not None and subscription.key.gvr.resource == ANY_RESOURCE


def _not_read(group: str, resource: str, why: str) -> TargetOutcome:
    return TargetOutcome(
        class_=resource,
        group=group,
        version="",
        resource=resource,
        kind="",
        namespace="",
        source="",
        collector=Clusters.name,
        unconfirmed=why,
    )


def _nodes(listed: list[NodeRow] | None, counts: PodCounts | None, keeper: Keeper) -> list[NodeRow]:
    """Return nodes with their pods: either is fresh, or as it was in the previous run."""
    kept = keeper.rows(NODES)
    rows = kept if listed is None else listed
    if counts is not None:
        for row in rows:
            add_pods(row, counts)
    elif listed is not None:
        rows = fill(rows, kept, lambda row: row.uid or row.node, OF_PODS)
    return rows


def _operators(results: Mapping[str, Any], failed: Failed, keeper: Keeper) -> list[OperatorRow]:
    kept = keeper.rows(OPERATORS)
    rows: list[OperatorRow] = []
    if (subscriptions := results.get(lists.SUBSCRIPTIONS)) is not None:
        targets = results.get(lists.GROUPS)
        own = olm.join(
            subscriptions, results.get(lists.CSVS), None if targets is None else dict(targets)
        )
        before = [row for row in kept if row.manager == "olm"]
        if failed.first((_CSVS,)):
            own = fill(own, [row for row in before if row.name], _version_of, olm.OF_CSV)
            own += [row for row in before if not row.name]
        if failed.first((_GROUPS,)):
            own = fill(own, before, _operator, ("targets",))
        rows += own
    for role in (lists.EXTENSIONS, lists.CLUSTER_OPERATORS):
        rows += results.get(role) or ()
    # What is made of one list only, or of the list that names the operators.
    for lost in (_SUBSCRIPTIONS, _EXTENSIONS, _CLUSTER_OPERATORS):
        if failed.first((lost,)):
            rows += [row for row in kept if (row.group, row.resource) == lost]
    return rows


def _facts(results: Mapping[str, Any], notes: _Notes) -> Iterator[FactRow]:
    nodes, counts = results.get(lists.NODE), results.get(lists.POD)
    if nodes is not None:
        yield from facts.of_nodes(nodes)
    if counts is not None:
        yield from facts.of_pods(counts)
    if nodes is not None and counts is not None:
        yield from facts.of_both(nodes, counts)
    yield from facts.of_counts(notes.asked.counts)
    if notes.asked.version:
        yield from facts.of_version(notes.asked.version, openshift=notes.openshift)
    for some in results.get(lists.VERSIONS) or ():
        yield from some


def _sums(
    operators: Sequence[OperatorRow], results: Mapping[str, Any], failed: Failed
) -> Iterator[FactRow]:
    """Yield sums over operators, unless one of their lists failed."""
    by_olm = (lists.SUBSCRIPTIONS, lists.EXTENSIONS)
    known = any(results.get(role) is not None for role in by_olm)
    if known and not failed.first((_SUBSCRIPTIONS, _CSVS, _EXTENSIONS)):
        yield from facts.of_operators([row for row in operators if row.manager != "openshift"])
    if results.get(lists.CLUSTER_OPERATORS) is not None:
        yield from facts.of_cluster_operators(
            [row for row in operators if row.manager == "openshift"]
        )


def _lists_of_fact(row: FactRow) -> Iterable[List]:
    if row.fact.startswith("clusterOperators"):
        return (_CLUSTER_OPERATORS,)
    return _OF_FACTS.get(row.fact, ((row.group, row.resource),))


def _lists_of_operator(row: OperatorRow) -> Iterable[List]:
    if row.manager == "olm":
        return (_SUBSCRIPTIONS, _CSVS, _GROUPS)
    return ((row.group, row.resource),)


def _operator(row: OperatorRow) -> tuple[str, ...]:
    return row.manager, row.namespace, row.operator, row.name


def _version_of(row: OperatorRow) -> tuple[str, ...]:
    """Return the key of an operator in one version: another one has another CSV."""
    return *_operator(row), row.csv
