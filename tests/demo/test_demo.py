"""The demo: the sample platform lives, and the job shows it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from support.capacity_section import make
from xpjob.cli import cli
from xpjob.demo import apps, operators, usage, workloads
from xpjob.demo.apps import POD, Apps
from xpjob.demo.cluster import Cluster
from xpjob.demo.kinds import GROUP, KINDS
from xpjob.demo.operators import Operators
from xpjob.demo.orders import TEAM_KEY
from xpjob.demo.platform import PEOPLE, Platform
from xpjob.demo.workloads import Workloads
from xpjob.store.directory import DirectoryStore

NOW = datetime(2026, 8, 21, 9, 0, tzinfo=timezone.utc)


def platform() -> tuple[Cluster, Platform]:
    """Return a cluster with the sample platform on it."""
    cluster = Cluster(KINDS, token="t")
    return cluster, Platform(cluster, NOW)


def objects(cluster: Cluster) -> dict[str, object]:
    """Return every object of the cluster by uid, without what differs from run to run."""
    return {
        item["metadata"]["uid"]: item["status"] for kind in KINDS for item in cluster.objects(kind)
    }


def test_the_sample_platform_has_all_there_is() -> None:
    """Both Crossplane generations, several teams, ready and not, more than a page."""
    cluster, _ = platform()
    counts = {k.kind: len(cluster.objects(k)) for k in KINDS if k.group == GROUP}
    assert counts["PostgreSQLInstance"] == counts["XPostgreSQLInstance"] > 30
    assert counts["App"] > 50
    assert counts["Network"] > 20
    statuses = {
        (condition["type"], condition["status"], condition["reason"])
        for kind in KINDS
        for item in cluster.objects(kind)
        for condition in item["status"]["conditions"]
    }
    assert {
        ("Ready", "True", "Available"),
        ("Ready", "False", "Waiting"),
        ("Ready", "False", "Creating"),
        ("Synced", "False", "ReconcileError"),
    } <= statuses


def test_pods_come_and_go_and_no_node_is_overfull() -> None:
    """Some wait for a node; and it is the same each time."""
    sides = []
    for _ in range(2):
        cluster = Cluster(workloads.KINDS, token="t")
        pods = Workloads(cluster, NOW)
        names = [{item["metadata"]["name"] for item in cluster.objects(apps.POD)}]
        for minute in range(30):
            pods.step(NOW + timedelta(minutes=minute))
            names.append({item["metadata"]["name"] for item in cluster.objects(apps.POD)})
        lists = [cluster.objects(kind) for kind in workloads.KINDS]
        sides.append([{**item, "metadata": item["metadata"]["name"]} for x in lists for item in x])
    assert sides[0] == sides[1]
    assert names[0] - names[-1]
    assert names[-1] - names[0]
    nodes, pods_, namespaces = lists
    made = make(nodes, pods_, namespaces, namespace_team_key=TEAM_KEY)
    assert "NodeOverfull" not in {finding for finding, _ in made.findings}
    assert {row["state"] for row in made.rows("nodes")} == {"schedulable", "cordoned", "tainted"}
    assert made.rows("pending")
    assert {row["team"] for row in made.rows("pending")} <= set(PEOPLE)
    assert all(row["causes"] for row in made.rows("pending"))


def test_it_is_the_same_each_time() -> None:
    """A demo can be rehearsed."""
    (first, one), (second, two) = platform(), platform()
    for minute in range(10):
        one.step(NOW + timedelta(minutes=minute))
        two.step(NOW + timedelta(minutes=minute))
    assert objects(first) == objects(second)


def test_it_lives() -> None:
    """Things come, change and go."""
    cluster, living = platform()
    before = objects(cluster)
    for minute in range(10):
        living.step(NOW + timedelta(minutes=minute))
    after = objects(cluster)
    assert before.keys() - after.keys()
    assert after.keys() - before.keys()
    assert any(before[uid] != after[uid] for uid in before.keys() & after.keys())


def test_apps_are_deployed_pod_by_pod() -> None:
    """The same in every demo; a rollout has pods of two ReplicaSets, and ends with one."""
    seen: list[set[int]] = []
    for _ in range(2):
        cluster = Cluster(apps.KINDS, token="t")
        living = Apps(cluster)
        counts = set()
        for _ in range(40):
            owners: dict[str, set[str]] = {}
            for pod in cluster.objects(apps.POD):
                (owner,) = pod["metadata"]["ownerReferences"]
                if owner["kind"] == "ReplicaSet":
                    name = owner["name"].rpartition("-")[0]
                    owners.setdefault(name, set()).add(owner["uid"])
            counts |= {len(some) for some in owners.values()}
            living.step()
        seen.append(counts)
    assert seen == [{1, 2}, {1, 2}]


def test_an_upgrade_waits_until_it_is_approved() -> None:
    """Then the next one waits."""
    cluster = Cluster(operators.KINDS, token="t")
    living = Operators(cluster)

    def waiting() -> list[str]:
        return [
            item["status"]["currentCSV"]
            for item in cluster.objects(operators.SUBSCRIPTION)
            if item["status"]["state"] == "UpgradePending"
        ]

    seen = []
    for _ in range(9):
        seen += waiting()
        living.step()
    assert list(dict.fromkeys(seen)) == ["metallb.v4.18.1", "metallb.v4.18.2", "metallb.v4.18.3"]
    assert len(cluster.objects(operators.CSV)) == 4


def test_once_does_one_run_and_exits(tmp_path: Path) -> None:
    """With a summary, a snapshot and two text files."""
    command = [sys.executable, "-m", "xpjob", "demo", "--once", "--directory", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "run complete" in done.stdout
    assert "PostgreSQLInstance" in done.stdout
    document = json.loads((tmp_path / "snapshot.json").read_text())
    assert len(document["claims"]) > 100
    assert {claim["team"] for claim in document["claims"]} >= {"payments", "search"}
    assert {claim["source"] for claim in document["claims"]} == {"discovery", "namespace"}
    kinds = {row["workloadKind"] for row in document["deployments"]}
    assert kinds >= {"Deployment", "StatefulSet", "DaemonSet", "CronJob"}
    states = {row["name"]: row["state"] for row in document["podServices"]}
    assert states == {
        "archive": "foreign",
        "crawler-0": "served",
        "crawler-1": "missing",
        "crawler-2": "wrongAddress",
        "crawler-3": "orphan",
    }
    assert {row["state"] for row in document["operators"]} >= {"Succeeded", "Failed", "Retrying"}
    registries = {row["registry"]: row["state"] for row in document["registries"]}
    assert registries == {
        "sample": "upAuthenticated",
        "sample-away": "unreachable",
        "sample-wrong-password": "authFailed",
    }
    assert {row["state"] for row in document["sources"]} == {"ok"}
    assert (tmp_path / "xpjob.prom").exists()
    assert (tmp_path / "xpjob-run.prom").exists()


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("--every", "-1", "Invalid value for '--every': invalid time '-1'"),
        ("--every", "nan", "Invalid value for '--every': invalid time 'nan'"),
        ("--directory", "/proc/self/status", "--directory: /proc/self/status cannot be created"),
    ],
)
def test_what_is_wrong_is_said(option: str, value: str, text: str) -> None:
    """Exit 2, before anything is served."""
    done = CliRunner().invoke(cli, ["demo", "--once", option, value])
    assert text in f"{done.stderr}{done.exception}"
    assert getattr(done.exception, "exit_code", done.exit_code) == 2
    assert done.stdout == ""


def test_a_pod_is_the_same_once_it_is_placed() -> None:
    """With its uid and its times, as an API server has them."""
    cluster = Cluster(workloads.KINDS, token="t")
    start = datetime(2026, 10, 1, 12, 0, 0, 250_000, timezone.utc)
    living = Workloads(cluster, start)
    known: dict[str, dict[str, Any]] = {}
    placed = 0
    for step in range(60):
        now = start + timedelta(seconds=5 * step)
        for pod in cluster.objects(POD):
            metadata = pod["metadata"]
            new = metadata["name"] not in known
            first = known.setdefault(metadata["name"], metadata)
            assert (metadata["uid"], metadata["creationTimestamp"]) == (
                (first["uid"], first["creationTimestamp"])
            )
            created = datetime.fromisoformat(metadata["creationTimestamp"])
            assert created.microsecond == 0
            if new and step:
                assert created >= now - timedelta(seconds=6)
            if started := pod["status"].get("startTime"):
                placed += started > metadata["creationTimestamp"]
        living.step(now)
    assert placed


def test_days_before_the_demo_are_closed(tmp_path: Path) -> None:
    """So that there are usage files, and a report without a missing day."""
    command = [sys.executable, "-m", "xpjob"]
    demo = [*command, "demo", "--once", "--directory", str(tmp_path)]
    done = subprocess.run(demo, capture_output=True, text=True, timeout=60, check=True)
    assert len(list(tmp_path.rglob("*.csv.gz"))) >= usage.DAYS  # one more at midnight
    (said,) = [line for line in done.stdout.splitlines() if "xpjob usage " in line]
    report = [*command, *shlex.split(said)[1:], "--strict", "--output", "json"]
    printed = subprocess.run(report, capture_output=True, text=True, timeout=60, check=True)
    document = json.loads(printed.stdout)
    meters = {row["meter"] for row in document["rows"]}
    assert {"objects", "cpu_requests", "memory_requests", "pods"} <= meters
    assert {row["team"] for row in document["rows"] if row["meter"] == "objects"} == {*PEOPLE}


def test_a_demo_in_a_directory_with_results_goes_on(tmp_path: Path) -> None:
    """What is there is not replaced."""
    store = DirectoryStore(tmp_path)
    usage.pretend(store, NOW)
    before = store.get("snapshot.json")
    assert before is not None
    usage.pretend(store, NOW + timedelta(days=1))
    assert store.get("snapshot.json") == before
    (only,) = json.loads(before.body)["usage"]["lists"]
    assert only["until"] == datetime(2026, 8, 18, tzinfo=timezone.utc).timestamp()


def test_ctrl_c_ends_it(tmp_path: Path) -> None:
    """After as many runs as one likes."""
    # Whoever runs the tests in the background may ignore the signal, and a process inherits that.
    command = ["env", "--default-signal=INT", sys.executable, "-u", "-m", "xpjob", "demo"]
    with subprocess.Popen(
        [*command, "--every", "0.05", "--directory", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        complete = 0
        for line in process.stdout:
            complete += "run complete" in line
            if complete == 3:
                break
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode == 130
