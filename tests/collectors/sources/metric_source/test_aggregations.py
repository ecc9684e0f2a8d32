"""Aggregations and their filters: nulls left out, numbers as numbers, percentiles exact."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from support.metric_sources import compiled, foo, samples
from xpjob.collectors.sources.expressions.language import Limits
from xpjob.collectors.sources.metric_source import aggregations
from xpjob.collectors.sources.metric_source.filters import (
    FilterError,
    compile_filter,
    members,
)
from xpjob.collectors.sources.metric_source.types import TYPES, ValueType, plain, states

STATE = states({"Up": 1, "Down": 0})
ANY = ValueType("any", "a value", plain, "object", number=True)


def result(function: str, values: list[Any], percentile: float = 0.0) -> float | None:
    """Return an aggregation of values."""
    state = aggregations.new(function, percentile)
    for value in values:
        state.add(value)
    return state.result()


@pytest.mark.parametrize(
    ("function", "values", "expected"),
    [
        ("count", [1, None, "a"], 3),
        ("count", [], 0),
        ("sum", [], 0),
        ("sum", [1, 2.5], 3.5),
        ("sum", [1e16, 1, -1e16], 1),
        ("sum", [0.1] * 10, 1.0),
        ("avg", [], None),
        ("avg", [1, 2], 1.5),
        ("min", [], None),
        ("min", [3, -1, 2], -1),
        ("max", [], None),
        ("max", [-3, -1, -2], -1),
        ("distinct", [1, 1.0, "1", None], 2),
        ("distinct", [True, 1, 0, False], 4),
        ("distinct", ["a", "b", "a", ""], 3),
        ("distinct", [2**53, 2**53 + 1], 2),
        ("distinct", [{"a": 1}, {"a": 1}, [1]], 2),
        ("distinct", [], 0),
    ],
)
def test_functions(function: str, values: list[Any], expected: float | None) -> None:
    """Without a number there is none, except for sums and counts."""
    assert result(function, values) == expected


@pytest.mark.parametrize(
    ("values", "percentile", "expected"),
    [
        ([], 50, None),
        ([1, 2, 3, 4], 50, 2.5),
        (list(range(1, 11)), 95, 9.55),
        ([4, 1, 3, 2], 0, 1),
        ([4, 1, 3, 2], 100, 4),
        ([7], 99.9, 7),
        ([1e308, -1e308], 50, 0.0),
    ],
)
def test_percentiles_are_interpolated(
    values: list[float], percentile: float, expected: float | None
) -> None:
    """As ClusterPulse does, of all values."""
    found = result("percentile", values, percentile)
    assert found == (expected if expected is None else pytest.approx(expected))


def test_a_sum_keeps_few_numbers() -> None:
    """Whatever the number of objects, and exactly."""
    state = aggregations.new("sum", 0)
    for number in range(200_000):
        state.add(0.1 + number * 1e-9)
    count, numbers = state.partial()
    assert count == 200_000
    assert len(numbers) < 5
    assert state.result() == math.fsum(0.1 + number * 1e-9 for number in range(200_000))


@pytest.mark.parametrize(("function", "expected"), [("sum", "x{} 2"), ("avg", "x{} 0.5")])
def test_sums_of_several_lists_are_exact(function: str, expected: str) -> None:
    """Nothing is rounded before all of it is added up."""
    source = compiled(
        fields=[{"name": "x", "path": ".x", "type": "float"}],
        aggregations=[{"name": "x", "function": function, "field": "x"}],
    )
    lists = [[foo("a", x=1e16), foo("b", x=1)], [foo("c", x=1), foo("d", x=-1e16)]]
    assert samples(source, *lists) == [expected]


def test_a_sum_beyond_all_floats_is_an_error() -> None:
    """No infinite sample; the other aggregations stand."""
    source = compiled(
        fields=[{"name": "x", "path": ".x", "type": "float"}],
        aggregations=[
            {"name": "s", "function": "sum", "field": "x"},
            {"name": "m", "function": "max", "field": "x"},
        ],
    )
    objects = [foo(name, x=1.5e308) for name in "abc"]
    assert samples(source, objects) == ["m{} 1.5e+308"]


FILTERS: list[tuple[str, str, ValueType, Any, bool]] = [
    ("equals", "3", TYPES["integer"], 3, True),
    ("equals", "3.0", TYPES["integer"], 3, True),
    ("equals", "3.0", TYPES["float"], 3.0, True),
    ("equals", "3", TYPES["float"], 3.1, False),
    ("equals", "TRUE", TYPES["boolean"], True, True),
    ("equals", "false", TYPES["boolean"], False, True),
    ("notEquals", "true", TYPES["boolean"], False, True),
    ("equals", "1Gi", TYPES["quantity"], 1 << 30, True),
    ("equals", "500m", TYPES["quantity"], 0.5, True),
    ("equals", "2024-01-15T12:30:00+02:00", TYPES["timestamp"], "2024-01-15T10:30:00Z", True),
    ("equals", "True", TYPES["condition"], 1, True),
    ("equals", "-1", TYPES["condition"], -1, True),
    ("equals", "Up", STATE, 1, True),
    ("greaterThan", "0", STATE, 1, True),
    ("equals", "1h", TYPES["duration"], 3600.0, True),
    ("equals", "a", TYPES["string"], "a", True),
    ("equals", "3.0", TYPES["string"], "3", False),
    ("notEquals", "a", TYPES["string"], "b", True),
    ("equals", "3.0", ANY, 3, True),
    ("equals", "true", ANY, True, True),
    ("equals", "1", ANY, True, False),
    ("equals", "a", ANY, "a", True),
    ("contains", "b", TYPES["string"], "abc", True),
    ("contains", "d", TYPES["string"], "abc", False),
    ("contains", "2", TYPES["integer"], 123, True),
    ("startsWith", "ab", TYPES["string"], "abc", True),
    ("startsWith", "bc", TYPES["string"], "abc", False),
    ("endsWith", "bc", TYPES["string"], "abc", True),
    ("endsWith", "ab", TYPES["string"], "abc", False),
    ("greaterThan", "-1", TYPES["string"], "abc", False),
    ("lessThan", "1", TYPES["string"], "abc", False),
    ("greaterThan", "9", TYPES["string"], "10", True),
    ("greaterThan", "2", TYPES["integer"], 3, True),
    ("greaterThan", "3", TYPES["integer"], 3, False),
    ("lessThan", "3.5", TYPES["integer"], 3, True),
    ("lessThan", "1Gi", TYPES["quantity"], 1000, True),
    ("lessThan", "2024-02-01T00:00:00Z", TYPES["timestamp"], "2024-01-15T10:30:00Z", True),
    ("greaterThan", "2024-02-01T00:00:00Z", TYPES["timestamp"], "2024-01-15T10:30:00Z", False),
    ("greaterThan", "2024-01-01T00:00:00Z", TYPES["string"], "2024-01-15T10:30:00Z", True),
    ("greaterThan", "2024-01-01T00:00:00Z", TYPES["string"], "soon", False),
    ("greaterThan", "1", ANY, "abc", False),
    ("greaterThan", "1", ANY, True, False),
    ("in", '["a", "b"]', TYPES["string"], "a", True),
    ("in", "[a, b]", TYPES["string"], "b", True),
    ("in", "a,b", TYPES["string"], "b", True),
    ("in", "['a', 'b']", TYPES["string"], "a", True),
    ("in", "[a, b]", TYPES["string"], "c", False),
    ("in", "[1, 2.0]", TYPES["integer"], 2, True),
    ("matches", "^a.c$", TYPES["string"], "abc", True),
    ("matches", "b", TYPES["string"], "abc", True),
    ("matches", "^b", TYPES["string"], "abc", False),
    ("matches", "(?i)ABC", TYPES["string"], "abc", True),
]


@pytest.mark.parametrize(("operator", "wanted", "of", "value", "expected"), FILTERS)
def test_filters(operator: str, wanted: str, of: ValueType, value: Any, expected: bool) -> None:
    """Values are compared as what their type says."""
    texts = members(wanted) if operator == "in" else [wanted]
    assert compile_filter(operator, texts, of)(value, Limits(now=0)) is expected


@pytest.mark.parametrize(
    ("operator", "wanted", "of", "message"),
    [
        ("equals", "many", TYPES["integer"], "expected an integer"),
        ("equals", "maybe", TYPES["boolean"], "expected true or false"),
        ("in", "1,x", TYPES["integer"], "'x'"),
        ("greaterThan", "abc", TYPES["string"], "a number or a time"),
        ("greaterThan", "true", TYPES["boolean"], "not booleans"),
        ("lessThan", "soon", TYPES["timestamp"], "RFC 3339"),
        ("equals", "Sideways", STATE, "one of the states Up, Down"),
        ("matches", "(", TYPES["string"], "invalid regular expression"),
        ("matches", r"(a)\1", TYPES["string"], "invalid regular expression"),
        ("matches", "a" * 300, TYPES["string"], "more than 256"),
    ],
)
def test_a_bad_filter_is_an_error(operator: str, wanted: str, of: ValueType, message: str) -> None:
    """Before the run, and not a filter that matches nothing."""
    texts = members(wanted) if operator == "in" else [wanted]
    with pytest.raises(FilterError, match=re.escape(message)):
        compile_filter(operator, texts, of)


def test_null_meets_no_filter() -> None:
    """Also not notEquals; a missing, a null and an invalid value are the same here."""
    source = compiled(
        fields=[{"name": "x", "path": ".x", "type": "integer"}],
        aggregations=[
            {
                "name": operator,
                "function": "count",
                "filter": {"field": "x", "operator": operator, "value": "3"},
            }
            for operator in ("equals", "notEquals", "lessThan", "in", "contains")
        ],
    )
    objects = [foo("a"), foo("b", x=None), foo("c", x="many"), foo("d", x=3), foo("e", x=2)]
    assert samples(source, objects) == [
        *("equals{} 1", "notEquals{} 1", "lessThan{} 1", "in{} 1", "contains{} 1")
    ]


def grouped(of: str, function: str = "count") -> list[str]:
    """Return a count by a field of a type, over values of every kind."""
    source = compiled(
        fields=[
            {"name": "g", "path": ".g", "type": of},
            {"name": "x", "path": ".x", "type": "integer"},
        ],
        aggregations=[
            {
                "name": "n",
                "function": function,
                "field": "x",
                "groupBy": "g",
                **({"percentile": 50} if function == "percentile" else {}),
            }
        ],
    )
    values = ["web", "", None, 65, True, "true"]
    objects = [foo(f"o{n}", g=value, x=n) for n, value in enumerate(values)]
    return samples(source, [*objects, foo("none", x=9)])


def test_groups_are_the_texts_of_values() -> None:
    """Null and missing are one group; an empty text is another."""
    assert grouped("string") == [
        *("n{g=} 1", "n{g=65} 1", "n{g=_unknown_} 2", "n{g=true} 2", "n{g=web} 1")
    ]
    assert grouped("boolean") == ["n{g=_unknown_} 4", "n{g=true} 3"]
    assert grouped("float") == ["n{g=65} 1", "n{g=_unknown_} 6"]


def test_a_grouped_percentile_is_that_of_the_group() -> None:
    """And not the minimum."""
    assert grouped("string", "percentile")[2:4] == ["n{g=_unknown_} 5.5", "n{g=true} 4.5"]


def test_times_have_extremes_and_a_mean() -> None:
    """In seconds since the epoch."""
    source = compiled(
        fields=[{"name": "t", "path": ".t", "type": "timestamp"}],
        aggregations=[
            {"name": function, "function": function, "field": "t"}
            for function in ("min", "max", "avg", "distinct")
        ],
    )
    objects = [foo("a", t="1970-01-01T00:00:10Z"), foo("b", t="1970-01-01T00:00:20Z"), foo("c")]
    assert samples(source, objects) == ["min{} 10", "max{} 20", "avg{} 15", "distinct{} 2"]


def test_booleans_are_added_up() -> None:
    """True is 1."""
    source = compiled(
        fields=[{"name": "b", "path": ".b", "type": "boolean"}],
        aggregations=[
            {"name": function, "function": function, "field": "b"} for function in ("sum", "avg")
        ],
    )
    objects = [foo("a", b=True), foo("b", b=False), foo("c")]
    assert samples(source, objects) == ["sum{} 1", "avg{} 0.5"]


def test_a_hostile_pattern_takes_no_time() -> None:
    """It is in proportion to the text."""
    matches = compile_filter("matches", ["(a|a)*(a|a)*b$"], TYPES["string"])
    assert matches("a" * 4000, Limits(now=0)) is False


def test_equal_times_are_one_group_and_one_value() -> None:
    """Whatever their zone, and with a fraction that is 0 or none."""
    source = compiled(
        fields=[{"name": "t", "path": ".t", "type": "timestamp"}],
        aggregations=[
            {"name": "by", "function": "count", "groupBy": "t"},
            {"name": "distinct", "function": "distinct", "field": "t"},
        ],
    )
    written = ("10:30:00Z", "11:30:00+01:00", "10:30:00.000Z", "10:30:00.5Z")
    objects = [foo(f"o{n}", t=f"2024-01-15T{text}") for n, text in enumerate(written)]
    assert samples(source, objects) == [
        "by{t=2024-01-15T10:30:00.500000Z} 1",
        "by{t=2024-01-15T10:30:00Z} 3",
        "distinct{} 2",
    ]
