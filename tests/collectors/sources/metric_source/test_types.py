"""What values of objects become, by type: right, or counted as missing or invalid."""

from __future__ import annotations

import math
from typing import Any

import pytest

from support.metric_sources import compiled, fold, foo, row
from xpjob.collectors.sources.metric_source import types
from xpjob.collectors.sources.metric_source.types import INVALID, TYPES

X = INVALID

VECTORS: dict[str, list[tuple[Any, Any]]] = {
    "string": [
        ("a", "a"),
        ("", ""),
        (3, "3"),
        (3.0, "3"),
        (2.5, "2.5"),
        (True, "true"),
        (["p", "q"], "[p q]"),
        ({"k": 1}, "map[k:1]"),
        ({"b": [None], "a": {"x": False}}, "map[a:map[x:false] b:[<nil>]]"),
    ],
    "integer": [
        (3, 3),
        (3.9, 3),
        (-3.9, -3),
        ("42", 42),
        ("-7", -7),
        ("3.0", X),
        ("many", X),
        ("", X),
        ("1_000", X),
        ("٣", X),
        (True, X),
        ([1], X),
        (2**63 - 1, 2**63 - 1),
        (2**63, X),
        ("9223372036854775808", X),
        (1e30, X),
    ],
    "float": [
        (3, 3.0),
        (2.5, 2.5),
        ("2.5", 2.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("nan", X),
        ("inf", X),
        ("1e400", X),
        ("0x10", X),
        ("many", X),
        ("", X),
        (True, X),
        ({}, X),
    ],
    "boolean": [
        (True, True),
        (False, False),
        ("true", True),
        ("TRUE", True),
        ("1", True),
        ("false", False),
        ("0", False),
        (0, False),
        (-2, True),
        (0.0, False),
        ("yes", X),
        ("", X),
        ([], X),
    ],
    # ClusterPulse's own vectors, right: all in one unit, also decimals, exponents, k and E.
    "quantity": [
        ("500m", 0.5),
        ("2", 2),
        ("1.5", 1.5),
        ("2.5", 2.5),
        ("0.5", 0.5),
        ("5Gi", 5368709120),
        ("0.1Gi", 107374182.4),
        ("1k", 1000),
        ("1K", X),
        ("1M", 1000000),
        ("1Mi", 1048576),
        ("1Ei", 1152921504606846976),
        ("1E", 10**18),
        ("100u", 0.0001),
        ("1e3", 1000),
        ("12Pi", 13510798882111488),
        ("1001m", 1.001),
        ("1 Gi", X),
        ("", X),
        ("abc", X),
        ("-", X),
        ("2E6024865272343", X),
        ("1e300", 1e300),
        ("1e-400", 1e-9),
        (3, 3),
        (2.5, 2.5),
        (True, X),
        ([], X),
    ],
    "timestamp": [
        ("2024-01-15T10:30:00Z", "2024-01-15T10:30:00Z"),
        ("2024-01-15T10:30:00.5Z", "2024-01-15T10:30:00.500000Z"),
        ("2024-01-15T12:30:00+02:00", "2024-01-15T10:30:00Z"),
        ("2024-01-15T10:30:00.000Z", "2024-01-15T10:30:00Z"),
        ("0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00Z"),
        ("2024-01-15T10:30:00", X),
        ("2024-13-15T10:30:00Z", X),
        ("yesterday", X),
        ("", X),
        (1705314600, X),
    ],
    "arrayLength": [
        ([1, 2], 2),
        ([], 0),
        ({"a": 1}, 1),
        ("abc", X),
        (3, X),
    ],
    "duration": [
        ("1h30m", 5400.0),
        ("90s", 90.0),
        ("1.5h", 5400.0),
        ("250ms", 0.25),
        ("2160h", 7776000.0),
        ("-5m", -300.0),
        ("7d", 604800.0),
        (30, 30.0),
        ("30", 30.0),
        ("1h 30m", X),
        ("h", X),
        ("", X),
        (True, X),
    ],
    "percent": [
        ("25%", 0.25),
        ("2.5%", 0.025),
        ("25", 0.25),
        (25, 0.25),
        ("-5%", -0.05),
        ("%", X),
        ("25 %", X),
        ("many", X),
        (False, X),
    ],
    "condition": [
        ("True", 1),
        ("False", 0),
        ("Unknown", -1),
        ("true", 1),
        (True, 1),
        ({"type": "Ready", "status": "False"}, 0),
        ({"type": "Ready"}, X),
        ("Ready", X),
        ("", X),
        (1, X),
    ],
    "auto": [
        (True, 1),
        ("yes", 1),
        ("Unknown", 0),
        ("2024-01-15T10:30:00.5Z", 1705314600),
        ("5m", 0.005),
        ("1Gi", 1 << 30),
        ("25%", 0.25),
        (3, 3),
        (2.5, 2.5),
        ("NaN", X),
        ("y", X),
        ("", X),
        ([], X),
        ({}, X),
    ],
    "json": [
        ([1, {"a": None}], [1, {"a": None}]),
        ({"a": "b"}, {"a": "b"}),
        ("a", "a"),
        (True, True),
        (3, 3),
    ],
}


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [(name, raw, expected) for name, cases in VECTORS.items() for raw, expected in cases],
)
def test_a_value_becomes(name: str, raw: Any, expected: Any) -> None:
    """What cannot be converted is null and counted, never 0 or an empty text."""
    source = compiled(fields=[{"name": "x", "path": ".spec.x", "type": name}])
    item = foo(spec={"x": raw})
    found = row(source, item).get("x")
    tally = fold(source, [item])
    if expected is X:
        assert (found, tally.invalid, tally.missing) == (None, 1, 0)
        assert TYPES[name].expected in tally.examples[0].message
    else:
        assert found == expected
        assert isinstance(found, bool) == isinstance(expected, bool)
        assert (tally.invalid, tally.missing) == (0, 0)


