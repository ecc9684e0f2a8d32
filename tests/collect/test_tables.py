"""Descriptions of tables, and the ids of their rows."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from xpjob.collect.tables import row_id, row_values


@given(st.lists(st.text(max_size=8), min_size=1, max_size=4))
def test_an_id_of_a_row_is_a_path_that_no_client_changes(values: list[str]) -> None:
    """An id has no segment that paths lose, and its values can be read back."""
    made = row_id(values)
    assert row_values(made) == tuple(values)
    assert {"", ".", ".."}.isdisjoint(made.split("/"))
    assert urlsplit(urljoin("http://reader/claims/", made)).path == f"/claims/{made}"
