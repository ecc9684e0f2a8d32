"""The rows of the previous snapshot, of which many share fields."""

from __future__ import annotations

from msgspec import Struct, structs

from xpjob.collect.before import Rows


class Row(Struct, frozen=True):
    """A row with two fields of its own, and one that it shares."""

    namespace: str
    name: str
    state: str


SHARED = [Row("", "", "ready"), Row("", "", "failed")]
OWN = [("team-a", "x", 0), ("team-a", "y", 1), ("team-b", "x", 0)]
EXPECTED = [
    Row("team-a", "x", "ready"),
    Row("team-a", "y", "failed"),
    Row("team-b", "x", "ready"),
]


def test_rows_are_those_of_a_list() -> None:
    """By iteration, by index and as a slice; what they share is not modified."""
    rows = Rows(("namespace", "name"), OWN, SHARED)
    assert (list(rows), list(rows), len(rows)) == (EXPECTED, EXPECTED, 3)
    assert ([rows[0], rows[-1]], list(rows[1:])) == ([EXPECTED[0], EXPECTED[-1]], EXPECTED[1:])
    assert list(reversed(rows)) == EXPECTED[::-1]
    assert EXPECTED[1] in rows
    assert not Rows((), [], [])
    assert [structs.replace(row, namespace="", name="") for row in EXPECTED[:2]] == SHARED


def test_rows_without_fields_of_their_own() -> None:
    """They are what they share."""
    assert list(Rows((), [(1,), (0,)], EXPECTED)) == [EXPECTED[1], EXPECTED[0]]


def test_the_values_of_a_field() -> None:
    """Whether rows share it or not."""
    rows = Rows(("namespace", "name"), OWN, SHARED)
    for name in ("namespace", "name", "state"):
        assert rows.values(name) == {getattr(row, name) for row in EXPECTED}
