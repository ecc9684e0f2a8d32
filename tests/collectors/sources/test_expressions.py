"""Expressions mean what the table of vectors says, and are as fast and bounded as promised."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from xpjob.collectors.sources.expressions.language import (
    EvaluationError,
    ExpressionError,
    Limits,
    compile_expression,
)

TABLE = yaml.safe_load((Path(__file__).parent / "vectors/expressions.yaml").read_text())
VARIABLES: Mapping[str, Any] = TABLE["variables"]
VECTORS = [vector for section in TABLE["sections"] for vector in section["vectors"]]


def evaluate(source: str, values: Mapping[str, Any] = VARIABLES) -> Any:
    """Compile an expression and compute it once."""
    return compile_expression(source, values)(values, Limits(TABLE["now"]))


def _named(kind: str) -> list[Any]:
    found = [vector for vector in VECTORS if kind in vector]
    return [pytest.param(vector, id=str(vector["expr"])) for vector in found]


@pytest.mark.parametrize("vector", _named("value"))
def test_an_expression_has_the_value_of_the_table(vector: Mapping[str, Any]) -> None:
    """And its type: true is not 1, and 3 is not "3"."""
    found = evaluate(vector["expr"])
    assert found == vector["value"]
    assert isinstance(found, bool) is isinstance(vector["value"], bool)


@pytest.mark.parametrize("vector", _named("fails"))
def test_a_value_that_cannot_be_used_is_an_error(vector: Mapping[str, Any]) -> None:
    """Of this object; the expression compiles."""
    with pytest.raises(EvaluationError) as error:
        evaluate(vector["expr"])
    assert vector["fails"] in str(error.value)


@pytest.mark.parametrize("vector", _named("error"))
def test_a_mistake_is_found_before_it_runs(vector: Mapping[str, Any]) -> None:
    """With its column, and what to write instead."""
    source = str(vector["expr"])
    with pytest.raises(ExpressionError) as error:
        compile_expression(source, VARIABLES)
    assert vector["error"] in str(error.value)
    assert str(error.value).startswith(f"column {error.value.column}: ")
    assert error.value.column == vector.get("column", error.value.column)
    assert 1 <= error.value.column <= len(source) + 1


def test_every_vector_says_what_comes_out() -> None:
    """In one way, and none is there twice."""
    assert all(len(vector.keys() & {"value", "fails", "error"}) == 1 for vector in VECTORS)
    assert len({str(vector["expr"]) for vector in VECTORS}) == len(VECTORS) > 180


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("f + replicas * f", {"f", "replicas"}),
        ("tags.exists(t, t == s)", {"tags", "s"}),
        ("tags.map(s, s)", {"tags"}),
        ('object.metadata.f["s"]', {"object"}),
        ("'f' + 1", set()),
    ],
)
def test_the_variables_that_are_used_are_known(source: str, names: set[str]) -> None:
    """Without those of loops, members and texts."""
    assert compile_expression(source, VARIABLES).names == names


def test_variables_may_be_missing_or_unset() -> None:
    """Both are null."""
    expression = compile_expression("a ?? b ?? 7", ["a", "b"])
    assert expression({"a": msgspec.UNSET}, Limits(0)) == 7
    assert expression({"b": 0}, Limits(0)) == 0


@pytest.mark.parametrize(
    ("source", "type_"),
    [
        ("f + 1", "any"),
        ("replicas + 1", "number"),
        ("name + replicas", "string"),
        ("concat(name, name)", "string"),
        ("name == 1", "boolean"),
        ("f ?? 1", "any"),
        ("replicas ?? 1", "number"),
        ("f ? null : 1", "number"),
        ("tags.map(x, 1)", "list"),
        ("coalesce(null, 'a')", "string"),
    ],
)
def test_the_type_of_the_value_is_known_before_it_runs(source: str, type_: str) -> None:
    """So a source that wants a number of a text has a mistake that can be shown."""
    types = {"replicas": "integer", "name": "string", "tags": "list"}
    assert compile_expression(source, [*types, "f"], types=types).type == type_


@pytest.mark.parametrize(
    ("source", "column"),
    [
        ("replicas.a", 9),
        ("1 + name[0]", 9),
        ("replicas.exists(x, x)", 10),
        ("name in replicas", 6),
        ("tags - 1", 1),
        ("1 + tags", 3),
        ("tags < 1", 6),
        ("size(replicas)", 1),
        ("sum(name)", 1),
        ("tags['a']", 6),
        ("created.exists(x, x)", 9),
        ("name - 'x'", 8),
    ],
)
def test_what_can_never_be_right_is_a_mistake(source: str, column: int) -> None:
    """By the types of the fields, as they are declared."""
    types = {"replicas": "quantity", "name": "string", "tags": "list", "created": "timestamp"}
    with pytest.raises(ExpressionError) as error:
        compile_expression(source, types, types=types)
    assert error.value.column == column


_MANY = {
    "xs": list(range(10_000)),
    "ys": list(range(300)),
    "s": "a" * 60_000,
    "t": "a" * 1000,
    "every": "".join(map(chr, range(0x100, 0xD000))),
    "long": "1" * 1_000_000,
}
HOSTILE = [
    "xs.map(a, xs.map(b, xs.map(c, a * b * c)))",
    "ys.all(a, ys.all(b, ys.all(c, a + b + c > -1)))",
    f"xs.all(x, {'&&'.join(['x>-1'] * 400)})",
    "xs.all(x, x in xs)",
    "ys.map(x, upper(s))",
    "ys.map(x, toString(ys))",
    "toString(ys.map(x, xs))",
    "ys.map(x, xs) == ys.map(x, xs)",
    "s + s",
    "concat(s, s)",
    "xs.all(x, s == s)",
    "xs.exists(x, t.matches('(x+x+)+y') || t.contains('b'))",
    "xs.exists(x, s.matches('(a|a)*b'))",
    "every.matches('(?:|){200}b')",
    "every.matches('(a|.){60}b')",
    "xs.all(x, age(long) == null && xs.exists(y, y == x))",
    "xs.all(x, quantity(long) > 1)",
    "xs.all(x, long * 1 > 1)",
    "1 * " + "*".join(["9223372036854775807"] * 40) + " / 0.0000000001 " + "* 9999999999" * 20,
]
TOO_LARGE = [
    "(" * 3000 + "1" + ")" * 3000,
    "(" * 100 + "1" + ")" * 100,
    "!" * 4000,
    "-" * 4000 + "1",
    "1" + "+1" * 2000,
    "t ? " * 1000 + "1",
    "[" * 2000,
    "t" + ".k" * 2000,
    "xs." + "map(a, xs." * 70 + "size()" + ")" * 70,
    "x" * 4097,
    "9" * 4000,
    "9" * 4000 + ".5",
    "f" * 3000 + "(",
    " " * 4097,
    "s.matches('" + "((((a{100}){100}){100}){100})" + "')",
    "s.matches('" + "(" * 100 + ")" * 100 + "')",
    "s.matches('" + "a" * 257 + "')",
]


@pytest.mark.parametrize("source", HOSTILE, ids=lambda source: source[:40])
def test_a_hostile_expression_costs_its_value(source: str) -> None:
    """By a bound on steps, texts or numbers, long before it costs the run."""
    expression = compile_expression(source, _MANY)
    limits = Limits(0)
    with pytest.raises(EvaluationError):
        expression(_MANY, limits)
    limits.next_object()
    assert compile_expression("ys.size()", _MANY)(_MANY, limits) == 300


@pytest.mark.parametrize("source", TOO_LARGE, ids=lambda source: source[:20])
def test_an_expression_that_is_too_large_does_not_compile(source: str) -> None:
    """And the message stays short."""
    with pytest.raises(ExpressionError) as error:
        compile_expression(source, _MANY)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    "source",
    [
        "(" * 62 + "n" + ")" * 62,
        "!" * 62 + "n",
        "(" * 60 + "n" + ".k)" * 60,
        "(" * 60 + "n" + "=='a')" * 60,
        "(" * 60 + "n" + "??null)" * 60,
        "xs.map(a, " * 60 + "1" + ")" * 60,
        "n ? 1 : " * 31 + "1",
        "[" * 62 + "]" * 62,
        "xs" + ".map(a, [a])" * 31,
    ],
    ids=lambda source: source[:20],
)
def test_the_deepest_expressions_need_no_deep_stack(source: str) -> None:
    """They compile and run where the caller has used half of Python's stack."""

    def nested(levels: int) -> Any:
        return nested(levels - 1) if levels else evaluate(source, {"n": None, "xs": [1]})

    nested(450)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("x", math.inf),
        ("x", math.nan),
        ("x + 1", math.nan),
        ("x * 2", 1e308),
        ("-x", 10**400),
        ("x / 2", 10**4000),
        ("x + 0.5", 10**400),
        ("x % 2", 10**400),
        ("toString(x)", 10**4000),
        ("[x]", math.inf),
        ("toString([x])", 10**400),
        ("toString([x])", "\ud800"),
        ("sum([x, x])", 1e308),
        ("round(x)", math.inf),
        ("x", b"bytes"),
        ("x == 1", b"bytes"),
        ("x", {1: 2}),
        ("tags[x]", 10**400),
        ("substr('abc', x)", 1e300),
    ],
)
def test_numbers_stay_finite_and_values_json(source: str, value: Any) -> None:
    """Whatever a file of objects for tests has in it."""
    values = {"x": value, "tags": [1]}
    with pytest.raises(EvaluationError) as error:
        evaluate(source, values)
    assert len(str(error.value)) < 200


