"""Rows of one table in all clusters: where something is, whichever cluster that may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from xpjob.collect.tables import TableDescription
from xpjob.reader import described, parameters, query, render
from xpjob.reader.parameters import MAX_LIMIT, Parameter, Params, one
from xpjob.reader.query import Selections
from xpjob.reader.render import Json
from xpjob.reader.table import View

ALL = "*"
"""The value of ``cluster`` that stands for all."""
COLUMN = "cluster"
_UNSUITABLE = frozenset({parameters.CONTINUE.name})


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

    body: bytes
    total: int
    generated_at: str


def check(pairs: parameters.Pairs, table: TableDescription) -> Params:
    """Return the parameters of a question to all clusters. Raises ``QueryError``.

    A value that one cluster does not have another one may have, so values are not checked.
    """
    return parameters.check(pairs, _known(table))


def find(parts: Sequence[Part], params: Params, now: int) -> Found:
    """Return the rows of all clusters, by cluster, and within each in the order that is wanted.

    ``now`` is in seconds of the epoch. Raises ``QueryError``.
    """
    form, limit = one(params, "format", "json"), int(one(params, "limit", str(MAX_LIMIT)))
    columns = tuple(dict.fromkeys(name for part in parts for name in part.view.schema.fields))
    fields = parameters.names(params, "fields", {COLUMN, *columns})
    rows: list[Json] = []
    total = 0
    for part in parts:
        found, count = _rows(part, params, now, limit - len(rows))
        total += count
        rows += ({name: row[name] for name in fields or row if name in row} for row in found)
    generated_at = min((part.view.stamp.generated_at for part in parts), default="")
    if form == "csv":
        body = render.sheet(fields or (COLUMN, *columns), rows)
    elif form == "ndjson":
        body = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    else:
        document = {
            described.ROWS: rows,
            "generatedAt": generated_at,
            "stale": any(part.stale for part in parts),
            "cluster": ALL,
            "clusters": [_described(part) for part in parts],
            "total": total,
            "continue": "",
        }
        body = msgspec.json.encode(document) + b"\n"
    return Found(body, total, generated_at)


def _known(table: TableDescription) -> Iterator[Parameter]:
    schema = described.schema_of(table)
    filters = {each.name for each in schema.filters}
    for parameter in described.questions(schema, table)[""]:
        if parameter.name not in _UNSUITABLE:
            yield replace(parameter, unchecked=True) if parameter.name in filters else parameter


def _rows(part: Part, params: Params, now: int, limit: int) -> tuple[list[Json], int]:
    """Return rows of one cluster, at most ``limit``, and how many match."""
    schema = part.view.schema
    asked = {each.name for each in _known(part.table)}
    if params.keys() - asked:
        return [], 0  # its snapshot is of another version, without this column
    filters = tuple(replace(each, unchecked=True) for each in schema.filters)
    view = replace(part.view, schema=replace(schema, filters=filters))
    rows = Selections().select(view, query.query(view, params, now))
    decode = msgspec.json.Decoder(dict[str, object]).decode
    some = (decode(view.row(row, now)) for row in rows[: max(0, limit)])
    return [{COLUMN: part.cluster, **row} for row in some], len(rows)


def _described(part: Part) -> Mapping[str, object]:
    stamp = part.view.stamp
    return {"name": stamp.cluster, "generatedAt": stamp.generated_at, "stale": part.stale}
