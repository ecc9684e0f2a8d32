"""What is reported to an operator."""

from __future__ import annotations

import msgspec
import pytest

from support.capacity import UNSCHEDULABLE, container, node, pending, pod
from support.capacity_section import AT, make
from xpjob.collectors.capacity.fold import MAX_PENDING
from xpjob.collectors.capacity.records import PendingRow


def test_pending_pods_of_one_owner_are_one_finding() -> None:
    """Which says what the scheduler ruled out; a gate is shut on purpose."""
    made = make(
        [node("n")],
        [
            *(pending(f"t-{n}", message=UNSCHEDULABLE, owner=("Job", "train")) for n in range(3)),
            pending("gated", reason="SchedulingGated"),
            pending("new", metadata={"creationTimestamp": AT}),
        ],
    )
    assert made.message("PendingLong") == (
        "3 pods are pending, t-0 the longest: Unschedulable: Insufficient cpu (1), "
        "untolerated taint (2)"
    )


def test_a_queue_of_gated_pods_hides_no_pod_that_cannot_run() -> None:
    """Although it is older, and longer than the table."""
    old = {"creationTimestamp": "2026-08-19T08:00:00Z"}
    for many in (MAX_PENDING, 3 * MAX_PENDING):
        gated = [pending(f"g{n}", reason="SchedulingGated", metadata=old) for n in range(many)]
        stuck = pending("stuck", message=UNSCHEDULABLE, owner=("Job", "train"))
        made = make([node("n")], [stuck, *gated])
        assert made.findings == [("PendingLong", "train")]
        assert [row["name"] for row in made.rows("pending")][-1] == "stuck"
        assert len(made.rows("pending")) == MAX_PENDING


@pytest.mark.parametrize("amount", ["1e41", "1e310", "1e401", "1e2147483647", "9" * 5000])
def test_no_amount_spoils_others(amount: str) -> None:
    """An API server takes any from whoever may create a pod, and a limit costs nothing."""
    limited = container("3", "1Gi", limits={"memory": amount, "ephemeral-storage": amount})
    greedy = container("1", amount)
    made = make([node("n")], [pod("p", "n", limited), pod("q", "n", greedy)])
    row = made.row("nodes", node="n")
    assert (row["cpuRequested"], row["cpuFree"]) == (4, 0)
    assert made.row("nodeGroups", group="all nodes")["fits"] == {"small": 0, "medium": 0}
    rows = make([node("n")], [pending("p", greedy)]).section.tables["pending"]
    assert msgspec.json.decode(msgspec.json.encode(rows), type=list[PendingRow]) == list(rows)


def test_a_node_that_serves_its_daemon_sets() -> None:
    """Above the set share."""
    pods = [pod("a", "n", container("1500m"), owner=("DaemonSet", "agent"))]
    made = make([node("n")], pods)
    assert made.message("DaemonSetsHeavy") == "DaemonSets request 38% of the cpu of the node"
    assert make([node("n")], pods, daemonset_share="0.4").findings == []


def test_namespaces_whose_pods_request_nothing() -> None:
    """All of them, not some."""
    bare = {"name": "app"}
    mixed = [pod("b", "n", bare, namespace="mixed"), pod("c", "n", namespace="mixed")]
    made = make([node("n")], [pod("a", "n", bare), *mixed], fit_shapes="s=1")
    assert made.findings == [("NoRequests", "team-a")]


def test_limits_far_above_requests() -> None:
    """More than ten times."""
    made = make([node("n")], [pod("a", "n", container("100m", "1Gi", limits={"cpu": "2"}))])
    assert made.message("LimitsFarAboveRequests") == "cpu limits of 2 for requests of 100m"


def test_a_shape_that_fits_nowhere() -> None:
    """If there are nodes at all that take pods."""
    made = make([node("n")], [], fit_shapes="huge=64,1Ti")
    text = "no schedulable node has room for cpu 64, memory 1Ti"
    never = ", and none would have if it were empty; see FIT_SHAPES"
    assert made.message("ShapeFitsNowhere") == text + never
    full = make([node("n")], [pod("p", "n", container("4"))], fit_shapes="s=1")
    assert full.message("ShapeFitsNowhere") == "no schedulable node has room for cpu 1"
    assert make([node("n", unschedulable=True)], [], fit_shapes="huge=64,1Ti").findings == []


def test_findings_count_the_pods_that_suffer() -> None:
    """Those of an owner that wait, those of a node; and they lead to a row where there is one."""
    waiting = [pending(f"t-{n}", message=UNSCHEDULABLE, owner=("Job", "train")) for n in range(3)]
    daemon = pod("a", "n", container("1500m"), owner=("DaemonSet", "agent"))
    made = make([node("n")], [*waiting, daemon, pod("b", "n")], fit_shapes="huge=64,1Ti")
    oldest = made.row("pending", name="t-0")
    facts = {
        each.finding: (each.severity, each.dependants, each.table, each.row)
        for each in made.section.findings
    }
    assert facts == {
        "DaemonSetsHeavy": ("info", 2, "nodes", "n"),
        "ShapeFitsNowhere": ("warning", 0, "", ""),
        "PendingLong": ("warning", 3, "pending", f"team-a/t-0/{oldest['uid']}"),
    }
