"""The collector capacity over a real API server, which fills in what pods and nodes leave out."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from harness import capacity, component_helpers, fleet
from harness.capacity import Capacity, rules
from harness.cluster import Cluster
from harness.controlplane import ControlPlane
from harness.job import Finished, run, xpjob
from harness.processes import wait_until

from support import recorded
from xpjob.kube.quantity import NANO
from xpjob.kube.request_rules import rules_for

SYSTEM = "xpjob-capacity"
SELECTED = "example.org/site=capacity"
SHAPES = "small=500m,1Gi; gpu=1,1Gi,nvidia.com/gpu:1"
HELPERS = "0.36"
"""component-helpers of the control plane's version, 1.36: they decide what pods ask for."""


class Site(NamedTuple):
    """Pods as the API server has them, what Kubernetes computes for each, and a run over them."""

    pods: dict[str, dict[str, Any]]
    asked: dict[str, dict[str, int]]
    run: Finished
    store: Path
    metrics: str

    def row(self, table: str, **values: str) -> dict[str, Any]:
        """Return the only row of a table with these values."""
        (row,) = self.rows(table, **values)
        return row

    def rows(self, table: str, **values: str) -> list[dict[str, Any]]:
        """Return the rows of a table with these values."""
        assert self.run.snapshot is not None
        rows: list[dict[str, Any]] = self.run.snapshot[table]
        return [row for row in rows if all(row[key] == value for key, value in values.items())]


