"""Rows of nodes: whether a node is healthy, and since when not."""

from __future__ import annotations

import msgspec
import pytest

from support.clusters import Json
from xpjob.collectors.clusters.nodes import node_row
from xpjob.kube.nodes import Node

CREATED, EARLY, LATE = "2026-08-20T09:00:00Z", "2026-08-21T09:00:00Z", "2026-08-21T10:00:00Z"


def condition(kind: str, status: str, since: str = EARLY, message: str = "") -> Json:
    """Return a condition."""
    return {
        "type": kind,
        "status": status,
        "reason": "Any",
        "message": message,
        "lastTransitionTime": since,
    }


READY = condition("Ready", "True", CREATED)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([READY, condition("MemoryPressure", "False")], (True, "", "")),
        ([READY, condition("KernelReady", "True")], (True, "", "")),
        ([condition("Ready", "False", EARLY, "no CNI")], (False, EARLY, "Any: no CNI")),
        ([condition("Ready", "Unknown")], (False, EARLY, "Any")),
        ([READY, condition("DiskPressure", "True", LATE, "full")], (False, LATE, "Any: full")),
        (
            [condition("Ready", "False", LATE, "a"), condition("PIDPressure", "True", EARLY, "b")],
            (False, EARLY, "Any: a; Any: b"),
        ),
        ([condition("Ready", "False", "soon")], (False, CREATED, "Any")),
        ([], (False, CREATED, "")),
    ],
)
def test_a_node_is_healthy_if_it_is_ready_and_under_no_pressure(
    conditions: list[Json], expected: tuple[bool, str, str]
) -> None:
    """Conditions that are not of Kubernetes itself may mean anything."""
    item = {
        "metadata": {"name": "a", "creationTimestamp": CREATED},
        "status": {"conditions": conditions},
    }
    row = node_row(msgspec.convert(item, type=Node))
    assert (row.healthy, row.unhealthy_since, row.message) == expected
