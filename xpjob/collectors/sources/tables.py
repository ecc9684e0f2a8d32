"""The tables of sources, and of their series."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from xpjob.collect.description import Highlight, Link
from xpjob.collect.tables import TableSpec

State = Literal["ok", "stale", "errors", "truncated", "noKind", "invalid"]


class SourceRow(Struct, rename="camel", kw_only=True):
    """A source, or a document that is none."""

    source: Annotated[str, Meta(description="Name of the source.")]
    state: Annotated[
        State,
        Meta(
            description="ok; stale: a list failed, and what was counted before is kept; errors: "
            "values could not be converted or computed; truncated: a limit was passed, and "
            "families are left out; noKind: the API does not serve the kind; invalid: the "
            "document has mistakes, and nothing is counted."
        ),
    ]
    healthy: Annotated[bool, Meta(description="Whether it counts all that it is to count.")]
    place: Annotated[str, Meta(description="Where it is: file, configmap or object.")] = ""
    origin: Annotated[str, Meta(description="The file, ConfigMap or object.")] = ""
    namespace: Annotated[str, Meta(description="Namespace of the ConfigMap or object.")] = ""
    kinds: Annotated[list[str], Meta(description="Kinds that it counts.")] = []
    table: Annotated[str, Meta(description="Key of the table of its rows, if it has one.")] = ""
    families: Annotated[list[str], Meta(description="Metric families of which it has series.")] = []
    objects: Annotated[int, Meta(description="Objects that it counted.")] = 0
    series: Annotated[int, Meta(description="Series that it has.")] = 0
    missing: Annotated[int, Meta(description="Values that are not there, or null.")] = 0
    invalid: Annotated[int, Meta(description="Values that could not be converted.")] = 0
    errors: Annotated[int, Meta(description="Values that could not be computed.")] = 0
    left_out: Annotated[
        list[str], Meta(description="Families that are left out because of a limit.")
    ] = []
    rows_left_out: Annotated[
        int, Meta(description="Rows beyond the limit of its table, which series still count.")
    ] = 0
    messages: Annotated[list[str], Meta(description="Examples of what is wrong.")] = []
    last_success_at: Annotated[str, Meta(description="When all its lists were last complete.")] = ""
    carried_since: Annotated[
        str, Meta(description="When what is shown was counted, if a list has failed since.")
    ] = ""


class SourceBefore(Struct, rename="camel", gc=False, frozen=True):
    """The fields of a row that the next run reads."""

    source: str
    place: str = ""
    origin: str = ""
    last_success_at: str = ""


class SeriesRow(Struct, rename="camel", kw_only=True):
    """One series of a source."""

    source: Annotated[str, Meta(description="Name of the source.")]
    family: Annotated[str, Meta(description="Name of the metric family.")]
    series: Annotated[str, Meta(description="Name and labels, as in a query.")]
    labels: Annotated[dict[str, str], Meta(description="Its labels.")]
    value: Annotated[float, Meta(description="Its value.")]
    carried_since: Annotated[str, Meta(description="When it was counted, if kept since.")] = ""


class SeriesBefore(Struct, frozen=True, gc=False):
    """The next run reads nothing of a series, unless a list fails."""


SOURCES = TableSpec(
    "sources",
    SourceRow,
    ("source",),
    title="Sources",
    filters=("source", "state", "healthy", "place", "namespace"),
    search=("source", "origin", "kinds", "families"),
    shown=(
        *("source", "state", "kinds", "objects", "series", "missing", "invalid", "errors"),
        *("table", "messages", "lastSuccessAt"),
    ),
    changes=("state",),
    sort="healthy",
    by=("state",),
    ok="healthy",
    types={"lastSuccessAt": "time", "carriedSince": "time", "state": "state"},
    previous=SourceBefore,
    why=("messages", "state"),
    links=(
        Link("namespace", "namespaces", "namespace"),
        Link("source", "sourceSeries", "source"),
    ),
    highlights=(
        Highlight("Sources"),
        Highlight("Sources in trouble", {"healthy": ("false",)}, bad=True),
        Highlight("Series", sum="series"),
    ),
    priorities={
        **dict.fromkeys(("source", "state", "objects"), 1),
        **dict.fromkeys(("kinds", "series", "messages"), 2),
        **dict.fromkeys(("missing", "invalid", "errors", "table", "lastSuccessAt"), 3),
    },
    titles={"lastSuccessAt": "Last complete", "messages": "What is wrong"},
    facets=("state", "place", "namespace"),
)
SERIES = TableSpec(
    "sourceSeries",
    SeriesRow,
    ("source", "series"),
    title="Series of sources",
    filters=("source", "family"),
    search=("series",),
    shown=("series", "value", "source"),
    sort="series",
    by=("source",),
    unchecked=("source", "family"),
    types={"carriedSince": "time", "value": "number"},
    previous=SeriesBefore,
    name=("series",),
    links=(Link("source", "sources", "source"),),
    priorities={**dict.fromkeys(("series", "value"), 1), "source": 2},
    facets=("source", "family"),
)
TABLES = (SOURCES, SERIES)
