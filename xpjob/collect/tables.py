"""Tables: rows of one record type, with the description from which all outputs are derived."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

ColumnType = Literal[
    "text", "state", "flag", "count", "ratio", "bytes", "cores", "time", "list", "object"
]
"""Determines how a column is shown, sorted and filtered. Times are RFC 3339; ratios are 0 to 1."""
NUMBERS: frozenset[ColumnType] = frozenset({"count", "ratio", "bytes", "cores"})


class Column(Struct, frozen=True, rename="camel"):
    """One column; ``name`` is its key in the JSON of a row."""

    name: str
    type: ColumnType = "text"
    title: str = ""
    help: str = ""


class TableDescription(Struct, frozen=True, rename="camel", kw_only=True):
    """Description of a table for the reader, stored with the rows.

    ``identity`` has the columns that identify a row across runs, ``filters`` those to filter and
    count by, ``search`` those that ``q`` searches, ``shown`` those of the page in order,
    ``changes`` those whose change a comparison reports. ``sort`` is the default order, ``by`` the
    columns that a summary counts by, and ``ok`` the flag column for the healthy state.
    ``unchecked`` are filters for which a value that no row has is not a mistake.
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

    def column(self, name: str) -> Column | None:
        """Return a column by name."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True)
class TableSpec:
    """Declaration of a table: a key of the snapshot, a route of the reader, a tab of the page.

    Columns have their JSON names. Their types and help texts come from the record's fields
    (``Annotated[str, Meta(description=...)]``); ``types`` overrides column types.
    ``previous`` has the fields of a row that the next run reads; None means the identity.
    """

    key: str
    record: type[Struct]
    identity: tuple[str, ...]
    title: str = ""
    filters: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    sort: str = ""
    by: tuple[str, ...] = ()
    ok: str = ""
    unchecked: tuple[str, ...] = ()
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    previous: type[Struct] | None = None

    def describe(self, collector: str) -> TableDescription:
        """Return the description to store. Raises ``ValueError`` for an unknown column."""
        columns = tuple(
            _column(item.encode_name, item.type, self.types.get(item.encode_name))
            for item in msgspec.structs.fields(self.record)
        )
        known = {column.name for column in columns}
        for names in (
            *(self.identity, self.filters, self.search, self.shown, self.changes, self.by),
            self.unchecked,
        ):
            if unknown := sorted(set(names) - known):
                raise ValueError(f"table {self.key}: unknown column: {', '.join(unknown)}")
        return TableDescription(
            key=self.key,
            collector=collector,
            title=self.title or title_of(self.key),
            columns=columns,
            identity=self.identity,
            filters=self.filters,
            search=self.search,
            shown=self.shown or tuple(column.name for column in columns),
            changes=self.changes,
            sort=self.sort,
            by=self.by,
            ok=self.ok,
            unchecked=self.unchecked or UNSET,
        )


def title_of(name: str) -> str:
    """Convert a key to a title: "notReadySince" becomes "Not ready since"."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return words[:1].upper() + words[1:].lower()


def _column(name: str, annotation: Any, chosen: ColumnType | None) -> Column:
    text = ""
    while typing.get_origin(annotation) is typing.Annotated:
        annotation, *extras = typing.get_args(annotation)
        text = next((e.description or "" for e in extras if isinstance(e, Meta)), text)
    return Column(name, chosen or _type_of(annotation), title_of(name), text)


def _type_of(annotation: Any) -> ColumnType:
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        some = [each for each in typing.get_args(annotation) if each is not type(None)]
        return _type_of(some[0]) if len(some) == 1 else "object"
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    if annotation is bool:
        return "flag"
    if annotation in (int, float):
        return "count"
    if annotation is str or typing.get_origin(annotation) is Literal:
        return "text"
    if typing.get_origin(annotation) in (list, tuple, set, frozenset):
        return "list"
    return "object"
