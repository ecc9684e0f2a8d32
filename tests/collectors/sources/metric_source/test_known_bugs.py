"""What ClusterPulse gets wrong is right here, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from support.metric_sources import compiled, fold, foo, problems, row, samples

FIELD = "fields: [{name: a, path: .spec.a, type: integer}]\n"


def computed(expression: str, **spec: Any) -> Any:
    """Return the value of an expression over the field ``a``."""
    fields = [{"name": "a", "path": ".spec.a", "type": "integer"}, {"name": "s", "path": ".spec.s"}]
    source = compiled(fields=fields, computed=[{"name": "x", "expression": expression, **spec}])
    return row(source, foo(spec={"a": 3, "s": "5"})).get("x")


def test_an_integer_equals_itself() -> None:
    """Also on the left side."""
    assert computed("a == 3") is True


def test_a_text_of_digits_is_a_number_in_arithmetic() -> None:
    """And not 0."""
    assert computed("toNumber(s) + s * 2") == 15


@pytest.mark.parametrize(
    "expression",
    [
        *("a.b + 1)", "a = 3", "a | 2", "a) + 1", "a@2", "1 2", "'abc\\", "1.2.3", ".5", "$a"),
        *("if(true, 1, 2)", "foo(1)", "min(1, 2, 3)", "concat()", "b + 1", "''x"),
    ],
)
def test_what_makes_no_sense_is_an_error_and_not_cut_off(expression: str) -> None:
    """Also unknown functions, and a wrong number of arguments."""
    quoted = expression.replace("'", "''")
    (found,) = problems(FIELD + f"computed: [{{name: x, expression: '{quoted}'}}]")
    assert "invalid expression: column" in found


def test_a_negative_length_is_an_empty_text() -> None:
    """And no panic."""
    assert computed("substr(s, 0, -1)") == ""


@pytest.mark.parametrize("percentile", [-1, 101, "many"])
def test_a_percentile_has_bounds(percentile: object) -> None:
    """And no panic either."""
    found = problems(
        FIELD + "aggregations: [{name: x, field: a, function: percentile,"
        f" percentile: {percentile}}}]"
    )
    assert [line.partition(": ")[2] for line in found] == [
        f"expected a number from 0 to 100, got '{percentile}'"
    ]


def test_a_rest_of_a_division_by_zero_costs_nothing_else() -> None:
    """It is null; all other values of all objects are there."""
    fields = [{"name": "a", "path": ".spec.a", "type": "integer"}]
    source = compiled(fields=fields, computed=[{"name": "x", "expression": "1 % a"}])
    tally = fold(source, [foo("a", spec={"a": 0}), foo("b", spec={"a": 3})])
    assert [found[-2:] for found in tally.rows] == [[0, None], [3, 1]]


def test_a_text_is_not_zero() -> None:
    """Without a type it stays a text; as a number it is invalid."""
    assert computed("concat(s, 'x')") == "5x"
    assert computed("concat(s, 'x')", type="float") is None


def test_quantities_are_in_one_unit() -> None:
    """2 is more than 500m, and nothing is lost in floats."""
    source = compiled(
        fields=[{"name": "cpu", "path": ".cpu", "type": "quantity"}],
        aggregations=[
            {"name": "sum", "function": "sum", "field": "cpu"},
            {"name": "max", "function": "max", "field": "cpu"},
        ],
    )
    objects = [foo(f"o{n}", cpu=cpu) for n, cpu in enumerate(["2", "500m", "1001m", "0.5", 1])]
    assert samples(source, objects) == ["sum{} 5.001", "max{} 2"]


@pytest.mark.parametrize(
    "path", [r".metadata.annotations.ex\.io/a", ".metadata.annotations['ex.io/a']"]
)
def test_annotations_with_dots_and_slashes_are_reached(path: str) -> None:
    """Escaped or in quotes."""
    item = foo()
    item["metadata"]["annotations"] = {"ex.io/a": "yes"}
    assert row(compiled(fields=[{"name": "x", "path": path}]), item)["x"] == "yes"


@pytest.mark.parametrize("of", ["integer", "float", "boolean", "quantity", "timestamp"])
def test_what_cannot_be_converted_is_not_zero(of: str) -> None:
    """It is no value, and counted."""
    source = compiled(
        fields=[{"name": "x", "path": ".x", "type": of}],
        aggregations=[{"name": "min", "function": "min", "field": "x"}],
    )
    assert fold(source, [foo(x="what?")]).invalid == 1
    assert samples(source, [foo(x="what?")]) == []


def test_namespaces_are_left_out_before_rows_are_counted() -> None:
    """Those of others do not take the place of its own."""
    source = compiled(
        source={"apiVersion": "v1", "kind": "Foo", "namespaces": {"include": ["z"]}},
        collection={"maxResources": 2},
    )
    tally = fold(source, [foo("a", "a"), foo("b", "a"), foo("c", "z"), foo("d", "z")])
    assert [found[1] for found in tally.rows] == ["c", "d"]
    assert tally.dropped == 0
