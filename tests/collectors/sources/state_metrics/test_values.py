"""Values become the numbers and texts that kube-state-metrics makes of them."""

from __future__ import annotations

import contextlib
import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpjob.collectors.sources.state_metrics.values import coerce, go_float, go_text, sample_value

NUMBERS: list[tuple[Any, float]] = [
    *[(True, 1), (False, 0), (3, 3), (2.5, 2.5), (2**70, 2.0**70)],
    *[(text, 1) for text in ("true", "True", "TRUE", "yes", "YES")],
    *[(text, 0) for text in ("false", "False", "no", "NO", "unknown", "Unknown")],
    ("2024-01-15T10:30:00Z", 1705314600),
    ("2024-01-15T10:30:00.999Z", 1705314600),
    ("2024-01-15T10:30:00,5Z", 1705314600),
    ("2024-01-15T9:30:00Z", 1705311000),
    ("2024-01-15T11:30:00+01:00", 1705314600),
    ("2024-02-29T00:00:00-24:60", 1709254800),
    ("1969-12-31T23:59:59.5Z", -1),
    ("0000-02-29T00:00:00Z", -62162121600),
    *[("5m", 0.005), ("10M", 1e7), ("1e3", 1000), ("1E3", 1000), ("1Ki", 1024), ("1.Gi", 2.0**30)],
    *[("4.5m", 0.0045000000000000005), ("0.3Ki", 307.20000000000005), ("8Ei", 2.0**63)],
    *[("0.1n", 1e-9), ("1e-400", 1e-9), ("-1e-400", -1e-9), ("-0", 0), ("1e9999", math.inf)],
    *[
        ("-1e400", -math.inf),
        ("0e400", math.nan),
        ("1e40", 1e40),
        ("1" * 30, 1.1111111111111112e29),
    ],
    *[(text, 0) for text in ("-", "+", ".", "m", "Ki", "Ti")],
    *[("0%", 0), ("50%", 0.5), ("250%", 2.5)],
    *[("inf", math.inf), ("-Infinity", -math.inf), ("NaN", math.nan), ("nan", math.nan)],
    *[("1_000", 1000), ("1_0.5e1_0", 10.5e10), ("0x1p4", 16), ("0x_1.8P-1", 0.75)],
    *[("-0x1p-99999999", 0), ("1e-9999999999999999999999", 0)],
]
NO_NUMBERS: list[Any] = [
    *[None, [], {}, [1], {"a": 1}],
    *["", " ", "y", "on", "off", "True ", " 1", "1 ", "Ready", "30s", "1h30m", "2024-01-15"],
    *[
        "2024-01-15t10:30:00Z",
        "2024-01-15T10:30:00z",
        "2024-01-15T10:30:00",
        "2023-02-29T00:00:00Z",
    ],
    *["2024-01-15T24:00:00Z", "2024-01-15T10:30:60Z", "2024-01-15T10:30:00+0100"],
    *["2024-01-15T10:30:00+25:00", "2024-01-15T10:30:00.Z", "٢٠٢٤-01-15T10:30:00Z"],
    *["-5%", "2.5%", "%", "50%%", "٣", "1K", "1ki", "0x10", "0x1p99999", "0xp1", "+nan", "infin"],
    *[
        "1__0",
        "_1",
        "1_",
        "1_.5",
        "0x1_p1",
        "0b1",
        "1e",
        "Ei",
        "e5e",
        "--1",
        "1e99999999999999999999",
    ],
    *["2E6024865272343", "1" * 20 + "e500", "9" * 257, "9" * 300 + "%"],
]


@pytest.mark.parametrize(("value", "number"), NUMBERS, ids=repr)
def test_a_value_is_the_number_that_it_stands_for(value: Any, number: float) -> None:
    """Booleans, words, times, quantities, percentages, and numbers as Go writes them."""
    found = coerce(value)
    assert found == number or (math.isnan(found) and math.isnan(number))


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_everything_else_is_no_number(value: Any) -> None:
    """And the reason is said."""
    with pytest.raises(ValueError, match=r"number|range"):
        coerce(value)


def test_an_exponent_without_end_is_an_error_at_once() -> None:
    """Quantities such as these keep kube-state-metrics busy for ever."""
    started = time.thread_time()
    for text in ("2E6024865272343", "1e-2147483648", "1e-100000000", "0.1e2147483647"):
        with contextlib.suppress(ValueError):
            coerce(text)
    assert time.thread_time() - started < 0.1


@given(st.text(max_size=300) | st.from_regex(r"[-+]?[0-9._]*[eEnumkMGTPi%x]*[-+0-9.:TZ]*"))
def test_any_text_is_a_number_or_an_error(text: str) -> None:
    """Nothing else is raised."""
    with contextlib.suppress(ValueError):
        assert isinstance(coerce(text), float)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        *[(0.0, "0"), (-0.0, "-0"), (1.0, "1"), (2.5, "2.5"), (100000.0, "100000")],
        *[(123456.5, "123456.5"), (999999.5, "999999.5"), (1e6, "1e+06"), (-2.5e6, "-2.5e+06")],
        *[(1234567895.0, "1.234567895e+09"), (2.1e10, "2.1e+10"), (1e15, "1e+15")],
        *[(1e16, "1e+16"), (1e21, "1e+21"), (1.5e300, "1.5e+300"), (0.0001, "0.0001")],
        *[
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (5e-324, "5e-324"),
            (9007199254740993.0, "9.007199254740992e+15"),
        ],
        *[(math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN")],
    ],
)
def test_floats_are_written_as_go_does(number: float, text: str) -> None:
    """The shortest digits, with an exponent below 1e-04 and from 1e+06 on."""
    assert go_float(number) == text


@given(st.floats(allow_nan=False))
def test_a_written_float_is_the_same_float(number: float) -> None:
    """For any float."""
    assert float(go_float(number)) == number


def test_a_sample_has_no_negative_zero() -> None:
    """Other floats are written the same."""
    assert [sample_value(number) for number in (-0.0, 1e6)] == ["0", "1e+06"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[("a b", "a b"), ("", ""), (None, "<nil>"), (True, "true"), (3, "3"), (-0.0, "-0")],
        *[
            (10**18, "1000000000000000000"),
            (10**19, "1e+19"),
            (1e6, "1e+06"),
            ([], "[]"),
            ({}, "map[]"),
        ],
        (["p", 1, None, [2.5]], "[p 1 <nil> [2.5]]"),
        ({"k": 1, "a": {"x": "y"}, "l": [{}]}, "map[a:map[x:y] k:1 l:[map[]]]"),
    ],
    ids=repr,
)
def test_values_are_written_as_go_does(value: Any, text: str) -> None:
    """As %v prints them, with the keys of maps sorted."""
    assert go_text(value) == text


def test_a_value_may_be_nested_as_deep_as_it_likes() -> None:
    """No recursion limit is met."""
    value: Any = 1
    for _ in range(10_000):
        value = [value]
    assert go_text(value) == "[" * 10_000 + "1" + "]" * 10_000
