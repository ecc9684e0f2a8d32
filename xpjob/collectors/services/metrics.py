"""Convert rows to metric tables, under the names that the operator planned. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from xpjob.base.times import read, seconds_between
from xpjob.collectors.services.rows import SEVERITIES, STATES, PodService, State
from xpjob.collectors.services.state import Services
from xpjob.metrics.table import Column, Table

OPERATOR = "k8s_headless_service_operator"


def tables(
    rows: Sequence[PodService], state: Services, at: str, *, single: bool
) -> Iterator[Table]:
    """Yield the tables in a fixed order at a time (RFC 3339); those of single rows if wanted."""
    yield _services(rows)
    yield from _churn(state)
    yield _states(rows)
    yield _oldest(rows, at)
    yield _complete(state)
    if state.operator:
        yield _available(state)
    if single:
        yield _single(rows)


def _services(rows: Sequence[PodService]) -> Table:
    text = "Number of headless Services of single pods. A gauge in spite of its name."
    table = Table(("namespace",), (Column(f"{OPERATOR}_services_total", text),))
    for row in rows:
        table.add((row.namespace,), int(row.own_service), objects=int(row.own_service))
    return table


def _churn(state: Services) -> Iterator[Table]:
    """Yield counters of what was seen; what failed, no list can show."""
    churn = state.churn
    text = "Number of changes of headless Services of single pods between complete runs, as seen."
    column = Column(f"{OPERATOR}_operations_total", text, type="counter")
    table = Table(("operation", "status"), (column,))
    for operation, number in (
        ("create", churn.services_created),
        ("update", churn.services_updated),
        ("delete", churn.services_deleted),
    ):
        table.add((operation, "success"), number)
    yield table
    text = "Number of changes of pods that are to have a Service between complete runs, as seen."
    column = Column(f"{OPERATOR}_pod_events_total", text, type="counter")
    table = Table(("event_type",), (column,))
    for event, number in (
        ("add", churn.pods_added),
        ("update", churn.pods_updated),
        ("delete", churn.pods_deleted),
    ):
        table.add((event,), number)
    yield table


def _states(rows: Sequence[PodService]) -> Table:
    text = "Number of rows of the table podServices, by state."
    table = Table(("namespace", "state"), (Column("xpjob_pod_services", text),))
    counts: Counter[tuple[str, State]] = Counter((row.namespace, row.state) for row in rows)
    for namespace in sorted({row.namespace for row in rows}):
        for state in STATES:
            number = counts[(namespace, state)]
            table.add((namespace, state), number, objects=number)
    return table


def _oldest(rows: Sequence[PodService], at: str) -> Table:
    text = "Age in seconds of the oldest bad row of the table podServices, 0 if there is none."
    table = Table(("namespace",), (Column("xpjob_pod_services_oldest_bad_seconds", text, max),))
    for row in rows:
        bad = SEVERITIES[row.state] == "bad"
        table.add((row.namespace,), seconds_between(row.since, at) if bad else 0.0)
    return table


def _complete(state: Services) -> Table:
    text = "When all lists of pods, Services and EndpointSlices were last complete."
    column = Column("xpjob_pod_services_complete_timestamp_seconds", text, max)
    table = Table((), (column,))
    if moment := read(state.complete_at):
        table.add((), moment.timestamp())
    return table


def _available(state: Services) -> Table:
    text = "Whether a pod of the operator's Deployment is available: 1 or 0."
    table = Table(("namespace", "deployment"), (Column(f"{OPERATOR}_available", text, min),))
    if state.operator:
        named = (state.operator.namespace, state.operator.deployment)
        table.add(named, float(state.operator.available > 0))
    return table


def _single(rows: Sequence[PodService]) -> Table:
    text = "1 for each row of the table podServices, with its state."
    labels = ("namespace", "kind", "name", "state")
    table = Table(labels, (Column("xpjob_pod_service_state", text),))
    for row in rows:
        table.add((row.namespace, row.kind, row.name, row.state), 1)
    return table
