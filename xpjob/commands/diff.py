"""``xpjob diff``."""

from __future__ import annotations

import click

from xpjob.commands.options import Command, with_options
from xpjob.config.option import Config
from xpjob.net.options import NetOptions
from xpjob.store.options import StoreOptions
from xpjob.terminal import log
from xpjob.terminal.options import OutputOptions


@click.command(cls=Command)
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="[NEW]", default="newest")
@click.option(
    "--output", "-o", type=click.Choice(["table", "json"]), default="table", help="Format."
)
@with_options(StoreOptions, NetOptions, OutputOptions)
def diff(config: Config, old: str, new: str, output: str) -> None:
    """Print what came, went and changed between two snapshots, table by table.

    Each is a file, a key of the store, "newest", or a time (1d is a day ago; or
    2026-08-21T09:00:00Z), which means the dated snapshot that was the newest then, or the oldest
    where none is so old. Exits 0 whether there are changes or not. HISTORY_KEEP has the job keep
    dated snapshots.

    \b
    What has changed since yesterday:
        xpjob diff 1d --store-backend s3 --s3-bucket inventory
    Between two files:
        xpjob diff monday.json friday.json --output json
    """
    import msgspec

    from xpjob.base.times import now
    from xpjob.collectors import COLLECTORS
    from xpjob.collectors.extensions import EXTENSIONS
    from xpjob.reader.comparison import Comparison
    from xpjob.snapshot import resolve
    from xpjob.terminal import output as printed
    from xpjob.terminal import tables

    log.configure_for(config[OutputOptions])
    moment = now()
    first, second = (
        resolve.open_described(config, text, moment, COLLECTORS) for text in (old, new)
    )
    if first.head.cluster != second.head.cluster:
        of = " and ".join(repr(side.head.cluster) for side in (first, second))
        raise click.UsageError(f"{old} and {new} are of two clusters, {of}: compare one's own")
    comparison = Comparison.of(first, second, EXTENSIONS)
    if output == "json":
        printed.echo(msgspec.json.format(msgspec.json.encode(comparison.document()).decode()))
    else:
        for table in comparison.tables():
            tables.stdout().print(table)
