"""What a list that fails costs: what it alone tells, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.capacity import NAMESPACE, NODE, POD, node
from support.clusters import (
    CLUSTER_OPERATOR,
    CLUSTER_VERSION,
    CSV,
    DEPLOYMENT,
    EXTENSION,
    KINDS,
    OPERATOR_GROUP,
    SUBSCRIPTION,
    ClustersCluster,
    clusters_cluster,
    condition,
    csv,
    extension,
    one,
    series,
    subscription,
)
from xpjob.demo.cluster import Cluster, Fault
from xpjob.kube.discovery import Kind

TABLES = ("clusterFacts", "clusterNodes", "operators", "registries")


def failing(*paths: str) -> Callable[[str, dict[str, str]], Fault | None]:
    """Refuse these lists."""
    return lambda path, _: Fault(403) if path in paths else None


def rows_of(served: ClustersCluster) -> dict[str, list[Any]]:
    """Return all rows, without the marks."""
    return {
        key: [{k: v for k, v in row.items() if k != "carriedSince"} for row in served.rows(key)]
        for key in TABLES
    }


def marked(served: ClustersCluster) -> set[str]:
    """Return the tables with marked rows."""
    return {key for key in TABLES if any(row["carriedSince"] for row in served.rows(key))}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (NODE.path(), {"clusterFacts", "clusterNodes"}),
        (POD.path(), {"clusterFacts", "clusterNodes"}),
        (NAMESPACE.path(), {"clusterFacts"}),
        (DEPLOYMENT.path(), {"clusterFacts"}),
        ("/version", {"clusterFacts"}),
        (CLUSTER_VERSION.path(), {"clusterFacts"}),
        (CLUSTER_OPERATOR.path(), {"clusterFacts", "operators"}),
        (SUBSCRIPTION.path(), {"clusterFacts", "operators"}),
        (CSV.path(), {"clusterFacts", "operators"}),
        (OPERATOR_GROUP.path(), {"operators"}),
        (EXTENSION.path(), {"clusterFacts", "operators"}),
    ],
)
def test_what_was_known_stays_and_is_marked(tmp_path: Path, path: str, expected: set[str]) -> None:
    """Whichever list fails, rows and series are as before; they are fresh once it is made."""
    with clusters_cluster(tmp_path) as served:
        served.run()  # so that findings are confirmed
        before, known = series(served.run()), rows_of(served)
        assert marked(served) == set()
        served.cluster.fault = failing(path)
        for _ in range(2):
            result = served.run()
            assert (list(result.errors), result.report.partial) == ([], True)
            assert series(result) == before
            assert rows_of(served) == known
            assert marked(served) == expected
        served.cluster.fault = failing()
        assert not served.run().report.partial
        assert marked(served) == set()


@pytest.mark.parametrize("kind", KINDS, ids=[kind.resource for kind in KINDS])
def test_what_was_never_known_is_absent_and_not_0(tmp_path: Path, kind: Kind) -> None:
    """The series that are there are right: they are those of a run in which nothing failed."""
    with clusters_cluster(tmp_path) as served:
        served.cluster.fault = failing(kind.path())
        found = series(served.run())
        served.cluster.fault = failing()
        (served.store / "snapshot.json").unlink()
        whole = series(served.run())
    assert found.items() <= whole.items()
    assert len(found) < len(whole) or kind is OPERATOR_GROUP


def test_what_was_carried_for_too_long_is_let_go(tmp_path: Path) -> None:
    """Numbers of pods vanish; the nodes stay."""
    with clusters_cluster(tmp_path) as served:
        served.run()
        served.cluster.fault = failing(POD.path())
        found = series(served.run(carry_max_age_seconds="0"))
        rows = served.rows("clusterNodes")
    assert "clusterpulse_cluster_pods_total" not in found
    assert found["clusterpulse_cluster_nodes_total"] == len(rows) == 7
    assert {(row["pods"], row["carriedSince"]) for row in rows} == {(None, "")}


def test_fresh_nodes_have_the_pods_that_were_there(tmp_path: Path) -> None:
    """A new node has none that are known, and one that was cordoned says so."""
    with clusters_cluster(tmp_path) as served:
        served.run()
        served.cluster.apply(NODE, node("node-0", unschedulable=True))
        served.cluster.apply(NODE, node("node-new"))
        served.cluster.delete(NODE, "", "node-1")
        served.cluster.fault = failing(POD.path())
        served.run()
        rows = served.rows("clusterNodes")
    old, new = one(rows, node="node-0"), one(rows, node="node-new")
    assert (old["unschedulable"], old["pods"]) == (True, 2)
    assert old["carriedSince"]
    assert (new["pods"], new["cpuRatio"], new["carriedSince"]) == (None, None, "")
    assert "node-1" not in {row["node"] for row in rows}


def test_a_version_that_is_not_known_is_not_the_old_one(tmp_path: Path) -> None:
    """An upgrade while CSVs cannot be listed leaves the state of the new one open."""
    with clusters_cluster(tmp_path) as served:
        served.run()
        served.cluster.apply(SUBSCRIPTION, subscription("logging", "logging", "logging.v6.2.0"))
        served.cluster.fault = failing(CSV.path())
        served.run()
        rows = served.rows("operators")
    logging = one(rows, operator="logging")
    assert (logging["version"], logging["succeeded"], logging["healthy"]) == ("", None, None)
    assert one(rows, operator="cert-manager")["version"] == "1.17.0"


def test_a_group_that_does_not_answer_discovery_is_not_gone(tmp_path: Path) -> None:
    """Only a complete discovery without it says so."""
    with clusters_cluster(tmp_path) as served:
        served.run()
        before = served.rows("operators")
        kinds = served.cluster.kinds
        served.cluster.aggregated = False
        served.cluster.fault = lambda path, _: (
            Fault(503) if path.startswith("/apis/operators.coreos.com/") else None
        )
        result = served.run()
        names = {row["operator"] for row in served.rows("operators")}
        assert result.report.partial
        assert names == {row["operator"] for row in before}
        served.cluster.fault = failing()
        served.cluster.kinds = tuple(k for k in kinds if k.group != SUBSCRIPTION.group)
        served.run()
        assert {row["manager"] for row in served.rows("operators")} == {"olm-v1", "openshift"}


def silent(served: ClustersCluster, *groups: str) -> None:
    """Let these API groups not answer discovery."""
    served.cluster.aggregated = False
    paths = tuple(f"/apis/{group}/" for group in groups)
    served.cluster.fault = lambda path, _: Fault(503) if path.startswith(paths) else None


def counted(found: dict[str, float]) -> set[str]:
    """Return the series that count operators of a cluster."""
    return {name for name in found if name.startswith("clusterpulse_cluster_operators_")}


def test_operators_of_a_group_that_never_answered_are_not_0(tmp_path: Path) -> None:
    """Of two groups one answers, or none: their sum is not known."""
    with clusters_cluster(tmp_path) as served:
        silent(served, SUBSCRIPTION.group)
        assert counted(series(served.run())) == {"clusterpulse_cluster_operators_count"}
        silent(served, EXTENSION.group)
        (served.store / "snapshot.json").unlink()
        assert counted(series(served.run())) == {"clusterpulse_cluster_operators_count"}
        silent(served, CLUSTER_OPERATOR.group)
        (served.store / "snapshot.json").unlink()
        assert counted(series(served.run())) == {"clusterpulse_cluster_operators_total"}


@pytest.mark.parametrize("group", [SUBSCRIPTION.group, EXTENSION.group])
def test_the_number_of_operators_is_kept_although_the_group_had_none(
    tmp_path: Path, group: str
) -> None:
    """It may have some by now; the run is partial, and says which group does not answer."""

    def fill(cluster: Cluster) -> None:
        if group == SUBSCRIPTION.group:
            cluster.apply(EXTENSION, extension("argocd", "0.9.0", condition("Installed")))
        else:
            cluster.apply(SUBSCRIPTION, subscription("logging", "logging", "logging.v6.2.0"))

    with clusters_cluster(tmp_path, fill) as served:
        served.run()
        silent(served, group)
        result = served.run()
        (row,) = [row for row in served.rows("clusterFacts") if row["fact"] == "operators"]
        assert (row["value"], bool(row["carriedSince"])) == (1, True)
        assert result.report.partial
        assert not any(row["carriedSince"] for row in served.rows("operators"))


def test_openshift_stays_openshift_while_its_group_does_not_answer(tmp_path: Path) -> None:
    """The platform is kept, or absent if it was never known; only a complete discovery says no."""
    with clusters_cluster(tmp_path) as served:
        silent(served, CLUSTER_VERSION.group)
        served.run()
        assert "platform" not in served.facts()
        assert "kubernetesVersion" in served.facts()
        served.cluster.fault = failing()
        served.run()
        silent(served, CLUSTER_VERSION.group)
        served.run()
        (row,) = [row for row in served.rows("clusterFacts") if row["fact"] == "platform"]
        assert (row["text"], bool(row["carriedSince"])) == ("OpenShift", True)
        served.cluster.fault = failing()
        served.cluster.kinds = tuple(
            kind for kind in served.cluster.kinds if kind.group != CLUSTER_VERSION.group
        )
        served.run()
        assert served.facts()["platform"] == "Kubernetes"


def test_copies_are_no_operators(tmp_path: Path) -> None:
    """OLM copies what works everywhere into every namespace; the server leaves the copies out."""
    with clusters_cluster(tmp_path) as served:
        for number in range(5):
            copied = {"olm.copiedFrom": "operators"}
            served.cluster.apply(CSV, csv("x.v1", f"team-{number}", labels=copied))
        served.run()
        asked = [query for path, query in served.cluster.requests if path == CSV.path()]
        assert {query["labelSelector"] for query in asked} == {"!olm.copiedFrom"}
        assert "x" not in {row["operator"] for row in served.rows("operators")}


@pytest.mark.parametrize("kind", KINDS, ids=[kind.resource for kind in KINDS])
def test_hostile_objects_cost_only_themselves(tmp_path: Path, kind: Kind) -> None:
    """Values of the wrong type, nulls, huge texts: all other rows are as without them."""
    deep: Any = "x"
    for _ in range(300):
        deep = {"a": deep}
    odd: list[dict[str, Any]] = [
        {"spec": None, "status": None},
        {"spec": [], "status": "gone"},
        {"spec": {"name": 7, "source": deep}, "status": {"conditions": [None, {"type": 2}]}},
        {"spec": {"name": "n" * 100_000}, "status": {"history": [{}], "allocatable": {"cpu": []}}},
        {"status": {"conditions": [{"type": "Ready", "status": {}}], "namespaces": [None]}},
        {
            "status": {
                "capacity": {"cpu": "lots"},
                "phase": "\u202e" * 5000,
                "currentCSV": "x" * 50_000,
            }
        },
    ]
    with clusters_cluster(tmp_path) as served:
        served.run()
        before = {key: rows for key, rows in rows_of(served).items() if key != "clusterFacts"}
        for number, item in enumerate(odd):
            metadata = {"name": f"odd-{number}", "labels": None, "creationTimestamp": "never"}
            if kind.namespaced:
                metadata["namespace"] = "odd"
            served.cluster.apply(kind, {"metadata": metadata, **item})
        result = served.run()
        after = rows_of(served)
    assert list(result.errors) == []
    assert [outcome.success for outcome in result.report.collectors] == [True]
    for key, rows in before.items():
        assert all(row in after[key] for row in rows), key
    assert all(len(str(row)) < 20_000 for rows in after.values() for row in rows)
