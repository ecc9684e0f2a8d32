"""``xpjob fit``: from a store and from a reader alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from support.capacity import HOLDS, NODE, POD, ZONE, container, node, pod
from support.capacity_cluster import capacity_cluster
from support.readers import serving
from support.toy_tables import USERS, toy_snapshot
from xpjob.cli import cli
from xpjob.demo.cluster import Cluster, Fault
from xpjob.snapshot import documents

GPU = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}


def fill(cluster: Cluster) -> None:
    """Put nodes of several sorts into a cluster: two with room, four that are not in question."""
    pool = {"karpenter.sh/nodepool": "default"}
    for made in (
        node("a", labels={ZONE: "x", **pool}),
        node("b", labels={ZONE: "y", **pool}),
        node("cordoned", unschedulable=True),
        node("gpu", {**HOLDS, "cpu": "16", "nvidia.com/gpu": "2"}, taints=[GPU]),
        node("broken", ready="False"),
        node("fargate", labels={"eks.amazonaws.com/compute-type": "fargate"}),
    ):
        cluster.apply(NODE, made)
    cluster.apply(POD, pod("p", "a", container("1500m", "2Gi")))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory with the snapshot of one run."""
    directory = tmp_path_factory.mktemp("fit")
    with capacity_cluster(directory, fill) as made:
        assert made.run().report.success
    return directory / "store"


def fit(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli, ["fit", *arguments])


def answer(*arguments: str, code: int = 0) -> Any:
    """Return the JSON answer."""
    done = fit(*arguments, "--output", "json")
    assert (done.exit_code, done.stderr) == (code, "")
    return json.loads(done.stdout)


def rooms(found: list[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """Return the number of nodes and pods by name."""
    return {room["name"]: (room["nodes"], room["fits"]) for room in found}


def test_how_many_fit_and_where(source: list[str]) -> None:
    """With what is not in question, and why."""
    found = answer("--cpu", "1", "--memory", "2Gi", "--group-by", f"pool,{ZONE}", *source)
    assert (found["fits"], found["missing"], found["nearest"]) == (6, 0, [])
    assert rooms(found["nodes"]) == {"b": (1, 4), "a": (1, 2)}
    assert rooms(found["groups"]) == {"default,y": (1, 4), "default,x": (1, 2)}
    assert rooms(found["excluded"]) == {
        "taint nvidia.com/gpu=present:NoSchedule": (1, 4),
        "cordoned": (1, 4),
        "not ready": (1, 4),
        "virtual node": (1, 4),
    }
    assert found["requests"] == {"cpu": 1.0, "memory": 2 * 2**30}
    assert found["generatedAt"]
    assert found["carriedSince"] == ""


def test_what_is_missing_on_the_nearest_nodes(source: list[str]) -> None:
    """The nearest first; exit 1 only with --strict."""
    asked = ["--cpu", "3", "--memory", "4Gi", "--count", "3", *source]
    found = answer(*asked)
    assert (found["fits"], found["missing"]) == (1, 2)
    assert found["nearest"] == [
        {"node": "a", "lacks": {"cpu": 0.5}},
        {"node": "b", "lacks": {"cpu": 2.0}},
    ]
    assert answer(*asked, "--strict", code=1) == found
    assert answer("--cpu", "3", *source, "--strict")["missing"] == 0


def test_rows_that_are_kept_are_as_old_as_they_are(tmp_path: Path) -> None:
    """Not as old as the snapshot, and it is said."""
    source = ["--store-backend", "directory", "--store-dir", str(tmp_path / "store")]
    with capacity_cluster(tmp_path, fill) as site:
        site.run()
        first = answer("--cpu", "1", *source)
        site.cluster.fault = lambda path, _: Fault(503) if path.endswith("/nodes") else None
        site.run()
    second = answer("--cpu", "1", *source)
    assert first["carriedSince"] == ""
    assert second["carriedSince"] == first["generatedAt"] != second["generatedAt"]
    everywhere = ["show", "nodes", "--all-clusters"]
    with serving(tmp_path / "store") as url:
        shown = [
            CliRunner().invoke(cli, [*command, *where])
            for command in (["show", "nodes"], everywhere)
            for where in (source, ["--url", url])
        ]
    for done in (fit("--cpu", "1", *source), *shown):
        assert "ago, when its collector was last well" in " ".join(done.stdout.split())


def test_nothing_fits(source: list[str]) -> None:
    """That is an answer too."""
    done = fit("--cpu", "64", *source)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("no pod fits; 1 of 1 do not, as of")
    assert "60 cpu" in done.stdout
    assert fit("--cpu", "64", "--strict", *source).exit_code == 1


def test_tolerations_and_other_resources(source: list[str]) -> None:
    """A tolerated taint keeps nobody away; nor does a cordon."""
    gpu = ["--resource", "nvidia.com/gpu=1", *source]
    assert answer(*gpu)["fits"] == 0
    for text in ("nvidia.com/gpu", "nvidia.com/gpu=present", ":NoSchedule"):
        assert answer(*gpu, "--tolerate", text)["fits"] == 2
    for text in ("nvidia.com/gpu=other", "nvidia.com/gpu:NoExecute", "other"):
        assert answer(*gpu, "--tolerate", text)["fits"] == 0
    cordoned = answer("--cpu", "4", "--tolerate", "node.kubernetes.io/unschedulable", *source)
    assert rooms(cordoned["nodes"]) == {"b": (1, 1), "cordoned": (1, 1)}


def test_a_selector(source: list[str]) -> None:
    """With the syntax of the API."""
    found = answer("--cpu", "1", "--selector", f"{ZONE} in (x)", *source)
    assert rooms(found["nodes"]) == {"a": (1, 2)}
    assert rooms(found["excluded"])["does not match the selector"][0] == 5


def test_on_a_terminal(source: list[str]) -> None:
    """The same in words."""
    done = fit("--cpu", "3", "--count", "2", "--group-by", "pool", *source)
    assert done.stdout.startswith("1 pod fits on 1 node; 1 of 2 do not, as of")
    for text in ("By group", "default", "500m cpu", "Nodes with room", "virtual node"):
        assert text in done.stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "give what each pod requests"),
        (["--cpu", "many"], "--cpu: cpu: invalid quantity 'many'"),
        (["--cpu", "0"], "expected more than 0"),
        (["--resource", "gpu"], "'gpu' is not of the form NAME=QUANTITY"),
        (["--resource", "a b=1"], "--resource: invalid resource 'a b'"),
        (["--cpu", "1", "--selector", "a in b"], "--selector: invalid label selector"),
        (["--cpu", "1", "--tolerate", "a:Always"], "--tolerate: invalid toleration"),
        (["--cpu", "1", "--count", "0"], "--count"),
        (["--cpu", "1e400"], "quantity '1e400': expected at most 1e40"),
        (["--cpu", "2", "--resource", "cpu=1"], "--resource: cpu is given twice"),
        (["--resource", "a/b=1", "--resource", "a/b=2"], "--resource: a/b is given twice"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], text: str) -> None:
    """Exit 2."""
    done = fit(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert text in " ".join(done.stderr.split())


def test_a_snapshot_without_nodes(tmp_path: Path) -> None:
    """It says which collector stores them."""
    body = documents.encode(toy_snapshot(tables=[USERS], rows={}))
    (tmp_path / "snapshot.json").write_bytes(body)
    done = fit("--cpu", "1", "--store-backend", "directory", "--store-dir", str(tmp_path))
    assert done.exit_code == 2
    assert "add it to COLLECTORS" in " ".join(done.stderr.split())
