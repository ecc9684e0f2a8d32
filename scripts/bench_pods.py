"""Nodes and pods of any number on a control plane, as kubelets and controllers leave them.

A few of each go through the API, so that defaults and managedFields are real. All others are copies
of those, put straight into etcd. They are stored as protobuf, in which a text has its length before
it: so names, uids and nodes are replaced by others of the same length.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import NamedTuple

from bench_etcd import Etcd
from harness.cluster import Cluster
from harness.connection import Object

PODS_OF_A_NODE, PODS_OF_AN_OWNER, NAMESPACES = 20, 5, 40
KINDS = 10  # of pods, by what they request
_TIME = "2026-08-21T09:00:00Z"
_IMAGE = "registry.example.org/platform/{}@sha256:" + "a7" * 32
_READY = "Initialized", "Ready", "ContainersReady", "PodScheduled", "PodReadyToStartContainers"
_NODE, _OWNER, _POD, _NAMESPACE = "n{:06d}", "w{:06d}", "p{:06d}", "team-{:03d}"
_OWNER_UID = "00000000-0000-4000-8000-{:012d}"


class _Template(NamedTuple):
    """An object in etcd, and its texts that a copy has otherwise."""

    key: str
    value: bytes
    name: str
    uid: str


class Pods:
    """The nodes and pods of one control plane. They only grow."""

    paths = ("/api/v1/nodes", "/api/v1/pods")

    def __init__(self, cluster: Cluster, etcd: str) -> None:
        """Make a node, and a pod of each kind."""
        self._api, self._etcd = cluster.api, Etcd(etcd)
        for number in range(NAMESPACES):
            self._api.request("POST", "/api/v1/namespaces", {"metadata": {"name": _team(number)}})
        accounts = f"/api/v1/namespaces/{_team(0)}/serviceaccounts"
        self._api.request("POST", accounts, {"metadata": {"name": "default"}})
        self._node = self._stored("/registry/minions", self._made_node())
        path = f"/api/v1/namespaces/{_team(0)}/pods"
        self._pods = [
            self._stored(f"/registry/pods/{_team(0)}", self._made(path, _pod(number)))
            for number in range(KINDS)
        ]
        self._nodes, self._count, self._touched = 1, KINDS, 0

    def grow(self, pods: int) -> int:
        """Put copies until there are so many pods; return the number of all objects."""
        nodes = max(1, pods // PODS_OF_A_NODE)
        self._etcd.put(
            chain(
                (self._node_copy(number) for number in range(self._nodes, nodes)),
                (self._pod_copy(number, nodes) for number in range(self._count, pods)),
            )
        )
        self._nodes, self._count = max(self._nodes, nodes), max(self._count, pods)
        return self._nodes + self._count

    def touch(self) -> None:
        """Write to a node and a pod, as somebody always does, see ``Fleet.touch``."""
        self._touched += 1
        body = {"metadata": {"annotations": {"example.org/touched": str(self._touched)}}}
        pods = f"/api/v1/namespaces/{_team(0)}/pods"
        for path in (f"/api/v1/nodes/{self._node.name}", f"{pods}/{self._pods[0].name}"):
            status, answer = self._api.exchange("PATCH", path, body, "application/merge-patch+json")
            if status != 200:
                raise RuntimeError(f"PATCH {path}: {status} {answer[:300]!r}")

    def _made_node(self) -> Object:
        made = self._made("/api/v1/nodes", _node())
        # The API server adds a taint until the node's lifecycle controller takes it away.
        spec = {"taints": None, "podCIDR": "10.0.0.0/24"}
        path = f"/api/v1/nodes/{made['metadata']['name']}"
        status, answer = self._api.exchange(
            "PATCH", path, {"spec": spec}, "application/merge-patch+json"
        )
        if status != 200:
            raise RuntimeError(f"PATCH {path}: {status} {answer[:300]!r}")
        found: Object = json.loads(answer)
        return found

    def _made(self, collection: str, item: Object) -> Object:
        """Apply an object as its controller does, and its status as the kubelet does."""
        head = {key: item[key] for key in ("apiVersion", "kind")}
        path = f"{collection}/{item['metadata']['name']}"
        status = item.pop("status")
        self._api.apply(path, item, "kube-controller-manager")
        metadata = {"name": item["metadata"]["name"]}
        body = {**head, "metadata": metadata, "status": status}
        return self._api.apply(f"{path}/status", body, "kubelet")

    def _stored(self, folder: str, item: Object) -> _Template:
        name, uid = item["metadata"]["name"], item["metadata"]["uid"]
        key = f"{folder}/{name}"
        return _Template(key, self._etcd.get(key), name, uid)

    def _node_copy(self, number: int) -> tuple[str, bytes]:
        return _copy(self._node, number, {self._node.name: _NODE.format(number)})

    def _pod_copy(self, number: int, nodes: int) -> tuple[str, bytes]:
        template = self._pods[number // PODS_OF_AN_OWNER % KINDS]
        model = int(template.name[-6:])
        owner, like = number // PODS_OF_AN_OWNER, model // PODS_OF_AN_OWNER
        texts = {
            _POD.format(model): _POD.format(number),
            _NODE.format(0): _NODE.format(number % nodes),
            _OWNER.format(like): _OWNER.format(owner),
            _OWNER_UID.format(like): _OWNER_UID.format(owner),
            _team(0): _team(owner),
        }
        return _copy(template, number, texts)


def _copy(template: _Template, number: int, texts: dict[str, str]) -> tuple[str, bytes]:
    key, value = template.key, template.value
    for old, new in {**texts, template.uid: f"{number:08x}{template.uid[8:]}"}.items():
        assert len(old) == len(new), (old, new)
        key, value = key.replace(old, new), value.replace(old.encode(), new.encode())
    return key, value


def _team(number: int) -> str:
    return _NAMESPACE.format(number % NAMESPACES)


def _condition(kind: str) -> Object:
    return {"type": kind, "status": "True", "lastTransitionTime": _TIME}


def _node() -> Object:
    """Return a node as its kubelet reports it, with the images that it has."""
    holds = {"cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "200Gi"}
    labels = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "kubernetes.io/hostname": _NODE.format(0),
        "node.kubernetes.io/instance-type": "m6i.4xlarge",
        "topology.kubernetes.io/zone": "eu-west-1a",
        "karpenter.sh/nodepool": "default",
    }
    images = [
        {"names": [_IMAGE.format(f"service-{number:03d}")], "sizeBytes": 123_456_789}
        for number in range(40)
    ]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": _NODE.format(0), "labels": labels},
        "spec": {"providerID": f"aws:///eu-west-1a/i-{_NODE.format(0)}"},
        "status": {
            "capacity": holds,
            "allocatable": {**holds, "cpu": "15890m", "memory": "62Gi"},
            "conditions": [{**_condition("Ready"), "reason": "KubeletReady"}],
            "images": images,
            "addresses": [{"type": "Hostname", "address": _NODE.format(0)}],
        },
    }


def _pod(number: int) -> Object:
    """Return a pod of a ReplicaSet: two containers, a sidecar, an init container."""
    token, owner = _POD.format(number), number // PODS_OF_AN_OWNER
    name = f"service-{_OWNER.format(owner)}-{token}"
    labels = {
        "app.kubernetes.io/name": "service",
        "app.kubernetes.io/instance": _OWNER.format(owner),
        "pod-template-hash": "5d9c7b8f6",
    }
    annotations = {"checksum/config": "0f" * 32, "prometheus.io/scrape": "true"}
    reference = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "controller": True,
        "name": _OWNER.format(owner),
        "uid": _OWNER_UID.format(owner),
    }
    cpu, memory = f"{100 + 50 * number}m", f"{128 + 64 * number}Mi"
    resources = {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}
    small = {"requests": {"cpu": "10m", "memory": "32Mi"}}
    inits = [
        _container("migrate", small),
        {**_container("proxy", small), "restartPolicy": "Always"},
    ]
    containers = [_container("app", resources, variables=2), _container("metrics", small)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name, "namespace": _team(0), "labels": labels, "annotations": annotations,
            "ownerReferences": [reference],
        },
        "spec": {
            "nodeName": _NODE.format(0),
            "containers": containers,
            "initContainers": inits,
            "volumes": [{"name": "config", "configMap": {"name": "service-config"}}],
        },
        "status": {
            "phase": "Running", "podIP": "10.0.0.7", "hostIP": "10.1.0.7", "qosClass": "Burstable",
            "conditions": [_condition(kind) for kind in _READY],
            "containerStatuses": [_status(each, {"running": {"startedAt": _TIME}})
                                  for each in containers],
            "initContainerStatuses": [
                _status(inits[0], {"terminated": {"exitCode": 0, "reason": "Completed"}}),
                _status(inits[1], {"running": {"startedAt": _TIME}}),
            ],
        },
    }  # fmt: skip


def _container(name: str, resources: Object, variables: int = 0) -> Object:
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10}
    return {
        "name": name,
        "image": _IMAGE.format(name),
        "resources": resources,
        "env": [
            {"name": f"SERVICE_SETTING_{number:02d}", "value": f"value-{number:02d}.example.org"}
            for number in range(variables)
        ],
        **({"readinessProbe": probe} if variables else {}),
        "volumeMounts": [{"name": "config", "mountPath": "/etc/service"}],
    }


def _status(container: Object, state: Object) -> Object:
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": container["image"],
        "containerID": "containerd://" + "3c" * 32,
        "ready": True,
        "restartCount": 0,
        "state": state,
    }
