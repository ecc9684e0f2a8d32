"""Metric tables of a delivery: the families of github/deployment-tracker, and what is pending."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from xpjob.base import times
from xpjob.collectors.deployments.github.settle import EVENTS
from xpjob.collectors.deployments.github.state import BOUNDS, Acknowledged, Counters, Kept
from xpjob.metrics.cumulative import Histogram, HistogramTable
from xpjob.metrics.table import Column, Table

_COUNTED = (
    ("ok", "Deployment records that GitHub has accepted."),
    ("unknown_artifact", "Deployment records of artifacts that GitHub does not know."),
    ("rate_limited", "Requests that GitHub's rate limits refused."),
    ("soft_fail", "Requests with records that failed and were repeated if time was left."),
    ("hard_fail", "Requests with records that failed for the last time in their run."),
    ("client_error", "Deployment records that GitHub refused for other reasons."),
    (
        "unknown_artifact_cache_hit",
        "Deployment records that were not sent because GitHub does not know their artifact.",
    ),
)


def tables(
    state: Acknowledged, *, attestations: bool, pending: Iterable[str]
) -> Iterator[Table | HistogramTable]:
    """Yield the tables; ``pending`` has the status of each change that is not acknowledged.

    Counters are exposed with the names of the tracker, which do not end in _total, and therefore
    as gauges.
    """
    yield from _tracker(state.counters)
    yield from _records(state.places[:1], pending)
    yield _number(
        "deployment_records_last_success_timestamp_seconds",
        "When GitHub last had all deployment records; 0 if never.",
        _unix(state.last_success),
    )
    if attestations:
        table = Table(
            ("attested",),
            (
                Column(
                    "deployment_attested_digests",
                    "Running digests by provenance attestation at GitHub.",
                ),
            ),
        )
        for attested in (True, False):
            count = sum(each.known is attested for each in state.attested.values())
            table.add((str(attested).lower(),), count)
        yield table


def _tracker(counters: Counters) -> Iterator[Table | HistogramTable]:
    for outcome, counts in (("ok", counters.events_ok), ("failed", counters.events_failed)):
        table = Table(
            ("event_type",),
            (
                Column(
                    f"deptracker_events_processed_{outcome}",
                    f"Changes of what runs that were recorded with GitHub: {outcome}.",
                ),
            ),
        )
        for event in EVENTS.values():
            table.add((event,), counts.get(event, 0))
        yield table
    yield HistogramTable(
        "deptracker_events_processed_timer",
        "Seconds from sending a change to GitHub until its outcome.",
        ("status",),
        BOUNDS,
        {
            (status,): counters.events_seconds.get(status, Histogram.empty(BOUNDS))
            for status in ("failed", "ok")
        },
    )
    yield HistogramTable(
        "deptracker_post_deployment_record_timer",
        "Seconds that requests with records took.",
        (),
        BOUNDS,
        {(): counters.post_seconds},
    )
    for name, text in _COUNTED:
        yield _number(f"deptracker_post_record_{name}", text, getattr(counters, name))


def _records(current: Iterable[Kept], pending: Iterable[str]) -> Iterator[Table]:
    accepted, oldest = 0, 0.0
    causes: Counter[str] = Counter()
    for kept in current:
        accepted += sum(bool(sent.content) for sent in kept.records.values())
        causes.update(rejected.cause for rejected in kept.rejected.values())
        oldest = min(map(_unix, kept.pending.values()), default=0.0)
    yield _number(
        "deployment_records_accepted",
        "Deployment records that GitHub has accepted.",
        accepted,
    )
    rejected = Table(
        ("cause",),
        (Column("deployment_records_rejected", "Containers whose record is not accepted."),),
    )
    for cause in sorted({"not_found", "unauthorized"} | causes.keys()):
        rejected.add((cause,), causes[cause])
    yield rejected
    statuses = Counter(pending)
    waiting = Table(
        ("status",),
        (Column("deployment_records_pending", "Changes that GitHub has not acknowledged."),),
    )
    for status in EVENTS:
        waiting.add((status,), statuses[status])
    yield waiting
    yield _number(
        "deployment_records_oldest_pending_timestamp_seconds",
        "Since when the oldest change is not acknowledged; 0 if there is none.",
        oldest,
    )


def _number(name: str, text: str, value: float) -> Table:
    table = Table((), (Column(name, text),))
    table.add((), value)
    return table


def _unix(at: str) -> float:
    moment = times.read(at)
    return moment.timestamp() if moment else 0.0
