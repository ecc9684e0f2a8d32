"""Wildcards over lists: what is said where they lead to nothing."""

from __future__ import annotations

from typing import Any

import pytest

from support.state_metrics import compiled, one_metric, outcome


@pytest.mark.parametrize(
    ("parents", "message"),
    [
        ([], "status.parents has no element"),
        ([None], "status.parents has no element"),
        ([{"other": 1}], "there is no value at status.parents.*.ref.name"),
        (None, "there is no parents in status"),
    ],
)
def test_why_a_wildcard_leads_to_nothing(parents: Any, message: str) -> None:
    """Never that there should be a wildcard."""
    each = {
        "type": "Gauge",
        "gauge": {"path": ["status", "parents", "*", "ref", "name"], "valueFrom": ["x"]},
    }
    status = {"x": 1, "parents": parents} if parents is not None else {"x": 1}
    item = {"metadata": {"name": "a"}, "status": status}
    (example,) = outcome(compiled(one_metric(each)), [item]).tally.examples
    assert example.message == message
