"""Computed fields: expressions over fields, and what their results become."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from support.metric_sources import compiled, fold, foo, outcome, problems, row, samples

FIELDS = [
    {"name": "replicas", "path": ".spec.replicas", "type": "integer"},
    {"name": "f", "path": ".spec.f", "type": "float"},
    {"name": "s", "path": ".spec.s"},
    {"name": "n", "path": ".spec.n", "type": "float"},
    {"name": "b", "path": ".spec.b", "type": "boolean"},
    {"name": "num", "path": ".spec.num"},
    {"name": "e", "path": ".spec.e"},
    {"name": "created", "path": ".metadata.creationTimestamp", "type": "timestamp"},
    {"name": "conditions", "path": ".status.conditions", "type": "json"},
]
OBJECT = {
    "metadata": {"name": "a", "namespace": "n", "creationTimestamp": "2024-01-15T10:30:00Z"},
    "spec": {"replicas": 3, "f": 2.5, "s": "abc", "n": None, "b": True, "num": "5", "e": ""},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}


@pytest.mark.parametrize(
    ("expression", "of", "expected"),
    [
        ("replicas == 3", "", True),
        ("replicas != 3", "", False),
        ("toNumber(num)", "", 5),
        ("num * 2", "", 10),
        ("num + 1", "", "51"),
        ("n + 1", "", 1),
        ("n + s", "", "abc"),
        ("f ?? 1 + 2", "", 2.5),
        ("5 / 2", "integer", 2),
        ("-5 / 2", "integer", -2),
        ("f / 0", "", None),
        ("f % 0", "", None),
        ("replicas % 0", "integer", None),
        ("round(2.5)", "float", 3.0),
        ("len('hé')", "", 2),
        ("formatBytes(-2048)", "", "-2.00Ki"),
        ("concat(f, ' ', replicas, n, b)", "", "2.5 3true"),
        ("concat(s, s)", "", "abcabc"),
        ("concat(s, s)", "string", "abcabc"),
        ("substr(s, 1, -1)", "", ""),
        ("age(created)", "integer", 45),
        ("replicas", "string", "3"),
        ("f", "string", "2.5"),
        ("b", "string", "true"),
        ("replicas", "boolean", True),
        ("0", "boolean", False),
        ("null", "integer", None),
        ("num", "integer", 5),
        ("created", "timestamp", "2024-01-15T10:30:00Z"),
        ("conditions.exists(c, c.type == 'Ready' && c.status == 'True')", "", True),
        ("conditions.map(c, c.type)", "", ["Ready"]),
    ],
)
def test_a_result_becomes(expression: str, of: str, expected: Any) -> None:
    """Of the type that was said, or what it is; a text is never 0."""
    computed = {"name": "x", "expression": expression, **({"type": of} if of else {})}
    found = row(compiled(fields=FIELDS, computed=[computed]), OBJECT).get("x")
    assert found == expected
    assert isinstance(found, bool) == isinstance(expected, bool)


@pytest.mark.parametrize(
    ("expression", "of", "message"),
    [
        ("s", "integer", "expected an integer of 64 bits, got 'abc'; set another type"),
        ("concat(s, s)", "float", "expected a number, got 'abcabc'; set another type"),
        ("s", "boolean", "expected true or false, got 'abc'; set another type"),
        ("conditions", "integer", "expected an integer of 64 bits, got a list of 1; set another"),
    ],
)
def test_a_result_of_another_type_is_invalid(expression: str, of: str, message: str) -> None:
    """Null, and counted, with the object."""
    source = compiled(fields=FIELDS, computed=[{"name": "x", "expression": expression, "type": of}])
    tally = fold(source, [OBJECT])
    assert (tally.rows[0][-1], tally.invalid, tally.errors) == (None, 1, 0)
    (example,) = tally.examples
    assert (example.object, example.where) == ("Foo/n/a", "x")
    assert example.message.startswith(message)


def test_an_expression_that_fails_costs_its_value() -> None:
    """Not the object, nor what is computed without it."""
    source = compiled(
        fields=FIELDS,
        computed=[
            {"name": "bad", "expression": "s < 5"},
            {"name": "after", "expression": "bad ?? 7"},
            {"name": "good", "expression": "replicas + 1"},
        ],
        aggregations=[{"name": "sum", "function": "sum", "field": "good"}],
    )
    tally = fold(source, [OBJECT, foo("b", spec={"replicas": 1, "s": "4"})])
    assert [found[-3:] for found in tally.rows] == [[None, 7, 4], [True, True, 2]]
    assert (tally.errors, tally.objects) == (1, 2)
    (example,) = tally.examples
    assert (example.object, example.where) == ("Foo/n/a", "bad")
    assert example.message.startswith("s < 5: ")
    assert samples(source, [OBJECT]) == ["sum{} 4"]


def test_a_computed_value_feeds_others() -> None:
    """Later expressions, filters, groups and aggregations."""
    source = compiled(
        fields=FIELDS,
        computed=[
            {"name": "twice", "expression": "replicas * 2", "type": "integer"},
            {"name": "size", "expression": "twice > 5 ? 'large' : 'small'"},
        ],
        aggregations=[
            {"name": "total", "function": "sum", "field": "twice", "groupBy": "size"},
            {
                "name": "large",
                "function": "count",
                "filter": {"field": "size", "operator": "equals", "value": "large"},
            },
        ],
    )
    objects = [foo(f"o{n}", spec={"replicas": n}) for n in range(5)]
    assert samples(source, objects) == [
        *("total{size=large} 14", "total{size=small} 6", "large{} 2")
    ]


def test_the_time_of_a_source_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the objects has no rows; aggregations, which would lack them, are left out."""
    clock = iter(range(10_000))
    monkeypatch.setattr(
        "xpjob.collectors.sources.metric_source.fold.perf_counter", lambda: float(next(clock))
    )
    source = compiled(
        fields=FIELDS,
        computed=[{"name": "x", "expression": "replicas + 1"}],
        aggregations=[{"name": "n", "function": "count"}],
        collection={"timeoutSeconds": 5},
    )
    objects = [foo(f"o{n}", spec={"replicas": n, "f": "x"}) for n in range(10)]
    found = outcome(source, objects)
    assert [each[-1] for each in found.tally.rows] == [1, 2, 3, 4, 5, 6]
    assert found.series == {}
    assert (found.tally.objects, found.tally.errors, found.tally.dropped) == (10, 4, 4)
    assert "took more than 5 s" in found.tally.examples[0].message
    found = outcome(source, objects[:6])
    assert (found.series, len(found.tally.rows), found.tally.errors) == ({}, 6, 1)


