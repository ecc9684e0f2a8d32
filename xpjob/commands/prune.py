"""``xpjob prune``."""

from __future__ import annotations

import json
import sys

import click

from xpjob.commands.options import Command, with_options
from xpjob.config.option import Config
from xpjob.net.options import NetOptions
from xpjob.publish.options import PublishOptions
from xpjob.terminal import log
from xpjob.terminal.options import OutputOptions


@click.command(cls=Command)
@click.option(
    "--keep",
    multiple=True,
    metavar="CLUSTER",
    help="Keep this cluster ('' for the one without a name).",
)
@click.option(
    "--older-than", metavar="TIME", help="Select groups whose last push is older, e.g. 7d."
)
@click.option(
    "--delete", is_flag=True, help="Delete the selected groups instead of only listing them."
)
@click.option("--output", type=click.Choice(["table", "json"]), default="table", help="Format.")
@click.option(
    "--clusters",
    metavar="FILE",
    help="Keep the clusters that this file of xpjob run --clusters names.",
)
@with_options(PublishOptions, NetOptions, OutputOptions)
def prune(
    config: Config,
    keep: tuple[str, ...],
    older_than: str | None,
    delete: bool,
    clusters: str | None,
    output: str,
) -> None:
    """List the groups of this job on a gateway, and delete those of removed clusters.

    Only groups of PUSHGATEWAY_JOB, and of the same with -run or -hub, are considered.

    \b
    List groups that were not pushed for a week, then delete them:
        xpjob prune --older-than 7d
        xpjob prune --older-than 7d --delete
    Delete the groups of all but two clusters:
        xpjob prune --keep east --keep west --delete
    List groups of clusters that are no longer in the file of a hub:
        xpjob prune --clusters clusters.yaml
    """
    from xpjob.base import times
    from xpjob.base.times import now
    from xpjob.config import parsers
    from xpjob.publish import prune as pruning
    from xpjob.run.hub.document import read_names
    from xpjob.terminal import output as printed
    from xpjob.terminal import tables

    log.configure_for(config[OutputOptions])
    try:
        seconds = times.duration(older_than) if older_than else 0
    except ValueError as error:
        raise click.UsageError(f"--older-than: {error}") from None
    if clusters:
        keep = (*keep, *read_names(parsers.path(clusters)))
    items = list(
        pruning.prune(config, keep=keep, older_than=seconds, delete=delete, now=now().timestamp())
    )
    if output == "json":
        printed.echo(json.dumps([item.facts() for item in items], indent=2))
    else:
        tables.stdout().print(tables.groups_table(items))
    sys.exit(max((item.error.exit_code for item in items if item.error), default=0))
