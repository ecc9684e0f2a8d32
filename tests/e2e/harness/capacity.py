"""Nodes and pods of every kind, as a real API server keeps them; nothing runs them."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import yaml

from harness.cluster import Cluster
from harness.connection import ApiError, Object
from harness.deploy import ROOT
from harness.processes import wait_until

SITE = {"example.org/site": "capacity"}
NAMESPACE, LIMITED = "capacity", "capacity-limited"
IMAGE = "registry.example.org/app:v1"
SMALL, LARGE, GPU, CORDONED = (
    "capacity-small",
    "capacity-large",
    "capacity-gpu",
    "capacity-cordoned",
)
MESSAGE = "0/4 nodes are available: 3 Insufficient cpu, 1 node(s) were unschedulable."
_STRATEGIC = "application/strategic-merge-patch+json"


class Asked(NamedTuple):
    """A pod: its node, its spec, and the cores and bytes that the scheduler reserves for it."""

    node: str
    spec: Object
    cpu: str
    memory: str
    namespace: str = NAMESPACE


def container(name: str = "app", **resources: Any) -> Object:
    """Return a container with these ``requests`` and ``limits``."""
    return {"name": name, "image": IMAGE, "resources": resources}


def _cores(requests: str) -> Object:
    return container(requests={"cpu": requests})


_SIDECAR = {**container("proxy", requests={"cpu": "500m"}), "restartPolicy": "Always"}
_INIT = container("migrate", requests={"cpu": "1200m"})

PODS = {
    "nothing": Asked(SMALL, {"containers": [container()]}, "0", "0"),
    "limits": Asked(
        SMALL,
        {"containers": [container(limits={"cpu": "250m", "memory": "64Mi"})]},
        *("0.25", "67108864"),
    ),
    "partly": Asked(
        SMALL,
        {
            "containers": [
                container(requests={"cpu": "100m"}, limits={"cpu": "1", "memory": "1Mi"}),
                container("log", requests={"memory": "1Mi"}),
            ]
        },
        *("0.1", "2097152"),
    ),
    "fractions": Asked(
        SMALL, {"containers": [container(requests={"cpu": "1.5u", "memory": "0.1Ki"})]},
        *("0.001", "103"),
    ),
    "default": Asked(SMALL, {"containers": [container()]}, "0.05", "1048576", LIMITED),
    "sidecar-first": Asked(
        LARGE,
        {
            "runtimeClassName": "capacity-vm",
            "containers": [_cores("1")],
            "initContainers": [_SIDECAR, _INIT],
        },
        *("1.95", "1048576"),
    ),
    "sidecar-last": Asked(
        LARGE,
        {
            "runtimeClassName": "capacity-vm",
            "containers": [_cores("1")],
            "initContainers": [_INIT, _SIDECAR],
        },
        *("1.75", "1048576"),
    ),
    "whole": Asked(
        LARGE,
        {
            "containers": [_cores("100m")],
            "resources": {"requests": {"cpu": "2", "memory": "1Gi"}},
        },
        *("2", "1073741824"),
    ),
    "whole-limits": Asked(
        LARGE,
        {"containers": [container()], "resources": {"limits": {"cpu": "1", "memory": "1Mi"}}},
        *("1", "1048576"),
    ),
    "disk": Asked(
        LARGE, {"containers": [container(requests={"ephemeral-storage": "1Gi"})]}, "0", "0"
    ),
    "shrinks": Asked(LARGE, {"containers": [_cores("1")]}, "1", "0"),
    "infeasible": Asked(LARGE, {"containers": [_cores("1")]}, "1", "0"),
    "ended": Asked(LARGE, {"containers": [_cores("1")]}, "1", "0"),
    "deleting": Asked(LARGE, {"containers": [_cores("125m")]}, "0.125", "0"),
    "train": Asked(
        GPU,
        {
            "containers": [
                container(
                    limits={
                        "cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "1", "hugepages-2Mi": "64Mi"
                    }
                )
            ]
        },
        *("1", "1073741824"),
    ),
    "lost": Asked("capacity-gone", {"containers": [_cores("3")]}, "3", "0"),
    "gated": Asked(
        "",
        {
            "containers": [_cores("500m")],
            "schedulingGates": [{"name": "example.org/quota"}],
        },
        *("0.5", "0"),
    ),
    "large": Asked("", {"containers": [_cores("64")]}, "64", "0"),
    "new": Asked("", {"containers": [_cores("1")]}, "1", "0"),
}  # fmt: skip
"""Pods by name."""

AGENT_CORES = 0.2

_NODES: dict[str, tuple[Object, Object]] = {
    SMALL: ({"cpu": "2", "memory": "4Gi", "pods": "8"}, {}),
    LARGE: ({"cpu": "16", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi"}, {}),
    GPU: (
        {"cpu": "8", "memory": "16Gi", "pods": "110", "nvidia.com/gpu": "4",
         "hugepages-2Mi": "1Gi", "hugepages-1Gi": "0"},
        {"taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]},
    ),
    CORDONED: ({"cpu": "4", "memory": "8Gi", "pods": "110"}, {"unschedulable": True}),
}  # fmt: skip


def rules(component: str) -> list[Object]:
    """Return the rights that the component of a collector gives."""
    text = (ROOT / "k8s/components/collectors" / component / "rbac.yaml").read_text()
    (role,) = [each for each in yaml.safe_load_all(text) if each["kind"] == "ClusterRole"]
    found: list[Object] = role["rules"]
    return found


class Capacity:
    """The objects, and the rights to read them."""

    def __init__(self, cluster: Cluster) -> None:
        """Nothing is made yet."""
        self.cluster = cluster
        self._api = cluster.api

    def load(self) -> None:
        """Make all of it."""
        for name in (NAMESPACE, LIMITED):
            self.cluster.namespace(name)
            path = f"/api/v1/namespaces/{name}/serviceaccounts/default"
            wait_until("pods are admitted", partial(self._exists, path))
        default = {"cpu": "50m", "memory": "1Mi"}
        self.cluster.apply(
            {
                "apiVersion": "node.k8s.io/v1",
                "kind": "RuntimeClass",
                "metadata": {"name": "capacity-vm"},
                "handler": "vm",
                "overhead": {"podFixed": {"cpu": "250m", "memory": "1Mi"}},
            },
            {
                "apiVersion": "v1",
                "kind": "LimitRange",
                "metadata": {"name": "default", "namespace": LIMITED},
                "spec": {"limits": [{"type": "Container", "defaultRequest": default}]},
            },
        )
        for name, (capacity, spec) in _NODES.items():
            self._node(name, capacity, spec)
        for name, asked in PODS.items():
            self._pod(name, asked)
        self._daemon_set()
        self._progress()

    def remove(self) -> None:
        """Delete nodes and pods: there is no kubelet that would."""
        self.cluster.kubectl("delete", "daemonset", "agent", f"--namespace={NAMESPACE}")
        self._patch("deleting", "", {"metadata": {"finalizers": None}})
        force = ("--all", "--force", "--grace-period=0")
        for namespace in (NAMESPACE, LIMITED):
            self.cluster.kubectl("delete", "pods", *force, f"--namespace={namespace}")
        self.cluster.kubectl("delete", "nodes", *_NODES)
        self.cluster.kubectl("delete", "runtimeclass", "capacity-vm")

    def pods(self) -> list[Object]:
        """Return all pods as the API server has them now."""
        items: list[Object] = []
        for namespace in (NAMESPACE, LIMITED):
            items += self._api.request("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]
        return items

    def _exists(self, path: str) -> bool:
        return self._api.exchange("GET", path)[0] == 200

    def _node(self, name: str, capacity: Object, spec: Object) -> None:
        """Make a node that is ready, and wait until its lifecycle's taints are as they will be."""
        path = f"/api/v1/nodes/{name}"
        status = {"capacity": capacity, "conditions": [{"type": "Ready", "status": "True"}]}
        metadata = {"name": name, "labels": SITE}
        self._api.request("POST", "/api/v1/nodes", {"metadata": metadata, "spec": spec,
                                                    "status": status})  # fmt: skip
        expected = {each["key"] for each in spec.get("taints", ())}
        if spec.get("unschedulable"):
            expected.add("node.kubernetes.io/unschedulable")

        def settled() -> bool:
            taints = self._api.request("GET", path)["spec"].get("taints", [])
            return {taint["key"] for taint in taints} == expected

        wait_until(f"{name} has only its taints", settled)

    def _pod(self, name: str, asked: Asked) -> None:
        metadata = {"name": name, "namespace": asked.namespace}
        if name == "deleting":
            metadata["finalizers"] = ["example.org/keep"]  # type: ignore[assignment]
        spec = {**asked.spec, **({"nodeName": asked.node} if asked.node else {})}
        path = f"/api/v1/namespaces/{asked.namespace}/pods"
        self._api.request("POST", path, {"metadata": metadata, "spec": spec})

    def _daemon_set(self) -> None:
        """Let the controller make a pod for each node that takes it, and place them there."""
        labels = {"app": "agent"}
        template = {
            "metadata": {"labels": labels},
            "spec": {"nodeSelector": SITE, "containers": [_cores(str(AGENT_CORES))]},
        }
        self.cluster.apply(
            {
                "apiVersion": "apps/v1",
                "kind": "DaemonSet",
                "metadata": {"name": "agent", "namespace": NAMESPACE},
                "spec": {"selector": {"matchLabels": labels}, "template": template},
            }
        )
        path = f"/api/v1/namespaces/{NAMESPACE}/pods"
        tolerant = len(_NODES) - 1  # all but the tainted one; DaemonSets ignore a cordon
        selected = f"{path}?labelSelector=app%3Dagent"
        wait_until(
            "the DaemonSet has its pods",
            lambda: len(self._api.request("GET", selected)["items"]) == tolerant,
        )
        for pod in self._api.request("GET", selected)["items"]:
            affinity = pod["spec"]["affinity"]["nodeAffinity"]
            (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"][
                "nodeSelectorTerms"
            ]
            name, (node,) = pod["metadata"]["name"], term["matchFields"][0]["values"]
            target = {"apiVersion": "v1", "kind": "Node", "name": node}
            binding = {"metadata": {"name": name}, "target": target}
            self._api.request("POST", f"{path}/{name}/binding", binding)

    def _progress(self) -> None:
        """Report what kubelet and scheduler would of some pods."""
        one = {"cpu": "1"}
        running = {
            "name": "app",
            "image": IMAGE,
            "imageID": "",
            "ready": True,
            "restartCount": 0,
            "allocatedResources": one,
            "resources": {"requests": one},
        }
        infeasible = {"type": "PodResizePending", "status": "True", "reason": "Infeasible"}
        for name, cores, conditions in (
            ("shrinks", "500m", []),
            ("infeasible", "15", [infeasible]),
        ):
            self._patch(name, "/resize", {"spec": {"containers": [_cores(cores)]}})
            status = {"phase": "Running", "containerStatuses": [running], "conditions": conditions}
            self._patch(name, "/status", {"status": status})
        self._patch("ended", "/status", {"status": {"phase": "Succeeded"}})
        unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
        conditions = [{**unschedulable, "message": MESSAGE}]
        self._patch("large", "/status", {"status": {"conditions": conditions}})
        deleting = f"/api/v1/namespaces/{NAMESPACE}/pods/deleting?gracePeriodSeconds=0"
        self._api.request("DELETE", deleting)

    def _patch(self, name: str, subresource: str, patch: Object) -> None:
        path = f"/api/v1/namespaces/{PODS[name].namespace}/pods/{name}{subresource}"
        status, answer = self._api.exchange("PATCH", path, patch, _STRATEGIC)
        if status != 200:
            raise ApiError("PATCH", path, status, answer)
