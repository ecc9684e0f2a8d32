"""Pods with headless Services of their own, as the operator leaves them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from harness.cluster import Cluster
from harness.connection import Object
from harness.processes import wait_until

NAMESPACE, SYSTEM = "headless", "headless-system"
ANNOTATION = "srcd.host/create-headless-service"
ANNOTATED = {ANNOTATION: "true"}
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
IMAGE = "registry.example.org/app:v1"
FORMER = {"app": "former"}
NODE = "headless-node"
"""Of the pod that is selected: the EndpointSlice controller wants to know the zone."""
ADDRESSES = {
    "web": "10.0.0.5",
    "lacks": "10.0.0.6",
    "silent": "10.0.0.7",
    "wrong": "10.0.0.8",
    "done": "10.0.0.9",
    "stranger": "10.0.0.9",
    "former": "10.0.0.10",
    "api": "10.0.0.11",
    "dual": "10.0.0.12",
    "0digit": "10.0.0.13",
    "with.dot": "10.0.0.14",
    "truly": "10.0.0.15",
    "db-0": "10.0.0.16",
}
_MERGE = "application/merge-patch+json"


class Headless:
    """The objects, and the changes that the operator makes to them."""

    def __init__(self, cluster: Cluster) -> None:
        """Nothing is made yet."""
        self.cluster = cluster
        self._api = cluster.api

    def load(self) -> None:
        """Make all of it, and wait until the controllers have done their part."""
        for name in (NAMESPACE, SYSTEM):
            self.cluster.namespace(name)
            wait_until("pods are admitted", partial(self._admits_pods, name))
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        node = {"metadata": {"name": NODE}, "status": ready}
        self._api.request("POST", "/api/v1/nodes", node)
        for name in ADDRESSES:
            if name != "db-0":
                self._pod(name)
        self._pod("waits", status=False)
        self._stateful_sets()
        for name in ("web", "silent", "wrong", "done", "dual", "0digit", "db-0", "left"):
            self.service(name)
        self.service("former", selector=FORMER)
        self.service("api", clusterIP=None, ports=[{"port": 80}], selector={"app": "api"})
        found = {**ADDRESSES, "wrong": "10.0.0.99", "left": "10.0.0.98"}
        for name in ("web", "wrong", "done", "dual", "0digit", "db-0", "left"):
            self.endpoints(name, found[name])
        self.endpoints(
            "silent", found["silent"], labels={"endpointslice.kubernetes.io/skip-mirror": "true"}
        )
        self._remove_a_selector()
        self._wait_for("web", "wrong", "done", "dual", "0digit", "db-0", "left")

    def remove(self) -> None:
        """Delete what no kubelet would."""
        self.cluster.kubectl("delete", "statefulsets", "--all", f"--namespace={NAMESPACE}")
        for kind in ("pods", "services"):
            force = ("--all", "--force", "--grace-period=0")
            self.cluster.kubectl("delete", kind, *force, f"--namespace={NAMESPACE}")
        self.cluster.kubectl("delete", "node", NODE)

    def service(self, name: str, **spec: Any) -> Object:
        """Create a Service as the operator does: headless, no selector, annotations of the pod."""
        metadata = {"name": name, "annotations": ANNOTATED}
        body = {"metadata": metadata, "spec": {"clusterIP": "None", **spec}}
        if body["spec"]["clusterIP"] is None:
            del body["spec"]["clusterIP"], metadata["annotations"]
        return self._api.request("POST", _path("services"), body)

    def endpoints(self, name: str, address: str, labels: Mapping[str, str] | None = None) -> Object:
        """Write the Endpoints of a Service: one address, no ports."""
        path, metadata = _path("endpoints"), {"name": name, "labels": labels or {}}
        body = {"metadata": metadata, "subsets": [{"addresses": [{"ip": address}]}]}
        if self._api.exchange("GET", f"{path}/{name}")[0] == 200:
            return self._api.request("PUT", f"{path}/{name}", body)
        return self._api.request("POST", path, body)

    def delete(self, resource: str, name: str) -> None:
        """Delete an object at once, and wait until its EndpointSlices are gone with it."""
        self._api.request("DELETE", f"{_path(resource)}/{name}?gracePeriodSeconds=0")
        if resource == "services":
            wait_until(f"EndpointSlices of {name} are deleted", lambda: not self.slices(name))

    def slices(self, service: str) -> list[Object]:
        """Return the EndpointSlices of a Service."""
        selector = f"labelSelector={SERVICE_NAME}%3D{service}"
        found: list[Object] = self._api.request("GET", f"{_slices()}?{selector}")["items"]
        return found

    def answers(self, service: str) -> set[str]:
        """Return the addresses that DNS would answer for a Service."""
        return {
            address
            for each in self.slices(service)
            for endpoint in each.get("endpoints") or ()
            if endpoint["conditions"].get("ready") is not False
            for address in endpoint["addresses"]
        }

    def patch(self, resource: str, name: str, patch: Object) -> None:
        """Merge-patch an object."""
        path = f"{_path(resource)}/{name}"
        status, answer = self._api.exchange("PATCH", path, patch, _MERGE)
        assert status == 200, answer

    def _pod(self, name: str, *, status: bool = True) -> None:
        annotations = {"stranger": {}, "truly": {ANNOTATION: "True"}}.get(name, ANNOTATED)
        labels = FORMER if name == "former" else {}
        metadata = {"name": name, "annotations": annotations, "labels": labels}
        spec: Object = {"containers": [{"name": "app", "image": IMAGE}]}
        if name == "former":
            spec["nodeName"] = NODE
        self._api.request("POST", _path("pods"), {"metadata": metadata, "spec": spec})
        if status:
            self._run(name)

    def _run(self, name: str) -> None:
        """Report what a kubelet would."""
        ips = [{"ip": ADDRESSES[name]}, *([{"ip": "fd00::12"}] if name == "dual" else [])]
        phase = "Succeeded" if name == "done" else "Running"
        status = {
            "phase": phase,
            "podIP": ADDRESSES[name],
            "podIPs": ips,
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        path = f"{_path('pods')}/{name}/status"
        code, answer = self._api.exchange("PATCH", path, {"status": status}, _MERGE)
        assert code == 200, answer

    def _stateful_sets(self) -> None:
        labels = {"app": "db"}
        template = {
            "metadata": {"labels": labels, "annotations": ANNOTATED},
            "spec": {"containers": [{"name": "app", "image": IMAGE}]},
        }
        spec = {"selector": {"matchLabels": labels}, "template": template}
        for name, service, replicas in (("db", "db", 1), ("queue", "nothing", 0)):
            self.cluster.apply(
                {
                    "apiVersion": "apps/v1",
                    "kind": "StatefulSet",
                    "metadata": {"name": name, "namespace": NAMESPACE},
                    "spec": {**spec, "serviceName": service, "replicas": replicas},
                }
            )
        body = {"metadata": {"name": "db"}, "spec": {"clusterIP": "None", "selector": labels}}
        self._api.request("POST", _path("services"), body)
        path = f"{_path('pods')}/db-0"
        wait_until("the StatefulSet has its pod", lambda: self._api.exchange("GET", path)[0] == 200)
        self._run("db-0")

    def _remove_a_selector(self) -> None:
        """Let the EndpointSlice controller do its work, then take the selector away."""
        wait_until(
            "the selected pod is found", lambda: self.answers("former") == {ADDRESSES["former"]}
        )
        self.patch("services", "former", {"spec": {"selector": None}})
        self.endpoints("former", "10.0.0.97")
        wait_until(
            "DNS would answer the union",
            lambda: self.answers("former") == {ADDRESSES["former"], "10.0.0.97"},
        )

    def _wait_for(self, *names: str) -> None:
        for name in names:
            wait_until(f"{name} is mirrored", partial(self._answers, name))

    def _answers(self, service: str) -> bool:
        return bool(self.answers(service))

    def _admits_pods(self, namespace: str) -> bool:
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
        return bool(self._api.exchange("GET", path)[0] == 200)


def _path(resource: str) -> str:
    return f"/api/v1/namespaces/{NAMESPACE}/{resource}"


def _slices() -> str:
    return f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
