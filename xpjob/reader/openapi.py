"""The OpenAPI document, made of the same parameters that queries are checked by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from xpjob import __version__
from xpjob.collect.tables import Column, TableDescription
from xpjob.reader import changes, derived, described, parameters
from xpjob.reader.extension import Documented, Extensions
from xpjob.reader.parameters import MAX_PARAMETERS, MAX_VALUE, Parameter
from xpjob.reader.render import Json

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "integer", "minimum": 0}
FLAG: Json = {"type": "boolean"}
HEAD: Json = {"generatedAt": TEXT, "stale": FLAG, "cluster": TEXT}
"""What every answer from a snapshot says of it."""


def document(
    tables: Mapping[str, TableDescription], extensions: Extensions, others: Sequence[Documented]
) -> Json:
    """Return the document, as plain data: of these tables, of extensions, and of the rest.

    ``others`` are the endpoints over all tables.
    """
    added = [*others, *(extension.documented() for extension in extensions)]
    own = {key: table for key, table in tables.items() if "/" not in key}
    of_tables = dict(chain.from_iterable(_paths(table).items() for table in own.values()))
    schemas: Json = {}
    for table in own.values():
        schemas |= _schemas_of(table)
    for each in added:
        schemas |= each.schemas
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "xpjob reader",
            "version": __version__,
            "description": "Serves the newest snapshot of a Kubernetes cluster. Read-only.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            **dict(chain.from_iterable(each.paths.items() for each in added)),
            "/tables": get(
                "The tables that there are",
                parameters.ONLY_CLUSTER,
                json_of("Tables"),
                (400, 413, 414, 503),
            ),
            **of_tables,
            "/schema.json": get(
                "The descriptions of all tables, and what collectors add",
                parameters.ONLY_CLUSTER,
                json_of("Schema"),
                (400, 413, 414, 503),
            ),
            "/version": get(
                "What changes if anything does: poll it with If-None-Match",
                parameters.NONE,
                json_of("Version"),
                (400, 413, 414),
            ),
            "/clusters": get(
                "Clusters, their freshness and their last run",
                parameters.NONE,
                json_of("Clusters"),
                (400, 413, 414),
            ),
            "/metrics": get("The reader's own metrics", None, text_of_any(), (413, 414)),
            "/metrics/inventory": get(
                "The families that the job pushes; none once the snapshot is stale",
                parameters.ONLY_CLUSTER,
                text_of_any(),
                (400, 413, 414, 503),
            ),
            "/healthz": get("Whether the process is up", None, text_of_any(), (413, 414)),
            "/readyz": get(
                "Whether a first snapshot was loaded", None, text_of_any(), (413, 414), unready=True
            ),
        },
        "components": {"schemas": {**_schemas(), **schemas}},
    }


def array_of(items: Json) -> Json:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def json_of(schema: str) -> Json:
    """Return the content of an answer in JSON."""
    return {"application/json": {"$ref": f"#/components/schemas/{schema}"}}


def tabular(schema: str) -> Json:
    """Return the content of an answer in JSON, NDJSON or CSV."""
    return {
        **json_of(schema),
        "application/x-ndjson": {"type": "string"},
        "text/csv": {"type": "string"},
    }


def text_of_any() -> Json:
    """Return the content of an answer in plain text."""
    return {"text/plain": {"type": "string"}}


def get(
    title: str,
    known: tuple[Parameter, ...] | None,
    content: Json,
    problems: tuple[int, ...],
    *,
    unready: bool = False,
) -> Json:
    """Return a path that takes these parameters; None means that it looks at none."""
    responses: Json = {
        "200": {
            "description": "The answer.",
            "content": {name: {"schema": schema} for name, schema in content.items()},
        }
    }
    if known is not None:
        responses["304"] = {"description": "The client has it already."}
    for status in problems:
        responses[str(status)] = {"description": _MEANING[status], "content": _PROBLEM}
    if unready:
        responses["503"] = {
            "description": "Not yet.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    listed = [_parameter(parameter) for parameter in known or ()]
    return {"get": {"summary": title, "parameters": listed, "responses": responses}}


_MEANING = {
    400: "A parameter or a value that does not exist; the problem lists those that do.",
    404: "There is no such record or table, and the problem lists what is called nearly so; or "
    "there is no dated snapshot, or no usage.",
    410: "The snapshot has changed since the page before.",
    413: "The request has a body.",
    414: "The query string is too long.",
    503: "There is no snapshot yet, or it can be answered only later.",
}


def _parameter(parameter: Parameter) -> Json:
    schema: Json = {"type": "string", "maxLength": MAX_VALUE}
    if parameter.values:
        schema = {"type": "string", "enum": parameter.values}
    if parameter.whole:
        schema = {"type": "integer", "minimum": parameter.whole[0], "maximum": parameter.whole[1]}
    if parameter.pattern:
        schema["pattern"] = parameter.pattern
    if parameter.repeatable:
        schema = {"type": "array", "items": schema, "maxItems": MAX_PARAMETERS}
    described: Json = {
        "name": parameter.name,
        "in": "query",
        "description": parameter.help,
        "schema": schema,
    }
    if parameter.required:
        described["required"] = True
        schema["minLength"] = 1
    if parameter.repeatable:
        described |= {"style": "form", "explode": True}
    if parameter.example:
        described["example"] = [parameter.example] if parameter.repeatable else parameter.example
    return described


_TREE: Json = {
    **dict.fromkeys(("tree", "table", "id", "title", "kind", "state"), TEXT),
    "ok": {"type": ["boolean", "null"]},
    **dict.fromkeys(("rows", "late"), NUMBER),
    **dict.fromkeys(("lateness", "since", "why", "blocker"), TEXT),
}


def _schemas() -> Json:
    listed: Json = {
        **dict.fromkeys(("key", "title", "collector", "error", "carriedSince"), TEXT),
        "rows": NUMBER,
    }
    views: Json = {
        **dict.fromkeys(("name", "title"), TEXT),
        "paths": array_of(TEXT),
    }
    return {
        "Side": object_of({"generatedAt": TEXT, "run": TEXT}),
        "Tables": object_of(
            {
                "tables": array_of(object_of(listed)),
                **HEAD,
            }
        ),
        "Schema": object_of(
            {
                "tables": array_of({"type": "object"}),
                "views": array_of(object_of(views)),
                "reserved": array_of(TEXT),
            }
        ),
        "Trees": object_of(
            {
                "trees": array_of(object_of(_TREE)),
                **dict.fromkeys(("total", "troubled", "rows"), NUMBER),
                "continue": TEXT,
                **HEAD,
            }
        ),
        "Facet": object_of(
            {"values": array_of(object_of({"value": TEXT, "total": NUMBER})), "count": NUMBER}
        ),
        "Version": object_of({"version": TEXT, "clusters": array_of({"type": "object"})}),
        "Clusters": object_of(
            {
                "clusters": array_of({"type": "object"}),
                "servedAt": TEXT,
                "pollIntervalSeconds": {"type": "number"},
                "staleAfterSeconds": {"type": "number"},
                "version": TEXT,
            }
        ),
        "Problem": {
            "type": "object",
            "properties": {
                "type": TEXT,
                "title": TEXT,
                "status": NUMBER,
                "detail": TEXT,
                "parameter": TEXT,
                "known": array_of(TEXT),
                "knownCount": NUMBER,
            },
            "required": ["type", "title", "status", "detail"],
        },
    }


def _paths(table: TableDescription) -> Json:
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


def _schemas_of(table: TableDescription) -> Json:
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
                **{f"{each}Count": NUMBER for each in changes.LISTS},
                **{each: array_of(change) for each in changes.LISTS},
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


def object_of(properties: Json, more: Json | None = None) -> Json:
    """Return the schema of an object with all of these properties; it may have ``more``."""
    whole = {**properties, **(more or {})}
    return {"type": "object", "properties": whole, "required": list(properties)}


def list_of(name: str) -> Json:
    """Return the schema of a list of what goes by a name."""
    return array_of({"$ref": f"#/components/schemas/{name}"})
