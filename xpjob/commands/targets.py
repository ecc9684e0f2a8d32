"""``xpjob targets``."""

from __future__ import annotations

import json
import sys

import click

from xpjob.commands.groups import CLUSTER_GROUPS, chosen
from xpjob.commands.options import Command, with_options
from xpjob.config.option import Config
from xpjob.net.options import NetOptions
from xpjob.terminal import log
from xpjob.terminal.options import OutputOptions


@click.command(cls=Command)
@click.option("--output", type=click.Choice(["table", "json"]), default="table", help="Format.")
@with_options(*CLUSTER_GROUPS, NetOptions, OutputOptions)
def targets(config: Config, output: str) -> None:
    """Print what a run would list, and why, without listing it.

    Exits with 1 if something in the configuration cannot be listed, with 4 if rights are missing.
    """
    from xpjob.run.targets import describe, planned_targets
    from xpjob.terminal import output as printed
    from xpjob.terminal import tables

    log.configure_for(config[OutputOptions], bounded=True)
    planned = planned_targets(config, chosen(config))
    rows = list(describe(planned))
    if output == "json":
        printed.echo(json.dumps(rows, indent=2))
    else:
        console = tables.stdout()
        console.print(tables.targets_table(rows, console.width))
    errors = [each.error for item in planned for each in item.plan.subscriptions]
    errors += [item.attempt.error for item in planned]
    sys.exit(max((error.exit_code for error in errors if error), default=0))
