"""Descriptions of tables, and the ids of their rows."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from xpjob.collect.description import LATENESS, Highlight, Link
from xpjob.collect.tables import TableSpec, row_id, row_values


@given(st.lists(st.text(max_size=8), min_size=1, max_size=4))
def test_an_id_of_a_row_is_a_path_that_no_client_changes(values: list[str]) -> None:
    """An id has no segment that paths lose, and its values can be read back."""
    made = row_id(values)
    assert row_values(made) == tuple(values)
    assert {"", ".", ".."}.isdisjoint(made.split("/"))
    assert urlsplit(urljoin("http://reader/claims/", made)).path == f"/claims/{made}"


class Row(Struct, rename="camel"):
    """A row."""

    name: str = ""
    pod_uid: str = ""
    cpu_ratio: float = 0.0
    first_seen_at: str = ""
    pool: str = ""
    ready: bool = False


def spec(**changes: Any) -> TableSpec:
    """Return the declaration of a table that can be filtered by name, pool and ready."""
    given: dict[str, Any] = {"filters": ("name", "pool", "ready"), **changes}
    return TableSpec("rows", Row, ("name",), **given)


def test_columns_have_titles_in_words() -> None:
    """Made of their names: abbreviations are upper case, and a time has no "at"."""
    made = spec(types={"firstSeenAt": "time"}, titles={"pool": "Node pool"}).describe("toy")
    titles = [column.title for column in made.columns]
    assert titles == ["Name", "Pod UID", "CPU ratio", "First seen", "Node pool", "Ready"]


def test_facets_are_filters_that_neither_identify_nor_name() -> None:
    """Those that a summary counts by come first; what is declared replaces them."""
    assert spec().describe("toy").facets == ("pool", "ready")
    assert spec(by=("ready",), name=("pool", "name")).describe("toy").facets == ("ready",)
    assert spec(facets=("name",)).describe("toy").facets == ("name",)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"since": "when"}, "unknown column: when"),
        ({"ok": "well"}, "unknown column: well"),
        ({"priorities": {"node": 1}}, "unknown column: node"),
        ({"links": (Link("node", "nodes", "name"),)}, "unknown column: node"),
        ({"highlights": (Highlight("CPU", sum="cpu"),)}, "unknown column: cpu"),
        ({"facets": ("podUid",)}, "no filter: podUid"),
        ({"by": ("podUid",)}, "no filter: podUid"),
        ({"filters": ("name",), "ok": "ready"}, "no filter: ready"),
        ({"highlights": (Highlight("A", {"podUid": ("a",)}),)}, "no filter: podUid"),
    ],
)
def test_what_leads_nowhere_is_refused(changes: dict[str, Any], problem: str) -> None:
    """Columns that do not exist, and columns to filter by that are no filters."""
    with pytest.raises(ValueError, match=f"table rows: {problem}$"):
        spec(**changes).describe("toy")


def test_lateness_can_be_highlighted() -> None:
    """Although readers add it."""
    late = Highlight("Late", {LATENESS: ("late", "long")}, bad=True)
    assert spec(highlights=(late,)).describe("toy").highlights == (late,)
