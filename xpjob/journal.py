"""What a run notes about itself while it goes: phases, errors, and at last its report."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from xpjob import __version__
from xpjob.errors import SupersededError, XpjobError
from xpjob.snapshot import model
from xpjob.snapshot.model import RunInfo, RunReport

_log = logging.getLogger(__name__)


class Journal:
    """Times phases and gathers errors. ``report`` is filled in as the run goes."""

    def __init__(self, cluster: str, started_at: datetime) -> None:
        self.run = RunInfo(
            id=uuid.uuid4().hex, version=__version__, started_at=model.rfc3339(started_at)
        )
        self.report = RunReport(run=self.run, cluster=cluster)
        self.errors: list[XpjobError] = []
        self._started = time.monotonic()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase of the run."""
        started = time.monotonic()
        if not self.errors:
            self.report.phase = name
        try:
            yield
        finally:
            spent = self.report.phases.get(name, 0.0)
            self.report.phases[name] = spent + time.monotonic() - started

    @contextmanager
    def tolerating(self) -> Iterator[None]:
        """Note an error and go on: one sink that is away must not stop the other."""
        try:
            yield
        except SupersededError:
            raise
        except XpjobError as error:
            self.fail(error)

    def fail(self, error: XpjobError) -> None:
        """Note an error that decides how the run ends."""
        self.errors.append(error)
        if isinstance(error, SupersededError):
            _log.warning("run superseded", extra={"error": str(error)})
        else:
            _log.error(f"{self.report.phase} failed", extra={"error": str(error)})

    def close(self, finished_at: datetime) -> RunReport:
        """Complete the report and return it."""
        report = self.report
        report.finished_at = model.rfc3339(finished_at)
        report.seconds = time.monotonic() - self._started
        report.success = not self.errors
        report.error = "; ".join(str(error) for error in self.errors)
        if report.success:
            report.last_success_at = report.finished_at
        return report
