"""The journal of a run: phases, errors and counters, and finally its report."""

from __future__ import annotations

import copy
import logging
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from xpjob import __version__
from xpjob.base import times
from xpjob.base.errors import SupersededError, XpjobError
from xpjob.collect.attempt import Attempt
from xpjob.collect.outcome import CollectorOutcome, TargetOutcome
from xpjob.metrics.cumulative import Counters
from xpjob.metrics.stored import MetricTable
from xpjob.net.clock import Clock
from xpjob.run.identity import SharedNameError
from xpjob.run.previous import Previous
from xpjob.snapshot.documents import Head, RunInfo, RunReport
from xpjob.usage.written import Written

if TYPE_CHECKING:
    from xpjob.run.plan import Gathered

_MAX_GVRS = 1_000
"""Maximum of GVRs in ``poll_errors``, which tenants choose; above it, only those of this run."""

_log = logging.getLogger(__name__)


class Journal:
    """Times phases and collects errors. ``report`` is updated during the run."""

    def __init__(self, cluster: str) -> None:
        self.clock = Clock()
        started_at = times.rfc3339(self.clock.now())
        self.run = RunInfo(id=uuid.uuid4().hex, version=__version__, started_at=started_at)
        self.report = RunReport(run=self.run, cluster=cluster)
        self.errors: list[XpjobError] = []
        self._started = self._process_started = time.monotonic()
        self._failed: list[str] = []

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase. The report keeps the phase of the first error."""
        started = time.monotonic()
        if not self.errors:
            self.report.phase = name
        try:
            yield
        finally:
            self.report.phases[name] = time.monotonic() - started

    @contextmanager
    def tolerating(self) -> Iterator[None]:
        """Record an error and continue: a failed publisher must not stop the others."""
        try:
            yield
        except SupersededError:
            raise
        except XpjobError as error:
            self.fail(error)

    @property
    def superseded(self) -> bool:
        """Return whether a newer run has finished before this one."""
        return any(isinstance(error, SupersededError) for error in self.errors)

    @property
    def shared(self) -> bool:
        """Return whether another cluster uses the same name: nothing must be overwritten."""
        return any(isinstance(error, SharedNameError) for error in self.errors)

    def fail(self, error: XpjobError) -> None:
        """Record and log an error that makes the run fail."""
        self.errors.append(error)
        if isinstance(error, SupersededError):
            _log.warning("run superseded", extra={"error": str(error)})
        else:
            _log.error("phase failed", extra={"phase": self.report.phase, "error": str(error)})

    def gathered(self, gathered: Gathered) -> None:
        """Record the outcomes of all lists and collectors."""
        report, listed = self.report, [each for item in gathered for each in item.listed]
        report.targets = [item.outcome for item in listed]
        report.partial = any(item.error for item in listed)
        report.namespace_configs = sum(item.plan.configs for item in gathered)
        report.malformed_configs = sum(item.plan.malformed_configs for item in gathered)
        report.conflicting_configs = sum(item.plan.conflicting_configs for item in gathered)
        self._failed = [item.outcome.gvr for item in listed if item.error]
        self.collectors([item.attempt.outcome() for item in gathered])

    def targets(self, outcomes: Sequence[TargetOutcome]) -> None:
        """Record the outcomes of all lists, with those of kinds whose rows are kept."""
        self.report.targets = list(outcomes)
        self.report.partial |= any(outcome.unconfirmed for outcome in outcomes)

    def collectors(self, outcomes: Sequence[CollectorOutcome]) -> None:
        """Record the outcomes of all collectors."""
        self.report.collectors = list(outcomes)
        self.report.partial |= any(not outcome.success for outcome in outcomes)

    def delivered(self, tables: Sequence[MetricTable], attempts: Sequence[Attempt]) -> None:
        """Record the metrics and outcomes of deliveries.

        A delivery that failed without metrics leaves those of the last one: their counters go on.
        """
        failed = {attempt.collector: attempt.outcome() for attempt in attempts if attempt.failed}
        silent = failed.keys() - {table.collector for table in tables}
        kept = [table for table in self.report.deliveries if table.collector in silent]
        self.report.deliveries = [*tables, *kept]
        self.collectors(
            [
                failed.get(outcome.collector, outcome) if outcome.success else outcome
                for outcome in self.report.collectors
            ]
        )

    def usage_written(self, written: Written) -> None:
        """Record which usage files are stored. What failed makes the run partial."""
        self.report.usage_files = written.acknowledged
        self.report.partial |= written.error is not None
        if self.report.counters:
            self.report.counters.usage_file_conflicts += written.conflicts

    def settle(self) -> None:
        """Correct the start of the run if the servers say that the own clock is wrong."""
        if changed := self.clock.settle():
            started = times.parse(self.run.started_at) - changed
            self.run.started_at = times.rfc3339(started)
        self.report.clock_skew = self.clock.skew

    def recalled(self, previous: Previous) -> None:
        """Record facts of previous runs."""
        self.report.last_success_at = previous.last_success_at
        self.report.history = previous.history
        if previous.report:
            self.report.deliveries = previous.report.deliveries
            self.report.usage_files = previous.report.usage_files

    def process_started_at(self) -> str:
        """Return when this process started, whenever the run did in other shards."""
        seconds = time.monotonic() - self._process_started
        return times.rfc3339(self.clock.now() - timedelta(seconds=seconds))

    def began(self, started_at: str) -> None:
        """Record that this run started earlier than this process, in another shard."""
        self._started -= times.seconds_between(started_at, self.run.started_at)
        self.run.started_at = min(started_at, self.run.started_at, key=times.parse)

    def adopt(self, head: Head, counters: Counters | None) -> None:
        """Adopt the stored snapshot as the result of this run.

        Another pod has merged the same shards, and may not get to publishing the result.
        """
        self.report.targets = head.targets
        self.report.partial = any(t.error or t.unconfirmed for t in head.targets)
        self.report.counters = copy.deepcopy(counters)
        self.collectors(head.collectors or ())

    def counters(self, previous: Previous | None) -> Counters | None:
        """Return the counters of previous runs plus those of this run.

        None if they could not be read: a gap is better than a reset that the next run undoes.
        """
        if previous is None:
            return None
        counters = previous.counters()
        if "list" in self.report.phases:
            counters.poll_duration.observe(
                self.report.phases["discover"] + self.report.phases["list"]
            )
        for gvr in self._failed:
            counters.poll_errors[gvr] = counters.poll_errors.get(gvr, 0) + 1
        if self.report.targets and len(counters.poll_errors) > _MAX_GVRS:
            named = {outcome.gvr for outcome in self.report.targets}
            kept = {gvr: count for gvr, count in counters.poll_errors.items() if gvr in named}
            counters.poll_errors = kept
        return counters

    def close(self) -> RunReport:
        """Complete the report and return it."""
        report = self.report
        report.finished_at = times.rfc3339(self.clock.now())
        report.clock_skew = self.clock.skew
        report.seconds = time.monotonic() - self._started
        report.success = not self.errors
        report.error = "; ".join(str(error) for error in self.errors)
        if report.success:
            report.last_success_at = report.finished_at
        return report