@pytest.fixture(scope="module")
def loaded(cluster: Cluster) -> Iterator[Capacity]:
    """Nodes and pods of every kind."""
    if shutil.which("go") is None:
        pytest.skip("needs Go")
    made = Capacity(cluster)
    made.load()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def site(loaded: Capacity, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """One run of the collector with its own rights, and the answers of component-helpers."""
    cluster, store = loaded.cluster, tmp_path_factory.mktemp("capacity")
    cluster.namespace(SYSTEM)
    user = cluster.service_account(SYSTEM, "xpjob", rules("capacity"))
    pods = loaded.pods()
    options = (recorded.STATUS, recorded.RESIZE)
    answers = component_helpers.ask(HELPERS, ["pods", *options], pods)
    ended = run(
        *(user, store),
        COLLECTORS="capacity",
        NODE_SELECTOR=SELECTED,
        FIT_SHAPES=SHAPES,
        CAPACITY_RESOURCES="all",
        PUBLISH=f"textfile:{store / 'xpjob.prom'}",
    )
    assert ended.code == 0, ended.events
    names = [pod["metadata"]["name"] for pod in pods]
    asked = [
        {name: int(Fraction(value["exact"]) * NANO) for name, value in answer["requests"].items()}
        for answer in answers
    ]
    return Site(
        dict(zip(names, pods, strict=True)),
        dict(zip(names, asked, strict=True)),
        ended,
        store,
        (store / "xpjob.prom").read_text(),
    )


def test_the_api_server_is_of_the_version_of_the_answers(cluster: Cluster, site: Site) -> None:
    """So ``auto`` chooses its rules."""
    assert cluster.api.request("GET", "/version")["gitVersion"].startswith("v1.36.")
    assert site.run.snapshot is not None
    assert site.run.snapshot["capacity"]["rules"] == rules_for(36).name


@pytest.mark.parametrize("name", capacity.PODS)
def test_a_pod_asks_for_what_kubernetes_computes(site: Site, name: str) -> None:
    """Ours, theirs and the arithmetic on paper agree, once the API server has filled it in."""
    expected, theirs = capacity.PODS[name], site.asked[name]
    assert recorded.asked(site.pods[name], rules_for(36))["requests"] == theirs
    on_paper = {"cpu": Fraction(expected.cpu), "memory": Fraction(expected.memory)}
    rounded_up = {
        "cpu": Fraction(-(-theirs.get("cpu", 0) // 1_000_000), 1_000),
        "memory": Fraction(-(-theirs.get("memory", 0) // NANO)),
    }
    assert rounded_up == on_paper


@pytest.mark.parametrize(
    "node", [capacity.SMALL, capacity.LARGE, capacity.GPU, capacity.CORDONED, "all nodes"]
)
def test_a_node_has_what_its_pods_ask_for(site: Site, node: str) -> None:
    """Every resource: the sums of what Kubernetes computes for the pods that are not terminal."""
    nodes = {node} if node != "all nodes" else {row["node"] for row in site.rows("nodes")}
    sums: Counter[str] = Counter()
    pods = 0
    for name, pod in site.pods.items():
        if pod["spec"].get("nodeName") in nodes and pod["status"]["phase"] != "Succeeded":
            pods += 1
            sums.update(site.asked[name])
    row = (
        site.row("nodeGroups", group=node) if node == "all nodes" else site.row("nodes", node=node)
    )
    assert row["pods"] == pods
    assert (row["cpuRequested"], row["memoryRequested"]) == (
        sums["cpu"] / NANO,
        sums["memory"] / NANO,
    )
    requested = {name: use.get("requested", 0.0) for name, use in row["resources"].items()}
    requested = {name: value for name, value in requested.items() if value and name != "pods"}
    assert requested == {name: value / NANO for name, value in sums.items() if value}


def test_what_a_node_can_provide_is_filled_in_by_the_api_server(site: Site) -> None:
    """Allocatable is the capacity, where no kubelet reports it."""
    gpu = site.row("nodes", node=capacity.GPU)
    assert gpu["resources"]["nvidia.com/gpu"] == {"allocatable": 4.0, "requested": 1.0, "free": 3.0,
                                                  "limits": 1.0}  # fmt: skip
    assert gpu["resources"]["hugepages-2Mi"]["allocatable"] == float(1 << 30)
    assert (gpu["cpuAllocatable"], gpu["cpuFree"]) == (8.0, 7.0)
    states = {row["node"]: row["state"] for row in site.rows("nodes")}
    assert states == {
        capacity.SMALL: "schedulable",
        capacity.LARGE: "schedulable",
        capacity.GPU: "tainted",
        capacity.CORDONED: "cordoned",
    }


def test_resizes_and_daemon_sets_are_told_apart(site: Site) -> None:
    """Two pods are resized; their specs ask for 13.5 cores more, which nothing reserves."""
    row = site.row("nodes", node=capacity.LARGE)
    assert row["resizedPods"] == 2
    cpu = row["resources"]["cpu"]
    assert cpu["spec"] - cpu["requested"] == pytest.approx(13.5)
    daemons = {row["node"]: row["cpuDaemonSets"] for row in site.rows("nodes")}
    assert daemons == {
        **dict.fromkeys((capacity.SMALL, capacity.LARGE, capacity.CORDONED), capacity.AGENT_CORES),
        capacity.GPU: 0.0,
    }


def test_metrics_are_those_of_the_rows(site: Site) -> None:
    """Under the names of the binpacking exporter."""
    series = dict(line.rsplit(" ", 1) for line in site.metrics.splitlines() if line[0] != "#")
    for row in site.rows("nodes"):
        labels = f'{{node="{row["node"]}",resource="cpu"}}'
        assert float(series[f"binpacking_node_allocated{labels}"]) == row["cpuRequested"]
        assert float(series[f"binpacking_node_allocatable{labels}"]) == row["cpuAllocatable"]
    elsewhere = [pod["spec"].get("nodeName") for pod in site.pods.values()].count("capacity-gone")
    placed = float(series['capacity_placed_pods{placement="other node"}'])
    assert placed >= elsewhere == 1  # other tests have pods, too


def test_pods_without_a_node_are_pending_with_their_reason(site: Site) -> None:
    """Gated is what the API server itself reports."""
    pending = {
        row["name"]: (row["reason"], row["causes"], row["cpu"])
        for row in site.rows("pending", namespace=capacity.NAMESPACE)
    }
    assert pending == {
        "gated": ("SchedulingGated", {}, 0.5),
        "large": ("Unschedulable", {"Insufficient cpu": 3, "unschedulable": 1}, 64.0),
        "new": ("Waiting", {}, 1.0),
    }


def test_what_fits_is_counted_node_by_node(site: Site) -> None:
    """By shape in the groups, and for a question of one's own."""
    free = {row["node"]: row for row in site.rows("nodes")}
    small = sum(
        min(
            int(free[name]["cpuFree"] / 0.5),
            int(free[name]["memoryFree"] / (1 << 30)),
            int(free[name]["podsAllocatable"] - free[name]["pods"]),
        )
        for name in (capacity.SMALL, capacity.LARGE)
    )
    # 1.399 and 6.975 cores are free.
    assert small == 2 + 13
    assert site.row("nodeGroups", group="all nodes")["fits"] == {"small": small, "gpu": 0}
    tolerating = _fit(site, "--resource=nvidia.com/gpu=1", "--tolerate=nvidia.com/gpu", "--count=5")
    assert (tolerating["fits"], tolerating["missing"]) == (3, 2)
    assert _fit(site, "--cpu=8")["fits"] == 0


@pytest.mark.usefixtures("loaded")
def test_collectors_share_the_list_of_pods(
    own_control_plane: ControlPlane, cluster: Cluster, tmp_path: Path
) -> None:
    """With the rights of each and no more, the audit log has every list once."""
    assert own_control_plane is not None
    cluster.apply(fleet.CRDS)
    platform = [{"apiGroups": [fleet.GROUP], "resources": ["*"], "verbs": ["get", "list"]}]
    tenants = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]
    rights = [*platform, *tenants, *rules("capacity"), *rules("deployments")]
    cluster.namespace(SYSTEM)
    user = cluster.service_account(SYSTEM, "xpjob-all", rights)
    ended = run(
        *(user, tmp_path),
        COLLECTORS="capacity,deployments,crossplane",
        CLAIM_GVRS=fleet.CLAIMS,
        XR_GVRS=f"{fleet.COMPOSITES},{fleet.SITES}",
        PAGE_SIZE="1000",
    )
    assert ended.code == 0, ended.events
    assert ended.snapshot is not None
    assert {row["node"] for row in ended.snapshot["nodes"]} >= {capacity.SMALL, capacity.LARGE}
    assert "deployments" in ended.snapshot
    account = f"system:serviceaccount:{SYSTEM}:xpjob-all"

    def lists() -> Counter[str]:
        events = cluster.audit_events(account)
        assert {event["verb"] for event in events} <= {"get", "list"}
        asked = [event["requestURI"] for event in events if event["verb"] == "list"]
        return Counter(uri.partition("?")[0] for uri in asked if "continue=" not in uri)

    wait_until("the list of pods is in the audit log", lambda: "/api/v1/pods" in lists())
    assert lists()["/api/v1/pods"] == 1
    assert max(lists().values()) == 1, lists()


def _fit(site: Site, *arguments: str) -> dict[str, Any]:
    store = {"STORE_BACKEND": "directory", "STORE_DIR": str(site.store)}
    done = xpjob("fit", *arguments, "--output=json", **store)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
