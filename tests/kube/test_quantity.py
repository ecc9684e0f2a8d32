"""Quantities are exact, in nano units."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import recorded
from support.sampling import looking
from xpjob.kube.quantity import (
    NANO,
    QuantityError,
    format_quantity,
    from_json,
    milli,
    parse,
    to_float,
    units,
)

VALID = [(text, value) for text, value in recorded.QUANTITIES.items() if value is not None]
INVALID = [text for text, value in recorded.QUANTITIES.items() if value is None]


@pytest.mark.parametrize(("text", "value"), VALID)
def test_a_text_means_what_it_means_to_kubernetes(text: str, value: str) -> None:
    """To the nano unit: rounded away from zero, and capped with a binary suffix."""
    assert parse(text) == Fraction(value) * NANO


@pytest.mark.parametrize("text", INVALID)
def test_what_kubernetes_refuses_is_an_error(text: str) -> None:
    """Also where Python would accept it."""
    with pytest.raises(QuantityError, match="expected a number"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2E6024865272343", "the exponent is larger"),
        ("1e2147483648", "the exponent is larger"),
        ("1e401", "the exponent is larger"),
        ("9" * 5000, "too many digits"),
        (f"{'0' * 5000}1", "expected a number"),
        (f"1e{'9' * 5000}", "expected a number"),
    ],
)
def test_a_number_too_large_to_compute_with_is_an_error(text: str, expected: str) -> None:
    """At once: Kubernetes' own parser does not return for some of these."""
    with pytest.raises(QuantityError, match=expected) as error:
        parse(text)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("text", ["1e-2147483648", "1e-100000000", f"{'9' * 200}e-900"])
def test_what_is_nearly_nothing_is_one_nano_unit(text: str) -> None:
    """Whatever the exponent."""
    assert parse(text) == 1
    assert parse(f"-{text}") == -1


@pytest.mark.parametrize(
    ("value", "nano"),
    [
        (2, 2 * NANO),
        (0.1, NANO // 10),
        (1e3, 1000 * NANO),
        (4e-7, 400),
        (2**70, 2**70 * NANO),
        ("250m", NANO // 4),
        (" 1\n", NANO),
        (None, 0),
    ],
)
def test_json_has_quantities_as_strings_or_numbers(value: object, nano: int) -> None:
    """As the API server takes them."""
    assert from_json(value) == nano


@pytest.mark.parametrize("value", [True, [], {}, math.nan, math.inf, "1Gib"])
def test_other_json_is_an_error(value: object) -> None:
    """Which quotes it."""
    with pytest.raises(QuantityError, match="invalid quantity"):
        from_json(value)


@pytest.mark.parametrize(
    ("text", "thousandths", "whole"),
    [("1", 1000, 1), ("1n", 1, 1), ("1001u", 2, 1), ("0.1Gi", 107374182400, 107374183)],
)
def test_rounding_is_upwards(text: str, thousandths: int, whole: int) -> None:
    """To thousandths, and to units."""
    assert (milli(parse(text)), units(parse(text))) == (thousandths, whole)


def test_rounding_has_no_limits() -> None:
    """Kubernetes' own overflows without an error, and rounds some negative values wrongly."""
    assert milli(parse("1E")) == 10**21
    assert units(parse("12345678901234567890m")) == 12345678901234568
    assert units(parse("-100m")) == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [("100u", 0.0001), ("4.5m", 0.0045), ("0.3Ki", 307.2), ("4600m", 4.6), ("1e30", 1e30)],
)
def test_the_float_is_the_nearest(text: str, value: float) -> None:
    """Kubernetes' own is not: it has 9.999999999999999e-05 for 100u."""
    assert to_float(parse(text)) == value


def test_a_float_may_be_infinite() -> None:
    """Where none is near."""
    assert to_float(parse("1e400")) == math.inf
    assert to_float(parse("-1e400")) == -math.inf


@pytest.mark.parametrize(
    ("text", "resource", "expected"),
    [
        ("1.93", "cpu", "1930m"),
        ("2000m", "cpu", "2"),
        ("100u", "cpu", "100u"),
        ("1n", "cpu", "1n"),
        ("0", "cpu", "0"),
        ("1024", "cpu", "1024"),
        ("1.5Gi", "memory", "1536Mi"),
        ("32986188Ki", "memory", "32986188Ki"),
        ("1073741824", "ephemeral-storage", "1Gi"),
        ("64Mi", "hugepages-2Mi", "64Mi"),
        ("500M", "memory", "500000000"),
        ("0", "memory", "0"),
        ("0.1Gi", "memory", "107374182400m"),
        ("-1Gi", "memory", "-1Gi"),
        ("-170m", "cpu", "-170m"),
        ("1024", "nvidia.com/gpu", "1024"),
    ],
)
def test_it_is_shown_as_people_expect(text: str, resource: str, expected: str) -> None:
    """Bytes with a binary suffix where that is exact, cpu in thousandths."""
    assert format_quantity(parse(text), resource) == expected


@looking(2000)
@given(st.integers(-(2**80), 2**80), st.sampled_from(["cpu", "memory", "nvidia.com/gpu"]))
def test_what_is_shown_is_exact(nano: int, resource: str) -> None:
    """Parsing it returns the same value."""
    for value in (nano, nano * NANO, nano * 1024 * NANO):
        assert parse(format_quantity(value, resource)) == value


@looking(5000)
@given(st.one_of(st.text(max_size=12), st.from_regex(r"[+-]?[0-9.]{0,6}[eEiKMGnum0-9+-]{0,6}")))
def test_any_text_is_a_quantity_or_an_error(text: str) -> None:
    """And nothing else is raised."""
    value = recorded.parsed(text)
    assert value is None or abs(value) < 10**700
