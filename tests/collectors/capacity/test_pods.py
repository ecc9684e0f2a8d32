"""Which pods count, and where."""

from __future__ import annotations

import pytest

from support.capacity import CREATED, UNSCHEDULABLE, container, namespace, node, pending, pod
from support.capacity_section import make, planned
from xpjob.collectors.capacity.fold import MAX_PENDING

ONE = container("1")
GONE = {"deletionTimestamp": CREATED}


def test_case_6_pods_count_until_they_are_terminal() -> None:
    """As for the scheduler: also those in deletion, and those whose phase is not known."""
    pods = [
        pod("running", "n", ONE),
        pod("deleting", "n", ONE, metadata=GONE),
        pod("creating", "n", ONE, phase="Pending"),
        pod("succeeded", "n", ONE, phase="Succeeded"),
        pod("evicted", "n", ONE, phase="Failed", status={"reason": "Evicted"}),
        pod("outofcpu", "n", ONE, phase="Failed", status={"reason": "OutOfcpu"}),
        pod("unknown", "n", ONE, phase="Unknown"),
        pod("ended", "n", ONE, phase="Succeeded", metadata=GONE),
        pending("nominated", ONE),
    ]
    pods[-1]["status"]["nominatedNodeName"] = "n"
    made = make([node("n")], pods)
    row = made.row("nodes", node="n")
    assert (row["pods"], row["cpuRequested"]) == (4, 4.0)
    assert [row["nominatedNode"] for row in made.rows("pending")] == ["n"]


def test_case_9_a_mirror_pod_is_of_its_node() -> None:
    """It counts, is no DaemonSet's, and its ephemeral container changes nothing."""
    mirror = pod(
        "kube-proxy-n",
        "n",
        container("250m"),
        owner=("Node", "n"),
        metadata={"annotations": {"kubernetes.io/config.mirror": "x"}},
        spec={"ephemeralContainers": [container("8", "8Gi")]},
    )
    row = make([node("n")], [mirror]).row("nodes", node="n")
    assert (row["cpuRequested"], row["cpuDaemonSets"], row["memoryRequested"]) == (0.25, 0.0, 0.0)


def test_case_13_a_pending_pod_says_why() -> None:
    """The scheduler's message is taken apart; the comma in the braces is not a separator."""
    message = (
        "0/12 nodes are available: 10 Insufficient cpu, 3 Insufficient memory, 2 node(s) had "
        "untolerated taint {dedicated: gpu, x}. preemption: 0/12 nodes are available."
    )
    made = make([node("n")], [pending("p", message=message, owner=("Job", "train"))])
    (row,) = made.rows("pending")
    assert row["causes"] == {
        "Insufficient cpu": 10,
        "Insufficient memory": 3,
        "untolerated taint": 2,
    }
    assert (row["reason"], row["ownerKind"], row["ownerName"]) == ("Unschedulable", "Job", "train")
    assert made.value('capacity_pending_pods_by_cause{cause="Insufficient cpu"}') == 1.0


def test_daemon_sets_are_summed_by_node_and_by_name() -> None:
    """Whichever node they are on."""
    owner = ("DaemonSet", "agent")
    pods = [pod(f"agent-{n}", n, container("100m", "64Mi"), owner=owner) for n in ("a", "b")]
    made = make([node("a"), node("b")], [*pods, pod("web", "a", ONE)])
    assert [row["cpuDaemonSets"] for row in made.rows("nodes")] == [0.1, 0.1]
    series = 'capacity_daemonset_requests{daemonset="agent",namespace="team-a",resource="cpu"}'
    assert made.value(series) == 0.2
    assert made.value('binpacking_cluster_daemonset_overhead{resource="cpu"}') == 0.2


@pytest.mark.parametrize(("selector", "placement"), [("", "unknown node"), ("a=b", "other node")])
def test_pods_on_nodes_that_are_not_listed_are_counted_apart(selector: str, placement: str) -> None:
    """They are on others than those selected, or on nodes that are gone."""
    pods = [pod("here", "n", ONE), pod("there", "x", container("2"))]
    made = make([node("n")], pods, node_selector=selector)
    assert made.value(f'capacity_placed_pods{{placement="{placement}"}}') == 1.0
    series = f'capacity_placed_requests{{placement="{placement}",resource="cpu"}}'
    assert made.value(series) == 2.0
    assert made.value('binpacking_cluster_allocated{resource="cpu"}') == 1.0
    (row,) = made.rows("namespaces")
    assert (row["pods"], row["otherPods"], row["cpuRequested"]) == (1, 1, 1.0)


