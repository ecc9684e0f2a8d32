"""The commands for snapshots that are there: serve, show, explain, diff."""

from __future__ import annotations

import json
import sys

import click

from xpjob.commands.options import Command, with_settings
from xpjob.config.settings import ACCESS, OUTPUT, READER, SECURITY, STORE, Settings
from xpjob.terminal import log


@click.command(cls=Command)
@with_settings(STORE, READER, ACCESS, SECURITY, OUTPUT)
def serve(config: Settings) -> None:
    """Serve the newest snapshot: a page at /, JSON and CSV at /bookkeeping, and metrics.

    Needs a store that the job writes to, and nothing of Kubernetes. Ends with 0 on SIGTERM, when
    what was open is answered.

    \b
    Beside a job that keeps its snapshots in S3:
        xpjob serve --store-backend s3 --s3-bucket inventory
    """
    from xpjob.reader import server

    log.configure_for(config)
    server.serve(config)


@click.command(cls=Command)
@click.option("--not-ready", is_flag=True, help="Only what is not ready, the longest first.")
@click.option(
    "--class",
    "classes",
    multiple=True,
    type=click.Choice(["claim", "composite", "managed"]),
    help="Only this class.",
)
@click.option("--team", multiple=True, metavar="TEXT", help="Only what is this team's.")
@click.option("--namespace", "-n", multiple=True, metavar="TEXT", help="Only this namespace.")
@click.option("--kind", multiple=True, metavar="TEXT", help="Only this kind.")
@click.option("--limit", type=click.IntRange(1, 1000), help="That many records at most.")
@click.option(
    "--output", "-o", type=click.Choice(["table", "json", "csv"]), default="table", help="Format."
)
@click.option("--url", metavar="TEXT", help="Ask a reader there instead of the store.")
@with_settings(STORE, ACCESS, SECURITY, OUTPUT)
def show(
    config: Settings,
    not_ready: bool,
    classes: tuple[str, ...],
    team: tuple[str, ...],
    namespace: tuple[str, ...],
    kind: tuple[str, ...],
    limit: int | None,
    output: str,
    url: str | None,
) -> None:
    """Print the newest snapshot, from the store or from a reader. Filters can be repeated.

    \b
    What is not ready, the longest first, from a reader:
        xpjob show --not-ready --url http://localhost:8080
    All of one team, for a spreadsheet, from the store:
        xpjob show --team payments --output csv --store-backend s3 --s3-bucket inventory
    """
    from xpjob.reader import show as reader
    from xpjob.reader.parameters import QuestionError
    from xpjob.snapshot.documents import now
    from xpjob.terminal import tables

    log.configure_for(config)
    filters = (("class", classes), ("team", team), ("namespace", namespace), ("kind", kind))
    pairs = reader.pairs_of(not_ready=not_ready, filters=filters, limit=limit, form=output)
    try:
        told = reader.from_url(config, url, pairs) if url else reader.from_store(config, pairs)
    except QuestionError as error:
        raise click.UsageError(error.for_people()) from error
    if output == "table":
        reader.table(told, tables.stdout(), now())
    else:
        sys.stdout.buffer.write(told.body)
        sys.stdout.buffer.flush()


@click.command(cls=Command)
@click.argument("target", metavar="KIND/[NAMESPACE/]NAME")
@click.option(
    "--output", "-o", type=click.Choice(["table", "json"]), default="table", help="Format."
)
@click.option("--url", metavar="TEXT", help="Ask a reader there instead of the store.")
@with_settings(STORE, ACCESS, SECURITY, OUTPUT)
def explain(config: Settings, target: str, output: str, url: str | None) -> None:
    """Print what blocks one claim, XR or MR, and its whole tree, from the newest snapshot.

    The kind may be a resource too, upper or lower case, with its group behind a dot where several
    have one of that name. Exits 0 also where something is not ready, 1 where there is no such
    record.

    \b
    Why is my database not there?
        xpjob explain postgresqlinstance/team-a/orders --url http://localhost:8080
    """
    from xpjob.collectors.crossplane.reader import explain as reader
    from xpjob.reader.parameters import QuestionError
    from xpjob.snapshot.documents import now
    from xpjob.terminal import tables

    log.configure_for(config)
    try:
        found = reader.explain(config, url, reader.pairs_of(target))
    except QuestionError as error:
        raise click.UsageError(error.for_people()) from error
    if output == "json":
        click.echo(json.dumps(found, indent=2))
    else:
        reader.table(found, tables.stdout(), int(now().timestamp()))


@click.command(cls=Command)
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="[NEW]", default="newest")
@click.option(
    "--output", "-o", type=click.Choice(["table", "json"]), default="table", help="Format."
)
@with_settings(STORE, SECURITY, OUTPUT)
def diff(config: Settings, old: str, new: str, output: str) -> None:
    """Print what came, went and changed state between two snapshots.

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

    from xpjob.snapshot import resolve
    from xpjob.snapshot.diff import diff as compare
    from xpjob.snapshot.documents import now
    from xpjob.terminal import tables

    log.configure_for(config)
    moment = now()
    sides = [resolve.open_meant(config, text, moment) for text in (old, new)]
    if sides[0].cluster != sides[1].cluster:
        of = " and ".join(repr(side.cluster) for side in sides)
        raise click.UsageError(f"{old} and {new} are of two clusters, {of}: compare one's own")
    found = compare(*sides)
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        tables.stdout().print(tables.diff_table(found))
