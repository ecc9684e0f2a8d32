"""Parameters: what a query may say, checked here and documented from here.

What each endpoint takes is a tuple of these; those of tables are made from their descriptions.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xpjob.base import times
from xpjob.base.errors import XpjobError

MAX_PARAMETERS = 64
MAX_VALUE = 512
"""Characters of one value: a name in Kubernetes has at most 253, a token fewer than 200."""
MAX_LIMIT = 1000
MAX_BY = 6
"""Dimensions of a summary."""
MAX_WILDCARDS = 32
"""``*`` in all values of a query."""
_SHOWN, _COMPARED = 60, 200
_LISTED = 100

FORMATS = ("json", "ndjson", "csv")
FLAG = ("true", "false")
DURATION = r"^[0-9]{1,9}[smhdw]?$"


class QueryError(XpjobError):
    """The query cannot be answered as it is.

    ``status`` is HTTP's; ``code`` a word for machines; ``facts`` says what exists, in plain data.
    """

    exit_code = 2

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        facts: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.status, self.facts = code, status, facts or {}

    def for_people(self) -> str:
        """Return the message with what exists, for a terminal."""
        known = self.facts.get("known")
        listed = ""
        if isinstance(known, list):
            listed = "; there are: " + ", ".join(str(value) or "'' (none)" for value in known)
        return f"{self}{listed}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. ``values`` are all it takes, where they are known beforehand.

    A filter looks at ``column``, by default the one of its name. With ``wildcard`` a ``*`` in
    a value stands for any text. ``unchecked``: a value that no row has is not an error.
    """

    name: str
    help: str
    values: tuple[str, ...] = ()
    repeatable: bool = False
    example: str = ""
    pattern: str = ""
    whole: tuple[int, int] | None = None
    required: bool = False
    column: str = ""
    wildcard: bool = False
    unchecked: bool = False

    @property
    def reads(self) -> str:
        """Return the name of the column that it filters by."""
        return self.column or self.name


Q = Parameter("q", "Text to look for.")
CLUSTER = Parameter("cluster", "Cluster, where there are several (see /clusters).")
CLUSTERS = Parameter("cluster", "Cluster, where there are several (see /clusters); * for all.")
FORMAT = Parameter("format", "Form of the answer.", FORMATS)
SORT = Parameter("sort", "Order, with - for descending, comma-separated.")
FIELDS = Parameter("fields", "Keys to answer with, comma-separated.")
BY = Parameter("by", "What to count by, comma-separated.", repeatable=True)
LIMIT = Parameter("limit", "Rows a page, at most.", whole=(1, MAX_LIMIT))
TOP = Parameter("limit", "Groups, at most; those with most rows.", whole=(1, MAX_LIMIT))
CONTINUE = Parameter(
    "continue",
    "Token of the page before; 410 once the snapshot has changed.",
    pattern=r"^[-\w]*$",
)
FACETS = Parameter(
    "facets",
    "Filters whose values are counted, comma-separated, each without itself. With it come sums of "
    "the rows that match, how late they are, and how many rows there are in all. JSON only.",
    repeatable=True,
)
FACET_LIMIT = Parameter("facetLimit", "Values of a facet, at most; 8.", whole=(1, 200))
MOMENT = "2026-08-21T09:00:00Z"
_DAY, _TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
_MOMENT = rf"^{_DAY}T{_TIME}(Z|[+-][0-9]{{2}}:[0-9]{{2}})$"
MOMENTS = (
    Parameter(
        "since",
        "Changes since so long ago: seconds, or with m, h, d or w; 1d where nothing is said.",
        example="1d",
        pattern=DURATION,
    ),
    Parameter("from", "Changes since that time, instead.", example=MOMENT, pattern=_MOMENT),
    Parameter("to", "Changes until that time, not until now.", example=MOMENT, pattern=_MOMENT),
)
MAX_CHANGES = Parameter("limit", "Changes of each kind, at most; 100.", whole=(1, MAX_LIMIT))
ONLY_CLUSTER = (CLUSTER,)
NONE: tuple[Parameter, ...] = ()
RESERVED = frozenset(
    (
        *(p.name for p in (Q, CLUSTER, FORMAT, SORT, FIELDS, BY, LIMIT, CONTINUE, *MOMENTS)),
        *(FACETS.name, FACET_LIMIT.name, "tab", "cols"),
    )
)
"""Names that no filter has: a column of such a name is filtered by as ``column.<name>``.

``tab`` and ``cols`` are the page's own, whose address holds all of a question's parameters.
"""

Params = Mapping[str, tuple[str, ...]]
"""The values of a query by parameter."""
Pairs = Iterable[tuple[str, str]]