def test_values_that_are_nested_too_deeply_are_an_error() -> None:
    """Also where they are only compared."""
    value: Any = []
    for _ in range(100_000):
        value = [value]
    for source in ("x", "x == x", "toString(x)", "x in [x]", "concat(x)"):
        with pytest.raises(EvaluationError, match="nested more than 64"):
            evaluate(source, {"x": value})


def test_all_expressions_of_an_object_share_its_steps() -> None:
    """The next object has all of them again."""
    expression = compile_expression("xs.all(x, x > -1)", ["xs"])
    limits = Limits(0, steps=5000)
    values = {"xs": list(range(2000))}
    assert expression(values, limits) is True
    with pytest.raises(EvaluationError, match="more than 5000 steps"):
        expression(values, limits)
    limits.next_object()
    assert expression(values, limits) is True


def test_the_deadline_ends_a_long_loop() -> None:
    """It is asked for every few thousand steps, and not for a short expression."""
    asked = 0

    def expired() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    expression = compile_expression("xs.all(x, x > -1)", ["xs"])
    limits = Limits(0, expired)
    assert expression({"xs": [1]}, limits) is True
    assert asked == 0
    with pytest.raises(EvaluationError, match="deadline"):
        expression({"xs": list(range(40_000))}, limits)
    assert asked == 4


def test_suggestions_take_no_time() -> None:
    """Whatever the length of names."""
    names = ["a" * 5000 + str(number) for number in range(2000)]
    with pytest.raises(ExpressionError) as error:
        compile_expression("a" * 4000, names)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("name", ["__class__", "__builtins__", "V", "L", "K1", "t1"])
def test_names_of_python_are_only_names(name: str) -> None:
    """Members are keys of maps, and nothing else."""
    assert evaluate(f"{name} + x.{name}", {name: 1, "x": {name: 2}}) == 3
    assert evaluate(f"x.{name}", {"x": {}}) is None
