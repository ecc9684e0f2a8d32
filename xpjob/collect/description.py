"""The description of a table, as it is stored with the table's rows and served."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

ColumnType = Literal[
    "text",
    "state",
    "flag",
    "count",
    "number",
    "ratio",
    "bytes",
    "cores",
    "money",
    "time",
    "digest",
    "ref",
    "list",
    "object",
]
"""Determines how a column is shown, sorted and filtered. Times are RFC 3339; ratios are 0 to 1.

A ``number`` is one that makes no sense when added up, such as a duration. A ``ref`` is an object
with group, kind, namespace and name.
"""
NUMBERS: frozenset[ColumnType] = frozenset({"count", "number", "ratio", "bytes", "cores", "money"})
SUMMED = NUMBERS - {"number", "ratio"}
Severity = Literal["", "info", "warning", "critical"]
LATENESS = "lateness"
"""A column that readers add where a table has ``ok`` and ``since``.

"recent" until the usual time is over, "late" afterwards, "long" from one day, empty if ok.
"""
ABBREVIATIONS = {
    word.lower(): word
    for word in ("API", "CPU", "CSV", "GitHub", "ID", "IDs", "OK", "UID", "URL", "XR")
}
USUAL_SECONDS = 900
"""How long a row may take to become ok, where nothing better is known."""


class Column(Struct, frozen=True, rename="camel"):
    """One column; ``name`` is its key in the JSON of a row.

    ``priority``: 1 is always shown, 2 from 700 pixels, 3 from 1100 or where all are wanted, 0 only
    on the page of a row. ``unit`` is the currency of money.
    """

    name: str
    type: ColumnType = "text"
    title: str = ""
    help: str = ""
    priority: int = 0
    unit: str = ""


class Link(Struct, frozen=True, rename="camel"):
    """A column whose value is that of the column ``to`` of another table, which may be absent."""

    column: str
    table: str
    to: str


class Highlight(Struct, frozen=True, rename="camel"):
    """A number for the card of the collector: the rows that match, or the sum of a column of them.

    ``bad``: a number above 0 needs attention.
    """

    label: str
    filters: dict[str, tuple[str, ...]] = {}
    sum: str = ""
    bad: bool = False


class Usual(Struct, frozen=True, rename="camel"):
    """How long rows usually take to become ok, in seconds: by the values of a column, or not."""

    by: str = ""
    seconds: dict[str, int] = {}
    default: int = USUAL_SECONDS


class TableDescription(Struct, frozen=True, rename="camel", kw_only=True):
    """Description of a table for the reader, stored with the rows.

    ``identity`` has the columns that identify a row across runs, ``filters`` those to filter and
    count by, ``search`` those that ``q`` searches, ``shown`` those of the page in order,
    ``changes`` those whose change a comparison reports. ``sort`` is the default order, ``by`` the
    columns that a summary counts by, and ``ok`` the flag column for the healthy state.
    ``unchecked`` are filters for which a value that no row has is not a mistake.

    ``name`` has the columns that make the title of a row, its own name last. A row that is not ok
    since the time in ``since``, for longer than ``usual``, is late; ``severity`` says how grave
    that is ("" keeps it off the home page), and ``why`` has the columns that explain it, the best
    first. With ``since`` and without ``ok``, no row is ok. ``parents`` are columns with references
    to the row's parent, the nearest first; what they refer to is found by the columns group, kind,
    namespace and name. ``facets`` are the filters that the page offers, in order.
    """

    key: str
    collector: str = ""
    title: str = ""
    columns: tuple[Column, ...] = ()
    identity: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    sort: str = ""
    by: tuple[str, ...] = ()
    ok: str = ""
    unchecked: tuple[str, ...] | UnsetType = UNSET
    name: tuple[str, ...] = ()
    since: str = ""
    why: tuple[str, ...] = ()
    severity: Severity = ""
    usual: Usual = Usual()
    parents: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    highlights: tuple[Highlight, ...] = ()
    facets: tuple[str, ...] = ()

    def column(self, name: str) -> Column | None:
        """Return a column by name."""
        return next((column for column in self.columns if column.name == name), None)
