"""The commands that ask a cluster: run, targets, doctor; demo asks a sample of one."""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xpjob import __version__
from xpjob.commands.options import Command, with_settings
from xpjob.config.settings import (
    CLUSTER,
    OUTPUT,
    PUBLISH,
    SECURITY,
    SHARDS,
    STORE,
    TARGETS,
    Settings,
)
from xpjob.net.deadline import Deadline
from xpjob.terminal import log, shutdown

if TYPE_CHECKING:
    from xpjob.run.job import Result

_log = logging.getLogger(__name__)


@click.command(cls=Command)
@click.option("--dry-run", is_flag=True, help="Print the metrics; store and publish nothing.")
@with_settings(CLUSTER, TARGETS, STORE, SHARDS, PUBLISH, SECURITY, OUTPUT)
def run(config: Settings, dry_run: bool) -> None:
    """List everything, push the metrics, store the snapshot, and exit.

    \b
    With a kubeconfig and nothing else, print what the metrics would be:
        xpjob run --dry-run
    Push to a gateway and keep snapshots in S3:
        xpjob run --pushgateway-url http://gateway:9091 --store-backend s3 --s3-bucket inventory
    """
    from xpjob.run.journal import Journal
    from xpjob.terminal.console_run import run_once

    # One run makes no garbage in circles that is worth looking for among a million objects.
    gc.disable()
    watched = log.configure_for(config)
    build = {"version": __version__, "commit": os.environ.get("XPJOB_COMMIT", "")}
    _log.log(logging.DEBUG if watched else logging.INFO, "run started", extra=build)
    journal = Journal(config.cluster_name)
    shutdown.current().report = journal.report
    deadline = Deadline(config.run_deadline_seconds)
    with shutdown.orderly(shutdown.current(), deadline):
        result = run_once(config, journal, dry_run=dry_run, deadline=deadline)
    code = exit_code(result, strict=config.strict)
    facts = _facts(result, code)
    if config.shard:
        listed = sum(outcome.records for outcome in result.report.targets)
        facts |= {"shard": str(config.shard), "listed": listed}
    if deadline.signal:
        code = 128 + deadline.signal
        ended = "; ".join(filter(None, (deadline.why(), str(facts["error"]))))
        facts |= {"exitCode": code, "error": ended}
    _log.log(logging.DEBUG if watched else logging.INFO, "run finished", extra=facts)
    shutdown.write_termination_log(config.termination_log, facts)
    sys.exit(code)


@click.command(cls=Command)
@click.option("--output", type=click.Choice(["table", "json"]), default="table", help="Format.")
@with_settings(CLUSTER, TARGETS, SECURITY, OUTPUT)
def targets(config: Settings, output: str) -> None:
    """Print what a run would list, and why, without listing it.

    Exits 1 when something that is named in the configuration cannot be listed, 4 when that is
    for lack of rights.
    """
    from xpjob.collectors.crossplane.targets import describe
    from xpjob.run import gather
    from xpjob.terminal import tables

    log.configure_for(config)
    plan = gather.plan_targets(config)
    rows = list(describe(plan))
    if output == "json":
        click.echo(json.dumps(rows, indent=2))
    else:
        tables.stdout().print(tables.targets_table(rows))
    sys.exit(max((item.error.exit_code for item in plan.unlistable), default=0))


@click.command(cls=Command)
@click.option("--output", type=click.Choice(["table", "json"]), default="table", help="Format.")
@with_settings(CLUSTER, TARGETS, STORE, PUBLISH, SECURITY, OUTPUT)
def doctor(config: Settings, output: str) -> None:
    """Check everything that a run needs, and say what to do about what is amiss.

    The API and the rights for each list, the gateway, the store (a probe is written, read and
    removed again), the clocks. Nothing is listed but tenants' ConfigMaps, and nothing is pushed.
    It is the one command that sends a POST to the API: to ask what this account may list
    (SelfSubjectAccessReview), which creates nothing.

    Exits with the code that a run would have: 0 also where only warnings were found.
    """
    from xpjob.doctor import checks
    from xpjob.terminal import tables

    log.configure_for(config)
    found = list(checks.examine(config))
    rows = [check.facts() for check in found]
    if output == "json":
        click.echo(json.dumps(rows, indent=2))
    else:
        tables.stdout().print(tables.doctor_table(rows))
    sys.exit(checks.exit_code(found, strict=config.strict))


@click.command(cls=Command)
@click.option("--once", is_flag=True, help="Do one run and exit.")
@click.option("--every", default=5.0, metavar="SECONDS", help="Time between runs (default 5).")
@click.option("--directory", type=click.Path(path_type=Path), help="Where to write the results.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port of the page on this machine (default 8080, or any where that is taken).",
)
def demo(once: bool, every: float, directory: Path | None, port: int | None) -> None:
    """Run the real job against a sample platform, served on this machine, until Ctrl-C.

    The reader shows on a page what comes of it; its address is printed.
    """
    from xpjob.demo.command import run_demo

    sys.exit(exit_code(run_demo(once=once, every=every, directory=directory, port=port)))


def exit_code(result: Result, *, strict: bool = False) -> int:
    """Return the exit code: the highest of the errors' own, or else 3 for partial and strict."""
    partly = 3 if result.report.partial and strict else 0
    return max((error.exit_code for error in result.errors), default=partly)


def _facts(result: Result, code: int) -> dict[str, object]:
    report, snapshot = result.report, result.snapshot
    failed = [outcome for outcome in report.targets if outcome.error]
    return {
        "exitCode": code,
        "phase": report.phase,
        "error": "; ".join(str(error) for error in result.errors),
        "claims": len(snapshot.claims) if snapshot else 0,
        "xrs": len(snapshot.xrs) if snapshot else 0,
        "mrs": len(snapshot.mrs) if snapshot else 0,
        "targets": len(report.targets),
        "failed": len(failed),
        "carried": sum(outcome.carried for outcome in failed),
        "seconds": round(report.seconds, 3),
        "run": report.run.id,
    }
