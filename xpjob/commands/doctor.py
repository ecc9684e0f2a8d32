"""``xpjob doctor``."""

from __future__ import annotations

import json
import os
import sys

import click

from xpjob.commands.groups import CLUSTER_GROUPS, chosen
from xpjob.commands.options import Command, with_options
from xpjob.config.option import Config, Group
from xpjob.net.options import NetOptions
from xpjob.publish.options import PublishOptions
from xpjob.run.hub.options import HubOptions
from xpjob.store.options import StoreOptions
from xpjob.terminal import log
from xpjob.terminal.options import OutputOptions
from xpjob.usage.options import UsageOptions

_GROUPS: tuple[type[Group], ...] = (
    *CLUSTER_GROUPS,
    *(StoreOptions, HubOptions, PublishOptions, UsageOptions, NetOptions, OutputOptions),
)


@click.command(cls=Command)
@click.option("--output", type=click.Choice(["table", "json"]), default="table", help="Format.")
@with_options(*_GROUPS)
def doctor(config: Config, output: str) -> None:
    """Check all prerequisites of a run, and say how to fix problems.

    Checks the API and the rights for each list, the gateway (a probe group is pushed, read and
    deleted), the store (a probe is written, read and removed), and the clocks; reports kinds that
    are not listed, and rows that the last run kept of an earlier one, and why. Lists only tenants'
    ConfigMaps and definitions. This is the only command that sends POST requests to the API:
    SelfSubjectAccessReviews, which create nothing.

    With --clusters, all of this is checked for each cluster, and that each has one name of its own.

    Exits with the code that a run would have: 0 even with warnings.
    """
    from xpjob.doctor import checks, hub
    from xpjob.run.hub.load import load_members
    from xpjob.terminal import output as printed
    from xpjob.terminal import tables

    log.configure_for(config[OutputOptions], bounded=True)
    if config[HubOptions].wanted:
        members = load_members(config, os.environ, _GROUPS)
        results = hub.examine(members, chosen, config[HubOptions].cluster_concurrency)
    else:
        results = list(checks.examine(config, chosen(config)))
    rows = [check.facts() for check in results]
    if output == "json":
        printed.echo(json.dumps(rows, indent=2))
    else:
        console = tables.stdout()
        console.print(tables.doctor_table(rows, console.width))
    sys.exit(checks.exit_code(results, strict=config[OutputOptions].strict))
