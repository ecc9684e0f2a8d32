"""The scheduler's message is taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.sampling import looking
from xpjob.collectors.capacity.scheduling import (
    NO_MATCH,
    OTHER,
    TAINT,
    TOO_MANY_PODS,
    UNSCHEDULABLE,
    Reasons,
    reasons,
)

CPU, MEMORY = "Insufficient cpu", "Insufficient memory"
NONE = "0/12 nodes are available: "
PREEMPTION = "preemption: 0/12 nodes are available: 12 Preemption is not helpful for scheduling."


def test_case_13_one_node_can_have_several_reasons() -> None:
    """A comma within the braces of a taint separates nothing."""
    counts = "10 Insufficient cpu, 3 Insufficient memory"
    taint = "2 node(s) had untolerated taint {dedicated: gpu, x}"
    expected = Reasons(12, {CPU: 10, MEMORY: 3, TAINT: 2}, PREEMPTION)
    assert reasons(f"{NONE}{counts}, {taint}. {PREEMPTION}") == expected


@pytest.mark.parametrize(
    ("listed", "counts"),
    [
        ("12 Insufficient nvidia.com/gpu", {"Insufficient nvidia.com/gpu": 12}),
        ("10 Too many pods, 2 node(s) were unschedulable", {TOO_MANY_PODS: 10, UNSCHEDULABLE: 2}),
        (
            "1 node(s) had untolerated taint {a: b}, "
            "4 node(s) had untolerated taint {c: 1, 2 x. y}",
            {TAINT: 5},
        ),
        (
            "7 node(s) didn't match Pod's node affinity/selector, "
            "5 node(s) didn't match pod topology spread constraints",
            {NO_MATCH: 12},
        ),
        (
            "1 node(s) had volume node affinity conflict, 11 device, broken, or missing",
            {OTHER: 12},
        ),
    ],
)
def test_reasons_are_put_into_buckets(listed: str, counts: dict[str, int]) -> None:
    """And counted; with or without what follows."""
    assert reasons(f"{NONE}{listed}.") == Reasons(12, counts, "")
    assert reasons(f"{NONE}{listed}. {PREEMPTION}") == Reasons(12, counts, PREEMPTION)


@pytest.mark.parametrize(
    "text",
    [
        f"pod has unbound immediate PersistentVolumeClaims. {PREEMPTION}",
        'persistentvolumeclaim "data" not found.',
        "",
    ],
)
def test_before_nodes_were_looked_at_there_is_only_text(text: str) -> None:
    """Without counts."""
    assert reasons(f"{NONE}{text}") == Reasons(12, {}, text)


@pytest.mark.parametrize("message", ["no nodes available to schedule pods", "", "0/x nodes"])
def test_another_message_is_all_text(message: str) -> None:
    """Nothing of it is lost."""
    assert reasons(message) == Reasons(None, {}, message)


@looking(1000)
@given(st.text(alphabet="0/12 nodes are available:,.{}x", max_size=80))
def test_any_message_can_be_taken_apart(text: str) -> None:
    """Whatever it is; no count is below 0."""
    for message in (text, NONE + text):
        assert all(count >= 0 for count in reasons(message).counts.values())
