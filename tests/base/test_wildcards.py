"""Patterns with ``*``."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpjob.base.wildcards import Wildcard


def by_the_book(pattern: str, text: str) -> bool:
    """Match by the definition, in a table of all prefixes."""
    row = [True, *(False for _ in text)]
    for character in pattern:
        if character == "*":
            found = False
            row = [found := found or each for each in row]
        else:
            row = [False, *(row[n] and text[n] == character for n in range(len(text)))]
    return row[-1]


@given(st.text("ab*", max_size=12), st.text("ab", max_size=12))
def test_a_star_stands_for_any_text(pattern: str, text: str) -> None:
    """Every pattern matches exactly what its definition says."""
    assert Wildcard(pattern).matches(text) is by_the_book(pattern, text)


@pytest.mark.parametrize("last", ["a", "b", ""])
def test_matching_takes_linear_time(last: str) -> None:
    """Thousands of stars on a text that almost matches take a moment."""
    text, pattern = "a" * 250_000, "*a" * 2000 + "*" + last
    started = time.thread_time()
    Wildcard(pattern).matches(text)
    Wildcard("*" * 250_000 + last).matches(text)
    Wildcard("*" + "a" * 1000 + "b*").matches(text)
    assert time.thread_time() - started < 0.5
