"""The table of parameters: what a question may say, checked here and documented from here."""

from __future__ import annotations

import base64
import binascii
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xpjob.base.errors import XpjobError
from xpjob.collectors.crossplane.findings import FINDINGS
from xpjob.collectors.crossplane.reader.rows import FIELDS

MAX_PARAMETERS = 64
MAX_VALUE = 512
"""Characters of one value: a name in Kubernetes has at most 253, a token fewer than 200."""
MAX_LIMIT = 1000
_SHOWN = 60
_LISTED = 100

DIMENSIONS = (
    *("class", "group", "version", "kind", "namespace", "team", "creator", "composition"),
    *("source", "provider", "providerConfig", "ready", "readyStatus", "reason"),
    *("synced", "syncedStatus", "syncedReason", "paused", "deleting", "carried"),
)
"""What can be filtered by and counted by."""
FORMATS = ("json", "ndjson", "csv")
AGE, NOT_READY = "age", "notReady"
SORTS = (AGE, NOT_READY, "name", *DIMENSIONS)

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class QuestionError(XpjobError):
    """The question cannot be answered as it is asked.

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
    """One parameter. ``values`` are all it takes, where they are known beforehand."""

    name: str
    help: str
    values: tuple[str, ...] = ()
    repeatable: bool = False
    example: str = ""
    pattern: str = ""
    whole: tuple[int, int] | None = None
    required: bool = False


_FLAG = ("true", "false")
_SAID = ("True", "False", "Unknown", "")
_FILTERS = (
    Parameter(
        "class",
        "Claims (claim), composite resources (composite) or managed resources (managed).",
        ("claim", "composite", "managed"),
    ),
    Parameter("group", "API group.", example="platform.example.org"),
    Parameter("version", "API version.", example="v1alpha1"),
    Parameter("kind", "Kind.", example="PostgreSQLInstance"),
    Parameter("namespace", "Namespace; empty for cluster-scoped records.", example="team-a"),
    Parameter("name", "Name, or a part of it with * for the rest.", example="orders-*"),
    Parameter("team", "Team, of a claim or of what was made for it.", example="payments"),
    Parameter("creator", "Creator, of a claim or of what was made for it.", example="alice"),
    Parameter("composition", "Composition.", example="xdatabases.aws.example.org"),
    Parameter("source", "Where the kind was named: central, namespace or discovery."),
    Parameter("provider", "Provider of a managed resource.", example="provider-aws-s3"),
    Parameter("providerConfig", "Name of a managed resource's provider config."),
    Parameter("ready", "Whether the Ready condition is True.", _FLAG),
    Parameter("readyStatus", "What the Ready condition says; empty where there is none.", _SAID),
    Parameter("reason", "Reason of the Ready condition; empty where there is none."),
    Parameter("synced", "Whether the Synced condition is True.", _FLAG),
    Parameter("syncedStatus", "What the Synced condition says; empty where there is none.", _SAID),
    Parameter("syncedReason", "Reason of the Synced condition; empty where there is none."),
    Parameter("paused", "Whether reconciliation is paused.", _FLAG),
    Parameter("deleting", "Whether it is being deleted.", _FLAG),
    Parameter("carried", "Whether it is kept from an earlier run as its list failed.", _FLAG),
)
FILTERS: tuple[Parameter, ...] = tuple(
    Parameter(p.name, p.help, p.values, repeatable=True, example=p.example) for p in _FILTERS
)
SELECTION: tuple[Parameter, ...] = (
    *FILTERS,
    Parameter("q", "Text to look for in names, owners, compositions, reasons and messages."),
    Parameter(
        "since",
        "Only records not ready for at least so long: seconds, or with m, h, d or w.",
        example="30m",
        pattern=r"^[0-9]{1,9}[smhdw]?$",
    ),
)
_OF_FINDINGS = ("class", "group", "kind", "namespace", "team")
CHANGED_BY = _OF_FINDINGS
CLUSTER = Parameter("cluster", "Cluster, where there are several (see /clusters).")
FORMAT = Parameter("format", "Form of the answer.", FORMATS)
SORT = Parameter(
    "sort",
    f"Order, with - for descending, comma-separated: {', '.join(SORTS)}.",
    example="-notReady,name",
)
FIELDS_PARAMETER = Parameter(
    "fields", "Keys to answer with, comma-separated.", example="kind,namespace,name,reason"
)
BY = Parameter(
    "by",
    f"What to count by, comma-separated: {', '.join(DIMENSIONS)}.",
    repeatable=True,
    example="team,kind",
)
LIMIT = Parameter("limit", "Records a page, at most.", whole=(1, MAX_LIMIT))
TOP = Parameter(
    "limit", "Groups, at most; those with most that is not ready.", whole=(1, MAX_LIMIT)
)
CONTINUE = Parameter(
    "continue",
    "Token of the page before; 410 once the snapshot has changed.",
    pattern=r"^[-\w]*$",
)

BOOKKEEPING = (*SELECTION, SORT, LIMIT, CONTINUE, FIELDS_PARAMETER, FORMAT, CLUSTER)
SUMMARY = (*SELECTION, BY, TOP, FORMAT, CLUSTER)
TREE = (
    Parameter("kind", "Its kind, or its resource; upper or lower case.", example="XDatabase"),
    Parameter("namespace", "Its namespace; empty for a cluster-scoped record.", example="team-a"),
    Parameter("name", "Its name.", example="orders", required=True),
    Parameter("group", "Its API group.", example="platform.example.org"),
    Parameter("class", "Its class.", ("claim", "composite", "managed")),
    CLUSTER,
)
FINDING = Parameter("finding", "What was found.", FINDINGS, repeatable=True)
FOUND_BY = (FINDING, *(p for p in FILTERS if p.name in _OF_FINDINGS))
FOUND = (*FOUND_BY, Parameter("limit", "Findings, at most.", whole=(1, MAX_LIMIT)), FORMAT, CLUSTER)
MOMENT = "2026-08-21T09:00:00Z"
_DAY, _TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
_MOMENT = rf"^{_DAY}T{_TIME}(Z|[+-][0-9]{{2}}:[0-9]{{2}})$"
DIFF = (
    Parameter(
        "since",
        "Changes since so long ago: seconds, or with m, h, d or w; 1d where nothing is said.",
        example="1d",
        pattern=r"^[0-9]{1,9}[smhdw]?$",
    ),
    Parameter("from", "Changes since that time, instead.", example=MOMENT, pattern=_MOMENT),
    Parameter("to", "Changes until that time, not until now.", example=MOMENT, pattern=_MOMENT),
    *(p for p in FILTERS if p.name in CHANGED_BY),
    Parameter("limit", "Changes of each kind, at most; 100.", whole=(1, MAX_LIMIT)),
    CLUSTER,
)
INVENTORY = (CLUSTER,)
NONE: tuple[Parameter, ...] = ()

Given = Mapping[str, tuple[str, ...]]


def check(pairs: Iterable[tuple[str, str]], known: Iterable[Parameter]) -> Given:
    """Return the values by parameter. Raises ``QuestionError`` for what the table rules out."""
    table = {parameter.name: parameter for parameter in known}
    given: dict[str, list[str]] = {}
    for count, (name, value) in enumerate(pairs, 1):
        if count > MAX_PARAMETERS:
            raise QuestionError(
                "too-many-parameters", f"more than {MAX_PARAMETERS} parameters; ask for less"
            )
        parameter = table.get(name)
        if parameter is None:
            raise unknown("parameter", name, tuple(table))
        if len(value) > MAX_VALUE:
            raise QuestionError(
                "value-too-long", f"{name}: a value has at most {MAX_VALUE} characters"
            )
        _check_value(parameter, value)
        values = given.setdefault(name, [])
        if values and not parameter.repeatable:
            raise QuestionError("repeated", f"{name} is given twice, and can be given once")
        values.append(value)
    if missing := [p.name for p in table.values() if p.required and not any(given.get(p.name, ()))]:
        raise QuestionError("missing-parameter", f"{missing[0]} is needed, and not empty")
    return {name: tuple(dict.fromkeys(values)) for name, values in given.items()}


def unknown(what: str, value: str, known: Iterable[str]) -> QuestionError:
    """Return the error for a name or value that does not exist, with those that do."""
    exist = sorted(known)
    near = difflib.get_close_matches(value[:_SHOWN], exist[:2000], n=3)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    facts: dict[str, object] = {"known": exist[:_LISTED]}
    if len(exist) > _LISTED:
        facts["knownCount"] = len(exist)
    if what == "parameter":
        code = "unknown-parameter"
    else:
        code, facts["parameter"] = "unknown-value", what
    return QuestionError(code, f"there is no {what} {shown(value)}{hint}", facts=facts)


def shown(value: str) -> str:
    """Return what somebody sent so that it can be put into a message: quoted and short."""
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")


def _check_value(parameter: Parameter, value: str) -> None:
    if parameter.values and value not in parameter.values:
        raise unknown(parameter.name, value, parameter.values)
    if parameter.whole:
        least, most = parameter.whole
        if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
            raise QuestionError(
                "bad-value",
                f"{parameter.name}: {shown(value)} is not a whole number from {least} to {most}",
            )
    if parameter.pattern and not re.fullmatch(parameter.pattern, value, re.ASCII):
        example = f" (as in {parameter.example})" if parameter.example else ""
        raise QuestionError(
            "bad-value", f"{parameter.name}: {shown(value)} is not of its form{example}"
        )


def one(given: Given, name: str, default: str = "") -> str:
    """Return the value of a parameter that can be given once."""
    return given.get(name, (default,))[0]


def names(given: Given, name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return comma-separated names, each of them known, repeats dropped."""
    found = [part for value in given.get(name, ()) for part in value.split(",")]
    for part in found:
        if part not in known:
            raise unknown(name, part, known)
    return tuple(dict.fromkeys(found))


def fields(given: Given) -> tuple[str, ...]:
    """Return the keys to answer with; none means all."""
    return names(given, "fields", FIELDS)


def orders(given: Given) -> tuple[tuple[str, bool], ...]:
    """Return what to sort by, each with whether it is descending."""
    text = one(given, "sort")
    parts = text.split(",") if text else []
    for part in parts:
        if part.removeprefix("-") not in SORTS:
            raise unknown("sort", part, SORTS)
    if len(parts) > 4:
        raise QuestionError("bad-value", "sort: at most 4 keys")
    return tuple((part.removeprefix("-"), part.startswith("-")) for part in parts)


def duration(text: str) -> int:
    """Return seconds; the form has been checked."""
    digits = text.rstrip("smhdw")
    return int(digits) * _UNITS[text[len(digits) :]]


def pack(parts: Iterable[object]) -> str:
    """Return a token of these parts, which must hold no line breaks."""
    text = "\n".join(map(str, parts))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unpack(token: str, count: int) -> list[str]:
    """Return the parts of a token. Raises ``QuestionError`` for what is none."""
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (binascii.Error, ValueError):
        text = ""
    parts = text.split("\n")
    if len(parts) != count:
        raise QuestionError("bad-token", "continue: that is no token of this reader")
    return parts
