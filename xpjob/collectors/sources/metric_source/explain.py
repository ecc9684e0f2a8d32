"""What becomes of each value of one object: by folding it, as a run does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from msgspec import UNSET

from xpjob.collectors.sources.metric_source import types
from xpjob.collectors.sources.metric_source.fold import ListFolder
from xpjob.collectors.sources.metric_source.paths import Path
from xpjob.collectors.sources.metric_source.reading import invalid, reading
from xpjob.collectors.sources.metric_source.spec import (
    NUMERIC,
    Aggregation,
    Computed,
    Field,
    MetricSourceSpec,
)
from xpjob.collectors.sources.metric_source.steps import First, Index, Key, Several
from xpjob.collectors.sources.metric_source.table import SourceTable
from xpjob.collectors.sources.program import Explained, Limits, Tally
from xpjob.metrics.series import Labels

_ALL = 10_000
"""Examples: one for each value of a source, and more."""


@dataclass(frozen=True, slots=True)
class Folded:
    """One object after the fold: its values by name, and which aggregations counted it."""

    item: Mapping[str, Any]
    tally: Tally
    values: Mapping[str, Any]
    counted: Sequence[bool]


def fold_one(
    spec: MetricSourceSpec, table: SourceTable, kind: str, item: Mapping[str, Any], limits: Limits
) -> Folded | None:
    """Fold one object; None if the source does not read its namespace."""
    whole = replace(table, values=tuple(range(len(spec.types))), kinds=True)
    counts = replace(
        spec, aggregations=tuple(replace(a, function="count", field="") for a in spec.aggregations)
    )
    tally, how_many = (_fold(each, whole, kind, item, limits) for each in (spec, counts))
    if not tally.rows:
        return None
    values = dict(zip(spec.types, tally.rows[0][3:], strict=True))
    counted = [any(partial.get("groups", {}).values()) for partial in how_many.partial or ()] or [
        False
    ] * len(spec.aggregations)
    return Folded(item, tally, values, counted)


def _fold(
    spec: MetricSourceSpec, table: SourceTable, kind: str, item: Mapping[str, Any], limits: Limits
) -> Tally:
    folder = ListFolder(spec, table, kind, limits, examples=_ALL)
    folder.add(item)
    return folder.result()


def values_of(spec: MetricSourceSpec, folded: Folded) -> Iterator[Explained]:
    """Yield each field and each computed value."""
    for field in spec.fields:
        value = folded.values[field.name]
        raw = reading(field)[0](folded.item)
        why = tuple(_why_no_value(field, raw, value, folded.item))
        found = UNSET if value is None else value
        yield Explained("field", field.name, field.path.source, raw, found, why=why)
    for computed in spec.computed:
        value = folded.values[computed.name]
        why = () if value is not None else tuple(_why_not_computed(computed, folded))
        found = UNSET if value is None else value
        yield Explained("computed", computed.name, computed.expression.source, value=found, why=why)


def sums_of(
    spec: MetricSourceSpec,
    folded: Folded,
    families: Mapping[str, str],
    series: Mapping[str, Sequence[tuple[Labels, float]]],
) -> Iterator[Explained]:
    """Yield what the object adds to each aggregation."""
    for each, counted in zip(spec.aggregations, folded.counted, strict=True):
        family = families[each.name]
        value = folded.values.get(each.field)
        yield Explained(
            "aggregation",
            each.name,
            _described(each),
            value=UNSET if value is None else value,
            samples=series.get(family, ()) if counted else (),
            family=family,
            why=tuple(_why_not_counted(each, folded, counted=counted)),
        )


def _described(each: Aggregation) -> str:
    text = each.function + (f" of {each.field}" if each.field else " of objects")
    if each.filter:
        text += f" where {each.filter}"
    return text + (f" by {each.group_by}" if each.group_by else "")


def _why_no_value(field: Field, raw: Any, value: Any, item: Any) -> Iterator[str]:
    if raw is None:
        yield "it is null"
    elif raw is UNSET:
        yield why_missing(field.path, item)
        if value is not None:
            yield "its default is used"
    elif value is None:
        yield invalid(field, raw)


def _why_not_computed(computed: Computed, folded: Folded) -> Iterator[str]:
    said = [each.message for each in folded.tally.examples if each.where == computed.name]
    yield from said
    if not said:
        nulls = sorted(n for n in computed.expression.names if folded.values.get(n) is None)
        yield f"null, because of {', '.join(nulls)}" if nulls else "the expression returns null"


def _why_not_counted(each: Aggregation, folded: Folded, *, counted: bool) -> Iterator[str]:
    where = f"aggregation {each.name}"
    said = [example.message for example in folded.tally.examples if example.where == where]
    yield from said
    if not counted and not said and each.filter:
        got = types.shown(folded.values.get(each.filter.field))
        yield f"not counted: the filter is {each.filter}, and the value is {got}"
    elif counted and each.field and folded.values.get(each.field) is None:
        what = "number" if each.function in NUMERIC else "value"
        yield f"adds no {what}: {each.field} is null"


def why_missing(path: Path, item: Any) -> str:
    """Return at which step of a path there is nothing, and what to do about it."""
    value = item
    for number, step in enumerate(path.steps):
        at = path.before(number) or "the object"
        if isinstance(step, get_args(Several)):
            among = step.choose()(value)
            if among is None:
                return f"{at} is {types.shown(value)}, and not a list"
            if not among:
                return f"no element of {at} is chosen"
            return f"nothing is there in any of the {len(among)} elements of {at}"
        if isinstance(step, Key | Index | First):
            found = step.get()(value)
            if found is UNSET:
                return _why_nothing(step, value, at)
            value = found
    return "there is no value"


def _why_nothing(step: Key | Index | First, value: Any, at: str) -> str:
    if isinstance(step, First):
        if isinstance(value, list):
            return f"no element of {at} has the {step.name} {step.text!r}"
        return f"{at} is {types.shown(value)}, and not a list"
    if isinstance(value, list):
        if isinstance(step, Key):
            return f"a list is at {at}, and the path goes on with a key: use an index or [*]"
        return f"{at} is a list of {len(value)}: it has no element {step.at}"
    if isinstance(step, Key) and isinstance(value, dict):
        return f"there is no {step.name} in {at}"
    return f"{at} is {types.shown(value)}, and nothing is below it"
