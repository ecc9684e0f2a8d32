"""A run with its output: progress, log and summary."""

from __future__ import annotations

import sys
from contextlib import suppress

from xpjob.collect.contract import Collectors
from xpjob.config.option import Config
from xpjob.net.deadline import Deadline
from xpjob.net.threads import within
from xpjob.run import job
from xpjob.run.job import Result
from xpjob.run.journal import Journal
from xpjob.terminal import output
from xpjob.terminal.progress import Silent

_PATIENCE = 2.0  # seconds to write the summary


def run_once(
    config: Config,
    collectors: Collectors,
    journal: Journal,
    *,
    text: bool,
    dry_run: bool = False,
    deadline: Deadline | None = None,
) -> Result:
    """Do one run, with progress on terminals. ``text``: people read the output."""
    with _progress() if text else Silent() as view:
        return job.run(
            config, collectors, view, journal=journal, dry_run=dry_run, deadline=deadline
        )


def print_result(result: Result, *, text: bool, dry_run: bool = False) -> None:
    """Print a summary for people, and the metrics of a dry run."""
    if dry_run and result.snapshot is not None:
        _print_exposition(result)
    if text:
        _print_summary(result, on_stderr=dry_run)


# What follows imports what most runs do not need: rich, and the tables of the reader.


def _progress() -> Silent:
    from rich.console import Console

    stderr = Console(stderr=True)
    if not stderr.is_terminal:
        return Silent()
    from xpjob.terminal.bars import Bars

    return Bars(stderr)


def _print_summary(result: Result, *, on_stderr: bool) -> None:
    from rich.console import Console

    from xpjob.terminal import tables

    console = Console(stderr=True) if on_stderr else tables.stdout()
    with console.capture() as summary:
        tables.summarize(result, console)

    def write() -> None:
        console.file.write(summary.get())
        console.file.flush()

    with suppress(TimeoutError):  # nobody reads it
        within(_PATIENCE, write)


def _print_exposition(result: Result) -> None:
    from prometheus_client import generate_latest

    from xpjob.publish import exposition

    if result.snapshot is None:
        return
    for families in (exposition.inventory(result.snapshot.head), exposition.outcome(result.report)):
        # Into a file or pipe it goes as it is: others read it.
        made = generate_latest(exposition.registry(families))
        output.write(made, raw=not sys.stdout.isatty())
