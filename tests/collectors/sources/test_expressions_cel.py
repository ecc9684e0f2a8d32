"""Strict CEL: what it may do, what it costs, and that it agrees with the other language.

Most of it needs the library of the extra ``cel``, and is skipped without it.
"""

from __future__ import annotations

import importlib.util
import math
import re
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.sampling import looking
from xpjob.collectors.sources.expressions import cel
from xpjob.collectors.sources.expressions.cel import compile_cel
from xpjob.collectors.sources.expressions.cel_rules import check
from xpjob.collectors.sources.expressions.language import (
    EvaluationError,
    ExpressionError,
    Limits,
    compile_expression,
)

needs_library = pytest.mark.skipif(
    importlib.util.find_spec("cel_expr_python") is None, reason="needs the extra cel"
)
VALUES: Mapping[str, Any] = {
    "object": {"metadata": {"name": "a", "labels": {"x": "1"}}, "cs": [{"cpu": "250m"}]},
    "xs": [1, 2, 3],
    "s": "abc",
    "n": None,
    "i": 3,
    "f": 1.5,
    "t": "2024-01-15T10:30:00Z",
    "namespace": "prod",
    "big": list(range(9000)),
}
NOW = 1705314645.0


def evaluate(source: str, values: Mapping[str, Any] = VALUES) -> Any:
    """Compile an expression and compute it once."""
    return compile_cel(source, values)(values, Limits(NOW))


def test_without_the_library_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever the expression."""
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    monkeypatch.setitem(sys.modules, "cel_expr_python.cel", None)
    with pytest.raises(ExpressionError, match=r"column 1: .* install xpjob\[cel\]"):
        compile_cel("1 + 1", [])


@pytest.mark.parametrize(
    ("source", "column", "message"),
    [
        ("xs.map(x, s + s)", 13, "in a loop"),
        ("xs // comment\n.exists (x, [(s + s)] == s)", 31, "in a loop"),
        ("xs.filter(x, s.upperAscii() == s)", 16, "in a loop"),
        ("xs.exists(x, sum(xs) > x)", 14, "in a loop"),
        ("s.replace('a', s)", 3, "cannot be used"),
        ("[s].join(s)", 5, "cannot be used"),
        ("'%s'.format([s])", 6, "cannot be used"),
        ("xs.map(x, x).map(x, x).map(x, x)", 24, "map 2 times"),
        ("+".join(["s"] * 18), 34, "+ 16 times"),
        ("s" * 4097, 1, "more than 4096"),
        ("'\0'", 1, "a character"),
        ("xs.map(x, ')' + s)", 15, "in a loop"),
        ("xs.map(x, r'\\' + s)", 16, "in a loop"),
        ("xs.map(x, '''a'b''' + s)", 21, "in a loop"),
    ],
)
def test_what_could_take_all_memory_is_refused(source: str, column: int, message: str) -> None:
    """The library itself makes texts of gigabytes of some of these."""
    with pytest.raises(ExpressionError) as error:
        check(source, VALUES)
    assert message in str(error.value)
    assert error.value.column == column


@pytest.mark.parametrize(
    ("source", "names", "reserved", "loops"),
    [
        ("object.s + i", {"object", "i"}, set(), False),
        ("xs.exists(x, x == i)", {"xs", "i"}, set(), True),
        ("'s' + \"i\" + '''f''' + r'n\\' // t", set(), set(), False),
        ("r.namespace == s", {"s"}, {"namespace"}, False),
        ("object.namespace", {"object"}, set(), False),
        ("[.s, (.i)]", {"s", "i"}, set(), False),
        ("'+' == '+' ? 1e+5 : 2.0", set(), set(), False),
    ],
)
def test_only_what_is_used_is_handed_over(
    source: str, names: set[str], reserved: set[str], loops: bool
) -> None:
    """Texts, comments and members are no variables; fields with reserved names are under r."""
    rules = check(source, VALUES)
    assert (set(rules.names), set(rules.reserved), rules.loops) == (names, reserved, loops)


@needs_library
@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("sum(object.cs.map(c, quantity(c.cpu)))", 0.25),
        ("[quantity('1'), quantity(i), quantity(f)].sum()", 5.5),
        ("xs.max() - min(xs)", 2),
        ("isQuantity('1Ki') && !isQuantity('abc')", True),
        ("unixSeconds(t)", 1705314600),
        ("unixSeconds(now())", NOW),
        ("now()", "2024-01-15T10:30:45Z"),
        ("now() - timestamp(t)", 45.0),
        ("labelPrefix(object.metadata.labels, 'label_')", {"label_x": "1"}),
        ("r.namespace", "prod"),
        ("object.?metadata.?uid.orValue('none')", "none"),
        ("has(object.metadata.uid)", False),
        ("n == null && i == 3.0", True),
        ("size('hé')", 2),
        ("math.greatest(1, 2)", 2),
        ("s.matches('^a.c$') && s.upperAscii() == 'ABC'", True),
        ("{'a': [1.5, null, {'b': true}]}", {"a": [1.5, None, {"b": True}]}),
    ],
)
def test_an_expression_of_cel_has_its_value(source: str, value: Any) -> None:
    """With the functions that are added."""
    assert evaluate(source) == value


@needs_library
@pytest.mark.parametrize(
    ("source", "column", "message"),
    [
        ("f +", 4, "mismatched input"),
        ("xs\n  .exists(x, zz)", 17, "unknown name or function 'zz'"),
        ("ojbect.a", 7, "did you mean object?"),
        ("namespace", 1, "write r.namespace"),
        ("(" * 2000, 1, "limit: 32"),
        ("[" * 1000 + "]" * 1000, 1, "limit: 32"),
        ("{" * 1000, 1, "limit: 32"),
        ("i" + "?1:1" * 800, 1, "limit: 32"),
        ("cel.bind(a, 1, a)", 10, "unknown name"),
    ],
)
def test_a_mistake_in_cel_has_its_column(source: str, column: int, message: str) -> None:
    """And the library's words for it, or better ones."""
    with pytest.raises(ExpressionError) as error:
        compile_cel(source, VALUES)
    assert message in str(error.value)
    assert error.value.column == column
    assert len(str(error.value)) < 250


