"""Simulated apps of the sample platform: pods, what owns them, and rollouts step by step."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

from xpjob.demo.cluster import Cluster
from xpjob.demo.selectors import Json
from xpjob.kube.discovery import Kind

POD = Kind("", "v1", "pods", "Pod", True)
REPLICA_SET = Kind("apps", "v1", "replicasets", "ReplicaSet", True)
DEPLOYMENT = Kind("apps", "v1", "deployments", "Deployment", True)
STATEFUL_SET = Kind("apps", "v1", "statefulsets", "StatefulSet", True)
DAEMON_SET = Kind("apps", "v1", "daemonsets", "DaemonSet", True)
JOB = Kind("batch", "v1", "jobs", "Job", True)
CRON_JOB = Kind("batch", "v1", "cronjobs", "CronJob", True)
KINDS = (POD, REPLICA_SET, DEPLOYMENT, STATEFUL_SET, DAEMON_SET, JOB, CRON_JOB)

_NODES = tuple(f"worker-{number}" for number in range(6))
_REGISTRY = "registry.example.org"
_APPS = (
    *(("payments", "ledger"), ("payments", "gateway"), ("checkout", "cart"), ("checkout", "web")),
    *(("search", "index"), ("search", "query"), ("data", "reports"), ("web", "campaign")),
)
_PROXY = "docker.io/envoyproxy/envoy:v1.33.0"


class Apps:
    """Creates apps in a cluster, and deploys new versions step by step."""

    def __init__(self, cluster: Cluster, seed: int = 7) -> None:
        self._cluster = cluster
        self._random = random.Random(seed)  # noqa: S311 - a demo, no secret
        self._apps = [
            _App(f"team-{team}", name, number) for number, (team, name) in enumerate(_APPS)
        ]
        for app in self._apps:
            app.write(cluster)
        for kind, item in _others():
            cluster.apply(kind, item)

    def step(self) -> None:
        """Continue every rollout by a pod, and now and then begin one, or scale an app."""
        with self._cluster.locked():
            for app in self._apps:
                app.step(self._cluster)
            settled = [app for app in self._apps if app.settled]
            if settled and self._random.random() < 0.5:
                app = self._random.choice(settled)
                if self._random.random() < 0.2:
                    app.scale(self._cluster, 0 if app.replicas else 3)
                else:
                    app.deploy(self._cluster)


class _App:
    """A Deployment whose pods are replaced one by one."""

    def __init__(self, namespace: str, name: str, number: int) -> None:
        self.namespace, self.name, self.number = namespace, name, number
        self.version, self.replicas = 1, 3
        self.versions = [1] * self.replicas

    @property
    def settled(self) -> bool:
        """Return whether no rollout is going on."""
        return set(self.versions) <= {self.version}

    def deploy(self, cluster: Cluster) -> None:
        """Begin the rollout of the next version."""
        self.version += 1
        self.write(cluster)

    def scale(self, cluster: Cluster, replicas: int) -> None:
        """Set the number of pods."""
        for position, version in enumerate(self.versions):
            cluster.delete(POD, self.namespace, self._pod_name(position, version))
        self.replicas = replicas
        self.versions = [self.version] * replicas
        self.write(cluster)

    def step(self, cluster: Cluster) -> None:
        """Replace one pod of an older version."""
        for position, version in enumerate(self.versions):
            if version != self.version:
                cluster.delete(POD, self.namespace, self._pod_name(position, version))
                self.versions[position] = self.version
                self.write(cluster)
                return

    def write(self, cluster: Cluster) -> None:
        """Write the Deployment, its ReplicaSets and its pods."""
        risks = "internet-exposed" if self.name in ("web", "gateway") else ""
        notes = {"metadata.github.com/tier": "frontend" if risks else "backend"}
        if risks:
            notes["metadata.github.com/runtime-risks"] = risks
        top = object_of(DEPLOYMENT, self.namespace, self.name, annotations=notes)
        cluster.apply(DEPLOYMENT, top)
        for version in sorted({*self.versions, self.version}):
            cluster.apply(REPLICA_SET, self._replica_set(top, version))
        for position, version in enumerate(self.versions):
            owner = self._replica_set(top, version)
            # One team always deploys "latest"; the others have a tag for each version.
            tag = "latest" if self.name == "campaign" else f"1.{version}.0"
            image = f"{_REGISTRY}/{self.namespace}/{self.name}:{tag}"
            content = f"{self.name} {version}"
            containers = [("app", image, image_id(image, content)), _proxy()]
            node = _NODES[(self.number + position) % len(_NODES)]
            name = self._pod_name(position, version)
            cluster.apply(POD, _pod(self.namespace, name, owner, containers, node))

    def _replica_set(self, top: Json, version: int) -> Json:
        name = f"{self.name}-{_hex(f'{self.name} {version}')[:9]}"
        return object_of(REPLICA_SET, self.namespace, name, owner=top)

    def _pod_name(self, position: int, version: int) -> str:
        return f"{self.name}-{_hex(f'{self.name} {version}')[:9]}-{position}"


def _others() -> Iterator[tuple[Kind, Json]]:
    """Yield workloads that do not change."""
    agent = object_of(DAEMON_SET, "monitoring", "node-exporter")
    yield DAEMON_SET, agent
    image = f"quay.io/prometheus/node-exporter:v1.9.0@sha256:{_hex('node-exporter')}"
    for node in _NODES:
        containers = [("node-exporter", image, image_id(image, "node-exporter"))]
        yield POD, _pod("monitoring", f"node-exporter-{node}", agent, containers, node)
    database = object_of(STATEFUL_SET, "team-payments", "ledger-db")
    yield STATEFUL_SET, database
    for number in range(2):
        containers = [("postgres", "postgres:17", image_id("postgres:17", f"postgres {number}"))]
        name = f"ledger-db-{number}"
        yield POD, _pod("team-payments", name, database, containers, _NODES[number])
    backup = object_of(CRON_JOB, "team-data", "backup")
    yield CRON_JOB, backup
    for number in range(2):
        job = object_of(JOB, "team-data", f"backup-{29_000_000 + number}", owner=backup)
        yield JOB, job
        # Built on the node, so that no registry knows it.
        containers = [("backup", "backup:local", f"sha256:{_hex('backup')}")]
        name = f"{job['metadata']['name']}-x"
        yield POD, _pod("team-data", name, job, containers, _NODES[2], phase="Succeeded")


def object_of(
    kind: Kind,
    namespace: str,
    name: str,
    *,
    owner: Json | None = None,
    annotations: dict[str, str] | None = None,
) -> Json:
    """Return an object with a uid, and a reference to its owner."""
    metadata: Json = {
        "name": name,
        "namespace": namespace,
        "uid": f"{kind.resource}-{namespace}-{name}",
        "annotations": annotations or {},
    }
    if owner:
        metadata["ownerReferences"] = [reference_to(owner)]
    return {"apiVersion": f"{kind.group}/{kind.version}", "kind": kind.kind, "metadata": metadata}


def _pod(
    namespace: str,
    name: str,
    owner: Json,
    containers: list[tuple[str, str, str]],
    node: str,
    *,
    phase: str = "Running",
) -> Json:
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"pods-{namespace}-{name}",
            "ownerReferences": [reference_to(owner)],
        },
        "spec": {
            "nodeName": node,
            "restartPolicy": "Always" if phase == "Running" else "Never",
            "containers": [{"name": own, "image": image} for own, image, _ in containers],
        },
        "status": {
            "phase": phase,
            "containerStatuses": [
                {"name": own, "image": image, "imageID": told} for own, image, told in containers
            ],
        },
    }


def reference_to(owner: Json) -> Json:
    """Return the reference of a controller."""
    metadata = owner["metadata"]
    named = {"name": metadata["name"], "uid": metadata["uid"], "controller": True}
    return {"apiVersion": owner["apiVersion"], "kind": owner["kind"], **named}


def _proxy() -> tuple[str, str, str]:
    return "proxy", _PROXY, image_id(_PROXY, "envoy")


def image_id(image: str, content: str) -> str:
    """Return what containerd reports for an image with this content."""
    return f"{image.partition('@')[0].rpartition(':')[0]}@sha256:{_hex(content)}"


def _hex(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
