"""Teams on a terminal, in tables that fit its width."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table

from xpjob.collect.description import Column, TableDescription
from xpjob.reader import terminal
from xpjob.reader.terminal import plain

WITHOUT = "(none)"
"""What stands for the empty name: what has no team."""
_WIDE = {1: 0, 2: 90, 3: 130}
"""Columns of a terminal from which columns of a priority are shown."""
_NAME, _GAP = 32, 3


def teams_table(document: Mapping[str, Any], width: int) -> Table:
    """Return all teams. The rows of each table are columns as far as these fit the width."""
    listed = document["teams"]
    shown, count = len(listed), document["total"]
    made = Table(
        title=f"Teams: {shown} of {count}" if shown < count else f"Teams: {count}",
        title_justify="left",
    )
    names = [team["name"] or WITHOUT for team in listed]
    made.add_column("team", overflow="fold", max_width=_NAME)
    columns = list(_columns(document, listed))
    left = width - min(_NAME, max(map(cell_len, ("team", *names)))) - 2 * _GAP
    for name, cells in columns:
        wide = max(map(cell_len, (name, *cells))) + _GAP
        if left < wide:
            break
        left -= wide
        made.add_column(plain(name), justify="right", no_wrap=True)
    kept = columns[: len(made.columns) - 1]
    for number, name in enumerate(names):
        made.add_row(plain(name), *(plain(cells[number]) for _, cells in kept))
    if len(kept) < len(columns):
        left_out = ", ".join(name for name, _ in columns[len(kept) :])
        made.caption = plain(f"A wider terminal shows: {left_out}")
        made.caption_justify = "left"
    return made


def team_tables(
    document: Mapping[str, Any], tables: Mapping[str, TableDescription], now: int, width: int
) -> Iterator[RenderableType]:
    """Yield what a team has: a sentence, and a table for each section."""
    yield plain(document["sentence"])
    several = len({section["cluster"] for section in document["sections"]}) > 1
    for section in document["sections"]:
        table = tables[section["table"]]
        title = _title(section) + (f" in {section['cluster']}" if several else "")
        yield f"\n{plain(title)}"
        made = terminal.rows_table(
            table, section["first"], columns=_shown(table, section, width), now=now
        )
        made.title = None  # it would be no wider than the table
        yield made
        if sums := ", ".join(_sums(table, section)):
            yield plain(sums)
    findings = document["findings"]
    if findings["total"]:
        yield ""
        yield _findings(findings)
    if document["notRunning"]:
        names = ", ".join(document["notRunning"])
        yield f"\n{plain(f'Collectors that do not run: {names}')}"


def _columns(
    document: Mapping[str, Any], listed: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, list[str]]]:
    """Yield each column of the list of teams with its cells, the most important first."""
    yield "rows", [f"{sum(team['rows'].values()):,}" for team in listed]
    for name in ("late", "findings"):
        yield name, [f"{team[name]:,}" for team in listed]
    for each in document["sums"]:
        column = Column(each["column"], each["type"], each["title"])
        cells = [terminal.cell(column, team["sums"].get(column.name), 0) for team in listed]
        yield column.title.lower(), cells
    for table in document["tables"]:
        counts = [team["rows"].get(table["key"]) for team in listed]
        yield table["key"], [f"{count:,}" if count else "" for count in counts]


def _shown(table: TableDescription, section: Mapping[str, Any], width: int) -> list[str]:
    """Return the columns of a section whose priority has room on a terminal."""
    known = {column.name: column.priority for column in table.columns}
    names = [name for name in section["columns"] if name in known]
    fit = [name for name in names if _WIDE.get(known[name], width) < width]
    return fit or names


def _title(section: Mapping[str, Any]) -> str:
    shown, rows = len(section["first"]), section["rows"]
    count = f"{shown} of {rows:,} rows" if shown < rows else f"{rows:,} row{'s' * (rows != 1)}"
    late = f", {section['late']:,} late" if section["late"] else ""
    states = ", ".join(
        f"{each['value'] or WITHOUT} {each['total']:,}" for each in section["states"]
    )
    by = f"; {section['state']}: {states}" if states else ""
    return f"{section['title']}: {count}{late}{by}"


def _sums(table: TableDescription, section: Mapping[str, Any]) -> Iterator[str]:
    for name, each in section["sums"].items():
        if each["value"] and (column := table.column(name)):
            share = Column("share", "ratio")
            of = f" ({terminal.cell(share, each['share'], 0)})" if each["share"] else ""
            yield f"{(column.title or name).lower()} {terminal.cell(column, each['value'], 0)}{of}"


def _findings(findings: Mapping[str, Any]) -> Table:
    shown, count = len(findings["entries"]), findings["total"]
    made = Table(
        title=f"Findings: {shown} of {count}" if shown < count else f"Findings: {count}",
        title_justify="left",
    )
    for name in ("severity", "object", "finding", "message"):
        made.add_column(name, overflow="fold")
    for each in findings["entries"]:
        named = "/".join(filter(None, (each["kind"], each["namespace"], each["name"])))
        made.add_row(*map(plain, (each["severity"], named, each["finding"], each["message"])))
    return made