@needs_library
@pytest.mark.parametrize(
    ("source", "value", "message"),
    [
        ("1.0 / 0.0", None, "infinite"),
        ("1 / 0", None, "divide by zero"),
        ("object.metadata.uid", None, "Key not found"),
        ("quantity('abc')", None, "invalid quantity"),
        ("unixSeconds('abc')", None, "invalid time"),
        ("size(labelPrefix(x, s))", {f"{n}": n for n in range(10_000)}, "use a shorter prefix"),
        ("sum(x)", [2**62] * 8, "out of range"),
        ("quantity(x)", "1e2147483648", "exponent"),
        ("quantity(x)", "9" * 10**5, "invalid quantity"),
        ("min([])", None, "empty"),
        ("b'a'", None, "JSON does not have"),
        ("{1: 2}", None, "no text"),
        ("big.all(x, big.all(y, true))", None, "budget exceeded"),
        ("x", math.inf, "infinite"),
        ("x", "\ud800", "not JSON"),
        ("x", 10**400, "not JSON"),
        ("x.size()", "a" * 10**6, "bytes"),
        ("xs.exists(i, x == i)", "a" * 10**5, "bytes"),
    ],
)
def test_a_value_of_cel_that_cannot_be_used_is_an_error(
    source: str, value: Any, message: str
) -> None:
    """Of the object, also where the library would crash."""
    with pytest.raises(EvaluationError) as error:
        evaluate(source, {**VALUES, "x": value})
    assert message in str(error.value)


@needs_library
@pytest.mark.parametrize(
    ("source", "type_"),
    [
        ("'a'", "string"),
        ("now()", "string"),
        ("i == 1", "boolean"),
        ("1 + 1", "number"),
        ("quantity(i)", "number"),
        ("[i]", "list"),
        ("{'a': i}", "map"),
        ("i", "any"),
        ("sum([i])", "any"),
    ],
)
def test_the_type_of_the_value_of_cel_is_known_before_it_runs(source: str, type_: str) -> None:
    """In the words of the other language."""
    assert compile_cel(source, VALUES).type == type_


