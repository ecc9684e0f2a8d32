"""``/bookkeeping/findings``: what does not fit together, as two runs in a row have seen it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from xpjob.collect.findings import Finding
from xpjob.collectors.crossplane.reader import parameters
from xpjob.collectors.crossplane.reader.view import Bookkeeping
from xpjob.net import deadline
from xpjob.net.deadline import steps
from xpjob.reader import query
from xpjob.reader.parameters import Params, one
from xpjob.reader.render import REF_KEYS, Body, Json, facts, flat, sheet

_PIECE = 128

KEYS = tuple(
    field.encode_name
    for field in msgspec.structs.fields(Finding)
    if field.name not in ("confirmed", "collector")  # all of them are, and are this one's
)
_COLUMNS = [key for key in KEYS if key != "other"] + [f"other.{key}" for key in REF_KEYS]


class Selected(NamedTuple):
    """Findings, the longest standing first, and how many there are in all."""

    shown: Sequence[Finding]
    total: int


def select(view: Bookkeeping, params: Params) -> Selected:
    """Return the findings that are wanted. Raises ``QueryError`` as records do."""
    found = list(view.findings)
    for parameter in parameters.FINDING_FILTERS:
        if values := params.get(parameter.name):
            query.check(view, parameter, values)
            attribute = "class_" if parameter.name == "class" else parameter.name
            found = [
                each for some in steps(found) for each in some if getattr(each, attribute) in values
            ]
    deadline.check()
    shown = sorted(found, key=lambda each: (each.since, each.finding))
    return Selected(shown[: int(one(params, "limit", "0")) or None], len(found))


def document(view: Bookkeeping, params: Params, selected: Selected, *, stale: bool) -> Body:
    """Return findings in the form that is wanted."""
    form = one(params, "format", "json")

    def pieces() -> Iterator[bytes]:
        if form == "csv":
            yield sheet(_COLUMNS, ())
        elif form == "json":
            yield b'{"findings":['
        separator = b""
        for start in range(0, len(selected.shown), _PIECE):
            rows = list(map(_row, selected.shown[start : start + _PIECE]))
            if form == "csv":
                yield sheet(_COLUMNS, (flat(row, ("other",)) for row in rows), head=False)
            elif form == "ndjson":
                yield b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
            else:
                yield separator + b",".join(map(msgspec.json.encode, rows))
                separator = b","
        if form == "json":
            last = {"total": selected.total, **facts(view.stamp, stale=stale)}
            yield b"]," + msgspec.json.encode(last)[1:] + b"\n"

    if len(selected.shown) <= _PIECE:
        return Body.of(b"".join(pieces()))
    return Body(None, pieces, heavy=True, held=8 * len(selected.shown))


def _row(finding: Finding) -> Json:
    return {key: value for key, value in msgspec.to_builtins(finding).items() if key in KEYS}
