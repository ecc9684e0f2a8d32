"""The table of a MetricSource: a row for each object, with its fields and computed values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from xpjob.collect.description import ColumnType, Link
from xpjob.collect.tables import TableSpec
from xpjob.collectors.sources.metric_source.spec import Computed, Field, MetricSourceSpec
from xpjob.kube.quantity import in_bytes

_CARRIED = "carriedSince"
_IDENTITY = ("namespace", "name")
_CHANGES = ("string", "boolean", "condition", "state")
_FACETS = 8
"""Facets of a table, at most; all its filters can be used."""


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A table, and which of the ``count`` values of an object its columns have, after its identity.

    Columns are named as fields are. A field of the name of a column that every table has
    is ``<name>Field``, unless it is the same value.
    """

    spec: TableSpec
    values: tuple[int, ...]
    count: int
    kinds: bool

    @property
    def leading(self) -> int:
        """Return how many values of a row identify the object."""
        return len(_IDENTITY) + self.kinds


def source_table(spec: MetricSourceSpec, name: str) -> SourceTable:
    """Return the table of a source with the name ``namespace/name``, or ``name``."""
    kinds = bool(spec.target.category) or "*" in (spec.target.kind, spec.target.version)
    identity = (*_IDENTITY, "kind") if kinds else _IDENTITY
    columns = _columns([*spec.fields, *spec.computed], identity)
    types: dict[str, ColumnType] = {
        column: _column_type(each) for column, (_, each) in columns.items()
    }
    record = _record(columns, identity)
    by_name = {each.name: column for column, (_, each) in columns.items()}
    by_name |= {each: each for each in identity if each not in by_name}
    texts = [column for column, (_, each) in columns.items() if types[column] in ("text", "flag")]
    namespace = () if spec.target.namespaced is False else ("namespace",)
    filters = [*namespace, *identity[2:], *texts]
    if spec.filterable is not None:
        filters = [*namespace, *(by_name.get(each, each) for each in spec.filterable)]
    table = TableSpec(
        key=f"source.{name.replace('/', '.')}",
        record=record,
        identity=identity,
        title=spec.title or name,
        filters=tuple(dict.fromkeys(filters)),
        search=("name", *namespace, *(each for each in texts if types[each] == "text")),
        shown=("name", *namespace, *identity[2:], *columns),
        changes=tuple(c for c, (_, each) in columns.items() if each.type.name in _CHANGES),
        sort="name",
        by=(*identity[2:], *namespace) or tuple(texts[:1]),
        types={**types, _CARRIED: "time"},
        name=(*namespace, "name"),
        links=tuple(Link(each, "namespaces", "namespace") for each in namespace),
        priorities=_priorities(("name", *namespace), (*identity[2:], *columns)),
        facets=tuple(dict.fromkeys((*identity[2:], *namespace, *filters)))[:_FACETS],
    )
    values = tuple(index for index, _ in columns.values())
    return SourceTable(table, values, len(spec.types), kinds)


def _priorities(name: Sequence[str], others: Sequence[str]) -> dict[str, int]:
    """Return the priorities of columns: the name, the first two others, the next three, all."""
    first = dict.fromkeys(name, 1)
    return first | {each: 1 if n < 2 else 2 if n < 5 else 3 for n, each in enumerate(others)}


def _columns(
    values: Sequence[Field | Computed], identity: Sequence[str]
) -> dict[str, tuple[int, Field | Computed]]:
    found: dict[str, tuple[int, Field | Computed]] = {}
    taken = {*identity, _CARRIED}
    names = {each.name for each in values}
    for index, each in enumerate(values):
        if isinstance(each, Field) and each.name in identity and each.path.keys == _path(each):
            continue
        name = each.name
        while name in taken or (name != each.name and name in names):
            name += "Field"
        taken.add(name)
        found[name] = (index, each)
    return found


def _path(field: Field) -> tuple[str, ...]:
    return (field.name,) if field.name == "kind" else ("metadata", field.name)


def _record(
    columns: Mapping[str, tuple[int, Field | Computed]], identity: Sequence[str]
) -> type[Struct]:
    own = [(name, str) for name in identity]
    fields = [
        (
            f"value_{index}",
            Annotated[_annotation(each), Meta(description=_help(each))],
            msgspec.field(name=name, default=None),
        )
        for name, (index, each) in columns.items()
    ]
    since = Annotated[str, Meta(description="Time since which the row is of an earlier run.")]
    carried = ("carried_since", since, msgspec.field(name=_CARRIED, default=""))
    return msgspec.defstruct("SourceRow", [*own, *fields, carried], module=__name__)


def _annotation(value: Field | Computed) -> Any:
    if value.type.column == "text":
        return str | None
    if value.type.column == "flag":
        return bool | None
    return Any if value.type.column in ("object", "list") else int | float | str | None


def _help(value: Field | Computed) -> str:
    if isinstance(value, Field):
        return f"{value.path.source}, as {value.type.name}."
    return f"Computed: {value.expression.source}"


def _column_type(value: Field | Computed) -> ColumnType:
    if value.type.name == "quantity" and isinstance(value, Field):
        last = getattr(value.path.steps[-1], "name", "")
        if in_bytes(last.removeprefix("requests.").removeprefix("limits.")):
            return "bytes"
        return "cores" if last.endswith("cpu") else "count"
    return value.type.column
