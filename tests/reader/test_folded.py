"""Texts of a column for searches: the same hits as one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpjob.base.errors import DeadlineError
from xpjob.net.deadline import Deadline
from xpjob.reader.folded import Folded

_TEXT = st.text(alphabet="aAbß\nİé\U0001f600\x00", max_size=6)


@given(st.lists(st.none() | _TEXT, max_size=20), _TEXT.filter(bool))
def test_hits_are_those_of_each_text(texts: list[str | None], word: str) -> None:
    """Anywhere in it, and as the whole of it; upper and lower case are the same."""
    folded, wanted = Folded(texts), word.casefold()
    having = [n for n, text in enumerate(texts) if wanted in (text or "").casefold()]
    assert list(folded.having(word)) == having
    equal = [n for n, text in enumerate(texts) if (text or "").casefold() == wanted]
    assert list(folded.equal(word)) == equal


def test_it_can_be_given_up() -> None:
    """Both making it and looking for what occurs everywhere."""
    many = Folded(["a"] * 100_000)
    with Deadline(0).running():
        with pytest.raises(DeadlineError):
            Folded(["a"] * 100_000)
        with pytest.raises(DeadlineError):
            list(many.having("a"))
