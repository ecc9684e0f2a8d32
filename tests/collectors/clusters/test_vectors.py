"""Cases in which other exporters are wrong: objects, and the numbers that are right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.capacity import NAMESPACE, NODE, POD, container, namespace, node, pod
from support.clusters import (
    CLUSTER_OPERATOR,
    CLUSTER_VERSION,
    CSV,
    KINDS,
    OPERATOR_GROUP,
    SUBSCRIPTION,
    Json,
    cluster_operator,
    cluster_version,
    clusters_cluster,
    csv,
    one,
    operator_group,
    series,
    subscription,
)
from xpjob.demo.cluster import Cluster, Fault
from xpjob.kube.discovery import Kind

Objects = Sequence[tuple[Kind, Json]]


def with_conditions(*conditions: Json, **spec: Any) -> Json:
    """Return a node with these conditions only."""
    made = node("a", **spec)
    made["status"]["conditions"] = list(conditions)
    return made


def filler(objects: Objects) -> Callable[[Cluster], None]:
    """Return what puts objects into a cluster."""

    def fill(cluster: Cluster) -> None:
        for kind, item in objects:
            cluster.apply(kind, item)

    return fill


_SIDECAR = {**container("500m"), "name": "sidecar", "restartPolicy": "Always"}
_INIT = {**container("1200m"), "name": "init"}
_FULL = pod(
    "p",
    "a",
    container("1"),
    spec={"initContainers": [_SIDECAR, _INIT], "overhead": {"cpu": "250m"}},
)
_PODS = (
    (POD, pod("one", "a")),
    (POD, pod("two", "a")),
    (POD, pod("done", "a", phase="Succeeded")),
    (POD, pod("waiting", phase="Pending")),
)
_HISTORY = [("Partial", "4.18.2"), ("Completed", "4.18.1")]
_PREFIX = "clusterpulse_"
_OF_LOGGING = '{manager="olm",namespace="ns",operator="logging"}'

VECTORS: dict[str, tuple[Objects, dict[str, float | None]]] = {
    "J1 ready and cordoned are two facts": (
        [(NODE, node("a", unschedulable=True))],
        {
            'node_ready{node="a"}': 1,
            'node_unschedulable{node="a"}': 1,
            "cluster_nodes_ready": 1,
            "cluster_nodes_unschedulable": 1,
        },
    ),
    "J2 a kubelet that is gone": (
        [(NODE, node("a", ready="Unknown"))],
        {'node_ready{node="a"}': -1, "cluster_nodes_ready": 0, "cluster_nodes_unknown": 1},
    ),
    "J3 no conditions": (
        [(NODE, with_conditions())],
        {'node_ready{node="a"}': -1, "cluster_nodes_unknown": 1, "cluster_nodes_not_ready": 0},
    ),
    "J4 sidecar, init container and overhead": (
        [(NODE, node("a", {"cpu": "4"})), (POD, _FULL)],
        {'node_cpu_usage_percent{node="a"}': 48.75, 'node_cpu_requested{node="a"}': 1.95},
    ),
    "J5 k is 1000": (
        [
            (NODE, node("a", {"cpu": "4", "memory": "1Gi"})),
            (POD, pod("p", "a", container("1", "262144k"))),
        ],
        {'node_memory_usage_percent{node="a"}': 100 * 262144000 / 2**30},
    ),
    "J6 pods without a node are pods": (
        [(NODE, node("a")), *_PODS],
        {
            "cluster_pods_total": 4,
            "cluster_pods_running": 2,
            "cluster_pods_pending": 1,
            "cluster_pods_unscheduled": 1,
            'node_pods_total{node="a"}': 3,
            'node_pods_pending{node="a"}': 0,
            'node_pods_succeeded{node="a"}': 1,
        },
    ),
    "J8 a failed version, and a newer one": (
        [
            (SUBSCRIPTION, subscription("logging", "ns", "logging.v1.0.0", "logging.v1.1.0")),
            (CSV, csv("logging.v1.0.0", "ns", "Failed")),
        ],
        {
            f"operator_installed{_OF_LOGGING}": 1,
            f"operator_succeeded{_OF_LOGGING}": 0,
            f"operator_upgrade_pending{_OF_LOGGING}": 1,
        },
    ),
    "J10 no condition Upgradeable allows updates": (
        [(CLUSTER_OPERATOR, cluster_operator("dns", Available="True"))],
        {
            'cluster_operator_available{operator="dns"}': 1,
            'cluster_operator_upgradeable{operator="dns"}': 1,
            'cluster_operator_degraded{operator="dns"}': None,
        },
    ),
    "J11 the desired version is not the current one": (
        [(CLUSTER_VERSION, cluster_version("4.18.2", _HISTORY))],
        {
            "cluster_upgrading": 1,
            'cluster_info{platform="OpenShift",version="v1.36.0"}': 1,
            'cluster_openshift_info{channel="stable-4.18",desired_version="4.18.2",'
            'version="4.18.1"}': 1,
        },
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_numbers_are_right(tmp_path: Path, name: str) -> None:
    """Objects, and the series that they give; None is no series."""
    objects, expected = VECTORS[name]
    with clusters_cluster(tmp_path, filler(objects)) as served:
        found = series(served.run())
    assert {key: found.get(f"{_PREFIX}{key}") for key in expected} == expected


def test_j7_a_list_that_is_refused_is_no_zero(tmp_path: Path) -> None:
    """There is no series, and the error is counted; everything else is there."""
    with clusters_cluster(tmp_path, filler([(NODE, node("a")), (NAMESPACE, namespace("x"))])) as it:
        path = NAMESPACE.path()
        it.cluster.fault = lambda asked, _: Fault(403) if asked == path else None
        result = it.run()
        found = series(result)
    assert "clusterpulse_cluster_namespaces_total" not in found
    assert found["clusterpulse_cluster_nodes_total"] == 1
    assert found["clusterpulse_cluster_deployments_total"] == 0
    assert result.report.partial
    assert result.report.counters is not None
    assert result.report.counters.poll_errors == {"/v1/namespaces": 1}


def test_j9_an_operator_works_where_its_group_says(tmp_path: Path) -> None:
    """Not wherever it could work."""
    objects = [
        (SUBSCRIPTION, subscription("logging", "ns", "logging.v1.0.0")),
        (CSV, csv("logging.v1.0.0", "ns")),
        (OPERATOR_GROUP, operator_group("ns", "ns1")),
        (SUBSCRIPTION, subscription("metallb", "all", "metallb.v1.0.0")),
        (CSV, csv("metallb.v1.0.0", "all")),
        (OPERATOR_GROUP, operator_group("all", "")),
    ]
    with clusters_cluster(tmp_path, filler(objects)) as served:
        served.run()
        rows = served.rows("operators")
    assert one(rows, operator="logging")["targets"] == ["ns1"]
    assert one(rows, operator="metallb")["targets"] == ["*"]


def test_j14_two_clusters_are_two(tmp_path: Path) -> None:
    """Each has its own name, and what it stores does not mix with that of another."""
    names: dict[str, list[str]] = {}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with clusters_cluster(tmp_path / name, filler([(NODE, node(f"node-of-{name}"))])) as it:
            it.store = tmp_path / "store"
            it.cluster.uid = f"uid-{name}"
            it.run(cluster_name=name)
            it.store = tmp_path / "store" / name
            names[name] = [row["node"] for row in it.rows("clusterNodes")]
    assert names == {"one": ["node-of-one"], "two": ["node-of-two"]}


def test_j15_a_cluster_that_is_down_keeps_what_was_known(tmp_path: Path) -> None:
    """With its age; the run fails."""
    with clusters_cluster(tmp_path, filler([(NODE, node("a"))])) as served:
        served.run()
        before = (served.store / "snapshot.json").read_bytes()
        served.cluster.fault = lambda _path, _query: Fault(503)
        result = served.run()
        assert [error.exit_code for error in result.errors] == [1]
        assert (served.store / "snapshot.json").read_bytes() == before


def test_without_openshift_and_olm_there_are_no_series_of_them(tmp_path: Path) -> None:
    """And no errors."""
    core = [kind for kind in KINDS if kind.group in ("", "apps")]
    with clusters_cluster(tmp_path, filler([(NODE, node("a"))]), core) as served:
        result = served.run()
        found = series(result)
    assert not result.report.partial
    assert not [name for name in found if "operator" in name or "upgrading" in name]
    assert [name for name in found if "cluster_info" in name] == [
        'clusterpulse_cluster_info{platform="Kubernetes",version="v1.36.0"}'
    ]
