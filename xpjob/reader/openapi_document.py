"""The OpenAPI document, made of the same parameters that queries are checked by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from xpjob import __version__
from xpjob.collect.description import TableDescription
from xpjob.reader import openapi_tables, parameters
from xpjob.reader.extension import Documented, Extensions
from xpjob.reader.openapi import (
    HEAD,
    NUMBER,
    TEXT,
    array_of,
    get,
    json_of,
    object_of,
    text_of_any,
)
from xpjob.reader.render import Json

_TREE: Json = {
    **dict.fromkeys(("tree", "table", "id", "title", "kind", "state"), TEXT),
    "ok": {"type": ["boolean", "null"]},
    **dict.fromkeys(("rows", "late"), NUMBER),
    **dict.fromkeys(("lateness", "since", "why", "blocker"), TEXT),
}


def document(
    tables: Mapping[str, TableDescription], extensions: Extensions, others: Sequence[Documented]
) -> Json:
    """Return the document, as plain data: of these tables, of extensions, and of the rest.

    ``others`` are the endpoints over all tables.
    """
    added = [*others, *(extension.documented() for extension in extensions)]
    own = {key: table for key, table in tables.items() if "/" not in key}
    of_tables = dict(
        chain.from_iterable(openapi_tables.paths(table).items() for table in own.values())
    )
    schemas: Json = {}
    for table in own.values():
        schemas |= openapi_tables.schemas(table)
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
