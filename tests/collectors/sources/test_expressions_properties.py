"""Expressions that are made up: bounded, safe, and with the value that a naive evaluator finds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.sampling import looking
from xpjob.collectors.sources.expressions.functions import FUNCTIONS
from xpjob.collectors.sources.expressions.generator import python
from xpjob.collectors.sources.expressions.language import (
    EvaluationError,
    ExpressionError,
    Limits,
    compile_expression,
)
from xpjob.collectors.sources.expressions.limits import MAX_TEXT
from xpjob.collectors.sources.expressions.loops import LOOPS
from xpjob.collectors.sources.expressions.parser import parse
from xpjob.collectors.sources.expressions.patterns import Pattern

NAMES = ("a", "b", "xs", "m")
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 9),
    st.sampled_from([0.5, -2.5, 3.0, 1e300, -0.0]),
    st.sampled_from(["", "a", "b", "5", "-2.5", "1e3", "2024-01-15T10:30:00Z", "é'\"\\\n"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["a", "b", "k-1"]), inner, max_size=3),
    ),
    max_leaves=6,
)
VARIABLES = st.fixed_dictionaries(
    {
        "a": SCALARS,
        "b": VALUES,
        "xs": st.lists(SCALARS, max_size=4),
        "m": st.dictionaries(st.sampled_from(["a", "b", "k-1"]), VALUES, max_size=3),
    }
)
WORDS = [
    *("a", "b", "xs", "m", "x", "1", "2.5", '"a"', "'b\\n'", "true", "null", "in", "has", "("),
    *(")", "[", "]", ".", ",", "?", ":", "??", "||", "&&", "==", "!=", "<", ">=", "+", "-", "*"),
    *("/", "%", "!", " ", "(x, ", ".map(x, ", "'[a-c]+'", "xs[0]", "m.a", *FUNCTIONS, *LOOPS),
]
# A generated expression: its text, and a function that computes it naively of variables.
Made = tuple[str, Callable[[Mapping[str, Any]], Any]]


class Failed(Exception):  # noqa: N818 - an outcome
    """The naive evaluator says that there is no value."""


def _run(source: str, values: Mapping[str, Any], names: Any = NAMES) -> Any:
    try:
        return compile_expression(source, names)(values, Limits(1_705_314_645))
    except (ExpressionError, EvaluationError) as error:
        return error


def _assert_json(value: Any) -> None:
    if isinstance(value, float):
        assert math.isfinite(value)
    elif isinstance(value, int):
        assert isinstance(value, bool) or abs(value) <= 2**63
    elif isinstance(value, str):
        assert len(value) <= MAX_TEXT
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            _assert_json(item)
    else:
        assert value is None or isinstance(value, EvaluationError | ExpressionError)
        assert len(str(value)) < 500


@looking(2000)
@given(st.text(max_size=60), VARIABLES)
def test_any_text_compiles_or_is_an_expression_error(source: str, values: dict[str, Any]) -> None:
    """And nothing but JSON comes out."""
    _assert_json(_run(source, values))


@looking(4000)
@given(st.lists(st.sampled_from(WORDS), max_size=25), VARIABLES)
def test_any_words_compile_or_are_an_expression_error(
    words: list[str], values: dict[str, Any]
) -> None:
    """And nothing but JSON comes out."""
    _assert_json(_run("".join(words), values))


@looking(2000)
@given(st.sampled_from(sorted(FUNCTIONS)), st.data())
def test_every_function_takes_any_values(name: str, data: st.DataObject) -> None:
    """And returns JSON, or fails as an evaluation."""
    function = FUNCTIONS[name]
    most = function.most if function.most is not None else 3
    count = data.draw(st.integers(function.fewest, most))
    odd = st.one_of(VALUES, st.floats(), st.integers(), st.text(), st.just(10**400))
    values = {f"v{number}": data.draw(odd) for number in range(count)}
    arguments = [*values]
    if name == "matches":
        arguments[1] = "'a+'"
    _assert_json(_run(f"{name}({', '.join(arguments)})", values, [*values]))


# The naive evaluator: on its own, by the words of EXPRESSIONS.md, for small values.


def _number(value: Any) -> int | float:
    if value is None:
        return 0
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        if not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?", value):
            raise Failed
        return int(value) if re.fullmatch(r"[+-]?[0-9]+", value) else float(value)
    if not isinstance(value, int | float):
        raise Failed
    return value


def _text(value: Any) -> str:
    if isinstance(value, list | dict):
        return msgspec.json.encode(value).decode()
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _finite(value: int | float) -> int | float:
    if isinstance(value, float) and not math.isfinite(value):
        raise Failed
    return float(value) if isinstance(value, int) and abs(value) > 2**63 - 1 else value


def _equal(left: Any, right: Any) -> bool:
    if left is None or right is None:
        return left is right
    if isinstance(left, bool):
        return left is bool(right)
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        return bool(type(left) is type(right) and left == right)
    if isinstance(left, str):
        return bool(left == _text(right))
    try:
        return bool(left == _number(right))
    except Failed:
        return False


def _less(left: Any, right: Any) -> bool:
    texts = [isinstance(value, str) for value in (left, right)]
    if all(texts) or (any(texts) and None in (left, right)):
        return str(left or "") < str(right or "")
    return bool(_number(left) < _number(right))


def _divided(left: Any, right: Any) -> Any:
    one, two = _number(left), _number(right)
    return _finite(one / two) if two else None


def _rest(left: Any, right: Any) -> Any:
    one, two = _number(left), _number(right)
    if not two:
        return None
    if isinstance(one, int) and isinstance(two, int):
        return int(math.fmod(one, two))
    return math.fmod(one, two)


def _plus(left: Any, right: Any) -> Any:
    if isinstance(left, str) or isinstance(right, str):
        return _text(left) + _text(right)
    return _finite(_number(left) + _number(right))


def _member(value: Any, key: str) -> Any:
    if value is not None and not isinstance(value, dict):
        raise Failed
    return (value or {}).get(key)


def _items(value: Any) -> list[Any]:
    if value is not None and not isinstance(value, list | dict):
        raise Failed
    return list(value or [])


def _in(left: Any, right: Any) -> bool:
    if isinstance(right, dict):
        return isinstance(left, str) and left in right
    return any(_equal(left, item) for item in _items(right))


OPERATORS: dict[str, tuple[int, Callable[[Any, Any], Any]]] = {
    "==": (4, _equal),
    "!=": (4, lambda left, right: not _equal(left, right)),
    "<": (5, _less),
    ">": (5, lambda left, right: _less(right, left)),
    "in": (5, _in),
    "+": (6, _plus),
    "-": (6, lambda left, right: _finite(_number(left) - _number(right))),
    "*": (7, lambda left, right: _finite(_number(left) * _number(right))),
    "/": (7, _divided),
    "%": (7, _rest),
}
LEVELS = {"?": 0, "??": 1, "||": 2, "&&": 3, **{sign: op[0] for sign, op in OPERATORS.items()}}
# What is generated: (level, text, naive). A text is put in parentheses only where it must be.
Part = tuple[int, str, Callable[[Mapping[str, Any]], Any]]


def _inside(part: Part, loosest: int) -> str:
    return part[1] if part[0] >= loosest else f"({part[1]})"


def _literal(value: Any) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
        return f"'{escaped}'"
    return "null" if value is None else repr(value)


def _constant(value: Any) -> Part:
    # A number has no members without parentheses.
    level = 8 if isinstance(value, int | float) else 9
    return level, _literal(value), lambda _: value


def _named(name: str) -> Part:
    return 9, name, lambda values: values.get(name)


LEAVES = st.one_of(
    st.sampled_from([None, "a", "5", "", "é'\"\\\n", 0, 1, 7, 0.5, 2.25]).map(_constant),
    st.sampled_from([*NAMES, "a", "xs"]).map(_named),
)


def _binary(sign: str, left: Part, right: Part) -> Part:
    level, naive = OPERATORS[sign]
    text = f"{_inside(left, level)} {sign} {_inside(right, level + 1)}"
    return level, text, lambda values: naive(left[2](values), right[2](values))


def _logic(sign: str, left: Part, right: Part) -> Part:
    level = LEVELS[sign]

    def naive(values: Mapping[str, Any]) -> Any:
        first = left[2](values)
        if sign == "??":
            return first if first is not None else right[2](values)
        if bool(first) is (sign == "||"):
            return bool(first)
        return bool(right[2](values))

    return level, f"{_inside(left, level)} {sign} {_inside(right, level + 1)}", naive


def _conditional(test: Part, yes: Part, no: Part) -> Part:
    text = f"{_inside(test, 1)} ? {yes[1]} : {_inside(no, 0)}"
    return 0, text, lambda values: (yes if test[2](values) else no)[2](values)


def _unary(sign: str, part: Part) -> Part:
    text = f"{sign}{_inside(part, 8)}"
    if sign == "!":
        return 8, text, lambda values: not part[2](values)
    return 8, text, lambda values: _finite(-_number(part[2](values)))


def _dotted(part: Part, key: str) -> Part:
    return 9, f"{_inside(part, 9)}.{key}", lambda values: _member(part[2](values), key)


def _loop(method: str, of: Part, body: Part) -> Part:
    def naive(values: Mapping[str, Any]) -> Any:
        found = []
        for item in _items(of[2](values)):
            result = body[2]({**values, "a": item})  # the variable hides the field
            found.append((item, result))
            if method in ("exists", "all") and bool(result) is (method == "exists"):
                return method == "exists"
        if method in ("exists", "all"):
            return method == "all"
        if method == "map":
            return [result for _, result in found]
        return [item for item, result in found if result]

    return 9, f"{_inside(of, 9)}.{method}(a, {body[1]})", naive


def _larger(inner: st.SearchStrategy[Part]) -> st.SearchStrategy[Part]:
    return st.one_of(
        st.builds(_binary, st.sampled_from(sorted(OPERATORS)), inner, inner),
        st.builds(_logic, st.sampled_from(["??", "||", "&&"]), inner, inner),
        st.builds(_conditional, inner, inner, inner),
        st.builds(_unary, st.sampled_from("!-"), inner),
        st.builds(_dotted, inner, st.sampled_from(["a", "b", "in"])),
        st.builds(_loop, st.sampled_from(sorted(LOOPS)), inner, inner),
        st.lists(inner, max_size=3).map(
            lambda parts: (
                9,
                f"[{', '.join(part[1] for part in parts)}]",
                lambda values: [part[2](values) for part in parts],
            )
        ),
    )


EXPRESSIONS = st.recursive(LEAVES, _larger, max_leaves=12)


@looking(4000)
@given(EXPRESSIONS, VARIABLES)
def test_an_expression_has_the_value_that_a_naive_evaluator_finds(
    part: Part, values: dict[str, Any]
) -> None:
    """Written with as few parentheses as the precedence allows."""
    found = _run(part[1], values)
    if isinstance(found, ExpressionError):
        # It can never be right: the types say so before it runs.
        assert "expected" in str(found) or "not a number" in str(found)
        return
    try:
        expected = part[2](values)
    except Failed:
        assert isinstance(found, EvaluationError)
        return
    assert repr(found) == repr(expected) or found == expected
    assert isinstance(found, bool) is isinstance(expected, bool)


@looking(3000)
@given(EXPRESSIONS)
def test_the_code_has_no_text_of_the_user(part: Part) -> None:
    """Only fixed words, generated names, and signs between them."""
    code, _ = python(parse(part[1], NAMES))
    assert re.fullmatch(r"[\w ()\[\],.:=]+", code, re.ASCII)
    words = set(re.findall(r"\w+", code))
    words -= {word for word in words if re.fullmatch(r"[Kxt][0-9]+", word)}
    assert words <= {
        *("lambda", "V", "L", "get", "UNSET", "None", "if", "else", "is", "not", "and", "or"),
        *("type", "dict", "str", "member", "item", "negate", "add", "subtract", "multiply"),
        *("divide", "remainder", "equal", "less", "greater", "at_most", "at_least", "contained"),
    }


PATTERNS = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "^", "$", "\\w", "\\.", "", "[b-c]", "\\D"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,}", "*?"])).map(
            lambda two: f"({two[0]}){two[1]}"
        ),
    ),
    max_leaves=8,
)


@looking(4000)
@given(PATTERNS, st.lists(st.text("abc.", max_size=8), min_size=1, max_size=4))
def test_a_pattern_matches_what_pythons_does(pattern: str, texts: list[str]) -> None:
    """Of the syntax that both have; what is kept from one text does not change the next."""
    compiled = Pattern(pattern)
    for text in texts:
        expected = re.search(pattern.replace("$", "\\Z"), text) is not None
        assert compiled.matches(text, Limits(0)) is expected


@pytest.mark.parametrize(
    "pattern",
    ["(a|a)*b", "(a*)*b", "(a+)+b", "((a?){30}a{30})b", ".*.*.*.*b", "(a|aa)+$b", "(.*a.{9}b)"],
)
def test_a_hostile_pattern_takes_steps_in_proportion_to_the_text(pattern: str) -> None:
    """Twice the text, about twice the steps: within the budget for any text that may be used."""
    compiled = Pattern(pattern)
    for text in ("a" * MAX_TEXT, "ab" * (MAX_TEXT // 4)):
        limits = Limits(0)
        compiled.matches(text, limits)
        limits.spend(50_000)


def test_what_a_pattern_keeps_is_bounded() -> None:
    """It forgets all and starts again, and answers as before: texts may have any characters."""
    compiled = Pattern("a.{20}b$")
    sizes = []
    for first in range(0x100, 0xD000, 32):
        text = f"a{''.join(map(chr, range(first, first + 20)))}"
        assert compiled.matches(f"{text}b", Limits(0)) is True
        assert compiled.matches(f"{text}bb", Limits(0)) is False
        sizes.append(compiled._kept)
    assert max(sizes) <= 51_000
    assert sizes != sorted(sizes)


@looking(300)
@given(st.text("ab()|*+?{}[]^$\\.,-:19i", max_size=40))
def test_any_text_is_a_pattern_or_a_mistake(text: str) -> None:
    """And never anything else."""
    quoted = text.replace("\\", "\\\\")
    _assert_json(_run(f"a.matches('{quoted}')", {"a": "abab"}))
