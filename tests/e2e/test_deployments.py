"""The collector deployments over real controllers, and what it records with GitHub."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness.cluster import Cluster, KubectlError
from harness.processes import wait_until

from support.github import ORG, TOKEN, GitHub, github
from xpjob.base import times
from xpjob.collectors.deployments.collector import Deployments
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.run import job
from xpjob.terminal.progress import Silent

ROLE = Path(__file__).parents[2] / "k8s/components/collectors/deployments/rbac.yaml"
IMAGE = "registry.example.org/shop/web"
ROLLOUTS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": "rollouts.argoproj.io",
        "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
    },
    "spec": {
        "group": "argoproj.io",
        "scope": "Namespaced",
        "names": {"kind": "Rollout", "plural": "rollouts"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}


def digest(image: str) -> str:
    """Return the digest of an image by its tag, e.g. v1."""
    return "sha256:" + image[-1] * 64


class Shop:
    """A namespace with workloads, whose pods are run by nobody: the tests report their status."""

    def __init__(self, cluster: Cluster, directory: Path, system: GitHub, url: str) -> None:
        self.cluster, self.directory, self.system, self.url = cluster, directory, system, url
        self.namespace = cluster.namespace(directory.name.replace("_", "-"))
        (role, _) = yaml.safe_load_all(ROLE.read_text())
        self.kubeconfig = cluster.service_account(self.namespace, "xpjob", role["rules"])
        self.report: Any = None
        self.stored: list[dict[str, Any]] = []

    def workload(
        self, kind: str, name: str, tag: str, replicas: int = 2, container: str = "app", **more: Any
    ) -> dict[str, Any]:
        """Apply a workload with one container."""
        labels = {"app": name}
        spec: dict[str, Any] = {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": container, "image": f"{IMAGE}:{tag}"}]},
            },
        }
        metadata = {"name": name, "namespace": self.namespace, **more}
        item = {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}
        self.cluster.apply(item)
        return self.cluster.get(kind, name, f"--namespace={self.namespace}")

    def pods(self, name: str) -> list[dict[str, Any]]:
        """Return the pods of a workload that are not being deleted."""
        found = self.cluster.get("pods", f"--namespace={self.namespace}", f"--selector=app={name}")
        items: list[dict[str, Any]] = found["items"]
        return [item for item in items if "deletionTimestamp" not in item["metadata"]]

    def settle(self, name: str, tag: str, count: int, *, ready: bool = True) -> None:
        """Report the pods of a workload as running until it has as many with this tag, and no more.

        Without ``ready`` they run, but a rollout does not go on.
        """

        def settled() -> bool:
            pods = self.pods(name)
            images = [each["spec"]["containers"][0]["image"] for each in pods]
            for each, image in zip(pods, images, strict=True):
                self._report(each, ready=ready or image != f"{IMAGE}:{tag}")
            return images.count(f"{IMAGE}:{tag}") == count and (not ready or len(images) == count)

        wait_until(f"{name} has {count} pods of {tag}", settled)

    def _report(self, item: dict[str, Any], *, ready: bool) -> None:
        (container,) = item["spec"]["containers"]
        status = {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": f"{IMAGE}@{digest(container['image'])}",
                    "ready": ready,
                    "restartCount": 0,
                    "state": {"running": {}},
                }
            ],
        }
        patch = json.dumps({"status": status})
        name = item["metadata"]["name"]
        patching = ("patch", "pod", name, f"--namespace={self.namespace}", "--subresource=status")
        with suppress(KubectlError):  # the rollout may have deleted it meanwhile
            self.cluster.kubectl(*patching, "--type=merge", f"--patch={patch}")

    def rows(self, **options: str) -> list[tuple[str, str, str, str, int]]:
        """Run the collector; return kind, name, tag, state and pods of each row."""
        given = {
            "kubeconfig": str(self.kubeconfig),
            "namespace": self.namespace,
            "store_backend": "directory",
            "store_dir": str(self.directory),
            "github_org": ORG,
            "base_url": self.url,
            "logical_environment": "production",
            "github_cluster": "moda-1",
            **options,
        }
        result = job.run(load(given, {"API_TOKEN": TOKEN}, GROUPS), (Deployments(),), Silent())
        assert (result.errors, result.report.partial) == ([], False)
        self.report = result.report
        self.stored = json.loads((self.directory / "snapshot.json").read_bytes())["deployments"]
        assert all(row["ownerKnown"] and row["digest"] == digest(row["tag"]) for row in self.stored)
        columns = ("workloadKind", "workload", "tag", "state", "pods")
        return sorted(tuple(row[name] for name in columns) for row in self.stored)

    def records(self) -> dict[str, str]:
        """Return tag and status of each record at GitHub, by workload and container."""
        found = {}
        for (_, _, cluster, name), record in self.system.records.items():
            namespace, _, rest = name.partition("/")
            assert (cluster, namespace, record["name"]) == ("moda-1", self.namespace, IMAGE)
            assert record["digest"] == digest(record["version"])
            found[rest] = f"{record['version']} {record['status']}"
        return found

    def age(self, by: timedelta) -> None:
        """Move all times of the stored documents back, as if no run had been made since."""

        def earlier(found: re.Match[str]) -> str:
            return times.rfc3339(times.parse(found[0]) - by)

        for name in ("snapshot.json", "run.json", "delivered-deployments.json"):
            path = self.directory / name
            text = path.read_text()
            path.write_text(re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", earlier, text))

    def delete(self, name: str) -> None:
        """Delete a Deployment and wait until its pods are gone."""
        self.cluster.kubectl("delete", "deployment", name, f"--namespace={self.namespace}")
        wait_until(f"{name} has no pods", lambda: not self.pods(name))


@pytest.fixture
def shop(cluster: Cluster, tmp_path: Path) -> Iterator[Shop]:
    """A namespace of its own, the rights of the collector, and a GitHub without records."""
    with github() as (system, served):
        yield Shop(cluster, tmp_path, system, served.url)


def test_what_controllers_make_is_attributed_remembered_and_recorded(shop: Shop) -> None:
    """A Deployment, a Rollout, a bare ReplicaSet: rollout, scale to zero, rename, deletion."""
    shop.cluster.apply(ROLLOUTS)
    shop.workload("Deployment", "web", "v1")
    shop.workload("ReplicaSet", "queue-7d9f8", "v1", 1)
    argo = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
    shop.cluster.apply({**argo, "metadata": {"name": "api", "namespace": shop.namespace}})
    rollout = shop.cluster.get("rollout.argoproj.io", "api", f"--namespace={shop.namespace}")
    owner = {**argo, "name": "api", "uid": rollout["metadata"]["uid"], "controller": True}
    shop.workload("ReplicaSet", "api-7d9f8", "v1", 1, ownerReferences=[owner])
    for name, count in (("web", 2), ("queue-7d9f8", 1), ("api-7d9f8", 1)):
        shop.settle(name, "v1", count)
    others = [
        ("ReplicaSet", "queue-7d9f8", "v1", "running", 1),
        ("Rollout", "api", "v1", "running", 1),
    ]
    unchanged = {"queue-7d9f8/app": "v1 deployed", "api/app": "v1 deployed"}
    assert shop.rows() == [("Deployment", "web", "v1", "running", 2), *others]
    assert shop.records() == {"web/app": "v1 deployed", **unchanged}

    # A rollout, while its first pod is not ready, and when it has ended.
    shop.workload("Deployment", "web", "v2")
    shop.settle("web", "v2", 1, ready=False)
    assert {row[2] for row in shop.rows() if row[1] == "web"} == {"v1", "v2"}
    assert shop.records() == {"web/app": "v2 deployed", **unchanged}
    shop.settle("web", "v2", 2)
    done = [("Deployment", "web", "v1", "gone", 0), ("Deployment", "web", "v2", "running", 2)]
    assert shop.rows() == [*done, *others]

    # Scaled to zero, and back: neither is a change for GitHub.
    shop.workload("Deployment", "web", "v2", 0)
    wait_until("web has no pods", lambda: not shop.pods("web"))
    asleep = ("Deployment", "web", "v2", "scaledToZero", 0)
    for _ in range(3):
        assert shop.rows() == [done[0], asleep, *others]
    shop.workload("Deployment", "web", "v2", 1)
    shop.settle("web", "v2", 1)
    assert ("Deployment", "web", "v2", "running", 1) in shop.rows()
    assert shop.records() == {"web/app": "v2 deployed", **unchanged}
    assert shop.system.writes == 4

    # A renamed container is another record; the old one ends when a second run confirms it.
    shop.workload("Deployment", "web", "v3", 1, container="main")
    shop.settle("web", "v3", 1)
    shop.rows()
    renamed = {"web/main": "v3 deployed", **unchanged}
    assert shop.records() == {"web/app": "v2 deployed", **renamed}
    shop.rows()
    assert shop.records() == {"web/app": "v2 decommissioned", **renamed}

    # Deleted.
    shop.delete("web")
    gone = [("Deployment", "web", f"v{number}", "gone", 0) for number in (1, 2, 3)]
    assert shop.rows() == [*gone, *others]
    assert shop.records()["web/main"] == "v3 deployed"
    assert shop.rows() == [*gone, *others]
    ended = {"web/app": "v2 decommissioned", "web/main": "v3 decommissioned"}
    assert shop.records() == {**ended, **unchanged}
    assert shop.system.writes == 7
    replica_sets = [each for each in shop.report.targets if each.resource == "replicasets"]
    assert [each.malformed for each in replica_sets] == [0]


def _has_pods(shop: Shop, count: int) -> bool:
    return len(shop.pods("web")) == count


def test_a_workload_that_is_scaled_to_zero_can_count_as_gone(shop: Shop) -> None:
    """By a setting; its record is deployed again with its pods."""
    options = {"decommission_scaled_to_zero": "true"}
    for replicas, status in ((1, "deployed"), (0, "decommissioned"), (1, "deployed")):
        shop.workload("Deployment", "web", "v1", replicas)
        if replicas:
            shop.settle("web", "v1", replicas)
        wait_until("web is scaled", partial(_has_pods, shop, replicas))
        shop.rows(**options)
        shop.rows(**options)
        assert shop.records() == {"web/app": f"v1 {status}"}


def test_a_gap_of_ten_runs_is_made_up_for(shop: Shop) -> None:
    """A rollout, a deletion and a new workload meanwhile; what did not change has its time."""
    for name in ("web", "old", "same"):
        shop.workload("Deployment", name, "v1", 1)
        shop.settle(name, "v1", 1)
    shop.rows()
    gap = timedelta(seconds=11 * 300)
    shop.age(gap)
    first = times.rfc3339(times.parse(shop.stored[0]["since"]) - gap)
    shop.workload("Deployment", "web", "v2", 1)
    shop.workload("Deployment", "web", "v3", 1)
    shop.settle("web", "v3", 1)
    shop.workload("Deployment", "new", "v1", 1)
    shop.settle("new", "v1", 1)
    shop.delete("old")
    shop.rows()
    running = {
        "web/app": "v3 deployed",
        "same/app": "v1 deployed",
        "new/app": "v1 deployed",
    }
    assert shop.records() == {**running, "old/app": "v1 deployed"}, "one run is no confirmation"
    since = {row["workload"]: row["since"] for row in shop.stored if row["state"] == "running"}
    assert since["same"] == first < since["web"] == since["new"]
    shop.rows()
    assert shop.records() == {**running, "old/app": "v1 decommissioned"}
    assert shop.system.writes == 6


def test_an_empty_acknowledgement_is_made_up_for_within_the_limits(shop: Shop) -> None:
    """What runs is sent again, and nothing else, in as many runs as the share of requests takes."""
    names = ["a", "b", "c", "d"]
    for name in names:
        shop.workload("Deployment", name, "v1", 1)
        shop.settle(name, "v1", 1)
    shop.rows()
    records = shop.records()
    (shop.directory / "delivered-deployments.json").unlink()
    shop.rows()
    assert (shop.system.writes, len(shop.system.jobs)) == (8, 2)

    # Without calls for many records, and five requests with records in a run, two of them refused.
    shop.system.lacks = ("/jobs", "/cluster/moda-1")
    (shop.directory / "delivered-deployments.json").unlink()
    sent = []
    for _ in range(3):
        before = shop.system.writes
        shop.rows(github_rate_percent="1")
        sent.append(shop.system.writes - before)
    assert sent == [3, 1, 0]
    assert shop.records() == records == {f"{name}/app": "v1 deployed" for name in names}