def check(pairs: Pairs, known: Iterable[Parameter]) -> Params:
    """Return the values by parameter. Raises ``QueryError`` for what the parameters rule out."""
    table = {parameter.name: parameter for parameter in known}
    params: dict[str, list[str]] = {}
    wildcards = 0
    for count, (name, value) in enumerate(pairs, 1):
        if count > MAX_PARAMETERS:
            raise QueryError(
                "too-many-parameters", f"more than {MAX_PARAMETERS} parameters; ask for less"
            )
        parameter = table.get(name)
        if parameter is None:
            raise unknown("parameter", name, tuple(table))
        if len(value) > MAX_VALUE:
            raise QueryError(
                "value-too-long", f"{name}: a value has at most {MAX_VALUE} characters"
            )
        _check_value(parameter, value)
        wildcards += value.count("*") if parameter.wildcard else 0
        if wildcards > MAX_WILDCARDS:
            raise QueryError(
                "too-many-wildcards", f"more than {MAX_WILDCARDS} * in all; ask for less"
            )
        values = params.setdefault(name, [])
        if values and not parameter.repeatable:
            raise QueryError("repeated", f"{name} is given twice, and can be given once")
        values.append(value)
    if missing := [
        p.name for p in table.values() if p.required and not any(params.get(p.name, ()))
    ]:
        raise QueryError("missing-parameter", f"{missing[0]} is needed, and not empty")
    return {name: tuple(dict.fromkeys(values)) for name, values in params.items()}


def unknown(what: str, value: str, known: Iterable[str]) -> QueryError:
    """Return the error for a name or value that does not exist, with those that do."""
    exist = sorted(known)
    near = similar(value, exist)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    facts: dict[str, object] = {"known": exist[:_LISTED]}
    if len(exist) > _LISTED:
        facts["knownCount"] = len(exist)
    if what == "parameter":
        code = "unknown-parameter"
    else:
        code, facts["parameter"] = "unknown-value", what
    return QueryError(code, f"there is no {what} {shown(value)}{hint}", facts=facts)


def similar(value: str, known: Iterable[str]) -> list[str]:
    """Return up to three of the known texts that are like a value.

    Comparing two texts can take a time that is the cube of their length, so few are compared, and
    no long ones: where there are many, those that begin alike.
    """
    short = [text for text in known if len(text) <= _SHOWN]
    if len(short) > _COMPARED:
        short = [text for text in short if text[:2] == value[:2]]
    return difflib.get_close_matches(value[:_SHOWN], short[:_COMPARED], n=3)


def shown(value: str) -> str:
    """Return what somebody sent so that it can be put into a message: quoted and short."""
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")


def _check_value(parameter: Parameter, value: str) -> None:
    if parameter.values and value not in parameter.values:
        raise unknown(parameter.name, value, parameter.values)
    if parameter.whole:
        least, most = parameter.whole
        if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
            raise QueryError(
                "bad-value",
                f"{parameter.name}: {shown(value)} is not a whole number from {least} to {most}",
            )
    if parameter.pattern and not re.fullmatch(parameter.pattern, value, re.ASCII):
        example = f" (as in {parameter.example})" if parameter.example else ""
        raise QueryError(
            "bad-value", f"{parameter.name}: {shown(value)} is not of its form{example}"
        )


def one(params: Params, name: str, default: str = "") -> str:
    """Return the value of a parameter that can be given once."""
    return params.get(name, (default,))[0]


def names(params: Params, name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return comma-separated names, each of them known, repeats dropped."""
    found = [part for value in params.get(name, ()) for part in value.split(",")]
    for part in found:
        if part not in known:
            raise unknown(name, part, known)
    return tuple(dict.fromkeys(found))


def orders(params: Params, sorts: Mapping[str, object]) -> tuple[tuple[str, bool], ...]:
    """Return what to sort by, each with whether it is descending."""
    text = one(params, "sort")
    parts = text.split(",") if text else []
    for part in parts:
        if part.removeprefix("-") not in sorts:
            raise unknown("sort", part, sorts)
    if len(parts) > 4:
        raise QueryError("bad-value", "sort: at most 4 keys")
    return tuple((part.removeprefix("-"), part.startswith("-")) for part in parts)


def duration(text: str) -> int:
    """Return seconds; the form has been checked."""
    return times.duration(text)


def pack(parts: Iterable[object]) -> str:
    """Return a token of these parts, which must hold no line breaks."""
    text = "\n".join(map(str, parts))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unpack(token: str, count: int) -> list[str]:
    """Return the parts of a token. Raises ``QueryError`` for what is none."""
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (binascii.Error, ValueError):
        text = ""
    parts = text.split("\n")
    if len(parts) != count:
        raise QueryError("bad-token", "continue: that is no token of this reader")
    return parts
