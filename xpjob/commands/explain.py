"""``xpjob explain``."""

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
@click.argument("target", metavar="KIND/[NAMESPACE/]NAME")
@click.option(
    "--output", "-o", type=click.Choice(["table", "json"]), default="table", help="Format."
)
@click.option("--url", metavar="TEXT", help="Ask a reader there instead of the store.")
@with_options(StoreOptions, AccessOptions, NetOptions, OutputOptions)
def explain(config: Config, target: str, output: str, url: str | None) -> None:
    """Print what blocks one object, and the whole tree it is part of, from the newest snapshot.

    The kind may be a resource too, upper or lower case, with its group behind a dot where several
    have one of that name. Exits 0 also where something is not ready, 1 where there is no such
    object.

    \b
    Why is my database not there?
        xpjob explain postgresqlinstance/team-a/orders --url http://localhost:8080
    """
    from xpjob.base.times import now
    from xpjob.collectors import COLLECTORS
    from xpjob.collectors.extensions import EXTENSIONS
    from xpjob.reader.parameters import QueryError
    from xpjob.reader.show import Source
    from xpjob.terminal import output as printed
    from xpjob.terminal import tables

    log.configure_for(config[OutputOptions])
    extension = next(each for each in EXTENSIONS if each.explainer)
    try:
        document = Source(config, url, COLLECTORS, EXTENSIONS).explained(extension, target)
    except QueryError as error:
        raise click.UsageError(error.for_people()) from error
    if output == "json":
        printed.echo(json.dumps(document, indent=2))
    elif extension.explainer:
        extension.explainer.print(document, tables.stdout(), int(now().timestamp()))
