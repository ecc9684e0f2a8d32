"""The OpenAPI document, made from the same table of parameters that questions are checked by."""

from __future__ import annotations

from xpjob import __version__
from xpjob.collectors.crossplane.reader import blockers, findings, rows, tree
from xpjob.collectors.crossplane.targets import CLAIM, COMPOSITE, MANAGED
from xpjob.reader import changes, parameters
from xpjob.reader.parameters import MAX_PARAMETERS, MAX_VALUE, Parameter
from xpjob.reader.render import Json

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_FLAGS = {"paused", "deleting", "ready", "synced", "lagging"}
_STATE: Json = {"type": "string", "enum": blockers.STATES}
_NAMED: Json = {
    **{key: {"type": "string"} for key in ("group", "kind", "namespace", "name")},
    "state": _STATE,
}


def document() -> Json:
    """Return the document, as plain data."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "xpjob reader",
            "version": __version__,
            "description": "Serves the newest snapshot of a Crossplane platform. Read-only.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/bookkeeping": _get(
                "The records, or those asked for",
                parameters.BOOKKEEPING,
                _tabular("Bookkeeping"),
                (400, 410, 413, 414, 503),
            ),
            "/bookkeeping/summary": _get(
                "Counts of what is asked for",
                parameters.SUMMARY,
                _tabular("Summary"),
                (400, 413, 414, 503),
            ),
            "/bookkeeping/tree": _get(
                "The tree that one record is part of, and what blocks it",
                parameters.TREE,
                _json("Tree"),
                (400, 404, 413, 414, 503),
            ),
            "/bookkeeping/findings": _get(
                "What does not fit together, seen by two runs in a row",
                parameters.FOUND,
                _tabular("Findings"),
                (400, 413, 414, 503),
            ),
            "/bookkeeping/diff": _get(
                "What came, went and changed state between two snapshots",
                parameters.DIFF,
                _json("Diff"),
                (400, 404, 413, 414, 503),
            ),
            "/clusters": _get(
                "Clusters, their freshness and their last run",
                parameters.NONE,
                _json("Clusters"),
                (400, 413, 414),
            ),
            "/metrics": _get("The reader's own metrics", None, _text(), (413, 414)),
            "/metrics/inventory": _get(
                "The families that the job pushes; none once the snapshot is stale",
                parameters.INVENTORY,
                _text(),
                (400, 413, 414, 503),
            ),
            "/healthz": _get("Whether the process is up", None, _text(), (413, 414)),
            "/readyz": _get(
                "Whether a first snapshot was loaded", None, _text(), (413, 414), unready=True
            ),
        },
        "components": {"schemas": _schemas()},
    }


def _json(schema: str) -> Json:
    return {"application/json": {"$ref": f"#/components/schemas/{schema}"}}


def _tabular(schema: str) -> Json:
    return {
        **_json(schema),
        "application/x-ndjson": {"type": "string"},
        "text/csv": {"type": "string"},
    }


def _text() -> Json:
    return {"text/plain": {"type": "string"}}


def _get(
    title: str,
    known: tuple[Parameter, ...] | None,
    content: Json,
    problems: tuple[int, ...],
    *,
    unready: bool = False,
) -> Json:
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
    404: "There is no such record, and the problem lists what is called nearly so; or there is "
    "no dated snapshot.",
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


def _schemas() -> Json:
    text: Json = {"type": "string"}
    number: Json = {"type": "integer", "minimum": 0}
    flag: Json = {"type": "boolean"}
    counts = dict.fromkeys(
        ("total", "ready", "notReady", "synced", "paused", "deleting", "carried"), number
    )
    reference = {
        "type": ["object", "null"],
        "properties": dict.fromkeys(("group", "kind", "namespace", "name"), text),
    }

    age = {"type": ["integer", "null"], "minimum": 0}
    typed = {**dict.fromkeys(_FLAGS, flag), **dict.fromkeys(rows.REFS, reference)}
    texts: Json = {"type": "object", "additionalProperties": text}
    typed |= {"ageSeconds": age, "composed": number, "extra": texts, "failing": texts}
    typed["missing"] = {"type": "array", "items": reference}

    def record(class_: str) -> Json:
        # None is required: fields= leaves out what is not asked for.
        kinds = {name: typed.get(name, text) for name in rows.KEYS[class_]}
        return {"type": "object", "properties": kinds}

    head = {"generatedAt": text, "stale": flag, "cluster": text}
    return {
        "Claim": record(CLAIM),
        "CompositeResource": record(COMPOSITE),
        "ManagedResource": record(MANAGED),
        "Bookkeeping": _object(
            {
                "claims": _list("Claim"),
                "xrs": _list("CompositeResource"),
                "mrs": _list("ManagedResource"),
                **head,
                "total": number,
                "continue": text,
            }
        ),
        "Tree": _object(
            {
                "sentence": text,
                "blockers": {"type": "array", "items": _object(_NAMED | {"says": text})},
                "blockerCount": number,
                "nodes": {"type": "array", "items": _node(typed, text)},
                "total": number,
                **head,
            }
        ),
        **_diff(text, number, flag),
        "Finding": _object({key: reference if key == "other" else text for key in findings.KEYS}),
        "Findings": _object({"findings": _list("Finding"), "total": number, **head}),
        "Summary": _object(
            {
                "by": {"type": "array", "items": text},
                "groups": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {**counts, "longestNotReadySince": text},
                        "required": [*counts, "longestNotReadySince"],
                    },
                },
                "groupCount": number,
                **head,
            }
        ),
        "Clusters": _object(
            {
                "clusters": {"type": "array", "items": {"type": "object"}},
                "servedAt": text,
                "pollIntervalSeconds": {"type": "number"},
                "staleAfterSeconds": {"type": "number"},
                "version": text,
            }
        ),
        "Problem": {
            "type": "object",
            "properties": {
                "type": text,
                "title": text,
                "status": number,
                "detail": text,
                "parameter": text,
                "known": {"type": "array", "items": text},
                "knownCount": number,
            },
            "required": ["type", "title", "status", "detail"],
        },
    }


def _diff(text: Json, number: Json, flag: Json) -> Json:
    texts: Json = dict.fromkeys(("readyStatus", "reason", "syncedStatus"), text)
    flags: Json = dict.fromkeys(("paused", "deleting"), flag)
    either: Json = {"anyOf": [_object({**texts, **flags}), {"type": "null"}]}
    side: Json = _object({"generatedAt": text, "run": text})
    named: Json = dict.fromkeys(
        ("class", "group", "kind", "namespace", "name", "uid", "team"), text
    )
    return {
        "Change": _object({**named, "was": either, "is": either}),
        "Diff": _object(
            {
                "cluster": text,
                "from": side,
                "to": side,
                **{f"{name}Count": number for name in changes.LISTS},
                **{name: _list("Change") for name in changes.LISTS},
                "unknown": {"type": "array", "items": text},
            }
        ),
    }


def _node(typed: Json, text: Json) -> Json:
    kinds: Json = {name: typed.get(name, text) for name in tree.KEYS}
    number: Json = {"type": "integer", "minimum": 0}
    kinds |= dict.fromkeys(("depth", "children", "leftOut"), number)
    kinds |= {"parent": {"type": ["integer", "null"], "minimum": 0}, "state": _STATE}
    kinds |= {key: {"type": "boolean"} for key in ("asked", "blocks")}
    return {"type": "object", "properties": kinds, "required": ["depth", "parent", "state"]}


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(name: str) -> Json:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}
