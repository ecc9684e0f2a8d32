"""The collector deployments over real controllers: owners, rollouts, scale and deletion."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness.cluster import Cluster, KubectlError
from harness.processes import wait_until

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

    def __init__(self, cluster: Cluster, directory: Path) -> None:
        self.cluster, self.directory = cluster, directory
        self.namespace = cluster.namespace("shop")
        (role, _) = yaml.safe_load_all(ROLE.read_text())
        self.kubeconfig = cluster.service_account(self.namespace, "xpjob", role["rules"])
        self.report: Any = None

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

    def rows(self) -> list[tuple[str, str, str, str, int]]:
        """Run the collector; return kind, name, tag, state and pods of each row."""
        given = {
            "kubeconfig": str(self.kubeconfig),
            "namespace": self.namespace,
            "store_backend": "directory",
            "store_dir": str(self.directory),
        }
        result = job.run(load(given, {}, GROUPS), (Deployments(),), Silent())
        assert (result.errors, result.report.partial) == ([], False)
        self.report = result.report
        stored = json.loads((self.directory / "snapshot.json").read_bytes())["deployments"]
        assert all(row["ownerKnown"] and row["digest"] == digest(row["tag"]) for row in stored)
        columns = ("workloadKind", "workload", "tag", "state", "pods")
        return sorted(tuple(row[name] for name in columns) for row in stored)


@pytest.fixture
def shop(cluster: Cluster, tmp_path: Path) -> Shop:
    """A namespace of its own, and the rights of the collector."""
    return Shop(cluster, tmp_path)


def test_what_controllers_make_is_attributed_and_remembered(shop: Shop) -> None:
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
    assert shop.rows() == [("Deployment", "web", "v1", "running", 2), *others]

    # A rollout, while its first pod is not ready, and when it has ended.
    shop.workload("Deployment", "web", "v2")
    shop.settle("web", "v2", 1, ready=False)
    assert {row[2] for row in shop.rows() if row[1] == "web"} == {"v1", "v2"}
    shop.settle("web", "v2", 2)
    done = [("Deployment", "web", "v1", "gone", 0), ("Deployment", "web", "v2", "running", 2)]
    assert shop.rows() == [*done, *others]

    # Scaled to zero, and back.
    shop.workload("Deployment", "web", "v2", 0)
    wait_until("web has no pods", lambda: not shop.pods("web"))
    asleep = ("Deployment", "web", "v2", "scaledToZero", 0)
    assert shop.rows() == [done[0], asleep, *others]
    shop.workload("Deployment", "web", "v2", 1)
    shop.settle("web", "v2", 1)
    assert ("Deployment", "web", "v2", "running", 1) in shop.rows()

    # Deleted.
    shop.cluster.kubectl("delete", "deployment", "web", f"--namespace={shop.namespace}")
    wait_until("web has no pods", lambda: not shop.pods("web"))
    assert shop.rows() == [done[0], ("Deployment", "web", "v2", "gone", 0), *others]
    replica_sets = [each for each in shop.report.targets if each.resource == "replicasets"]
    assert [each.malformed for each in replica_sets] == [0]
