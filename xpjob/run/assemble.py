"""Assemble the snapshot from the parts of all collectors."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from msgspec import Struct, field

from xpjob.base import times
from xpjob.base.errors import XpjobError
from xpjob.collect.attempt import Attempt
from xpjob.collect.outcome import CollectorOutcome, TargetOutcome
from xpjob.kube.identity import Identity
from xpjob.metrics import stored
from xpjob.metrics.cumulative import Counters
from xpjob.metrics.stored import MetricTable
from xpjob.metrics.table import OTHER
from xpjob.net.clock import Clock
from xpjob.run.counting import Counting, usage_metrics
from xpjob.run.part import Making, Owners, Part
from xpjob.run.plan import Gathered
from xpjob.run.previous import Previous
from xpjob.run.previous_documents import Whole
from xpjob.snapshot.documents import Head, RunInfo, Shown, Snapshot
from xpjob.usage.rules import Rules

_log = logging.getLogger(__name__)


class Facts(Struct, frozen=True):
    """Facts about the run for the head. ``targets`` are the outcomes of all lists.

    ``usage`` has the rules by which it is counted, None if it is not.
    """

    run: RunInfo
    cluster: str
    targets: list[TargetOutcome]
    max_series: int
    max_age: float
    clock: Clock = field(default_factory=Clock)
    identity: Identity | None = None
    usage: Rules | None = None


class NothingError(XpjobError):
    """Every collector failed and nothing is worth publishing; ``outcomes`` say how each went."""

    def __init__(self, attempts: Sequence[Attempt], outcomes: Sequence[CollectorOutcome]) -> None:
        errors = [attempt.error for attempt in attempts if attempt.error]
        super().__init__(f"every collector failed, so nothing is published; the first: {errors[0]}")
        self.exit_code = max(error.exit_code for error in errors)
        self.outcomes = outcomes


def assemble(
    gathered: Gathered,
    previous: Previous | None,
    whole: Whole,
    facts: Facts,
    counters: Counters | None,
    *,
    verify: bool = False,
) -> Snapshot:
    """Assemble the snapshot.

    ``previous`` is None if it could not be read. ``whole`` is the previous snapshot with all rows:
    a collector that fails keeps its section of it. With ``verify`` a collector whose part cannot be
    encoded fails. Raises ``NothingError`` if every collector failed by itself, and the store's
    errors.
    """
    at = times.rfc3339(facts.clock.now())
    owners = Owners([collected.collector for collected in gathered])
    counting = Counting.of(gathered, previous, facts.usage, facts.clock)
    making = Making(
        *(previous, whole, owners, at, facts.max_series, facts.max_age), counting, verify=verify
    )
    attempts = [collected.attempt.fork() for collected in gathered]
    made = [
        making.make(collected, attempt)
        for collected, attempt in zip(gathered, attempts, strict=True)
    ]
    parts = [
        part or making.keep(collected.collector)
        for collected, part in zip(gathered, made, strict=True)
    ]
    outcomes = [
        attempt.outcome(part.carried_since) for attempt, part in zip(attempts, parts, strict=True)
    ]
    if attempts and not any(map(_counts, attempts, parts)):
        raise NothingError(attempts, outcomes)
    metrics = [table for part in parts for table in part.metrics]
    # Switched off, what was counted stays, and its counters are not exposed.
    usage = previous.usage if previous else None
    if counting:
        usage = counting.counted(made)
        metrics += usage_metrics(usage)
    _warn_of_folding(metrics, facts.max_series)
    head = Head(
        run=facts.run,
        cluster=facts.cluster,
        identity=facts.identity,
        generated_at=at,
        targets=[*facts.targets, *(outcome for part in parts for outcome in part.kept)],
        counters=counters,
        findings=[finding for part in parts for finding in part.findings],
        shown=Shown(facts.max_series),
        collectors=outcomes,
        tables=[table for part in parts for table in part.tables],
        metrics=metrics,
    )
    snapshot = Snapshot(head, usage=usage)
    # What is fresh has the last word where two have one key: of how rows become series.
    for part in sorted(parts, key=lambda part: not part.carried_since):
        snapshot.shown.update(part.shown)
    for part in parts:
        snapshot.rows.update(part.rows)
        snapshot.state.update(part.state)
    return snapshot


def _counts(attempt: Attempt, part: Part) -> bool:
    """Return whether a part is worth publishing: it is fresh, or kept as a list failed."""
    return not attempt.failed or (attempt.step == "list" and bool(part.carried_since))


def _warn_of_folding(tables: Sequence[MetricTable], max_series: int) -> None:
    folded = {family: count for family, count in stored.folded(tables).items() if count}
    if folded:
        _log.warning(
            "series limit reached: rare label values folded",
            extra={"max_series": max_series, "folded": folded, "as": OTHER},
        )
