"""``xpjob repush``."""

from __future__ import annotations

import sys

import click

from xpjob.commands.options import Command, with_options
from xpjob.config.option import Config
from xpjob.net.options import NetOptions
from xpjob.publish.options import PublishOptions
from xpjob.store.options import StoreOptions
from xpjob.terminal import log, output
from xpjob.terminal.options import OutputOptions


@click.command(cls=Command)
@click.option("--force", is_flag=True, help="Push without checking what the gateway has.")
@with_options(StoreOptions, PublishOptions, NetOptions, OutputOptions)
def repush(config: Config, force: bool) -> None:
    """Push the inventory of the newest snapshot, and the outcome of the last run, again.

    For a gateway that lost its data in a restart, if the next run is far off. Groups that the
    gateway already has, or has newer, are not pushed. Does not connect to the cluster.
    """
    from xpjob.collectors import COLLECTORS
    from xpjob.publish import repush as pushing

    log.configure_for(config[OutputOptions])
    code = 0
    for pushed in pushing.repush(config, COLLECTORS, force=force):
        output.echo(f"{pushed.gateway}: {pushed.group}: {pushed.result}")
        if pushed.error:
            output.echo(f"xpjob: {pushed.error}", err=True)
            code = max(code, pushed.error.exit_code)
    sys.exit(code)
