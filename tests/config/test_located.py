"""Documents whose values know their line: mistakes have a place, and no text ends the process."""

from __future__ import annotations

import pytest

from xpjob.config.located import MAX_PROBLEMS, Checker
from xpjob.config.yaml_documents import read_yaml


@pytest.mark.parametrize("text", ["[", "{a: ", "- ", "? ", "a: ["])
def test_a_text_that_is_nested_without_end_is_refused(text: str) -> None:
    """Before it is composed, which is recursive in C."""
    checker = Checker("x.yaml")
    assert read_yaml(text * (900_000 // len(text)), checker) == []
    (problem,) = checker.problems
    assert "nested deeper than 64 levels" in str(problem) or "mapping values" in str(problem)


def test_aliases_are_counted_for_what_they_repeat() -> None:
    """A short text can stand for billions of values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 12)]
    checker = Checker("x.yaml")
    assert read_yaml("\n".join(lines), checker) == []
    assert "more than 50000 values" in str(checker.problems[0])


def test_mistakes_have_their_place_and_are_bounded() -> None:
    """All at once, with line and column; of thousands the first hundred."""
    checker = Checker("x.yaml")
    (root,) = read_yaml("a: 1\nb: [x]\nbb: 2\n", checker)
    checker.map(root, ("a", "b"), ("c",))
    checker.string(root.get("b"))
    assert [str(problem) for problem in checker.problems] == [
        "x.yaml:3:5: bb: unknown key 'bb'; did you mean 'b'?",
        "x.yaml:1:1: c is missing",
        "x.yaml:2:4: b: expected a string, got a list",
    ]
    many = Checker("x.yaml")
    for _ in range(2 * MAX_PROBLEMS):
        many.warn(root, "odd")
    many.error(root, "wrong")
    assert (len(many.problems), many.failed) == (MAX_PROBLEMS, True)
