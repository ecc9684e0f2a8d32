"""``xpjob usage``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xpjob.commands.options import Command, with_options
from xpjob.config.option import Config
from xpjob.net.options import NetOptions
from xpjob.reader.options import AccessOptions
from xpjob.store.options import StoreOptions
from xpjob.terminal import log
from xpjob.terminal.options import OutputOptions

if TYPE_CHECKING:
    from xpjob.usage.asked import Values
    from xpjob.usage.money import Prices
    from xpjob.usage.report import Report

_INCOMPLETE = 3
"""Exit code of --strict if days are missing, open or unreadable."""


@click.command(cls=Command)
@click.option("--month", metavar="YYYY-MM", help="A month; by default the last whole one.")
@click.option("--from", "from_", metavar="DAY", help="First day, e.g. 2026-10-01, in UTC.")
@click.option("--to", metavar="DAY", help="Day after the last one; by default until now.")
@click.option(
    "--by",
    multiple=True,
    metavar="NAMES",
    help="Dimensions of the rows, comma-separated: team (default), namespace, kind, group, class, "
    "composition, nodeGroup, tags.NAME, cluster, day, month.",
)
@click.option("--meter", multiple=True, metavar="NAME", help="Only this meter; default all.")
@click.option(
    "--class",
    "class_",
    multiple=True,
    metavar="NAME",
    help="Objects of this class; by default orders, of which no other object is a part.",
)
@click.option("--team", multiple=True, metavar="TEXT", help="Only this team; '' has none.")
@click.option("--namespace", "-n", multiple=True, metavar="TEXT", help="Only this namespace.")
@click.option("--kind", multiple=True, metavar="TEXT", help="Only this kind.")
@click.option(
    "--filter",
    multiple=True,
    metavar="NAME=VALUE",
    help="Only this value of any dimension; * stands for any text.",
)
@click.option("--cluster", multiple=True, metavar="NAME", help="Only this cluster; default all.")
@click.option(
    "--share",
    multiple=True,
    metavar="WHAT=HOW",
    help="Share what is idle, or a value of a dimension, among the other rows: idle=proportional, "
    "idle=even, or e.g. namespace=kube-system:proportional.",
)
@click.option(
    "--map", multiple=True, metavar="NAME:OLD=NEW", help="Rename a value, e.g. team:old=new."
)
@click.option(
    "--prices",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV file of prices: meter,match,price,per,currency,from.",
)
@click.option("--exact", is_flag=True, help="Quantities as exact numbers times seconds.")
@click.option(
    "--output", "-o", type=click.Choice(["table", "json", "csv"]), default="table", help="Format."
)
@click.option("--url", metavar="TEXT", help="Ask a reader there instead of the store.")
@with_options(StoreOptions, AccessOptions, NetOptions, OutputOptions)
def usage(config: Config, output: str, url: str | None, prices: Path | None, **given: Any) -> None:
    """Print who had how much, for how long: by team, or by any other dimensions.

    It reads the daily files that the job writes, and for days without one the newest snapshot. Days
    are UTC. The footer says which days are missing; with --strict, missing, open and unreadable
    days exit with 3. See xpjob/usage/README.md for what the numbers are and are not.

    \b
    Last month by team:
        xpjob usage --store-backend s3 --s3-bucket inventory
    October by team and kind, as CSV for a spreadsheet or an invoice:
        xpjob usage --month 2026-10 --by team,kind --prices prices.csv --output csv
    What has no owner:
        xpjob usage --by namespace --team ''
    Cores by team, with what is idle and the system's namespace shared:
        xpjob usage --meter cpu_requests --share idle=proportional \\
            --share namespace=kube-system:proportional
    """
    import msgspec

    from xpjob.terminal import output as printed
    from xpjob.terminal.tables import stdout
    from xpjob.terminal.usage import print_report
    from xpjob.usage import document
    from xpjob.usage.errors import QuestionError

    log.configure_for(config[OutputOptions])
    values = _values(config, given)
    strict = config[OutputOptions].strict
    try:
        if url:
            if prices:
                raise click.UsageError("--prices needs the store: a reader has no prices")
            csv = _from_reader(config, url, values, "csv") if output == "csv" else b""
            json = _from_reader(config, url, values, "json") if output != "csv" or strict else b""
        else:
            made = _from_store(config, values, prices)
            csv, json = document.as_csv(made), document.as_json(made)
    except QuestionError as error:
        known = f"; there are: {', '.join(error.known)}" if error.known else ""
        raise click.UsageError(f"{error}{known}") from error
    if output == "table":
        print_report(json, stdout())
    else:
        printed.write(csv if output == "csv" else json)
    if strict and not _complete(msgspec.json.decode(json)["footer"]):
        sys.exit(_INCOMPLETE)


def _values(config: Config, given: dict[str, Any]) -> Values:
    """Return the values of the question's parameters."""
    values: dict[str, list[str]] = {}
    for name, value in given.items():
        named = name.rstrip("_")
        if isinstance(value, bool):
            values[named] = ["true"] if value else []
        else:
            values[named] = [value] if isinstance(value, str) else list(value or ())
    values["cluster"] = values["cluster"] or [config[StoreOptions].cluster_name or "*"]
    return values


def _from_store(config: Config, values: Values, prices: Path | None) -> Report:
    from xpjob.base.times import now
    from xpjob.collectors import COLLECTORS
    from xpjob.store.open import open_reader_store
    from xpjob.usage import asked, current
    from xpjob.usage.gather import gather
    from xpjob.usage.meters import orders
    from xpjob.usage.report import report

    moment = now()
    priced = _prices(prices) if prices else None
    question = asked.question(values, moment, orders(COLLECTORS), priced)
    store = open_reader_store(config)
    today = moment.date()
    open_days = current.of_store(store) if current.may_be_open(question.period, today) else []
    changes = priced.changes_in(question.period) if priced else ()
    return report(gather(store, question, changes, open_days, today), priced)


def _prices(path: Path) -> Prices:
    from xpjob.usage import money

    with path.open("rb") as file:
        return money.read(file.read(money.MAX_BYTES + 1), str(path))


def _from_reader(config: Config, url: str, values: Values, form: str) -> bytes:
    from xpjob.reader.client import ask, document_of, not_a_reader
    from xpjob.reader.parameters import QueryError
    from xpjob.usage.document import COLUMNS
    from xpjob.usage.errors import QuestionError

    pairs = [(name, value) for name, each in values.items() for value in each]
    try:
        body = ask(config, url, "usage", [*pairs, ("format", form)], cluster=False).body
        if form == "json":
            document_of(body, ("from", "to", "by", "rows", "totals", "footer"), url)
        elif ",".join(COLUMNS).encode() not in body.partition(b"\n")[0]:
            raise not_a_reader(url)
        return body
    except QueryError as error:
        known: Iterable[str] = error.facts.get("known", ())  # type: ignore[assignment]
        raise QuestionError("", str(error), known) from error


def _complete(footer: dict[str, Any]) -> bool:
    """Return whether all days are there and closed."""
    lacking = ("missing", "open", "unreadable")
    return bool(footer["days"]) and not any(footer[name] for name in lacking)
