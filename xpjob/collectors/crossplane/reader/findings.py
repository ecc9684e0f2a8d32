"""``/bookkeeping/findings``: what does not fit together, as two runs in a row have seen it."""

from __future__ import annotations

import msgspec

from xpjob.collectors.crossplane.findings import Finding
from xpjob.reader import parameters, query
from xpjob.reader.parameters import Given, one
from xpjob.reader.render import REF_KEYS, Body, Json, flat, sheet
from xpjob.reader.table import View

KEYS = tuple(
    field.encode_name
    for field in msgspec.structs.fields(Finding)
    if field.name != "confirmed"  # all that are told are
)
_COLUMNS = [key for key in KEYS if key != "other"] + [f"other.{key}" for key in REF_KEYS]


def chosen(view: View, given: Given) -> list[Finding]:
    """Return the findings that are asked for. Raises ``QuestionError`` as records do."""
    found = list(view.findings)
    for parameter in parameters.FOUND_BY:
        if values := given.get(parameter.name):
            query.check(view, parameter, values)
            attribute = "class_" if parameter.name == "class" else parameter.name
            found = [each for each in found if getattr(each, attribute) in values]
    return found


def document(view: View, given: Given, found: list[Finding], *, stale: bool) -> Body:
    """Return findings in the form asked for, the longest standing first."""
    shown = sorted(found, key=lambda each: (each.since, each.finding))
    shown = shown[: int(one(given, "limit", "0")) or None]
    told: list[Json] = [
        {key: value for key, value in msgspec.to_builtins(each).items() if key in KEYS}
        for each in shown
    ]
    form = one(given, "format", "json")
    if form == "csv":
        return Body.of(sheet(_COLUMNS, map(flat, told)))
    if form == "ndjson":
        return Body.of(b"".join(msgspec.json.encode(each) + b"\n" for each in told))
    facts = {
        "findings": told,
        "total": len(found),
        "generatedAt": view.generated_at,
        "stale": stale,
        "cluster": view.cluster,
    }
    return Body.of(msgspec.json.encode(facts) + b"\n")
