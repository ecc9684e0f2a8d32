"""What the OpenAPI document says of ``/overview``, and of one row."""

from __future__ import annotations

from xpjob.reader import parameters
from xpjob.reader.extension import Documented
from xpjob.reader.needs import GRAVE, Need
from xpjob.reader.openapi import (
    FLAG,
    HEAD,
    NUMBER,
    TEXT,
    array_of,
    get,
    json_of,
    list_of,
    object_of,
)
from xpjob.reader.render import Json

_NAMES: Json = array_of(TEXT)
_AMOUNT: Json = {"type": "number"}


def documented() -> Documented:
    """Return the path and its schemas."""
    path = get(
        "What needs a human, and how collectors and clusters are",
        (parameters.CLUSTERS,),
        json_of("Overview"),
        (400, 413, 414, 503),
    )
    return Documented({"/overview": path}, _schemas())


def _schemas() -> dict[str, Json]:
    grave: Json = {"type": "string", "enum": GRAVE}
    need: Json = {
        **dict.fromkeys(Need.__struct_fields__, TEXT),
        "severity": grave,
        "dependants": NUMBER,
    }
    counts: Json = {"critical": NUMBER, "warning": NUMBER}
    carried = {"error": TEXT, "carriedSince": TEXT}
    return {
        "Row": _row(),
        "Need": object_of(need),
        "Needs": object_of(
            {
                "total": NUMBER,
                **counts,
                "looked": object_of(dict.fromkeys(("rows", "tables", "collectors"), NUMBER)),
                "entries": list_of("Need"),
            }
        ),
        "Card": object_of(
            {
                **dict.fromkeys(("name", "title"), TEXT),
                **carried,
                "failedLists": NUMBER,
                "tables": array_of(
                    object_of(
                        {"key": TEXT, "title": TEXT, "rows": NUMBER, "late": NUMBER, **carried}
                    )
                ),
                "card": object_of({"numbers": list_of("CardNumber"), "sentence": TEXT}),
            }
        ),
        "CardNumber": object_of(
            {
                **dict.fromkeys(("label", "table", "sum", "type"), TEXT),
                "value": _AMOUNT,
                "filters": {"type": "object", "additionalProperties": _NAMES},
                "bad": FLAG,
            }
        ),
        "Overview": object_of(
            {
                **dict.fromkeys(("generatedAt", "cluster", "version"), TEXT),
                "stale": FLAG,
                "staleReasons": _NAMES,
                "clusters": array_of(
                    object_of(
                        {
                            "name": TEXT,
                            "generatedAt": TEXT,
                            "stale": FLAG,
                            "staleReasons": _NAMES,
                            "lastRun": {"type": ["object", "null"]},
                            "findings": NUMBER,
                            "needs": object_of(counts),
                            "failedLists": NUMBER,
                        }
                    )
                ),
                "collectors": list_of("Card"),
                "needs": {"$ref": "#/components/schemas/Needs"},
                "teams": NUMBER,
                "usage": FLAG,
            }
        ),
    }


def _row() -> Json:
    flag: Json = {"type": ["boolean", "null"]}
    node: Json = {
        **dict.fromkeys(("table", "id", "title", "kind", "state", "why", "since"), TEXT),
        "depth": NUMBER,
        "ok": flag,
        "current": FLAG,
    }
    referrer: Json = {
        **dict.fromkeys(("title", "table"), TEXT),
        "filters": {"type": "object", "additionalProperties": _NAMES},
        "rows": NUMBER,
    }
    return object_of(
        {
            **dict.fromkeys(("table", "id", "title", "lateness", "sentence", "command"), TEXT),
            "row": {"type": "object"},
            "usualSeconds": {"type": ["integer", "null"]},
            "notes": _NAMES,
            "tree": array_of(object_of(node)),
            "treeCount": NUMBER,
            "links": array_of(object_of(dict.fromkeys(("title", "table", "id", "text"), TEXT))),
            "referrers": array_of(object_of(referrer)),
            "findings": array_of({"type": "object"}),
            "history": array_of(object_of({"at": TEXT, "text": TEXT})),
            **HEAD,
        }
    )