def test_the_selector_is_sent_with_the_list_of_nodes() -> None:
    """Pods are listed whole: they have no labels of nodes."""
    plan = planned(node_selector="pool in (a,b)")
    keys = {each.role: each.key for each in plan.subscriptions}
    assert keys["nodes"].label_selector == "pool in (a,b)"
    assert keys["pods"].query() == {}
    assert set(keys) == {"nodes", "pods"}
    teams = planned(namespace_team_key="example.org/team")
    assert [each.role for each in teams.subscriptions] == ["nodes", "pods", "namespaces"]


def test_pending_pods_beyond_the_limit_are_counted() -> None:
    """The oldest are kept as rows, whatever the order of the pages."""
    young = [pending(f"p-{n:05}", ONE, message=UNSCHEDULABLE) for n in range(2 * MAX_PENDING + 9)]
    old = pending("z", ONE, metadata={"creationTimestamp": "2020-01-01T00:00:00Z"})
    made = make([], [*young, old])
    rows = made.rows("pending")
    assert len(rows) == MAX_PENDING
    assert rows[0]["name"] == "z"
    labels = 'namespace="team-a",reason="Unschedulable",team=""'
    assert made.value(f"capacity_pending_pods{{{labels}}}") == 2 * MAX_PENDING + 10
    capacity = made.section.state.capacity  # type: ignore[union-attr]
    assert capacity.pending_left_out == MAX_PENDING + 10


def test_a_resize_shows_beside_what_is_written() -> None:
    """With the number of pods for which they differ."""
    given = {"containerStatuses": [{"name": "app", "resources": {"requests": {"cpu": "2"}}}]}
    made = make([node("n")], [pod("p", "n", container("250m"), status=given), pod("q", "n", ONE)])
    row = made.row("nodes", node="n")
    assert (row["cpuRequested"], row["resizedPods"]) == (3.0, 1)
    assert row["resources"]["cpu"]["spec"] == 1.25
    labels = 'label_group="all nodes",label_group_value="all"'
    assert made.value(f'capacity_spec_requests{{{labels},resource="cpu"}}') == 1.25
    assert made.value(f"capacity_resized_pods{{{labels}}}") == 1.0
    written = make([node("n")], [pod("p", "n", container("250m"), status=given)], minor="32")
    assert written.row("nodes", node="n")["cpuRequested"] == 0.25


def test_limits_have_the_number_of_pods_without() -> None:
    """Else overcommit would look lower than it is."""
    limited = container("1", "1Gi", limits={"cpu": "3", "memory": "2Gi"})
    row = make([node("n")], [pod("p", "n", limited), pod("q", "n", ONE)]).row("nodes", node="n")
    assert (row["cpuLimits"], row["cpuUnlimitedPods"], row["memoryUnlimitedPods"]) == (3.0, 1, 1)


def test_pods_with_invalid_requests_take_a_slot() -> None:
    """They are counted, and request nothing."""
    made = make([node("n")], [pod("p", "n", container("much")), pod("q", "n", ONE)])
    row = made.row("nodes", node="n")
    assert (row["pods"], row["cpuRequested"]) == (2, 1.0)
    assert made.section.state.capacity.invalid_pods == 1  # type: ignore[union-attr]


def test_teams_are_those_of_the_namespaces() -> None:
    """By annotation or else by label."""
    labelled = {"metadata": {"name": "team-b", "labels": {"example.org/team": "search"}}}
    made = make(
        [node("n")],
        [pod("p", "n", ONE), pod("q", "n", ONE, namespace="team-b"), pending("w", ONE)],
        [namespace("team-a", "payments"), labelled],
        namespace_team_key="example.org/team",
    )
    assert [(row["namespace"], row["team"]) for row in made.rows("namespaces")] == [
        ("team-a", "payments"),
        ("team-b", "search"),
    ]
    assert made.rows("pending")[0]["team"] == "payments"
    assert made.row("namespaces", namespace="team-a")["cpuShare"] == 0.25


def test_ten_thousand_namespaces_are_folded_to_the_limit_of_series() -> None:
    """Sums stay exact."""
    pods = [pod("p", "n", container("1m"), namespace=f"ns-{number}") for number in range(10_000)]
    made = make([node("n")], pods, max_series=100)
    assert len(made.rows("namespaces")) == 10_000
    lines = [line for line in made.text.splitlines() if line.startswith("capacity_namespace_req")]
    values = [float(line.rpartition(" ")[2]) for line in lines if 'resource="cpu"' in line]
    assert len(lines) <= 100
    assert sum(values) == pytest.approx(10.0)


def test_the_order_of_pods_and_pages_does_not_matter() -> None:
    """The sums are of integers."""
    pods = [
        pod(f"p-{n}", f"n-{n % 3}", container(f"{n}m", f"{n}Mi"), namespace=f"ns-{n % 5}")
        for n in range(60)
    ]
    nodes = [node(f"n-{n}") for n in range(3)]
    first, second = make(nodes, pods, page=7), make(nodes[::-1], pods[::-1], page=11)
    assert first.text == second.text
    assert first.section.tables == second.section.tables
