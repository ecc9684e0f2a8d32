"""``xpjob show``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from xpjob.commands.options import Command, with_options
from xpjob.config.option import Config
from xpjob.net.options import NetOptions
from xpjob.reader.options import AccessOptions
from xpjob.store.options import StoreOptions
from xpjob.terminal import log
from xpjob.terminal.options import OutputOptions

if TYPE_CHECKING:
    from xpjob.reader.show import Source


@click.command(cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("table", metavar="[TABLE]", required=False)
@click.argument("more", metavar="[--COLUMN VALUE]...", nargs=-1, type=click.UNPROCESSED)
@click.option("--not-ready", is_flag=True, help="Only what is not ready, the longest first.")
@click.option("--class", "class_", multiple=True, metavar="TEXT", help="Only this class.")
@click.option("--team", multiple=True, metavar="TEXT", help="Only what is this team's.")
@click.option("--namespace", "-n", multiple=True, metavar="TEXT", help="Only this namespace.")
@click.option("--kind", multiple=True, metavar="TEXT", help="Only this kind.")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Only rows with this value; * stands for any text.",
)
@click.option("--search", metavar="TEXT", help="Only rows with these words.")
@click.option("--sort", metavar="NAMES", help="Order, - for descending, comma-separated.")
@click.option("--columns", metavar="NAMES", help="Columns to print, comma-separated.")
@click.option("--limit", type=click.IntRange(1, 1000), help="That many rows at most.")
@click.option(
    "--output", "-o", type=click.Choice(["table", "json", "csv"]), default="table", help="Format."
)
@click.option(
    "--raw",
    is_flag=True,
    help="Keep control and invisible characters in JSON and CSV; not for terminals.",
)
@click.option("--url", metavar="TEXT", help="Ask a reader there instead of the store.")
@click.option("--all-clusters", is_flag=True, help="Rows of TABLE, or of a team, in all clusters.")
@with_options(StoreOptions, AccessOptions, NetOptions, OutputOptions)
def show(
    config: Config,
    table: str | None,
    more: tuple[str, ...],
    not_ready: bool,
    filters: tuple[str, ...],
    search: str | None,
    sort: str | None,
    columns: str | None,
    limit: int | None,
    output: str,
    raw: bool,
    url: str | None,
    all_clusters: bool,
    **named: tuple[str, ...],
) -> None:
    """Print a table of the newest snapshot, from the store or from a reader.

    Without TABLE it prints what a platform team looks at first: its objects, and why they are not
    ready. Filters can be repeated; --COLUMN VALUE after TABLE is short for --filter. An unknown
    TABLE lists those that there are.

    With one --team and nothing else it prints what that team has in every table, with sums and
    their shares, and its findings; --team '' is what has no team. In CSV it prints its objects.

    Control, bidirectional and invisible characters are printed as escapes, such as \\u202e; in JSON
    that is the same text. With --raw they are as they are, for a file or another program.

    \b
    What is not ready, the longest first, from a reader:
        xpjob show --not-ready --url http://localhost:8080
    All of one team, in all tables:
        xpjob show --team payments --url http://localhost:8080
    Its objects, for a spreadsheet, from the store:
        xpjob show --team payments --output csv --store-backend s3 --s3-bucket inventory
    A table, fullest first:
        xpjob show nodes --sort -cpuRatio --filter pool=workers --url http://localhost:8080
    Where an image runs:
        xpjob show deployments --digest sha256:0a1b... --all-clusters --url http://localhost:8080
    """
    from xpjob.base.times import now
    from xpjob.collectors import COLLECTORS
    from xpjob.collectors.extensions import EXTENSIONS
    from xpjob.reader import terminal
    from xpjob.reader.parameters import QueryError
    from xpjob.reader.show import Source
    from xpjob.terminal import output as printed
    from xpjob.terminal import tables

    if raw and output == "table":
        raise click.UsageError("--raw is for --output json and csv")
    if raw and sys.stdout.isatty():
        raise click.UsageError(
            "--raw is not for terminals: redirect the output to a file or a pipe"
        )
    log.configure_for(config[OutputOptions])
    pairs = [
        *_filters(filters),
        *_columns(table, more),
        *((name.rstrip("_"), value) for name, values in named.items() for value in values),
    ]
    wanted = {"q": search, "sort": sort, "limit": limit, "fields": columns}
    source = Source(config, url, COLLECTORS, EXTENSIONS)
    others = (table, not_ready, pairs[1:], filters, more, *wanted.values())
    try:
        if named["team"] and output != "csv" and not any(others):
            (name,) = named["team"]
            _print_team(source, name, output, raw=raw, all_clusters=all_clusters)
            return
        if table:
            if not_ready:
                raise click.UsageError("--not-ready goes without TABLE: use --filter ready=false")
            pairs += [(name, str(value)) for name, value in wanted.items() if value]
            pairs.append(("format", "ndjson" if output == "table" else output))
            described = source.table_of_all if all_clusters else source.table
            description, answer = described(table, pairs)
        else:
            if all_clusters:
                raise click.UsageError("--all-clusters needs TABLE")
            extension = next(each for each in EXTENSIONS if each.listing)
            if extension.listing is None:
                raise AssertionError("it has been looked for")
            pairs += extension.listing.pairs(not_ready=not_ready)
            pairs += [
                (name, str(value))
                for name, value in wanted.items()
                if value and (name, output) != ("fields", "table")
            ]
            pairs.append(("format", "ndjson" if output == "table" else output))
            answer = source.listing(extension, pairs)
    except QueryError as error:
        raise click.UsageError(error.for_people()) from error
    if output != "table":
        printed.write(answer.body, raw=raw)
    elif table:
        moment = int(now().timestamp())
        tables.stdout().print(
            terminal.rows_table(
                description,
                terminal.decoded(answer.body),
                columns=columns.split(",") if columns else (),
                now=moment,
                title=terminal.title(description, answer, moment),
            )
        )
    elif extension.listing:
        extension.listing.print(answer, tables.stdout(), now())


def _print_team(source: Source, name: str, output: str, *, raw: bool, all_clusters: bool) -> None:
    from xpjob.base.times import now
    from xpjob.reader import show_teams, team_terminal
    from xpjob.terminal import output as printed
    from xpjob.terminal import tables

    document, described = show_teams.one(source, name, all_clusters=all_clusters)
    if output == "json":
        printed.write(json.dumps(document, ensure_ascii=False).encode() + b"\n", raw=raw)
        return
    console = tables.stdout()
    moment = int(now().timestamp())
    for each in team_terminal.team_tables(document, described, moment, console.width):
        console.print(each)


def _filters(texts: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise click.UsageError(f"--filter: {text!r} is not of the form NAME=VALUE")
        yield name, value


def _columns(table: str | None, texts: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield filters that are given as options: ``--node-group VALUE`` or ``--nodeGroup=VALUE``."""
    rest = iter(texts)
    if table and table.startswith("-"):
        raise click.NoSuchOption(table)
    for text in rest:
        if not text.startswith("--"):
            raise click.UsageError(f"Got unexpected extra argument ({text})")
        name, equals, value = text[2:].partition("=")
        value = value if equals else next(rest, "")
        if not equals and (not value or value.startswith("--")):
            raise click.UsageError(f"Option '{text}' requires an argument.")
        first, *parts = name.split("-")
        yield first + "".join(part[:1].upper() + part[1:] for part in parts), value
