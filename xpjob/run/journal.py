"""What a run notes about itself while it goes: phases, errors, counts, and at last its report."""

from __future__ import annotations

import copy
import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from xpjob import __version__
from xpjob.base import times
from xpjob.base.errors import SupersededError, XpjobError
from xpjob.collect.fetch import Listed
from xpjob.metrics.cumulative import Counters
from xpjob.run.previous import Memory
from xpjob.snapshot import documents
from xpjob.snapshot.documents import RunInfo, RunReport, Snapshot

_MOST_GVRS = 1_000
"""GVRs whose errors are counted; above it only those of this run: tenants may name any."""

_log = logging.getLogger(__name__)


class Journal:
    """Times phases and gathers errors. ``report`` is filled in as the run goes."""

    def __init__(self, cluster: str) -> None:
        started_at = documents.rfc3339(documents.now())
        self.run = RunInfo(id=uuid.uuid4().hex, version=__version__, started_at=started_at)
        self.report = RunReport(run=self.run, cluster=cluster)
        self.errors: list[XpjobError] = []
        self._started = time.monotonic()
        self._failed: list[str] = []

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase of the run. The report keeps the phase of the first error."""
        started = time.monotonic()
        if not self.errors:
            self.report.phase = name
        try:
            yield
        finally:
            self.report.phases[name] = time.monotonic() - started

    @contextmanager
    def tolerating(self) -> Iterator[None]:
        """Note an error and go on: one sink that is away must not stop the other."""
        try:
            yield
        except SupersededError:
            raise
        except XpjobError as error:
            self.fail(error)

    @property
    def superseded(self) -> bool:
        """Tell whether a newer run has overtaken this one."""
        return any(isinstance(error, SupersededError) for error in self.errors)

    def fail(self, error: XpjobError) -> None:
        """Note an error that decides how the run ends."""
        self.errors.append(error)
        if isinstance(error, SupersededError):
            _log.warning("run superseded", extra={"error": str(error)})
        else:
            _log.error("phase failed", extra={"phase": self.report.phase, "error": str(error)})

    def listed(self, listed: list[Listed]) -> None:
        """Note how every list went."""
        self.report.targets = [item.outcome for item in listed]
        self.report.partial = any(item.error for item in listed)
        self._failed = [item.outcome.gvr for item in listed if item.error]

    def began(self, started_at: str) -> None:
        """Note that this run started looking earlier than this process did, in another shard."""
        self._started -= times.seconds_between(started_at, self.run.started_at)
        self.run.started_at = min(started_at, self.run.started_at, key=documents.moment)

    def adopt(self, snapshot: Snapshot, counters: Counters | None) -> None:
        """Take what is stored for what this run has found.

        The shards of this run were merged by another pod too, which may not come to publishing it.
        """
        self.report.targets = snapshot.targets
        self.report.partial = any(outcome.error for outcome in snapshot.targets)
        self.report.namespace_configs = snapshot.namespace_configs
        self.report.counters = copy.deepcopy(counters)

    def counters(self, memory: Memory | None) -> Counters | None:
        """Return the counters of the runs before with what this run adds.

        None without a memory: better a gap than a reset that the next run takes back.
        """
        if memory is None:
            return None
        counters = memory.counters()
        if "list" in self.report.phases:
            counters.poll_duration.observe(
                self.report.phases["discover"] + self.report.phases["list"]
            )
        for gvr in self._failed:
            counters.poll_errors[gvr] = counters.poll_errors.get(gvr, 0) + 1
        if self.report.targets and len(counters.poll_errors) > _MOST_GVRS:
            named = {outcome.gvr for outcome in self.report.targets}
            kept = {gvr: count for gvr, count in counters.poll_errors.items() if gvr in named}
            counters.poll_errors = kept
        return counters

    def close(self) -> RunReport:
        """Complete the report and return it."""
        report = self.report
        report.finished_at = documents.rfc3339(documents.now())
        report.seconds = time.monotonic() - self._started
        report.success = not self.errors
        report.error = "; ".join(str(error) for error in self.errors)
        if report.success:
            report.last_success_at = report.finished_at
        return report