@needs_library
def test_names_may_be_those_that_cel_has_for_something_else() -> None:
    """Only what is used is declared, so the others do no harm."""
    names = ["int", "string", "list", "type", "a-b", "size", "math", "true", "sum", "i", ""]
    assert compile_cel("int(i) + 1", names)({"i": 2.0}, Limits(NOW)) == 3
    assert compile_cel("size([1]) + sum([i])", names)({"i": 2}, Limits(NOW)) == 3


@needs_library
def test_values_that_are_nested_too_deeply_never_reach_the_library() -> None:
    """It would follow them without a bound."""
    value: Any = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(EvaluationError, match="nested too deeply"):
        evaluate("x == 1", {"x": value})


@needs_library
def test_an_expression_that_was_slow_once_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs a run its time for one object only."""
    expression = compile_cel("xs.all(x, x > 0)", VALUES)
    monkeypatch.setattr(cel, "MAX_SECONDS", 0.0)
    assert expression(VALUES, Limits(NOW)) is True
    with pytest.raises(EvaluationError, match="not computed any more"):
        expression(VALUES, Limits(NOW))


@needs_library
@looking(500)
@given(
    st.lists(
        st.sampled_from(
            [
                *("xs", "s", "i", "r", ".", "(", ")", "[", "]", "x", ",", "map", "exists", "sum"),
                *("==", "'a'", "1", "2.5", "?", ":", "&&", "!", "-", "+", "quantity", "{", "}"),
            ]
        ),
        max_size=15,
    )
)
def test_any_words_are_cel_or_a_mistake(words: list[str]) -> None:
    """And nothing but the two errors."""
    try:
        evaluate("".join(words))
    except (ExpressionError, EvaluationError) as error:
        assert len(str(error)) < 300  # noqa: PT017


# A second opinion: where both languages mean the same, both have the same value.
NUMBERS = st.recursive(
    st.sampled_from(["0", "1", "7", "i", "j", "size(s)", "size(xs)"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" - ", " * ", " % "]), inner).map(
            lambda three: f"({''.join(three)})"
        ),
        inner.map(lambda one: f"-({one})"),
        st.tuples(inner, inner, inner).map(lambda a: f"({a[0]} < {a[1]} ? {a[2]} : {a[0]})"),
    ),
    max_leaves=5,
)
TEXTS = st.sampled_from(["s", "'a'", "'é\\n\\'\"'", "'abc'", "xs.map(x, 'a')[0]"])
TRUTHS = st.recursive(
    st.one_of(
        st.tuples(NUMBERS, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), NUMBERS).map(
            " ".join
        ),
        st.tuples(TEXTS, st.sampled_from(["==", "!=", "<", ">="]), TEXTS).map(" ".join),
        NUMBERS.map(lambda one: f"{one} in xs"),
        NUMBERS.map(lambda one: f"xs.exists(x, x > {one})"),
        NUMBERS.map(lambda one: f"xs.all(y, y != {one})"),
        NUMBERS.map(lambda one: f"size(xs.filter(x, x < {one})) > 1"),
        NUMBERS.map(lambda one: f"xs.map(x, x * {one}) == [{one}]"),
        TEXTS.map(lambda one: f"s.contains({one})"),
        TEXTS.map(lambda one: f"{one}.matches('^[a-c]+$')"),
        TEXTS.map(lambda one: f"s.startsWith({one}) || s.endsWith({one})"),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda a: f"({' '.join(a)})"),
        inner.map(lambda one: f"!({one})"),
    ),
    max_leaves=4,
)


@needs_library
@looking(2000)
@given(
    st.one_of(NUMBERS, TRUTHS),
    st.integers(-20, 20),
    st.lists(st.integers(-9, 9), min_size=1, max_size=4),
    st.sampled_from(["", "a", "abc", "é"]),
)
def test_both_languages_agree(source: str, number: int, numbers: list[int], text: str) -> None:
    """On numbers, texts and lists; a division by 0 is an error in one and null in the other."""
    values = {"i": number, "j": 3, "xs": numbers, "s": text}
    found = compile_expression(source, values)(values, Limits(NOW))
    try:
        expected = evaluate(source, values)
    except EvaluationError as error:
        assert "modulus by zero" in str(error)  # noqa: PT017
        return
    except ExpressionError as error:
        # Types that CEL knows before it runs, and its bounds.
        assert re.search("limit: 32|no matching overload|CEL can have", str(error))  # noqa: PT017
        return
    assert found == expected
