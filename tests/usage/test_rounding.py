"""What is shown adds up to the total that is shown (vector 15 and its properties)."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from xpjob.usage.rounding import rounded

FRACTIONS = st.fractions(min_value=-(10**9), max_value=10**15, max_denominator=10**7)
PARTS = st.dictionaries(st.text(max_size=3), FRACTIONS, max_size=40)
DECIMALS = st.integers(0, 6)


def texts(parts: dict[str, Fraction], decimals: int) -> tuple[list[str], str]:
    """Return what is shown of the parts, in their order, and of the total."""
    shown, total = rounded(parts, decimals)
    return [str(shown[key]) for key in parts], str(total)


def test_three_times_1200_seconds() -> None:
    """The missing digit goes to the first of those that are alike."""
    hours = {key: Fraction(1200, 3600) for key in "abc"}
    assert texts(hours, 2) == (["0.34", "0.33", "0.33"], "1.00")


def test_ten_euros_in_three() -> None:
    """A cent is never lost."""
    assert texts({key: Fraction(10, 3) for key in "abc"}, 2) == (["3.34", "3.33", "3.33"], "10.00")


def test_the_largest_remainder_has_the_missing_digit() -> None:
    """Not the largest part."""
    parts = {"a": Fraction("5.001"), "b": Fraction("0.009"), "c": Fraction("0.99")}
    assert texts(parts, 2) == (["5.00", "0.01", "0.99"], "6.00")


def test_the_total_is_half_to_even() -> None:
    """As in invoices."""
    assert texts({"a": Fraction("0.125")}, 2) == (["0.12"], "0.12")
    assert texts({"a": Fraction("0.135")}, 2) == (["0.14"], "0.14")


def test_negative_parts_add_up_too() -> None:
    """What is idle may be less than nothing."""
    parts = {"a": Fraction(10, 3), "b": Fraction(-1, 3)}
    assert texts(parts, 2) == (["3.33", "-0.33"], "3.00")


@given(PARTS, DECIMALS)
def test_parts_add_up_and_none_is_off_by_a_whole_digit(
    parts: dict[str, Fraction], decimals: int
) -> None:
    """Whatever is rounded, and the total is the exact one, rounded half to even."""
    shown, total = rounded(parts, decimals)
    assert sum(shown.values(), Decimal(0)) == total
    digit = Fraction(1, 10**decimals)
    assert all(abs(Fraction(shown[key]) - parts[key]) < digit for key in parts)
    exact = sum(parts.values(), Fraction(0))
    assert abs(Fraction(total) - exact) <= digit / 2
    if exact.denominator in (1, 2, 4, 5, 8, 10):  # as decimal numbers have it
        wanted = (Decimal(exact.numerator) / exact.denominator).quantize(
            Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN
        )
        assert total == wanted


@given(PARTS, DECIMALS)
def test_the_order_of_parts_does_not_matter(parts: dict[str, Fraction], decimals: int) -> None:
    """The same parts are shown the same."""
    backwards = dict(reversed(parts.items()))
    assert rounded(parts, decimals) == rounded(backwards, decimals)
