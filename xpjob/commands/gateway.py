"""The commands for what a gateway still holds: repush, prune."""

from __future__ import annotations

import json
import sys

import click

from xpjob.commands.options import Command, with_settings
from xpjob.config.settings import OUTPUT, PUBLISH, SECURITY, STORE, Settings
from xpjob.terminal import log


@click.command(cls=Command)
@click.option("--force", is_flag=True, help="Push whatever the gateway has.")
@with_settings(STORE, PUBLISH, SECURITY, OUTPUT)
def repush(config: Settings, force: bool) -> None:
    """Push the newest snapshot's inventory again, and the outcome of the last run.

    For a gateway that was started anew, when the next run is far off. What a gateway has already,
    or has newer, is left alone. Nothing is asked of the cluster.
    """
    from xpjob.publish import repush as pushing

    log.configure_for(config)
    code = 0
    for done in pushing.repush(config, force=force):
        click.echo(f"{done.gateway}: {done.group}: {done.told}")
        if done.error:
            click.echo(f"xpjob: {done.error}", err=True)
            code = max(code, done.error.exit_code)
    sys.exit(code)


@click.command(cls=Command)
@click.option(
    "--keep", multiple=True, metavar="CLUSTER", help="Never this cluster ('': the nameless one)."
)
@click.option("--older-than", metavar="TIME", help="Only what was pushed longer ago, as in 7d.")
@click.option("--delete", is_flag=True, help="Delete what is to go, instead of only telling.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", help="Format.")
@with_settings(PUBLISH, SECURITY, OUTPUT)
def prune(
    config: Settings, keep: tuple[str, ...], older_than: str | None, delete: bool, output: str
) -> None:
    """Tell which groups of this job a gateway holds, and delete those of clusters that are gone.

    Only groups of PUSHGATEWAY_JOB, and of the same with -run, are looked at.

    \b
    What was not pushed for a week; then delete it:
        xpjob prune --older-than 7d
        xpjob prune --older-than 7d --delete
    All but two clusters:
        xpjob prune --keep east --keep west --delete
    """
    from xpjob.config import parsers
    from xpjob.publish import prune as pruning
    from xpjob.snapshot.documents import now
    from xpjob.terminal import tables

    log.configure_for(config)
    try:
        seconds = parsers.duration(older_than) if older_than else 0
    except ValueError as error:
        raise click.UsageError(f"--older-than: {error}") from None
    found = list(
        pruning.prune(config, keep=keep, older_than=seconds, delete=delete, now=now().timestamp())
    )
    if output == "json":
        click.echo(json.dumps([item.facts() for item in found], indent=2))
    else:
        tables.stdout().print(tables.groups_table(found))
    sys.exit(max((item.error.exit_code for item in found if item.error), default=0))
