"""One run with everything that people see of it: a view, the log, a summary."""

from __future__ import annotations

import sys

from prometheus_client import generate_latest
from rich.console import Console

from xpjob import job, log, terminal
from xpjob.deadline import Deadline
from xpjob.job import Result
from xpjob.journal import Journal
from xpjob.publish import exposition
from xpjob.settings import Settings


def run_once(
    config: Settings, journal: Journal, *, dry_run: bool = False, deadline: Deadline | None = None
) -> Result:
    """Do one run; show it where people watch. A dry run prints the exposition on stdout."""
    text = log.configure_for(config)
    stderr = Console(stderr=True)
    with terminal.Bars(stderr) if text and stderr.is_terminal else terminal.Silent() as view:
        result = job.run(config, view, journal=journal, dry_run=dry_run, deadline=deadline)
    if dry_run and result.snapshot is not None:
        _print_exposition(result)
    if text:
        terminal.summarize(result, stderr if dry_run else terminal.stdout())
    return result


def _print_exposition(result: Result) -> None:
    if result.snapshot is None:
        return
    for families in (exposition.inventory(result.snapshot), exposition.outcome(result.report)):
        sys.stdout.buffer.write(generate_latest(exposition.registry(families)))
    sys.stdout.buffer.flush()
