"""Nodes and pods of any number on a control plane, with what owns them and points at them.

Objects are as kubelets and controllers leave them. A tenth as many are a platform's, see Fleet.

A few of each go through the API, so that defaults and managedFields are real. All others are copies
of those, put straight into etcd. They are stored as protobuf, in which a text has its length before
it: so names, uids and nodes are replaced by others of the same length.
"""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

from bench_etcd import Etcd
from bench_fleet import Fleet, merge
from bench_measure import count_of
from bench_objects import team
from bench_workloads import (
    DEPLOYMENT_UID,
    KINDS,
    NODE,
    OWNER,
    OWNER_UID,
    POD,
    PODS_OF_AN_OWNER,
    deployment,
    headless,
    node,
    pod,
    replica_set,
)
from harness.cluster import Cluster
from harness.connection import Object

PODS_OF_A_NODE, PODS_OF_AN_OBJECT = 30, 10
ANNOTATED = 100  # one in so many owners has pods with a headless Service each
_POINTING = "/api/v1/services", "/apis/discovery.k8s.io/v1/endpointslices"


class _Template(NamedTuple):
    """An object in etcd, and its texts that a copy has otherwise."""

    key: str
    value: bytes
    name: str
    uid: str


class Pods:
    """The nodes and pods of one control plane. They only grow."""

    metadata_only = (
        *("/apis/apps/v1/replicasets", "/apis/apps/v1/deployments"),
        *("/apis/apps/v1/daemonsets", "/apis/apps/v1/statefulsets", "/apis/batch/v1/jobs"),
    )

    def __init__(self, cluster: Cluster, etcd: str) -> None:
        """Make a node, a pod of each kind, and a Deployment with its ReplicaSet."""
        self._api, self._etcd = cluster.api, Etcd(etcd)
        self._fleet = Fleet(cluster, etcd)
        accounts = f"/api/v1/namespaces/{team(0)}/serviceaccounts"
        self._api.request("POST", accounts, {"metadata": {"name": "default"}})
        self._node = self._stored("/registry/minions", self._made_node())
        path = f"/api/v1/namespaces/{team(0)}/pods"
        pods = [self._made(path, pod(number)) for number in range(KINDS + 1)]
        folder = f"/registry/pods/{team(0)}"
        self._pods = [self._stored(folder, pod) for pod in pods]
        self._of_owner = self._made_owner(pods[0])
        self._headless = [
            self._stored(folder, self._api.request("POST", path, item))
            for path, folder, item in headless(pods[KINDS])
        ]
        self._nodes, self._count, self._owners, self._touched = 1, KINDS + 1, 0, 0
        # Those of the API server itself, and those of the annotated pod.
        self._pointing = sum(count_of(self._api, path) for path in _POINTING)
        self.paths = (
            *("/api/v1/nodes", "/api/v1/pods"),
            *("/apis/apps/v1/deployments", "/apis/apps/v1/replicasets"),
            *_POINTING,
            *self._fleet.paths,
        )

    def grow(self, pods: int) -> int:
        """Put copies until there are so many pods; return the number of all objects."""
        nodes, owners = max(1, pods // PODS_OF_A_NODE), -(-pods // PODS_OF_AN_OWNER)
        new = range(self._count, pods)
        self._etcd.put(
            chain(
                (self._node_copy(number) for number in range(self._nodes, nodes)),
                (
                    _copy(each, number, self._of_workload(number))
                    for number in range(self._owners, owners)
                    for each in self._of_owner
                ),
                (self._pod_copy(number, nodes) for number in new),
                (
                    _copy(each, number, self._of_pod(self._pods[KINDS], number, nodes))
                    for number in new
                    if _annotated(number)
                    for each in self._headless
                ),
            )
        )
        self._nodes, self._count = max(self._nodes, nodes), max(self._count, pods)
        self._owners = max(self._owners, owners)
        self._pointing += len(self._headless) * sum(map(_annotated, new))
        of_fleet = self._fleet.grow(pods // PODS_OF_AN_OBJECT)
        return self._nodes + self._count + 2 * self._owners + self._pointing + of_fleet

    def touch(self) -> None:
        """Write to one object of each kind, as somebody always does, see ``Fleet.touch``."""
        self._touched += 1
        self._fleet.touch()
        body = {"metadata": {"annotations": {"example.org/touched": str(self._touched)}}}
        core, apps = (f"/{each}/v1/namespaces/{team(0)}" for each in ("api", "apis/apps"))
        slices = f"/apis/discovery.k8s.io/v1/namespaces/{team(0)}/endpointslices"
        deployment, replica_set = self._of_owner
        service, endpoints = self._headless
        for path in (
            f"/api/v1/nodes/{self._node.name}",
            f"{core}/pods/{self._pods[0].name}",
            f"{core}/services/{service.name}",
            f"{slices}/{endpoints.name}",
            f"{apps}/deployments/{deployment.name}",
            f"{apps}/replicasets/{replica_set.name}",
        ):
            merge(self._api, path, body)

    def _made_owner(self, pod: Object) -> list[_Template]:
        """Make the Deployment and the ReplicaSet of the first pods."""
        name, namespace = OWNER.format(0), team(0)
        folder = f"/apis/apps/v1/namespaces/{namespace}"
        made = replica_set(name, namespace, DEPLOYMENT_UID.format(0), pod)
        return [
            self._stored(
                f"/registry/{plural}/{namespace}",
                self._api.apply(f"{folder}/{plural}/{name}", item, "kube-controller-manager"),
            )
            for plural, item in (
                ("deployments", deployment(name, namespace, pod)),
                ("replicasets", made),
            )
        ]

    def _made_node(self) -> Object:
        made = self._made("/api/v1/nodes", node())
        # The API server adds a taint until the node's lifecycle controller takes it away.
        spec = {"taints": None, "podCIDR": "10.0.0.0/24"}
        return merge(self._api, f"/api/v1/nodes/{made['metadata']['name']}", {"spec": spec})

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
        return _copy(self._node, number, {self._node.name: NODE.format(number)})

    def _pod_copy(self, number: int, nodes: int) -> tuple[str, bytes]:
        kind = KINDS if _annotated(number) else number // PODS_OF_AN_OWNER % KINDS
        template = self._pods[kind]
        return _copy(template, number, self._of_pod(template, number, nodes))

    def _of_pod(self, template: _Template, number: int, nodes: int) -> dict[str, str]:
        """Return what a copy of a pod, or of what belongs to it, has otherwise."""
        model = int(template.name[-6:])
        owner, like = number // PODS_OF_AN_OWNER, model // PODS_OF_AN_OWNER
        return {
            POD.format(model): POD.format(number),
            NODE.format(0): NODE.format(number % nodes),
            OWNER.format(like): OWNER.format(owner),
            OWNER_UID.format(like): OWNER_UID.format(owner),
            team(0): team(owner),
        }

    def _of_workload(self, number: int) -> dict[str, str]:
        """Return what a copy of an owner has otherwise; its uid is that which its pods refer to."""
        deployment, replica_set = self._of_owner
        return {
            OWNER.format(0): OWNER.format(number),
            deployment.uid: DEPLOYMENT_UID.format(number),
            DEPLOYMENT_UID.format(0): DEPLOYMENT_UID.format(number),
            replica_set.uid: OWNER_UID.format(number),
            team(0): team(number),
        }


def _annotated(number: int) -> bool:
    return number // PODS_OF_AN_OWNER % ANNOTATED == ANNOTATED - 1


def _copy(template: _Template, number: int, texts: dict[str, str]) -> tuple[str, bytes]:
    key, value = template.key, template.value
    for old, new in {template.uid: f"{number:08x}{template.uid[8:]}", **texts}.items():
        assert len(old) == len(new), (old, new)
        key, value = key.replace(old, new), value.replace(old.encode(), new.encode())
    return key, value
