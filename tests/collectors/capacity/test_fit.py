"""How many more pods fit, and what is in the way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from support.capacity import container, node, pod
from support.capacity_section import make
from xpjob.collectors.capacity import fit
from xpjob.collectors.capacity.fit import Shape
from xpjob.kube.quantity import NANO

RESOURCES = ("cpu", "memory", "nvidia.com/gpu")
FREE = st.dictionaries(
    st.sampled_from((*RESOURCES, "pods")), st.integers(-3, 12).map(lambda n: n * NANO)
)
SHAPES = st.dictionaries(st.sampled_from(RESOURCES), st.integers(0, 5).map(lambda n: n * NANO)).map(
    lambda requests: Shape.of("s", requests)
)


def place_one_by_one(free: dict[str, int], shape: Shape) -> tuple[int, dict[str, int]]:
    """Place pods until one no longer fits; return how many, and what is left."""
    left, placed = dict(free), 0
    while all(left.get(name, 0) >= need for name, need in shape.requests):
        for name, need in shape.requests:
            left[name] -= need
        placed += 1
    return placed, left


@given(FREE, SHAPES)
def test_the_count_is_that_of_placing_one_by_one(free: dict[str, int], shape: Shape) -> None:
    """And what is lacking afterwards is what the next one would need."""
    placed, left = place_one_by_one(free, shape)
    assert fit.count(free, shape) == placed
    missing = {name: need - left.get(name, 0) for name, need in shape.requests}
    assert fit.lacks(free, shape) == {name: lack for name, lack in missing.items() if lack > 0}
    assert fit.distance(free, shape) > 0


@given(st.lists(FREE, max_size=5), st.lists(SHAPES, min_size=1, max_size=3))
def test_what_is_stranded_is_free_where_no_shape_can_use_it(
    nodes: list[dict[str, int]], shapes: list[Shape]
) -> None:
    """However much more of it there were."""
    plenty = 10**6 * NANO
    for resource, amount in fit.stranded(nodes, shapes).items():
        asking = [shape for shape in shapes if resource in dict(shape.requests)]
        assert amount == sum(
            free.get(resource, 0)
            for free in nodes
            if free.get(resource, 0) > 0
            and all(fit.count({**free, resource: plenty}, shape) == 0 for shape in asking)
        )


@given(st.lists(st.tuples(st.sampled_from("abcd"), FREE), max_size=5))
def test_the_largest_hole_is_of_one_node(nodes: list[tuple[str, dict[str, int]]]) -> None:
    """It has a pod slot, and is never negative."""
    name, hole = fit.hole(nodes)
    assert all(amount >= 0 for amount in hole.values())
    if name:
        clamped = [{k: max(0, v) for k, v in free.items()} for n, free in nodes if n == name]
        assert hole in clamped
        assert hole["pods"] >= NANO


def test_case_8_what_is_free_in_all_need_not_fit_anywhere() -> None:
    """Two nodes, of which each lacks what the other has."""
    a = node("a", {"cpu": "4", "memory": "1Gi", "pods": "10"})
    b = node("b", {"cpu": "1", "memory": "8Gi", "pods": "10"})
    shapes = "wide=2,4Gi; slim=1,1Gi"
    made = make([a, b], [], fit_shapes=shapes)
    row = made.row("nodeGroups", group="all nodes")
    assert (row["cpuFree"], row["memoryFree"]) == (5.0, 9 * 2**30)
    assert row["fits"] == {"wide": 0, "slim": 2}
    labels = 'label_group="all nodes",label_group_value="all",shape="slim"'
    assert made.value(f"capacity_fit_pods{{{labels}}}") == 2.0
    assert ("ShapeFitsNowhere", "wide") in made.findings
    assert made.value(f"capacity_fit_pods_max{{{labels}}}") == 2.0
    b["spec"]["unschedulable"] = True
    assert make([a, b], [], fit_shapes=shapes).row("nodeGroups", group="all nodes")["fits"] == {
        "wide": 0,
        "slim": 1,
    }


def test_what_would_fit_beside_daemon_sets_alone() -> None:
    """The number by which to tell whether a group is full, or its nodes are too small."""
    nodes = [node(name, {"cpu": "4", "memory": "8Gi", "pods": "4"}) for name in "ab"]
    agents = [pod(f"d{n}", n, container("1"), owner=("DaemonSet", "agent")) for n in "ab"]
    others = [pod("p", "a", container("2")), pod("q", "b", container("1"))]
    shapes = "s=1,1Gi; large=4,1Gi"
    row = make(nodes, [*agents, *others], fit_shapes=shapes).row("nodeGroups", group="all nodes")
    assert (row["fits"], row["fitsAtMost"]) == ({"s": 3, "large": 0}, {"s": 6, "large": 0})


def test_stranded_capacity_of_case_8() -> None:
    """The cpu of one node, and the memory of the other."""
    a = node("a", {"cpu": "4", "memory": "1Gi", "pods": "10"})
    b = node("b", {"cpu": "1", "memory": "8Gi", "pods": "10"})
    row = make([a, b], [], fit_shapes="wide=2,4Gi").row("nodeGroups", group="all nodes")
    assert row["stranded"] == {"cpu": 4.0, "memory": 8 * 2**30}


def test_an_idle_gpu_beside_a_full_cpu_is_stranded() -> None:
    """No shape that asks for one could be placed."""
    gpu = node("g", {"cpu": "8", "memory": "32Gi", "pods": "10", "nvidia.com/gpu": "4"})
    made = make(
        [gpu],
        [pod("p", "g", container("7"))],
        fit_shapes="gpu=4,16Gi,nvidia.com/gpu:1",
        capacity_resources="nvidia.com/gpu",
    )
    labels = 'label_group="all nodes",label_group_value="all",resource="nvidia.com/gpu"'
    assert made.value(f"capacity_stranded{{{labels}}}") == 4.0


def test_pod_slots_are_a_resource() -> None:
    """A node without one has no room, whatever else is free."""
    full = node("n", {"cpu": "4", "memory": "8Gi", "pods": "1"})
    made = make([full], [pod("p", "n", container("1m"))], fit_shapes="s=1,1Gi")
    assert made.row("nodeGroups", group="all nodes")["fits"] == {"s": 0}
    assert made.row("nodeGroups", group="all nodes")["largestHole"] == {}


def test_the_scheduler_rounds_up_each_pod() -> None:
    """A fraction of a byte takes a byte; a shape is rounded likewise."""
    tight = node("n", {"cpu": "1", "memory": "10", "pods": "9"})
    made = make([tight], [pod("p", "n", container("0", "3500m"))], fit_shapes="s=memory:1500m")
    row = made.row("nodes", node="n")
    assert (row["memoryRequested"], row["memoryFree"]) == (3.5, 6.0)
    assert made.row("nodeGroups", group="all nodes")["fits"] == {"s": 3}
