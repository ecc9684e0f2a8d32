"""What ``/usage`` takes, and what it answers."""

from __future__ import annotations

from xpjob.reader.extension import Documented
from xpjob.reader.openapi import FLAG as TRUTH
from xpjob.reader.openapi import NUMBER, TEXT, array_of, get, json_of, object_of
from xpjob.reader.parameters import FLAG, Parameter
from xpjob.reader.render import Json
from xpjob.usage import asked

_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

PARAMETERS = (
    Parameter(
        "month",
        "A month; by default the last whole one.",
        example="2026-10",
        pattern=r"^[0-9]{4}-[0-9]{2}$",
    ),
    Parameter("from", "First day, in UTC.", example="2026-10-01", pattern=_DAY),
    Parameter(
        "to", "Day after the last one; by default until now.", example="2026-11-01", pattern=_DAY
    ),
    Parameter(
        "by",
        "Dimensions of the rows, comma-separated; by default team.",
        repeatable=True,
        example="team,kind",
    ),
    Parameter("meter", "Only this meter.", repeatable=True, example="objects"),
    Parameter(
        "class",
        "Objects of this class; by default those that are no part of another one.",
        repeatable=True,
    ),
    Parameter("cluster", "Cluster (see /clusters); * for all.", repeatable=True),
    *(Parameter(name, f"Only this {name}.", repeatable=True) for name in asked.FILTERS),
    Parameter(
        "filter",
        "Only this value of any dimension; * stands for any text.",
        repeatable=True,
        example="namespace=shop-*",
    ),
    Parameter(
        "share",
        "What the other rows share: what is idle, or a value of a dimension.",
        repeatable=True,
        example="idle=proportional",
    ),
    Parameter("map", "Rename a value.", repeatable=True, example="team:old=new"),
    Parameter("exact", "Quantities as exact numbers times seconds.", FLAG),
    Parameter("format", "Form of the answer.", ("json", "csv")),
)


def _schema() -> Json:
    number: Json = {"type": ["number", "string"]}
    part: Json = {"type": "number", "minimum": 0}
    row: Json = {
        **dict.fromkeys(("meter", "unit", "averageUnit"), TEXT),
        **dict.fromkeys(("quantity", "bridgedQuantity"), number),
        "average": {"type": "number"},
    }
    days: Json = {"present": NUMBER, **dict.fromkeys(("missing", "open"), array_of(TEXT))}
    parts = dict.fromkeys(("bridged", "corrected", "unallocated"), part)
    footer: Json = {
        **dict.fromkeys(("days", "present", "missing", "open", "unpriced"), NUMBER),
        "coverage": part,
        "clusters": array_of(object_of({"cluster": TEXT, **days, "coverage": part})),
        "meters": array_of(object_of({"meter": TEXT, **parts})),
        "unreadable": array_of(TEXT),
    }
    return object_of(
        {
            "from": TEXT,
            "to": TEXT,
            "by": array_of(TEXT),
            "classes": array_of(object_of({"class": TEXT, "order": TRUTH})),
            "rows": array_of(object_of({**row, "reserved": TEXT})),
            "totals": array_of(object_of(row)),
            "footer": object_of(footer),
        }
    )


DOCUMENTED = Documented(
    paths={
        "/usage": get(
            "Who had how much, for how long",
            PARAMETERS,
            {**json_of("Usage"), "text/csv": {"type": "string"}},
            (400, 404, 413, 414, 503),
        )
    },
    schemas={"Usage": _schema()},
)
