"""One run with everything that people see of it: a view, the log, a summary."""

from __future__ import annotations

import sys

from prometheus_client import generate_latest
from rich.console import Console

from xpjob.config.settings import Settings
from xpjob.net.deadline import Deadline
from xpjob.publish import exposition
from xpjob.run import job
from xpjob.run.job import Result
from xpjob.run.journal import Journal
from xpjob.terminal import log, progress, tables


def run_once(
    config: Settings, journal: Journal, *, dry_run: bool = False, deadline: Deadline | None = None
) -> Result:
    """Do one run; show it where people watch. A dry run prints the exposition on stdout."""
    text = log.configure_for(config)
    stderr = Console(stderr=True)
    with progress.Bars(stderr) if text and stderr.is_terminal else progress.Silent() as view:
        result = job.run(config, view, journal=journal, dry_run=dry_run, deadline=deadline)
    if dry_run and result.snapshot is not None:
        _print_exposition(result)
    if text:
        tables.summarize(result, stderr if dry_run else tables.stdout())
    return result


def _print_exposition(result: Result) -> None:
    if result.snapshot is None:
        return
    for families in (exposition.inventory(result.snapshot), exposition.outcome(result.report)):
        sys.stdout.buffer.write(generate_latest(exposition.registry(families)))
    sys.stdout.buffer.flush()
