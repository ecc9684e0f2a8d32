"""``xpjob teams``."""

from __future__ import annotations

import json

import click

from xpjob.commands.options import Command, with_options
from xpjob.config.option import Config
from xpjob.net.options import NetOptions
from xpjob.reader.options import AccessOptions
from xpjob.store.options import StoreOptions
from xpjob.terminal import log
from xpjob.terminal.options import OutputOptions


@click.command(cls=Command)
@click.argument("words", metavar="[WORD]...", nargs=-1)
@click.option("--limit", type=click.IntRange(1, 1000), help="That many teams at most.")
@click.option(
    "--output", "-o", type=click.Choice(["table", "json"]), default="table", help="Format."
)
@click.option("--url", metavar="TEXT", help="Ask a reader there instead of the store.")
@click.option("--all-clusters", is_flag=True, help="What teams have in all clusters together.")
@with_options(StoreOptions, AccessOptions, NetOptions, OutputOptions)
def teams(
    config: Config,
    words: tuple[str, ...],
    limit: int | None,
    output: str,
    url: str | None,
    all_clusters: bool,
) -> None:
    """Print what each team has in the newest snapshot, from the store or from a reader.

    With WORDs, only teams in whose names they occur. What has no team is listed as (none);
    "xpjob show --team NAME" prints one team. Teams say who is to be asked, not who may read.

    \b
    Who has what?
        xpjob teams --url http://localhost:8080
    """
    from xpjob.collectors import COLLECTORS
    from xpjob.collectors.extensions import EXTENSIONS
    from xpjob.reader import show_teams, team_terminal
    from xpjob.reader.parameters import QueryError
    from xpjob.reader.show import Source
    from xpjob.terminal import output as printed
    from xpjob.terminal import tables

    log.configure_for(config[OutputOptions])
    source = Source(config, url, COLLECTORS, EXTENSIONS)
    try:
        found = show_teams.listed(source, " ".join(words), limit, all_clusters=all_clusters)
    except QueryError as error:
        raise click.UsageError(error.for_people()) from error
    if output == "json":
        printed.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        console = tables.stdout()
        console.print(team_terminal.teams_table(found, console.width))
