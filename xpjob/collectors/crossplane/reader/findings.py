"""``/bookkeeping/findings``: what does not fit together, as two runs in a row have seen it."""

from __future__ import annotations

import msgspec

from xpjob.collect.findings import Finding
from xpjob.collectors.crossplane.reader import parameters
from xpjob.collectors.crossplane.reader.view import Bookkeeping
from xpjob.reader import query
from xpjob.reader.parameters import Params, one
from xpjob.reader.render import REF_KEYS, Body, Json, facts, flat, sheet

KEYS = tuple(
    field.encode_name
    for field in msgspec.structs.fields(Finding)
    if field.name not in ("confirmed", "collector")  # all of them are, and are this one's
)
_COLUMNS = [key for key in KEYS if key != "other"] + [f"other.{key}" for key in REF_KEYS]


def select(view: Bookkeeping, params: Params) -> list[Finding]:
    """Return the findings that are wanted. Raises ``QueryError`` as records do."""
    found = list(view.findings)
    for parameter in parameters.FINDING_FILTERS:
        if values := params.get(parameter.name):
            query.check(view, parameter, values)
            attribute = "class_" if parameter.name == "class" else parameter.name
            found = [each for each in found if getattr(each, attribute) in values]
    return found


def document(view: Bookkeeping, params: Params, found: list[Finding], *, stale: bool) -> Body:
    """Return findings in the form that is wanted, the longest standing first."""
    shown = sorted(found, key=lambda each: (each.since, each.finding))
    shown = shown[: int(one(params, "limit", "0")) or None]
    rows: list[Json] = [
        {key: value for key, value in msgspec.to_builtins(each).items() if key in KEYS}
        for each in shown
    ]
    form = one(params, "format", "json")
    if form == "csv":
        return Body.of(sheet(_COLUMNS, (flat(row, ("other",)) for row in rows)))
    if form == "ndjson":
        return Body.of(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    whole = {"findings": rows, "total": len(found), **facts(view.stamp, stale=stale)}
    return Body.of(msgspec.json.encode(whole) + b"\n")
