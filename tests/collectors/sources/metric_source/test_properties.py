"""Whatever objects hold, and however they are split into lists."""

from __future__ import annotations

import math
import random
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from support.metric_sources import FOO, LIMITS, compiled, fold, outcome, wire
from support.sampling import looking
from xpjob.collectors.sources.metric_source.filters import OPERATORS
from xpjob.collectors.sources.metric_source.path_syntax import PathError
from xpjob.collectors.sources.metric_source.paths import compile_path
from xpjob.collectors.sources.metric_source.spec import FUNCTIONS, NUMERIC
from xpjob.collectors.sources.metric_source.types import TYPES
from xpjob.collectors.sources.program import Tally

KEYS = st.sampled_from(["metadata", "name", "namespace", "spec", "status", "a", "b", "type", "x"])
TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "True",
            "500m",
            "1e999999999",
            "25%",
            "1h",
            "2024-01-15T10:30:00Z",
            "NaN",
            "-",
            "9" * 30,
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(KEYS | TEXTS, inner, max_size=4)
    ),
    max_leaves=20,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=5)
PATHS = (
    *(".spec", ".spec.a", ".a.b", ".metadata.name", ".spec[0]", ".spec[-1].a", ".spec[*]", "*"),
    *(".spec.*.a", '.spec[?(@.type=="True")].a', ".spec[?(@.a>1)]", ".a[0:2].b", "['a','b']"),
    *(".spec[?(@.a)].b", ".status[*][*]", ".a[0,1]"),
)
EXPRESSIONS = (
    *("v1 + v2", "v1 * 2", "v1 < v2", "v1 == v2", "len(v1)", "v1 ? v2 : 3", "lower(v1)"),
    *("v1.exists(x, x == v2)", "age(v1)", "round(v1)", "formatBytes(v1)", "v1[0]", "v1 in v2"),
)
VALID = {
    "percent": "5%",
    "condition": "True",
    "boolean": "true",
    "timestamp": "2024-01-15T10:30:00Z",
}


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """Make up a valid spec: fields of any type at any path, and what can be made of them."""
    fields = [
        {
            "name": f"v{n}",
            "path": draw(st.sampled_from(PATHS)),
            "type": draw(st.sampled_from([*TYPES])),
        }
        for n in range(1, draw(st.integers(2, 4)) + 1)
    ]
    untyped = {**fields[0], "type": "json"}, {**fields[1], "type": "json"}
    expression = draw(st.sampled_from(EXPRESSIONS))
    aggregations = []
    for number, field in enumerate([*untyped, *fields[2:]]):
        numeric = TYPES[field["type"]].number
        functions = [f for f in FUNCTIONS if numeric or f not in NUMERIC]
        if field["type"] == "timestamp":
            functions.remove("sum")
        function = draw(st.sampled_from(functions))
        operators = [o for o in OPERATORS if numeric or o not in ("greaterThan", "lessThan")]
        if field["type"] == "boolean":
            operators = [o for o in operators if o not in ("greaterThan", "lessThan")]
        value = VALID.get(field["type"], "3")
        condition = {
            "field": field["name"],
            "operator": draw(st.sampled_from(operators)),
            "value": value,
        }
        aggregations.append(
            {
                "name": f"a{number}",
                "function": function,
                "field": field["name"],
                **({"percentile": 95} if function == "percentile" else {}),
                **({"groupBy": fields[0]["name"]} if draw(st.booleans()) else {}),
                **({"filter": condition} if draw(st.booleans()) else {}),
            }
        )
    return {
        "fields": [*untyped, *fields[2:]],
        "computed": [{"name": "c", "expression": expression}],
        "aggregations": aggregations,
        "collection": {"maxResources": draw(st.integers(1, 5))},
    }


@looking(1000)
@given(specs(), st.lists(OBJECTS, max_size=6))
def test_no_object_makes_a_source_fail(spec: dict[str, Any], objects: list[Any]) -> None:
    """Decoded for it or as dictionaries: with one result, which JSON can hold."""
    source = compiled(**spec)
    tally = fold(source, objects)
    plain = source.folder(0, FOO, LIMITS)
    for each in objects:
        plain.add(each)
    assert msgspec.json.decode(msgspec.json.encode(plain.result()), type=Tally) == tally
    assert tally.objects == len(objects) == len(tally.rows) + tally.dropped
    for series in source.finish([tally], LIMITS).series.values():
        assert all(math.isfinite(value) for _, value in series)