def test_every_type_has_vectors() -> None:
    """A new one must have some."""
    assert VECTORS.keys() == TYPES.keys()


@pytest.mark.parametrize("name", sorted(TYPES))
@pytest.mark.parametrize(
    "raw",
    [math.nan, math.inf, -math.inf, 10**5000, -(10**400), 1e308, "9" * 100_000, "9" * 300 + "%"],
    ids=["nan", "inf", "-inf", "10**5000", "-10**400", "1e308", "digits", "percent"],
)
def test_numbers_without_bounds_are_invalid(name: str, raw: Any) -> None:
    """None becomes an infinite number, nor an error."""
    found = TYPES[name].convert(raw)
    assert found is INVALID or not isinstance(found, float) or math.isfinite(found)


def deep(depth: int) -> Any:
    """Return a list in a list, so many times."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("name", sorted(TYPES))
def test_what_is_nested_without_end_is_no_error(name: str) -> None:
    """Neither a list nor a map."""
    TYPES[name].convert(deep(100_000))


STATES = {"name": "x", "path": ".spec.x", "states": {"Running": 1, "Failed": -1, "true": 0.5}}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("Running", 1), ("Failed", -1), (True, 0.5), ("running", None), ("", None), ([], None)],
)
def test_states_are_numbers_by_text(raw: Any, expected: float | None) -> None:
    """A state that is not in the map is invalid."""
    source = compiled(fields=[STATES])
    item = foo(spec={"x": raw})
    assert row(source, item)["x"] == expected
    assert fold(source, [item]).invalid == (expected is None)


DEFAULTS = [
    ("string", "none", "none"),
    ("string", "", ""),
    ("integer", "7", 7),
    ("integer", "", None),
    ("float", "1.5", 1.5),
    ("boolean", "true", True),
    ("quantity", "1Gi", 1 << 30),
    ("timestamp", "2024-01-15T10:30:00Z", "2024-01-15T10:30:00Z"),
    ("arrayLength", "0", 0),
    ("duration", "1h", 3600.0),
    ("percent", "50%", 0.5),
    ("condition", "Unknown", -1),
    ("auto", "yes", 1),
    ("json", "[1]", [1]),
]


@pytest.mark.parametrize(("name", "default", "expected"), DEFAULTS)
def test_a_default_stands_for_what_is_missing(name: str, default: str, expected: Any) -> None:
    """Converted to the type; null and invalid stay null. It is then not counted as missing."""
    source = compiled(fields=[{"name": "x", "path": ".x", "type": name, "default": default}])
    assert row(source, foo())["x"] == expected
    assert fold(source, [foo()]).missing == (expected is None)
    null = fold(source, [foo(x=None)])
    assert (null.rows[0][-1], null.missing, null.invalid) == (None, 1, 0)


def test_a_default_does_not_hide_what_is_invalid() -> None:
    """It is null, and counted."""
    source = compiled(fields=[{"name": "x", "path": ".x", "type": "integer", "default": "7"}])
    tally = fold(source, [foo(x="many")])
    assert (tally.rows[0][-1], tally.missing, tally.invalid) == (None, 0, 1)


SEVERAL = [
    ("string", ".l[*].v", [{"v": "a"}, {"v": "b"}, {}], "a,b", 0),
    ("string", ".l[*].v", [{"v": "a"}, {"v": None}], "a", 0),
    ("string", ".l[*].v", [], None, 0),
    ("string", ".l[*].v", [{"v": None}], None, 0),
    ("integer", ".l[*].v", [{"v": 1}], 1, 0),
    ("integer", ".l[*].v", [{"v": 1}, {"v": 2}], None, 1),
    ("condition", '.l[?(@.t=="R")]', [{"t": "R", "status": "True"}, {"t": "S"}], 1, 0),
    ("arrayLength", ".l[*]", [1, 2, None], 3, 0),
    ("arrayLength", ".l[*]", [], 0, 0),
    ("arrayLength", ".l[?(@.v>1)]", [{"v": 1}, {"v": 2}], 1, 0),
    ("arrayLength", ".l[*].v", [{"v": [1, 2]}, {"v": [3]}, {}], 3, 0),
    ("arrayLength", ".l[*].v", [{"v": "a"}, {"v": None}, {}], 1, 0),
    ("json", ".l[*].v", [{"v": 1}, {"v": "x"}], [1, "x"], 0),
    ("json", ".l[*].v", [], [], 0),
]


@pytest.mark.parametrize(("name", "path", "value", "expected", "invalid"), SEVERAL)
def test_a_path_to_several_values(
    name: str, path: str, value: Any, expected: Any, invalid: int
) -> None:
    """Text is joined, lengths are added up, and one number cannot be chosen of several."""
    source = compiled(fields=[{"name": "x", "path": path, "type": name}])
    assert row(source, foo(l=value))["x"] == expected
    assert fold(source, [foo(l=value)]).invalid == invalid


def test_a_long_text_is_cut_with_its_hash() -> None:
    """An annotation may have 256 KiB; two of them stay different."""
    one, two = types.text("x" * 100_000 + "1"), types.text("x" * 100_000 + "2")
    assert len(one) == len(two) == 4096
    assert one != two
