"""Simulated nodes, and pods that come and go: some find no node, and wait.

A simple scheduler places each pod on the first node that has room, so the numbers are those that a
cluster could have. Every step changes a few workloads with a seeded random generator.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from xpjob.demo.apps import (
    DAEMON_SET,
    JOB,
    POD,
    REPLICA_SET,
    STATEFUL_SET,
    image_id,
    object_of,
    reference_to,
)
from xpjob.demo.cluster import Cluster, api_time
from xpjob.demo.orders import TEAM_KEY
from xpjob.demo.platform import PEOPLE
from xpjob.demo.selectors import Json
from xpjob.kube.discovery import Kind

NODE = Kind("", "v1", "nodes", "Node", False)
NAMESPACE = Kind("", "v1", "namespaces", "Namespace", False)
KINDS = (NODE, POD, NAMESPACE)
_OWNERS = {kind.kind: kind for kind in (REPLICA_SET, STATEFUL_SET, DAEMON_SET, JOB)}

_Needs = dict[str, int]  # cpu in thousandths, memory in MiB, gpu and pods in pieces
_GPU = "nvidia.com/gpu"
_TAINT = {"key": _GPU, "value": "present", "effect": "NoSchedule"}
_AGENTS: dict[str, _Needs] = {
    "node-agent": {"cpu": 100, "memory": 128},
    "network": {"cpu": 150, "memory": 96},
}
_SIZES: tuple[_Needs, ...] = (
    {"cpu": 100, "memory": 256},
    {"cpu": 250, "memory": 512},
    {"cpu": 500, "memory": 1024},
    {"cpu": 1000, "memory": 4096},
    {"cpu": 2000, "memory": 6144},
)


@dataclass(slots=True)
class _Node:
    """A node: what is free on it, and whether it has the taint of GPUs."""

    name: str
    free: _Needs
    gpu: bool = False
    cordoned: bool = False

    def has(self, needs: _Needs) -> bool:
        return all(self.free.get(name, 0) >= need for name, need in (needs | {"pods": 1}).items())

    def take(self, needs: _Needs, sign: int = 1) -> None:
        for name, need in (needs | {"pods": 1}).items():
            self.free[name] = self.free.get(name, 0) - sign * need


@dataclass(slots=True)
class _Pod:
    """A pod: its node, and the times of its creation and its start, as the API has them."""

    node: _Node | None
    created_at: str
    started_at: str


@dataclass(slots=True)
class _Workload:
    """A workload: the kind and name of its owner, what each pod needs, and its pods by name."""

    namespace: str
    kind: str
    name: str
    needs: _Needs
    pods: dict[str, _Pod] = field(default_factory=dict)

    @property
    def owner(self) -> Json:
        """Return the object that owns the pods."""
        return object_of(_OWNERS[self.kind], self.namespace, self.name)


class Workloads:
    """Creates nodes, namespaces and pods of a cluster, and changes the pods step by step."""

    def __init__(self, cluster: Cluster, now: datetime, count: int = 15, seed: int = 7) -> None:
        self._cluster = cluster
        self._random = random.Random(seed)  # noqa: S311 - a demo, no secret
        self._count = 0
        free = {"cpu": 3920, "memory": 14_848, "pods": 58}
        self._nodes = [_Node(f"worker-{number}", dict(free)) for number in range(6)]
        self._nodes.append(_Node("gpu-0", {**free, _GPU: 4}, gpu=True))
        self._nodes[5].cordoned = True
        for node in self._nodes:
            self._apply(now, node)
        for team in PEOPLE:
            metadata = {"name": f"team-{team}", "annotations": {TEAM_KEY: team}}
            cluster.apply(NAMESPACE, {"metadata": metadata})
        cluster.apply(NAMESPACE, {"metadata": {"name": "kube-system", "uid": cluster.uid}})
        for name, needs in _AGENTS.items():
            agent = _Workload("kube-system", "DaemonSet", name, needs)
            cluster.apply(DAEMON_SET, agent.owner)
            for node in self._nodes:
                self._start(agent, node, now - timedelta(days=30))
        self._workloads = [self._create(now, hours=n + 1) for n in range(count)]

    def step(self, now: datetime) -> None:
        """Let some workloads grow, shrink, end and begin; then try to place what waits."""
        with self._cluster.locked():
            for workload in self._random.sample(self._workloads, 4):
                if workload.pods and self._random.random() < 0.5:
                    self._stop(workload, self._random.choice(sorted(workload.pods)))
                else:
                    self._start(workload, self._place(workload.needs), now)
            ended = self._workloads.pop(self._random.randrange(len(self._workloads)))
            for name in sorted(ended.pods):
                self._stop(ended, name)
            self._cluster.delete(_OWNERS[ended.kind], ended.namespace, ended.name)
            self._workloads.append(self._create(now))
            for workload in self._workloads:
                for name, pod in sorted(workload.pods.items()):
                    if pod.node is None and (node := self._place(workload.needs)):
                        pod.node, pod.started_at = node, api_time(now)
                        self._write(workload, name)

    def _apply(self, now: datetime, node: _Node) -> None:
        pool = "gpu" if node.gpu else "workers"
        zone = "abc"[int(node.name.rpartition("-")[2]) % 3]
        labels = {
            "kubernetes.io/hostname": node.name,
            "karpenter.sh/nodepool": pool,
            "karpenter.sh/capacity-type": "on-demand" if node.gpu else "spot",
            "node.kubernetes.io/instance-type": "g5.xlarge" if node.gpu else "m6i.xlarge",
            "topology.kubernetes.io/zone": f"eu-central-1{zone}",
        }
        created = api_time(now - timedelta(days=30))
        holds = {**_resources(node.free), "pods": str(node.free["pods"])}
        self._cluster.apply(
            NODE,
            {
                "metadata": {"name": node.name, "creationTimestamp": created, "labels": labels},
                "spec": {
                    **({"taints": [_TAINT]} if node.gpu else {}),
                    **({"unschedulable": True} if node.cordoned else {}),
                },
                "status": {
                    "capacity": holds,
                    "allocatable": holds,
                    "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
                    "nodeInfo": {"kubeletVersion": "v1.36.0"},
                },
            },
        )

    def _create(self, now: datetime, hours: int = 0) -> _Workload:
        self._count += 1
        team = self._random.choice(sorted(PEOPLE))
        needs = dict(self._random.choice(_SIZES))
        kind = self._random.choice(("ReplicaSet", "ReplicaSet", "StatefulSet", "Job"))
        if self._count % 9 == 0:
            needs[_GPU] = 1
        made = _Workload(f"team-{team}", kind, f"app-{self._count}", needs)
        self._cluster.apply(_OWNERS[kind], made.owner)
        for _ in range(self._random.randrange(1, 4)):
            self._start(made, self._place(needs), now - timedelta(hours=hours))
        return made

    def _place(self, needs: _Needs) -> _Node | None:
        gpu = _GPU in needs
        fitting = (n for n in self._nodes if n.gpu == gpu and not n.cordoned and n.has(needs))
        node = next(fitting, None)
        if node:
            node.take(needs)
        return node

    def _start(self, workload: _Workload, node: _Node | None, now: datetime) -> None:
        if workload.kind == "DaemonSet" and node:
            node.take(workload.needs)
        self._count += 1
        name = f"{workload.name}-{self._count:04x}"
        workload.pods[name] = _Pod(node, api_time(now), api_time(now) if node else "")
        self._write(workload, name)

    def _stop(self, workload: _Workload, name: str) -> None:
        if node := workload.pods.pop(name).node:
            node.take(workload.needs, -1)
        self._cluster.delete(POD, workload.namespace, name)

    def _write(self, workload: _Workload, name: str) -> None:
        pod, needs = workload.pods[name], _resources(workload.needs)
        node = pod.node
        image = f"registry.example.org/{workload.namespace}/{workload.name}:1.0.0"
        limits = {key: value for key, value in needs.items() if key != "cpu"}
        container = {
            "name": "app",
            "image": image,
            "resources": {"requests": needs, "limits": limits},
        }
        condition = {"type": "PodScheduled", "status": "True"}
        if node is None:
            condition = {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": self._message(workload.needs),
            }
        self._cluster.apply(
            POD,
            {
                "metadata": {
                    "name": name,
                    "namespace": workload.namespace,
                    "uid": f"pods-{workload.namespace}-{name}",
                    "creationTimestamp": pod.created_at,
                    "ownerReferences": [reference_to(workload.owner)],
                },
                "spec": {
                    **({"nodeName": node.name} if node else {}),
                    "containers": [container],
                },
                "status": {
                    "phase": "Running" if node else "Pending",
                    **({"startTime": pod.started_at} if node else {}),
                    "conditions": [condition],
                    "containerStatuses": [
                        {"name": "app", "image": image, "imageID": image_id(image, workload.name)}
                    ]
                    if node
                    else [],
                },
            },
        )

    def _message(self, needs: _Needs) -> str:
        """Return what the scheduler would say."""
        gpu = _GPU in needs
        away = [node for node in self._nodes if node.cordoned]
        tainted = [node for node in self._nodes if node.gpu and not gpu]
        rest = [node for node in self._nodes if node not in away and node not in tainted]
        short = {
            name: sum(node.free.get(name, 0) < need for node in rest)
            for name, need in needs.items()
        }
        parts = [f"{count} Insufficient {name}" for name, count in short.items() if count]
        if away:
            parts.append(f"{len(away)} node(s) were unschedulable")
        if tainted:
            parts.append(f"{len(tainted)} node(s) had untolerated taint {{{_GPU}: present}}")
        return f"0/{len(self._nodes)} nodes are available: {', '.join(sorted(parts))}."


def _resources(needs: _Needs) -> Json:
    units = {"cpu": "m", "memory": "Mi"}
    return {name: f"{need}{units.get(name, '')}" for name, need in needs.items() if name != "pods"}
