"""Workloads for tests: pods, what owns them, and a small cluster of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xpjob.demo.cluster import Cluster
from xpjob.kube.discovery import Kind

POD = Kind("", "v1", "pods", "Pod", True)
REPLICA_SET = Kind("apps", "v1", "replicasets", "ReplicaSet", True)
JOB = Kind("batch", "v1", "jobs", "Job", True)
DEPLOYMENT = Kind("apps", "v1", "deployments", "Deployment", True)
STATEFUL_SET = Kind("apps", "v1", "statefulsets", "StatefulSet", True)
DAEMON_SET = Kind("apps", "v1", "daemonsets", "DaemonSet", True)
CRON_JOB = Kind("batch", "v1", "cronjobs", "CronJob", True)
ROLLOUT = Kind("argoproj.io", "v1alpha1", "rollouts", "Rollout", True)
LISTED = (POD, REPLICA_SET, JOB)
KINDS = (*LISTED, DEPLOYMENT, STATEFUL_SET, DAEMON_SET, CRON_JOB, ROLLOUT)

Json = dict[str, Any]
NAMESPACE = "shop"


def digest(letter: str) -> str:
    """Return a digest that can be told from others by its letter."""
    return "sha256:" + letter * 64


A, B, C, D = (digest(letter) for letter in "abcd")


def reported(image: str, value: str) -> str:
    """Return the imageID that containerd reports for an image that it pulled."""
    return f"{image.partition('@')[0].rpartition(':')[0] or image}@{value}"


def owned(
    kind: Kind,
    name: str,
    namespace: str = NAMESPACE,
    *,
    by: Json | None = None,
    annotations: dict[str, str] | None = None,
    deleting: bool = False,
) -> Json:
    """Return an object of a kind, controlled by another one if that is given."""
    uid = f"{namespace}-{kind.kind}-{name}"
    metadata: Json = {"name": name, "namespace": namespace, "uid": uid}
    if by:
        metadata["ownerReferences"] = [reference(by)]
    if annotations:
        metadata["annotations"] = annotations
    if deleting:
        metadata["deletionTimestamp"] = "2026-08-21T09:00:00Z"
    version = f"{kind.group}/{kind.version}".lstrip("/")
    return {"apiVersion": version, "kind": kind.kind, "metadata": metadata, "spec": {"huge": "x"}}


def reference(owner: Json, *, controller: bool = True) -> Json:
    """Return the reference to an owner."""
    metadata = owner["metadata"]
    named = {"name": metadata["name"], "uid": metadata["uid"], "controller": controller}
    return {"apiVersion": owner["apiVersion"], "kind": owner["kind"], **named}


def container(name: str, image: str, **more: Any) -> Json:
    """Return a container of a spec."""
    return {"name": name, "image": image, **more}


def pod(
    name: str,
    owner: Json | None = None,
    image: str = "ghcr.io/shop/web:v1",
    image_id: str | None = None,
    *,
    namespace: str = NAMESPACE,
    node: str = "node-1",
    phase: str = "Running",
    containers: Sequence[tuple[str, str, str]] = (),
    annotations: dict[str, str] | None = None,
    spec: Json | None = None,
    status: Json | None = None,
) -> Json:
    """Return a pod of an owner with one container ``app``, or these: name, image, image ID.

    Without an image ID, containerd's for digest ``A`` is taken.
    """
    own_id = reported(image, A) if image_id is None else image_id
    every = containers or [("app", image, own_id)]
    metadata: Json = {"name": name, "namespace": namespace, "uid": f"uid-Pod-{name}"}
    if owner:
        metadata["ownerReferences"] = [reference(owner)]
    if annotations:
        metadata["annotations"] = annotations
    restart = "Never" if owner and owner["kind"] == "Job" else "Always"
    return {
        "metadata": metadata,
        "spec": {
            "nodeName": node,
            "restartPolicy": restart,
            "containers": [container(each, asked) for each, asked, _ in every],
            **(spec or {}),
        },
        "status": {
            "phase": phase,
            "containerStatuses": [
                {"name": each, "image": asked, "imageID": told} for each, asked, told in every
            ],
            **(status or {}),
        },
    }


def deployment(
    cluster: Cluster, name: str, namespace: str = NAMESPACE, **changes: Any
) -> tuple[Json, Json]:
    """Put a Deployment with a ReplicaSet into a cluster; return both."""
    top = cluster.apply(DEPLOYMENT, owned(DEPLOYMENT, name, namespace, **changes))
    middle = owned(REPLICA_SET, f"{name}-7d9f8", namespace, by=top)
    return top, cluster.apply(REPLICA_SET, middle)


def fill_workloads(cluster: Cluster) -> None:
    """Put workloads of all sorts into a cluster: a rollout, a CronJob, a DaemonSet, and others."""
    top, old = deployment(
        cluster, "web", annotations={"metadata.github.com/runtime-risks": "internet-exposed"}
    )
    new = cluster.apply(REPLICA_SET, owned(REPLICA_SET, "web-5c6b7", by=top))
    images = [(old, "v1", A), (old, "v1", A), (new, "v2", B)]
    for number, (owner, tag, value) in enumerate(images):
        image = f"ghcr.io/shop/web:{tag}"
        notes = {"metadata.github.com/team": "shop"}
        node = f"node-{number}"
        item = pod(
            f"web-{number}", owner, image, reported(image, value), node=node, annotations=notes
        )
        cluster.apply(POD, item)
    tick = cluster.apply(CRON_JOB, owned(CRON_JOB, "tick"))
    for number in range(2):
        job = cluster.apply(JOB, owned(JOB, f"tick-{number}", by=tick))
        cluster.apply(POD, pod(f"tick-{number}-x", job, "busybox", phase="Succeeded"))
    agent = cluster.apply(DAEMON_SET, owned(DAEMON_SET, "agent", "kube-system"))
    for number in range(3):
        item = pod(
            f"agent-{number}",
            agent,
            f"registry.example.org:5000/agent:1.2@{C}",
            "",
            namespace="kube-system",
            node=f"node-{number}",
            phase="Pending",
        )
        cluster.apply(POD, item)
    database = cluster.apply(STATEFUL_SET, owned(STATEFUL_SET, "database"))
    cluster.apply(POD, pod("database-0", database, "postgres:17", f"docker://{D}"))
    cluster.apply(STATEFUL_SET, owned(STATEFUL_SET, "asleep"))
    cluster.apply(POD, pod("alone", None, "ghcr.io/shop/tool:latest"))