def test_each_object_has_a_budget_of_its_own() -> None:
    """Thousands of them together may take more steps, also without a computed field."""
    source = compiled(
        fields=FIELDS,
        aggregations=[
            {
                "name": "n",
                "function": "count",
                "filter": {"field": "s", "operator": "matches", "value": "b$"},
            }
        ],
    )
    objects = [foo(f"o{n}", spec={"s": "a" * 4000 + "b"}) for n in range(600)]
    tally = fold(source, objects)
    assert (tally.errors, samples(source, objects)) == (0, ["n{} 600"])


HAS_CEL = importlib.util.find_spec("cel_expr_python") is not None


@pytest.mark.skipif(not HAS_CEL, reason="needs the extra cel")
def test_strict_cel_computes_values_too() -> None:
    """With its own rules: nothing is a number that is a text."""
    source = compiled(
        fields=FIELDS,
        computed=[
            {"name": "ready", "expression": "cel: conditions.exists(c, c.status == 'True')"},
            {"name": "bad", "expression": "cel:s + 1"},
            {"name": "next", "expression": "ready ? replicas + 1 : 0", "type": "integer"},
        ],
    )
    tally = fold(source, [OBJECT])
    assert tally.rows[0][-3:] == [True, None, 4]
    assert (tally.errors, tally.examples[0].where) == (1, "bad")


def test_a_mistake_in_cel_has_its_column() -> None:
    """Counted from the beginning of the text; without the library that is the mistake."""
    (found,) = problems(
        "fields: [{name: a, path: .a}]\ncomputed: [{name: c, expression: 'cel:a + b'}]"
    )
    at = "column 9: unknown name" if HAS_CEL else "column 5: strict CEL needs the library"
    assert found.startswith(f"7:36 spec.computed[0].expression: invalid expression: {at}")
