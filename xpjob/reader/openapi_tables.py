"""What the OpenAPI document says of a table: its rows, sums, trees and changes."""

from __future__ import annotations

from collections.abc import Mapping

from xpjob.collect.description import Column, TableDescription
from xpjob.reader import changes_document, derived, described, parameters
from xpjob.reader.openapi import (
    HEAD,
    NUMBER,
    TEXT,
    array_of,
    get,
    json_of,
    list_of,
    object_of,
    tabular,
)
from xpjob.reader.render import Json


def paths(table: TableDescription) -> Json:
    """Return the paths of a table."""
    path, name = f"/tables/{table.key}", f"table.{table.key}"
    schema = described.schema_of(table)
    known = described.questions(schema, table)
    trees = get(
        f"{table.title}: the trees that rows are part of, those in trouble first",
        known["trees"],
        json_of("Trees"),
        (400, 404, 410, 413, 414, 503),
    )
    return {
        **({f"{path}/trees": trees} if derived.TREE in schema.derived else {}),
        path: get(
            f"{table.title}: the rows, or those that are wanted",
            known[""],
            tabular(f"{name}.rows"),
            (400, 404, 410, 413, 414, 503),
        ),
        f"{path}/summary": get(
            f"{table.title}: counts and sums",
            known["summary"],
            tabular(f"{name}.summary"),
            (400, 404, 413, 414, 503),
        ),
        f"{path}/rows/{{id}}": {
            **get(
                f"{table.title}: one row, and what hangs together with it",
                parameters.ONLY_CLUSTER,
                json_of("Row"),
                (400, 404, 413, 414, 503),
            ),
            "parameters": [
                {
                    "name": "id",
                    "in": "path",
                    "required": True,
                    "description": f"Values of {', '.join(table.identity)}, each percent-encoded, "
                    "with a / between them.",
                    "schema": {"type": "string", "minLength": 1},
                }
            ],
        },
        f"{path}/diff": get(
            f"{table.title}: what came, went and changed between two snapshots",
            known["diff"],
            json_of(f"{name}.diff"),
            (400, 404, 413, 414, 503),
        ),
    }


def schemas(table: TableDescription) -> Json:
    """Return the schemas of what is answered about a table."""
    schema, name = described.schema_of(table), f"table.{table.key}"
    # None is required: fields= leaves out what is not wanted, and any column may be null.
    row: Json = {
        "type": "object",
        "properties": {column.name: _column(column) for column in table.columns}
        | dict.fromkeys(schema.derived, TEXT),
    }
    sums: Json = {"type": "object", "additionalProperties": {"type": ["number", "null"]}}
    counted: Json = {**dict.fromkeys(schema.dimensions, TEXT), "total": NUMBER, "sums": sums}
    some: Json = {"type": ["object", "null"]}
    change = object_of({"row": {"type": "object"}, "was": some, "is": some})
    return {
        f"{name}.row": row,
        f"{name}.rows": object_of(
            {"rows": list_of(f"{name}.row"), **HEAD, "total": NUMBER, "continue": TEXT},
            {
                "facets": {
                    "type": "object",
                    "additionalProperties": {"$ref": "#/components/schemas/Facet"},
                },
                "sums": sums,
                "of": NUMBER,
                "lateness": {"type": "object", "additionalProperties": NUMBER},
            },
        ),
        f"{name}.summary": object_of(
            {
                "by": array_of(TEXT),
                "groups": array_of({"type": "object", "properties": counted}),
                "groupCount": NUMBER,
                **HEAD,
            }
        ),
        f"{name}.diff": object_of(
            {
                "cluster": TEXT,
                "from": {"$ref": "#/components/schemas/Side"},
                "to": {"$ref": "#/components/schemas/Side"},
                **{f"{each}Count": NUMBER for each in changes_document.LISTS},
                **{each: array_of(change) for each in changes_document.LISTS},
                "unknown": array_of(TEXT),
            }
        ),
    }


_TYPES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("text", "state", "time"), ("string", "null")),
    **dict.fromkeys(("count", "ratio", "bytes", "cores"), ("number", "null")),
    "flag": ("boolean", "null"),
    "list": ("array", "null"),
}


def _column(column: Column) -> Json:
    described: Json = {"description": column.help} if column.help else {}
    if column.type in _TYPES:
        described["type"] = list(_TYPES[column.type])
    return described
