"""Read the aggregations of a MetricSource."""

from __future__ import annotations

import re
from collections.abc import Mapping

from xpjob.collectors.sources.documents.names import Names
from xpjob.collectors.sources.metric_source.filters import (
    OPERATORS,
    FilterError,
    compile_filter,
    members,
)
from xpjob.collectors.sources.metric_source.spec import FUNCTIONS, NUMERIC, Aggregation, Filter
from xpjob.collectors.sources.sanitise import metric_part
from xpjob.config.located import Checker, Node

_NUMBER = re.compile(r"[0-9]{1,3}(\.[0-9]{1,9})?")
_KEYS = ("name", "field", "function", "filter", "groupBy", "percentile")


def read_aggregations(node: Node | None, checker: Checker, names: Names) -> tuple[Aggregation, ...]:
    """Return the aggregations."""
    found: list[Aggregation] = []
    families: dict[str, str] = {}
    for each in names.limited(node):
        entries = checker.map(each, _KEYS, ("name", "function"))
        at = entries.get("name")
        name = names.name(at)
        if at is not None and name:
            other = families.setdefault(metric_part(name), name)
            if other != name:
                checker.error(at, f"{name!r} has the same metric name as {other!r}")
            elif any(name == one.name for one in found):
                checker.error(at, f"duplicate name {name!r}")
        found.append(_aggregation(each, name, entries, checker, names))
    return tuple(found)


def _aggregation(
    node: Node, name: str, entries: Mapping[str, Node], checker: Checker, names: Names
) -> Aggregation:
    function = checker.choice(entries.get("function"), FUNCTIONS, "")
    at = entries.get("field")
    field = names.reference(at)
    if at is None and function not in ("", "count"):
        checker.error(node, f"field is missing: of what to compute {function}")
    of = names.types.get(field)
    if at is not None and of:
        if function in NUMERIC and not of.number:
            checker.error(
                at, f"{field!r} is of type {of.name}, and {function} needs numbers: set its type"
            )
        elif function == "sum" and of.name == "timestamp":
            checker.error(at, f"{field!r} is a time: times have no sum")
    return Aggregation(
        name,
        function,
        field,
        _filter(entries.get("filter"), checker, names),
        names.reference(entries.get("groupBy")),
        _percentile(node, entries.get("percentile"), function, checker),
    )


def _percentile(node: Node, at: Node | None, function: str, checker: Checker) -> float:
    if at is None:
        if function == "percentile":
            checker.error(node, "percentile is missing: a number from 0 to 100")
        return 0.0
    value = float(at.text) if _NUMBER.fullmatch(at.text) else -1.0
    if not 0 <= value <= 100:
        got = repr(at.text) if at.is_scalar else "a map or list"
        checker.error(at, f"expected a number from 0 to 100, got {got}")
    elif function not in ("", "percentile"):
        checker.warn(at, f"percentile has no effect on {function}")
    return value


def _filter(node: Node | None, checker: Checker, names: Names) -> Filter | None:
    keys = ("field", "operator", "value")
    entries = checker.map(node, keys, keys)
    field = names.reference(entries.get("field"))
    operator = checker.choice(entries.get("operator"), OPERATORS, "")
    at, of = entries.get("value"), names.types.get(field)
    if at is None or not operator:
        return None
    if operator == "in":
        if at.is_list:
            wanted = [checker.text(each) for each in names.limited(at)]
        else:
            wanted = members(checker.text(at))
    else:
        wanted = [checker.text(at)]
    if of is None or not (at.is_scalar or operator == "in"):
        return None
    try:
        return Filter(field, operator, compile_filter(operator, wanted, of), tuple(wanted))
    except FilterError as error:
        checker.error(at, str(error))
        return None