@looking(500)
@given(
    specs(), st.lists(OBJECTS, max_size=12), st.randoms(use_true_random=False), st.integers(1, 4)
)
def test_lists_may_be_split_and_come_in_any_order(
    spec: dict[str, Any], objects: list[Any], chance: random.Random, parts: int
) -> None:
    """Samples, rows and counts are the same."""
    source = compiled(**spec)
    for number, each in enumerate(objects):  # no two objects have one name
        each["metadata"] = {"name": f"o{number}", "namespace": f"n{number % 3}"}
    whole = outcome(source, objects)
    mixed = list(objects)
    chance.shuffle(mixed)
    split = outcome(source, *(mixed[part::parts] for part in range(parts)))
    assert split.series == whole.series
    assert split.rows == whole.rows
    assert (split.tally.missing, split.tally.invalid, split.tally.errors, split.tally.dropped) == (
        *(whole.tally.missing, whole.tally.invalid, whole.tally.errors, whole.tally.dropped),
    )


def naive(function: str, values: list[Any], percentile: float) -> float | None:
    """Compute an aggregation from its definition."""
    numbers = sorted(value for value in values if value is not None)
    if function == "count":
        return len(values)
    if function == "distinct":
        return len(set(numbers))
    if function == "sum":
        return math.fsum(numbers)
    if not numbers:
        return None
    if function == "avg":
        return math.fsum(numbers) / len(numbers)
    if function in ("min", "max"):
        return float(numbers[0] if function == "min" else numbers[-1])
    place = percentile * (len(numbers) - 1) / 100
    low = int(place)
    high = min(low + 1, len(numbers) - 1)
    return float(numbers[low] + (numbers[high] - numbers[low]) * (place - low))


@looking(1000)
@given(
    st.sampled_from(FUNCTIONS),
    st.lists(st.tuples(st.sampled_from(["g", "h", None]), st.none() | st.floats(-1e9, 1e9))),
    st.integers(0, 100),
    st.integers(1, 5),
)
def test_aggregations_are_as_defined(
    function: str, values: list[tuple[str | None, float | None]], percentile: int, parts: int
) -> None:
    """For each group, of lists in parts."""
    source = compiled(
        fields=[{"name": "g", "path": ".g"}, {"name": "x", "path": ".x", "type": "float"}],
        aggregations=[
            {
                "name": "a",
                "function": function,
                "field": "x",
                "groupBy": "g",
                **({"percentile": percentile} if function == "percentile" else {}),
            }
        ],
    )
    objects = [{"g": group, "x": value} for group, value in values]
    found = outcome(source, *(objects[part::parts] for part in range(parts))).series
    expected = {}
    for group in {group for group, _ in values}:
        of_group = [value for each, value in values if each == group]
        if (result := naive(function, of_group, percentile)) is not None:
            expected[group or "_unknown_"] = result
    got = {dict(labels)["g"]: value for series in found.values() for labels, value in series}
    assert got == expected


@looking(2000)
@given(st.text(st.sampled_from(list(".[]{}()'\"\\*?@$:,=<>!-0a\n ")), max_size=20))
def test_any_text_is_a_path_or_an_error(text: str) -> None:
    """And a path finds something or nothing in any object."""
    try:
        path = compile_path(text)
    except PathError as error:
        column = error.column
    else:
        path.getter()({"a": [{"a": 1}], "0": {"a": None}})
        column = 1
    assert 1 <= column <= len(text) + 1


def test_the_wire_type_is_small() -> None:
    """Of many fields of one part of objects, that part is decoded once."""
    fields = [{"name": f"f{n}", "path": f".spec.f{n}"} for n in range(100)]
    decoded = msgspec.json.decode(b'{"spec": {"f3": 1}}', type=wire(compiled(fields=fields)))
    assert len(decoded.__struct_fields__) == 2
