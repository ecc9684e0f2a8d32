"""``xpjob run``."""

from __future__ import annotations

import gc
import logging
import os
import sys
from typing import TYPE_CHECKING

import click

from xpjob import __version__
from xpjob.base import memory
from xpjob.collect.contract import Collectors
from xpjob.commands.groups import CLUSTER_GROUPS, chosen
from xpjob.commands.options import Command, with_options
from xpjob.config.option import Config, Group
from xpjob.net.deadline import Deadline
from xpjob.net.options import NetOptions
from xpjob.publish.options import PublishOptions
from xpjob.run.hub.options import HubOptions
from xpjob.run.options import RunOptions, ShardOptions
from xpjob.store.options import StoreOptions
from xpjob.terminal import log, shutdown
from xpjob.terminal.options import OutputOptions
from xpjob.usage.options import UsageOptions

if TYPE_CHECKING:
    from xpjob.run.job import Result

_log = logging.getLogger(__name__)


_GROUPS: tuple[type[Group], ...] = (
    *CLUSTER_GROUPS,
    *(StoreOptions, ShardOptions, HubOptions, PublishOptions, UsageOptions),
    *(NetOptions, OutputOptions),
)


@click.command(cls=Command)
@click.option("--dry-run", is_flag=True, help="Print the metrics; store and publish nothing.")
@with_options(*_GROUPS)
def run(config: Config, dry_run: bool) -> None:
    """List everything, push the metrics, store the snapshot, and exit.

    \b
    Print the metrics of the cluster in the current kubeconfig:
        xpjob run --dry-run
    Push to a gateway and keep snapshots in S3:
        xpjob run --pushgateway-url http://gateway:9091 --store-backend s3 --s3-bucket inventory
    Do so for each of the clusters that a file names:
        xpjob run --clusters clusters.yaml --store-backend s3 --s3-bucket inventory
    """
    if config[HubOptions].wanted:
        from xpjob.commands.hub import run_hub

        sys.exit(run_hub(config, _GROUPS, dry_run=dry_run))
    from xpjob.run.hub.orphan import end_with_hub
    from xpjob.run.journal import Journal
    from xpjob.terminal.console_run import print_result, run_once

    end_with_hub(os.environ)
    # A run creates few reference cycles: collecting them among a million objects is not worth it.
    gc.disable()
    memory.share_heaps(2)
    watched = log.configure_for(config[OutputOptions], bounded=True)
    build = {"version": __version__, "commit": os.environ.get("XPJOB_COMMIT", "")}
    _log.log(logging.DEBUG if watched else logging.INFO, "run started", extra=build)
    journal = Journal(config[StoreOptions].cluster_name)
    ending = shutdown.current()
    # The exit code says how the run went, whatever becomes of its output.
    ending.report, ending.results_count = journal.report, False
    deadline = Deadline(config[RunOptions].run_deadline_seconds)
    with shutdown.orderly(ending, deadline):
        result = run_once(
            *(config, chosen(config), journal), text=watched, dry_run=dry_run, deadline=deadline
        )
    code = exit_code(result, strict=config[OutputOptions].strict)
    facts = _facts(result, chosen(config), code)
    if config[ShardOptions].shard:
        listed = sum(outcome.records for outcome in result.report.targets)
        facts |= {"shard": str(config[ShardOptions].shard), "listed": listed}
    if deadline.signal:
        code = 128 + deadline.signal
        ended = "; ".join(filter(None, (deadline.why(), str(facts["error"]))))
        facts |= {"exitCode": code, "error": ended}
    log.finish()
    _log.log(logging.DEBUG if watched else logging.INFO, "run finished", extra=facts)
    shutdown.write_termination_log(config[OutputOptions].termination_log, facts)
    print_result(result, text=watched, dry_run=dry_run)  # whose time does not count
    sys.exit(code)


def exit_code(result: Result, *, strict: bool = False) -> int:
    """Return the highest exit code of the errors; without errors, 3 if partial and strict."""
    default = 3 if result.report.partial and strict else 0
    return max((error.exit_code for error in result.errors), default=default)


def _facts(result: Result, collectors: Collectors, code: int) -> dict[str, object]:
    report, snapshot = result.report, result.snapshot
    failed = [outcome for outcome in report.targets if outcome.error]
    counts = {spec.key: 0 for collector in collectors for spec in collector.tables}
    if snapshot:
        # Not those of tables that users define: there may be thousands.
        counts |= {key: len(snapshot.rows.get(key, ())) for key in counts}
    return {
        "exitCode": code,
        "phase": report.phase,
        "error": "; ".join(str(error) for error in result.errors),
        **counts,
        "targets": len(report.targets),
        "failed": len(failed),
        "carried": sum(outcome.carried for outcome in report.targets),
        "seconds": round(report.seconds, 3),
        "run": report.run.id,
    }
