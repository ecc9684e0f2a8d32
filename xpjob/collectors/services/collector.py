"""The services collector: subscriptions, rows, section and metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from xpjob.collect.before import Before
from xpjob.collect.carry import carry
from xpjob.collect.contract import Listed, ListReader, Plan, Section, Subscription, World
from xpjob.collect.tables import TableSpec
from xpjob.collectors.services import churn, findings, metrics, plan
from xpjob.collectors.services.fold import (
    DeploymentReader,
    FoldedDeployment,
    FoldedPods,
    FoldedService,
    FoldedSlice,
    FoldedStatefulSet,
    PodReader,
    ServiceReader,
    SliceReader,
    StatefulSetReader,
)
from xpjob.collectors.services.known import Known, covers
from xpjob.collectors.services.options import ServiceOptions
from xpjob.collectors.services.plan import LEFT, OPERATOR, POD, SERVICE, SLICE, STATEFUL_SET, Notes
from xpjob.collectors.services.rows import POD_SERVICES, PodService
from xpjob.collectors.services.since import date
from xpjob.collectors.services.state import Operator, Services, State
from xpjob.collectors.services.states import Cluster, rows_of
from xpjob.collectors.services.tables import TABLES
from xpjob.config.option import Group
from xpjob.metrics.table import Table


class Memory(NamedTuple):
    """What is remembered of the previous run."""

    rows: Sequence[PodService] = ()
    services: Services = Services()


class ServicesCollector:
    """Which pods lack their headless Service, and which Services are stale or orphans."""

    name = "services"
    options: type[Group] = ServiceOptions
    tables: Sequence[TableSpec] = TABLES
    carry: Literal["list", "section"] = "list"
    state: type[Struct] | None = State
    results: Mapping[str, tuple[str, Any]] = {
        POD: ("annotatedPods", FoldedPods),
        SERVICE: ("services", list[FoldedService]),
        SLICE: ("slices", list[FoldedSlice]),
        LEFT: ("leftSlices", list[FoldedSlice]),
        STATEFUL_SET: ("statefulSets", list[FoldedStatefulSet]),
        OPERATOR: ("operators", list[FoldedDeployment]),
    }

    def plan(self, world: World) -> Plan:
        """Decide which lists to request."""
        return plan.plan(world)

    def reader(self, subscription: Subscription) -> ListReader:
        """Return a new reader of one list."""
        annotation = subscription.context.pod_annotation
        match subscription.role:
            case plan.POD:
                return PodReader(annotation)
            case plan.SERVICE:
                return ServiceReader(annotation)
            case plan.STATEFUL_SET:
                return StatefulSetReader()
            case plan.OPERATOR:
                return DeploymentReader()
            case _:
                return SliceReader()

    def recall(self, before: Before) -> Memory:
        """Return the rows of the previous run, and how they compare."""
        state = before.state if isinstance(before.state, State) else State()
        return Memory(before.rows.get(POD_SERVICES, ()), state.services or Services())

    def finish(
        self, plan: Plan, listed: Sequence[Listed], before: Before | None, at: str
    ) -> Section:
        """Join pods, Services and EndpointSlices; keep what the failed lists would have."""
        notes: Notes = plan.notes
        options = notes.options
        memory: Memory = (before and before.recalled) or Memory()
        outcomes = [each.outcome for each in listed]
        known = Known(outcomes, options.namespace)
        every = rows_of(_cluster(listed, notes))
        rows = [row for row in every if known.listed(row.namespace) and not known.reason(row)]
        # With another annotation, they are other rows.
        same = memory.services.annotation in ("", options.pod_annotation)
        earlier = [row for row in memory.rows if same and known.listed(row.namespace)]
        compared = memory.services.compared if same else []

        def complete(namespace: str) -> str:
            return memory.services.complete_at if covers(compared, namespace) else ""

        date(rows, {row.identity: row for row in earlier}, at, complete)
        if before:
            unknown = ((row, known.reason(row)) for row in earlier)
            kept = carry(before, unknown, outcomes, at)
        else:
            kept = []
        total = churn.add(
            memory.services.churn,
            earlier,
            rows,
            lambda namespace: covers(compared, namespace) and known.pods(namespace),
        )
        state = Services(
            annotation=options.pod_annotation,
            compared=known.compared(compared),
            complete_at=at if known.complete else memory.services.complete_at,
            churn=total,
            operator=_operator(listed, options),
        )
        rows = sorted([*rows, *kept], key=lambda row: row.identity)
        return Section(
            {POD_SERVICES: rows},
            findings.find(rows, options.service_grace_seconds, at),
            State(state),
            shown={"podServiceMetrics": options.pod_service_metrics},
        )

    def metrics(self, section: Section, at: str) -> Iterator[Table]:
        """Yield the metric tables at a time (RFC 3339)."""
        state = section.state if isinstance(section.state, State) else State()
        single = bool(section.shown.get("podServiceMetrics"))
        rows = section.tables[POD_SERVICES]
        yield from metrics.tables(rows, state.services or Services(), at, single=single)


def _cluster(listed: Sequence[Listed], notes: Notes) -> Cluster:
    """Return what the lists have that were made."""
    results: Mapping[str, list[Any]] = defaultdict(list)
    for each in listed:
        if each.result is not None:
            results[each.subscription.role].append(each.result)
    by_address: dict[str, str] = {}
    for folded in results[POD]:
        for address, name in folded.by_address.items():
            by_address[address] = min(name, by_address.get(address, name))
    slices: dict[tuple[str, str], list[FoldedSlice]] = defaultdict(list)
    for each in chain.from_iterable((*results[SLICE], *results[LEFT])):
        slices[(each.namespace, each.service)].append(each)
    return Cluster(
        {(pod.namespace, pod.name): pod for folded in results[POD] for pod in folded.annotated},
        by_address,
        {(each.namespace, each.name): each for each in chain.from_iterable(results[SERVICE])},
        dict(slices),
        {(each.namespace, each.name): each for each in chain.from_iterable(results[STATEFUL_SET])},
        notes.skipped,
        notes.minor,
    )


def _operator(listed: Sequence[Listed], options: ServiceOptions) -> Operator | None:
    """Return the operator's Deployment, None if none is named, or its list has failed."""
    namespace, name = options.service_operator
    lists = [each for each in listed if each.subscription.role == OPERATOR]
    if not name or any(each.result is None for each in lists):
        return None
    found = chain.from_iterable(each.result for each in lists)
    available = next((each.available for each in found if each.name == name), 0)
    return Operator(namespace, name, available)
