"""The report of ``xpjob usage`` for a terminal, from its JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from xpjob.reader.terminal import plain

_LISTED = 10
"""Days and files that are named."""

Document = dict[str, Any]


_decode = msgspec.json.Decoder(float_hook=Decimal).decode
"""Numbers keep the digits that they were rounded to."""


def print_report(body: bytes, console: Console) -> None:
    """Print a table for each meter, and the footer."""
    document: Document = _decode(body)
    console.print(
        f"Usage from {document['from']} to {document['to']} (exclusive); days are UTC. "
        "Quantities are totals of the period, averages are over the time that was observed."
    )
    for total in document["totals"]:
        console.print(_table(document, total))
    if not document["totals"]:
        console.print("no usage")
    if (cost := document.get("cost")) and cost["billedCost"] is not None:
        console.print(f"cost: {cost['billedCost']} {cost['billingCurrency']}")
    for line in _footer(document["footer"]):
        console.print(plain(line))


def _table(document: Document, total: Document) -> Table:
    made = Table(title=plain(total["meter"]), title_justify="left", show_footer=True)
    by, money = document["by"], "cost" in document
    for number, name in enumerate(by):
        made.add_column(plain(name), "total" if not number else "", overflow="fold")
    columns = [("quantity", total["unit"]), ("average", f"average {total['averageUnit']}")]
    if money:
        columns.append(("billedCost", document["cost"]["billingCurrency"]))
    for name, title in columns:
        made.add_column(title, _number(total[name]), justify="right", overflow="fold")
    for row in document["rows"]:
        # A total is of a meter, and of one class if several are asked for.
        if all(row[name] == total[name] for name in ("meter", "class") if name in total):
            values = [_value(row, name) for name in by]
            made.add_row(*values, *(_number(row[name]) for name, _ in columns))
    return made


def _value(row: Document, name: str) -> str:
    value = plain(row[name])
    return f"[dim]{value}[/]" if row["reserved"] and value.startswith("__") else value


def _number(value: object) -> str:
    return "" if value is None else str(value)


def _footer(footer: Document) -> Iterator[str]:
    """Yield what is missing, and how certain the rest is."""
    yield (
        f"days: {footer['present']} of {footer['days']} have a file, {footer['open']} are open, "
        f"{footer['missing']} are missing; coverage {_percent(footer['coverage'])}"
    )
    for each in footer["clusters"]:
        for what in ("missing", "open"):
            if each[what]:
                yield f"{what} in {each['cluster']}: {_some(each[what])}"
    if footer["unreadable"]:
        yield f"unreadable, and left out: {_some(footer['unreadable'])}"
    for each in footer["meters"]:
        yield (
            f"{each['meter']}: {_percent(each['unallocated'])} without a team, "
            f"{_percent(each['bridged'])} over gaps, {_percent(each['corrected'])} corrected later"
        )
    if footer["unpriced"]:
        yield f"rows of which something has no price: {footer['unpriced']}"


def _some(names: list[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _percent(part: float) -> str:
    return f"{part * 100:.2f} %"
