"""Rows of one table in all clusters: where something is, whichever cluster that may be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from xpjob.collect.description import TableDescription
from xpjob.reader import described, parameters, query, render
from xpjob.reader.parameters import MAX_LIMIT, Parameter, Params, one
from xpjob.reader.query import Selections
from xpjob.reader.render import Body, Json
from xpjob.reader.table import Rows, Stamp, View

ALL = "*"
"""The value of ``cluster`` that stands for all."""
COLUMN = "cluster"
_UNSUITABLE = frozenset(
    each.name for each in (parameters.CONTINUE, parameters.FACETS, parameters.FACET_LIMIT)
)


@dataclass(frozen=True, slots=True)
class Part:
    """The table of one cluster, and whether its snapshot is stale."""

    table: TableDescription
    view: View
    stale: bool

    @property
    def cluster(self) -> str:
        """Return the name of the cluster."""
        return self.view.stamp.cluster


@dataclass(frozen=True, slots=True)
class Found:
    """The rows that match in all clusters; ``body`` has at most ``MAX_LIMIT`` of them."""

    body: Body
    total: int
    generated_at: str


def described_together(
    every: Iterable[Mapping[str, TableDescription]],
) -> dict[str, TableDescription]:
    """Return the tables of several clusters by key.

    Versions describe a table differently: it has what any of them says, the first before others.
    """
    found: dict[str, TableDescription] = {}
    for tables in every:
        for key, table in tables.items():
            found[key] = _joined(found[key], table) if key in found else table
    return found


def _joined(first: TableDescription, other: TableDescription) -> TableDescription:
    if first == other:
        return first
    known = {column.name for column in first.columns}
    return msgspec.structs.replace(
        first,
        columns=(*first.columns, *(each for each in other.columns if each.name not in known)),
        filters=tuple(dict.fromkeys((*first.filters, *other.filters))),
        search=tuple(dict.fromkeys((*first.search, *other.search))),
        shown=tuple(dict.fromkeys((*first.shown, *other.shown))),
        identity=first.identity or other.identity,
        since=first.since or other.since,
        ok=first.ok or other.ok,
        parents=first.parents or other.parents,
    )


def check(pairs: parameters.Pairs, table: TableDescription) -> Params:
    """Return the parameters of a question to all clusters. Raises ``QueryError``.

    A value that one cluster does not have another one may have, so values are not checked.
    """
    return parameters.check(pairs, _known(table))


def find(parts: Sequence[Part], params: Params, now: int) -> Found:
    """Return the rows of all clusters, by cluster, and within each in the order that is wanted.

    They are decoded while the answer is sent. ``now`` is in seconds of the epoch. Raises
    ``QueryError``.
    """
    form, limit = one(params, "format", "json"), int(one(params, "limit", str(MAX_LIMIT)))
    columns = tuple(dict.fromkeys(name for part in parts for name in part.view.schema.fields))
    added = (name for part in parts for name in part.view.schema.derived)
    fields = parameters.names(params, "fields", {COLUMN, *columns, *added})
    parameters.orders(params, dict.fromkeys(columns))
    chosen: list[tuple[Part, Rows]] = []
    total = left = 0
    for part in parts:
        found = _selected(part, params, now)
        some = found[: max(0, limit - left)]
        chosen.append((part, some))
        total, left = total + len(found), left + len(some)
    generated_at = min((part.view.stamp.generated_at for part in parts), default="")
    last = {
        "generatedAt": generated_at,
        "stale": any(part.stale for part in parts),
        "cluster": ALL,
        "clusters": [_described(part) for part in parts],
        "total": total,
        "continue": "",
    }
    makers: Mapping[str, Callable[[], Iterator[bytes]]] = {
        "csv": lambda: _csv(chosen, fields or (COLUMN, *columns), now),
        "ndjson": lambda: _ndjson(chosen, fields, now),
        "json": lambda: _json(chosen, fields, now, last),
    }
    held = sum(rows.itemsize * len(rows) for _, rows in chosen if not isinstance(rows, range))
    return Found(Body(None, makers[form], heavy=True, held=held), total, generated_at)


def _csv(chosen: Sequence[tuple[Part, Rows]], columns: Sequence[str], now: int) -> Iterator[bytes]:
    yield render.sheet(columns, ())
    for rows in _decoded(chosen, now, columns):
        yield render.sheet(columns, rows, head=False)


def _ndjson(
    chosen: Sequence[tuple[Part, Rows]], fields: Sequence[str], now: int
) -> Iterator[bytes]:
    for rows in _decoded(chosen, now, fields):
        yield b"".join(msgspec.json.encode(_chosen(row, fields)) + b"\n" for row in rows)


def _json(
    chosen: Sequence[tuple[Part, Rows]], fields: Sequence[str], now: int, last: Json
) -> Iterator[bytes]:
    yield b"{" + msgspec.json.encode(described.ROWS) + b":["
    separator = b""
    for rows in _decoded(chosen, now, fields):
        yield separator + b",".join(msgspec.json.encode(_chosen(row, fields)) for row in rows)
        separator = b","
    yield b"]," + msgspec.json.encode(last)[1:] + b"\n"


def _decoded(
    chosen: Sequence[tuple[Part, Rows]], now: int, fields: Sequence[str]
) -> Iterator[list[Json]]:
    """Yield the rows in parts of about 64 KiB of JSON."""
    for part, rows in chosen:
        for some in render.slices(part.view, rows):
            decoded = render.dicts(part.view, some, now, fields)
            yield [{COLUMN: part.cluster, **row} for row in decoded]


def _chosen(row: Json, fields: Sequence[str]) -> Json:
    return {name: row[name] for name in fields or row if name in row}


def _known(table: TableDescription) -> Iterator[Parameter]:
    schema = described.schema_of(table)
    filters = {each.name for each in schema.filters}
    for parameter in described.questions(schema, table)[""]:
        if parameter.name not in _UNSUITABLE:
            yield replace(parameter, unchecked=True) if parameter.name in filters else parameter


def _selected(part: Part, params: Params, now: int) -> Rows:
    """Return the numbers of the rows of one cluster that match."""
    schema = part.view.schema
    asked = {each.name for each in _known(part.table)}
    if params.keys() - asked:
        return range(0)  # its snapshot is of another version, without this column
    filters = tuple(replace(each, unchecked=True) for each in schema.filters)
    view = replace(part.view, schema=replace(schema, filters=filters))
    order = [
        key
        for key in one(params, parameters.SORT.name).split(",")
        if key.removeprefix("-") in schema.sorts  # else no row has a value
    ]
    here = {**params, parameters.SORT.name: (",".join(order),)}
    return Selections().select(view, query.query(view, here, now))


def facts(stamps: Sequence[tuple[Stamp, bool]], cluster: str) -> Json:
    """Return the members of an answer that say which snapshots it is of, and whether stale."""
    made: Json = {
        "generatedAt": min(stamp.generated_at for stamp, _ in stamps),
        "stale": any(stale for _, stale in stamps),
        "cluster": cluster,
    }
    if cluster == ALL:
        made["clusters"] = [
            {"name": stamp.cluster, "generatedAt": stamp.generated_at, "stale": stale}
            for stamp, stale in stamps
        ]
    return made


def _described(part: Part) -> Mapping[str, object]:
    stamp = part.view.stamp
    return {"name": stamp.cluster, "generatedAt": stamp.generated_at, "stale": part.stale}
