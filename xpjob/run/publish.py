"""Publish what a run has made: its inventory, and its outcome, of which the store has a report."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

from xpjob.base.errors import SupersededError, XpjobError
from xpjob.net.deadline import equal_share
from xpjob.publish import exposition
from xpjob.publish.publisher import Publisher, published_by, refuse_older
from xpjob.run import budget, commit
from xpjob.run.context import Job
from xpjob.run.identity import SharedNameError
from xpjob.run.previous import Previous
from xpjob.snapshot.documents import Head, RunReport
from xpjob.store.base import Store

_log = logging.getLogger(__name__)


def publish(job: Job, store: Store, previous: Previous | None, head: Head, etag: str) -> None:
    """Publish the inventory. Raises ``SupersededError`` if a newer run has stored meanwhile."""
    if previous is None and job.journal.report.partial:
        _log.warning("inventory not published: lists failed, and the previous snapshot is unknown")
        return
    if not job.sinks:
        return

    def to_all(head: Head) -> None:
        registry = exposition.registry(exposition.inventory(head))
        _to_each(job, lambda sink: sink.publish_inventory(registry))

    with job.journal.phase("publish"), budget.phase("publish"):
        _check_published(job, previous, "inventory", etag)
        newest = commit.publish_newest(
            store, head, etag, to_all, commit.head_reader(job.collectors)
        )
    if newest is not head:
        raise SupersededError(
            f"superseded: run {newest.run.id}, started {newest.run.started_at}, stored its "
            "snapshot while this run published; the newer inventory was published again"
        )


def _check_published(
    job: Job, previous: Previous | None, what: Literal["inventory", "outcome"], etag: str
) -> None:
    """Raise an error if what is published must not be replaced.

    ``SupersededError`` without a store if it is a newer run's, ``SharedNameError`` if it is another
    cluster's. A gateway can only return all of its groups, so with a store it is not asked after a
    run that has succeeded.
    """
    journal, check = job.journal, job.identified.check_published
    with budget.phase("compare"):
        if not etag:
            refuse_older(job.sinks, journal.run, what, journal.clock, check)
        elif what == "inventory" or "publish" not in journal.report.phases:
            report = previous.report if previous else None
            if not (report and report.success and report.identity):
                for sink, published in published_by(job.sinks):
                    check(sink, published)


def _to_each(job: Job, action: Callable[[Publisher], None]) -> None:
    """Call ``action`` for each publisher, with an equal share of the time, despite errors."""
    for number, sink in enumerate(job.sinks):
        with job.journal.tolerating(), equal_share(number, len(job.sinks)):
            action(sink)


def report(job: Job, store: Store, previous: Previous | None) -> None:
    """Store and publish the outcome of the run, even of a failed one."""
    journal = job.journal
    if journal.report.counters is None:
        journal.report.counters = journal.counters(previous)
    closed = journal.close()
    try:
        etag = _store_report(job, store, previous, closed)
        if job.sinks:
            _check_published(job, previous, "outcome", etag)
    except (SupersededError, SharedNameError) as error:
        journal.fail(error)
        return

    def to_all(newest: RunReport) -> None:
        registry = exposition.registry(exposition.outcome(newest))
        whole = bool(newest.last_success_at and newest.counters)
        _to_each(job, lambda sink: sink.publish_outcome(registry, whole=whole))

    if job.sinks:
        commit.publish_newest(store, closed, etag, to_all, commit.read_report)


def _store_report(job: Job, store: Store, previous: Previous | None, report: RunReport) -> str:
    """Store the report and return its etag, "" if it was not stored.

    Raises ``SupersededError`` if a newer run has stored its own.
    """
    if previous is None:
        return ""
    try:
        with budget.phase("report"):
            return commit.leave_report(store, job.cluster, previous, report, job.journal.clock)
    except (SupersededError, SharedNameError):
        raise
    except XpjobError as error:
        # Not fatal: the snapshot is stored, only the counters miss one run.
        _log.warning("run report not stored", extra={"error": str(error)})
        return ""
