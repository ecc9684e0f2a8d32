"""What the OpenAPI document says of ``/bookkeeping``."""

from __future__ import annotations

from xpjob.collectors.crossplane.classes import CLAIM, COMPOSITE, MANAGED
from xpjob.collectors.crossplane.reader import blockers, findings, parameters, rows, tree
from xpjob.reader import changes_document
from xpjob.reader.extension import Documented
from xpjob.reader.openapi import (
    FLAG,
    HEAD,
    NUMBER,
    TEXT,
    get,
    json_of,
    list_of,
    object_of,
    tabular,
)
from xpjob.reader.render import Json

_FLAGS = {"paused", "deleting", "ready", "synced", "lagging"}
_STATE: Json = {"type": "string", "enum": blockers.STATES}
_NAMED: Json = {
    **{key: {"type": "string"} for key in ("group", "kind", "namespace", "name")},
    "state": _STATE,
}


def documented() -> Documented:
    """Return the paths and their schemas."""
    return Documented(_paths(), _schemas())


def _paths() -> dict[str, Json]:
    return {
        "/bookkeeping": get(
            "The records, or those asked for",
            parameters.BOOKKEEPING,
            tabular("Bookkeeping"),
            (400, 410, 413, 414, 503),
        ),
        "/bookkeeping/summary": get(
            "Counts of what is asked for",
            parameters.SUMMARY,
            tabular("Summary"),
            (400, 413, 414, 503),
        ),
        "/bookkeeping/tree": get(
            "The tree that one record is part of, and what blocks it",
            parameters.TREE,
            json_of("Tree"),
            (400, 404, 413, 414, 503),
        ),
        "/bookkeeping/findings": get(
            "What does not fit together, seen by two runs in a row",
            parameters.FINDINGS_QUERY,
            tabular("Findings"),
            (400, 413, 414, 503),
        ),
        "/bookkeeping/diff": get(
            "What came, went and changed state between two snapshots",
            parameters.DIFF,
            json_of("Diff"),
            (400, 404, 413, 414, 503),
        ),
    }


def _schemas() -> dict[str, Json]:
    counts = dict.fromkeys(
        ("total", "ready", "notReady", "synced", "paused", "deleting", "carried"), NUMBER
    )
    reference = {
        "type": ["object", "null"],
        "properties": dict.fromkeys(("group", "kind", "namespace", "name"), TEXT),
    }
    age = {"type": ["integer", "null"], "minimum": 0}
    typed = {**dict.fromkeys(_FLAGS, FLAG), **dict.fromkeys(rows.REFS, reference)}
    texts: Json = {"type": "object", "additionalProperties": TEXT}
    typed |= {"ageSeconds": age, "composed": NUMBER, "extra": texts, "failing": texts}
    typed["missing"] = {"type": "array", "items": reference}

    def record(class_: str) -> Json:
        # None is required: fields= leaves out what is not asked for.
        kinds = {name: typed.get(name, TEXT) for name in rows.KEYS[class_]}
        return {"type": "object", "properties": kinds}

    return {
        "Claim": record(CLAIM),
        "CompositeResource": record(COMPOSITE),
        "ManagedResource": record(MANAGED),
        "Bookkeeping": object_of(
            {
                "claims": list_of("Claim"),
                "xrs": list_of("CompositeResource"),
                "mrs": list_of("ManagedResource"),
                **HEAD,
                "total": NUMBER,
                "continue": TEXT,
            }
        ),
        "Tree": object_of(
            {
                "sentence": TEXT,
                "blockers": {"type": "array", "items": object_of(_NAMED | {"says": TEXT})},
                "blockerCount": NUMBER,
                "nodes": {"type": "array", "items": _node(typed)},
                "total": NUMBER,
                **HEAD,
            }
        ),
        **_diff(),
        "Finding": object_of(
            {**dict.fromkeys(findings.KEYS, TEXT), "other": reference, "dependants": NUMBER}
        ),
        "Findings": object_of({"findings": list_of("Finding"), "total": NUMBER, **HEAD}),
        "Summary": object_of(
            {
                "by": {"type": "array", "items": TEXT},
                "groups": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {**counts, "longestNotReadySince": TEXT},
                        "required": [*counts, "longestNotReadySince"],
                    },
                },
                "groupCount": NUMBER,
                **HEAD,
            }
        ),
    }


def _diff() -> dict[str, Json]:
    texts: Json = dict.fromkeys(("readyStatus", "reason", "syncedStatus"), TEXT)
    flags: Json = dict.fromkeys(("paused", "deleting"), FLAG)
    either: Json = {"anyOf": [object_of({**texts, **flags}), {"type": "null"}]}
    side: Json = object_of({"generatedAt": TEXT, "run": TEXT})
    named: Json = dict.fromkeys(
        ("class", "group", "kind", "namespace", "name", "uid", "team"), TEXT
    )
    return {
        "Change": object_of({**named, "was": either, "is": either}),
        "Diff": object_of(
            {
                "cluster": TEXT,
                "from": side,
                "to": side,
                **{f"{name}Count": NUMBER for name in changes_document.LISTS},
                **{name: list_of("Change") for name in changes_document.LISTS},
                "unknown": {"type": "array", "items": TEXT},
            }
        ),
    }


def _node(typed: Json) -> Json:
    kinds: Json = {name: typed.get(name, TEXT) for name in tree.KEYS}
    kinds |= dict.fromkeys(("depth", "children", "leftOut"), NUMBER)
    kinds |= {"parent": {"type": ["integer", "null"], "minimum": 0}, "state": _STATE}
    kinds |= {key: {"type": "boolean"} for key in ("asked", "blocks")}
    return {"type": "object", "properties": kinds, "required": ["depth", "parent", "state"]}
