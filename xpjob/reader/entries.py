"""One row in a few words: its id, its title, whether it is ok, and why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xpjob.collect.description import TableDescription
from xpjob.collect.tables import row_id
from xpjob.reader.table import text_of

TEAM = "team"
"""The column that says whose a row is: each table that has it takes part."""
KIND = "kind"


def has_team(table: TableDescription) -> bool:
    """Return whether rows of a table have a team."""
    return table.column(TEAM) is not None


def id_of(table: TableDescription, row: Mapping[str, Any]) -> str:
    """Return the id of a row in addresses, empty if its table has no identity."""
    return row_id(text_of(row.get(name)) for name in table.identity)


def title_of(table: TableDescription, row: Mapping[str, Any]) -> str:
    """Return the title of a row, such as namespace/name."""
    names = table.name or table.identity
    return "/".join(text for name in names if (text := text_of(row.get(name))))


def why_of(table: TableDescription, row: Mapping[str, Any]) -> str:
    """Return what explains that a row is not ok, empty where nothing does."""
    return next((text for name in table.why if (text := text_of(row.get(name)))), "")


def ok_of(table: TableDescription, row: Mapping[str, Any]) -> bool | None:
    """Return whether a row is ok, None if that is not known."""
    value = row.get(table.ok) if table.ok else None
    return value if isinstance(value, bool) else None


def described(table: TableDescription, row: Mapping[str, Any]) -> dict[str, object]:
    """Return what a list of rows of several tables says of one."""
    return {
        "table": table.key,
        "id": id_of(table, row),
        "title": title_of(table, row),
        "kind": text_of(row.get(KIND)),
        "team": text_of(row.get(TEAM)),
        "ok": ok_of(table, row),
        "why": why_of(table, row),
    }
