"""What the OpenAPI document says of the endpoints over all tables."""

from __future__ import annotations

from xpjob.collect.description import Column
from xpjob.reader import changed, everywhere, findings
from xpjob.reader.extension import Documented
from xpjob.reader.openapi import (
    FLAG,
    HEAD,
    NUMBER,
    TEXT,
    array_of,
    get,
    json_of,
    object_of,
    tabular,
)
from xpjob.reader.render import Json

_SOME: Json = {"type": "object"}
_AMOUNT: Json = {"type": "number"}
_MAYBE: Json = {"type": ["number", "null"]}
_TEAM_PROBLEMS = (400, 404, 413, 414, 503)


def documented() -> Documented:
    """Return the paths and schemas."""
    return Documented(_paths(), _schemas())


def _paths() -> dict[str, Json]:
    team = get("What one team has", everywhere.TEAM, json_of("all.team"), _TEAM_PROBLEMS)
    in_path: Json = {
        "name": "name",
        "in": "path",
        "required": True,
        "description": "Name, percent-encoded; ~ precedes a name that begins with . or ~.",
        "schema": {"type": "string", "minLength": 1},
    }
    team["get"]["parameters"].insert(0, in_path)  # type: ignore[index]
    either: Json = get(
        "All teams, or what one of them has", everywhere.TEAMS, json_of("all.teams"), _TEAM_PROBLEMS
    )
    return {
        "/teams/": either,
        "/teams/{name}": team,
        "/search": get(
            "What is called so, and rows with these words, in all tables",
            everywhere.SEARCH,
            json_of("all.search"),
            (400, 413, 414, 503),
        ),
        "/findings": get(
            "Findings of all collectors, the gravest first",
            everywhere.FINDINGS,
            tabular("all.findings"),
            (400, 410, 413, 414, 503),
        ),
        "/changes": get(
            "What came, went, broke, healed and changed in all tables",
            everywhere.CHANGES,
            json_of("all.changes"),
            (400, 404, 413, 414, 503),
        ),
        "/runs": get(
            "How the last run went: its lists and collectors",
            everywhere.RUNS,
            json_of("all.runs"),
            (400, 413, 414),
        ),
    }


def _schemas() -> dict[str, Json]:
    texts = dict.fromkeys(("table", "title", "collector"), TEXT)
    one = object_of(
        {
            "team": TEXT,
            "sentence": TEXT,
            "needs": object_of(
                {
                    **dict.fromkeys(("total", "critical", "warning"), NUMBER),
                    "entries": array_of(_SOME),
                }
            ),
            "sections": array_of(object_of(_section())),
            "findings": object_of({"total": NUMBER, "entries": array_of(_SOME)}),
            "notRunning": array_of(TEXT),
            **HEAD,
        }
    )
    listed = object_of(
        {
            "name": TEXT,
            "rows": {"type": "object", "additionalProperties": NUMBER},
            "late": NUMBER,
            "findings": NUMBER,
            "sums": {"type": "object", "additionalProperties": _AMOUNT},
        }
    )
    every = object_of(
        {
            "teams": array_of(listed),
            "total": NUMBER,
            "tables": array_of(object_of(dict.fromkeys(("key", "title", "collector"), TEXT))),
            "sums": array_of(object_of(dict.fromkeys(("column", "title", "type", "table"), TEXT))),
            **HEAD,
        }
    )
    counts = dict.fromkeys(changed.WHATS, NUMBER)
    side = {"$ref": "#/components/schemas/Side"}
    return {
        "all.team": one,
        "all.teams": {"anyOf": [every, one]},
        "all.search": object_of(
            {
                "q": TEXT,
                "exact": array_of(object_of(_hit())),
                "exactTotal": NUMBER,
                "tables": array_of(
                    object_of(
                        {
                            "table": TEXT,
                            "title": TEXT,
                            "total": NUMBER,
                            "hits": array_of(object_of(_hit())),
                        }
                    )
                ),
                "total": NUMBER,
                **HEAD,
            }
        ),
        "all.findings": object_of(
            {
                "rows": array_of({"type": "object", "properties": _finding()}),
                **HEAD,
                "total": NUMBER,
                "continue": TEXT,
                "facets": _SOME,
                "of": NUMBER,
            }
        ),
        "all.changes": object_of(
            {
                "cluster": TEXT,
                "from": side,
                "to": side,
                "tables": array_of(object_of({**texts, **counts, "entries": array_of(_entry())})),
                "unknown": array_of(TEXT),
            }
        ),
        "all.runs": object_of(
            {
                "run": {"type": ["object", "null"]},
                "snapshot": {"type": ["object", "null"]},
                "lists": array_of(_SOME),
                **dict.fromkeys(("listCount", "failedLists", "records"), NUMBER),
                "collectors": array_of(_SOME),
                "stale": FLAG,
                "staleReasons": array_of(TEXT),
                "cluster": TEXT,
            }
        ),
    }


def _section() -> Json:
    return {
        **dict.fromkeys(("table", "title", "collector", "state", "sort", "cluster"), TEXT),
        **dict.fromkeys(("rows", "late"), NUMBER),
        "filters": {"type": "object", "additionalProperties": array_of(TEXT)},
        "states": array_of(object_of({"value": TEXT, "total": NUMBER})),
        "columns": array_of(TEXT),
        "sums": {
            "type": "object",
            "additionalProperties": object_of({"value": _AMOUNT, "share": _MAYBE, "shareOf": TEXT}),
        },
        "first": array_of(_SOME),
    }


def _hit() -> Json:
    texts = ("table", "id", "title", "kind", "team", "why", "cluster")
    return {**dict.fromkeys(texts, TEXT), "ok": {"type": ["boolean", "null"]}}


def _entry() -> Json:
    texts = dict.fromkeys(("id", "title", "kind", "team"), TEXT)
    what: Json = {"type": "string", "enum": list(changed.WHATS)}
    return object_of({**texts, "what": what, "was": _SOME, "is": _SOME})


def _finding() -> Json:
    types = {"count": NUMBER, "flag": FLAG, "ref": {"type": ["object", "null"]}}
    return {column.name: _described(column, types) for column in findings.TABLE.columns}


def _described(column: Column, types: Json) -> object:
    return types.get(column.type, TEXT)
