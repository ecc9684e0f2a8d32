"""Tables: rows of one record type, with the description from which all outputs are derived."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any, Literal
from urllib.parse import quote, unquote

import msgspec
from msgspec import UNSET, Meta, Struct, field

from xpjob.collect.description import (
    ABBREVIATIONS,
    LATENESS,
    Column,
    ColumnType,
    Highlight,
    Link,
    Severity,
    TableDescription,
    Usual,
)


class Nothing(Struct, frozen=True, gc=False):
    """What the next run reads of rows of which it reads nothing: see ``TableSpec.previous``."""


class TableSpec(Struct, frozen=True):
    """Declaration of a table: a key of the snapshot, a route of the reader, a tab of the page.

    Columns have their JSON names. Their types and help texts come from the record's fields
    (``Annotated[str, Meta(description=...)]``); ``types`` overrides column types, and ``titles``
    the titles that are made of the names.
    ``previous`` has the fields of a row that the next run reads; None means the identity. With
    ``Nothing`` it gets no rows: the collector remembers them in its state.
    ``past_of`` returns an object with what the next run reads of a row beside its identity: the
    same object for rows that have it in common, so that it is stored once. By default the row.
    ``priorities`` are those of columns; by default the first three that are shown have 1, the next
    three 2, and the others 3. ``units`` are those of columns of money. ``facets`` are by default
    ``by`` and the filters that neither identify nor name a row.
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
    types: Mapping[str, ColumnType] = {}
    previous: type[Struct] | None = None
    past_of: Callable[[Any], Any] | None = None
    name: tuple[str, ...] = ()
    since: str = ""
    why: tuple[str, ...] = ()
    severity: Severity = ""
    usual: Usual = field(default_factory=Usual)
    parents: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    highlights: tuple[Highlight, ...] = ()
    priorities: Mapping[str, int] = {}
    units: Mapping[str, str] = {}
    titles: Mapping[str, str] = {}
    facets: tuple[str, ...] = ()

    def describe(self, collector: str) -> TableDescription:
        """Return the description to store.

        Raises ``ValueError`` for an unknown column, and for one that is to filter and is no filter.
        """
        priorities = self._priorities()
        columns = tuple(
            msgspec.structs.replace(
                _column(
                    item.encode_name,
                    item.type,
                    self.types.get(item.encode_name),
                    self.titles.get(item.encode_name, ""),
                ),
                priority=priorities.get(item.encode_name, 0),
                unit=self.units.get(item.encode_name, ""),
            )
            for item in msgspec.structs.fields(self.record)
        )
        self._check({column.name for column in columns})
        name = self.name or self.identity
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
            name=name,
            since=self.since,
            why=self.why,
            severity=self.severity,
            usual=self.usual,
            parents=self.parents,
            links=self.links,
            highlights=self.highlights,
            facets=self.facets
            or (
                *self.by,
                *(each for each in self.filters if each not in (*self.by, *self.identity, *name)),
            ),
        )

    def _check(self, known: Set[str]) -> None:
        """Raise ``ValueError`` for columns that are not among ``known``, or are no filters."""
        named = (
            *(*self.identity, *self.filters, *self.search, *self.shown, *self.changes, *self.by),
            *(*self.unchecked, *self.name, *self.why, *self.parents),
            *(*self.priorities, *self.units),
            *filter(None, (self.ok, self.since, self.usual.by, self.sort.removeprefix("-"))),
            *(link.column for link in self.links),
            *(highlight.sum for highlight in self.highlights if highlight.sum),
        )
        if unknown := sorted({*named} - known):
            raise ValueError(f"table {self.key}: unknown column: {', '.join(unknown)}")
        filtering = {*self.by, *self.facets, *filter(None, (self.ok,))}
        filtering |= {name for highlight in self.highlights for name in highlight.filters}
        if missing := sorted(filtering - {*self.filters, LATENESS}):
            raise ValueError(f"table {self.key}: no filter: {', '.join(missing)}")

    def _priorities(self) -> Mapping[str, int]:
        shown = self.shown or tuple(
            item.encode_name for item in msgspec.structs.fields(self.record)
        )
        return {name: min(1 + place // 3, 3) for place, name in enumerate(shown)} | dict(
            self.priorities
        )


def row_id(values: Iterable[str]) -> str:
    """Return the id of a row: its identity as text, each value percent-encoded, joined by ``/``.

    A ``~`` precedes values that a path cannot hold: nothing, ``.``, ``..``, and what begins so.
    """
    return "/".join(
        f"~{quote(value, safe='')}" if value[:1] in ("", ".", "~") else quote(value, safe="")
        for value in values
    )


def row_values(row: str) -> tuple[str, ...]:
    """Return the values that ``row_id`` made an id of."""
    return tuple(unquote(part.removeprefix("~")) for part in row.split("/"))


def title_of(name: str) -> str:
    """Convert a key to a title: "notReadySince" becomes "Not ready since", "podUid" "Pod UID"."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower().split(" ")
    text = " ".join(ABBREVIATIONS.get(word, word) for word in words)
    return text[:1].upper() + text[1:]


def _column(name: str, annotation: Any, chosen: ColumnType | None, title: str) -> Column:
    text = ""
    while typing.get_origin(annotation) is typing.Annotated:
        annotation, *extras = typing.get_args(annotation)
        text = next((e.description or "" for e in extras if isinstance(e, Meta)), text)
    kind = chosen or _type_of(annotation)
    if not title:
        # A time that something happened at: "Created", not "Created at".
        title = title_of(name)
        title = title.removesuffix(" at") if kind == "time" else title
    return Column(name, kind, title, text)


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
