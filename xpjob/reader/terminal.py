"""Rows of any table on a terminal, each column as its type is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec
from rich.markup import escape
from rich.table import Table

from xpjob.base import times
from xpjob.base.times import ago
from xpjob.base.visible import one_line
from xpjob.collect.description import NUMBERS, Column, TableDescription
from xpjob.reader.show import Answer
from xpjob.reader.table import text_of
from xpjob.snapshot.diff import RowChange, TableDiff

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def plain(value: object) -> str:
    """Return text for a table, on one line and without markup: tenants choose much of it."""
    return escape(one_line("" if value is None else str(value)))


def rows_table(
    table: TableDescription,
    rows: Iterable[Mapping[str, object]],
    *,
    columns: Sequence[str] = (),
    now: int,
    title: str = "",
) -> Table:
    """Return rows as a terminal shows them; ``columns`` are by default those of the description.

    A ratio is a percentage, bytes have a binary unit, a time is an age at ``now`` (seconds of
    the epoch).
    """
    known = {column.name: column for column in table.columns}
    shown = [known[name] for name in columns or table.shown if name in known]
    made = Table(title=plain(title or table.title), title_justify="left")
    for column in shown:
        number = column.type in NUMBERS or column.type == "time"
        justify: Literal["left", "right"] = "right" if number else "left"
        made.add_column(
            plain((column.title or column.name).lower()),
            justify=justify,
            overflow="fold",
        )
    for row in rows:
        made.add_row(*(plain(cell(column, row.get(column.name), now)) for column in shown))
    return made


def title(table: TableDescription, answer: Answer, now: int) -> str:
    """Return the title of an answer: how many rows of how many, and of when."""
    shown = len(answer.body.splitlines())
    count = f"{shown} of {answer.total}" if shown < answer.total else str(shown)
    return f"{table.title}: {count} row{'s' if answer.total != 1 else ''}{answer.age(now)}"


def cell(column: Column, value: object, now: int) -> str:
    """Return one value as its column's type is read; empty for null."""
    if value is None or value == "":
        return ""
    if column.type == "flag" and isinstance(value, bool):
        return "yes" if value else "no"
    if column.type == "time" and isinstance(value, str):
        moment = times.read(value)
        return value if moment is None else ago(now - int(moment.timestamp()))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if column.type == "ratio":
            return f"{value:.1%}".replace(".0%", "%")
        if column.type == "bytes":
            return _bytes(value)
        if column.type in NUMBERS:
            return f"{value:,.2f}".rstrip("0").rstrip(".") if value % 1 else f"{value:,.0f}"
    if isinstance(value, list):
        return ", ".join(map(text_of, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={text_of(each)}" for key, each in value.items())
    return text_of(value)


def _bytes(value: float) -> str:
    number, unit = float(value), 0
    while abs(number) >= 1024 and unit < len(_UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:.1f} {_UNITS[unit]}".replace(".0 ", " ")


def diff_table(diff: TableDiff) -> Table:
    """Return the changes of a table as a terminal shows them."""
    counts = f"{len(diff.came)} came, {len(diff.went)} went, {len(diff.changed)} changed"
    failed = ", ".join(diff.unknown)
    caption = plain(f"Not known, so what came and went there is left out: {failed}")
    made = Table(
        title=plain(f"{diff.title}: {counts}"),
        title_justify="left",
        caption=caption if failed else None,
        caption_justify="left",
    )
    for name in ("what", "row", "was", "is"):
        made.add_column(name, overflow="fold")
    for what, changes in (
        ("[yellow]changed[/]", diff.changed),
        ("[green]came[/]", diff.came),
        ("[red]went[/]", diff.went),
    ):
        for change in changes:
            made.add_row(what, *(plain(text) for text in _texts(change)))
    return made


def _texts(change: RowChange) -> tuple[str, str, str]:
    """Return the row and its two states; of a change only the columns that differ."""
    was, is_ = change.was or {}, change.is_ or {}
    if change.was and change.is_:
        differ = [name for name in was if was[name] != is_.get(name)]
        was, is_ = ({name: side.get(name) for name in differ} for side in (was, is_))
    return _pairs(change.row), _pairs(was), _pairs(is_)


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={text_of(value)}" for name, value in values.items() if value != "")


def decoded(body: bytes) -> list[dict[str, object]]:
    """Return the rows of an answer in NDJSON."""
    return [msgspec.json.decode(line, type=dict[str, object]) for line in body.splitlines()]
