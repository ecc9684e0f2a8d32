"""Pods, Services and EndpointSlices for tests, and a small cluster of them."""

from __future__ import annotations

from typing import Any

from support.workloads import owned
from xpjob.collectors.services.fold import MANAGED_BY, MIRRORED, SERVICE_NAME
from xpjob.collectors.services.options import ANNOTATION
from xpjob.demo.cluster import Cluster
from xpjob.kube.discovery import Kind

POD = Kind("", "v1", "pods", "Pod", True)
SERVICE = Kind("", "v1", "services", "Service", True)
ENDPOINTS = Kind("", "v1", "endpoints", "Endpoints", True)
SLICE = Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", True)
STATEFUL_SET = Kind("apps", "v1", "statefulsets", "StatefulSet", True)
DEPLOYMENT = Kind("apps", "v1", "deployments", "Deployment", True)
KINDS = (POD, SERVICE, ENDPOINTS, SLICE, STATEFUL_SET, DEPLOYMENT)

Json = dict[str, Any]
NAMESPACE = "shop"
STARTED = "2026-08-21T08:00:00Z"
CONTROLLER = "endpointslice-controller.k8s.io"


def pod(
    name: str,
    *addresses: str,
    value: str | None = "true",
    namespace: str = NAMESPACE,
    phase: str = "Running",
    deleting: bool = False,
    host_network: bool = False,
    owner: Json | None = None,
    subdomain: str = "",
    uid: str = "",
    started: str = STARTED,
) -> Json:
    """Return a pod with these addresses, annotated unless ``value`` is None."""
    metadata: Json = {
        "name": name,
        "namespace": namespace,
        "uid": uid or f"pod-{namespace}-{name}",
        "creationTimestamp": started,
    }
    if value is not None:
        metadata["annotations"] = {ANNOTATION: value}
    if deleting:
        metadata["deletionTimestamp"] = "2026-08-21T08:30:00Z"
    if owner:
        reference = {"apiVersion": "apps/v1", "kind": owner["kind"], "controller": True}
        metadata["ownerReferences"] = [
            {**reference, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
        ]
    spec: Json = {"nodeName": "node-1", "containers": [{"name": "app", "image": "app:v1"}]}
    if host_network:
        spec["hostNetwork"] = True
    if subdomain:
        spec["subdomain"] = subdomain
    status: Json = {"phase": phase, "startTime": started}
    if addresses:
        status |= {"podIP": addresses[0], "podIPs": [{"ip": each} for each in addresses]}
    return {"metadata": metadata, "spec": spec, "status": status}


def service(
    name: str,
    *,
    namespace: str = NAMESPACE,
    value: str | None = "true",
    cluster_ip: str = "None",
    selector: dict[str, str] | None = None,
    families: tuple[str, ...] = ("IPv4",),
    controller: str = "",
    uid: str = "",
    created: str = STARTED,
) -> Json:
    """Return a headless Service without a selector, as the operator makes it."""
    metadata: Json = {
        "name": name,
        "namespace": namespace,
        "uid": uid or f"service-{namespace}-{name}",
        "creationTimestamp": created,
    }
    if value is not None:
        metadata["annotations"] = {ANNOTATION: value}
    if controller:
        kind, _, owner = controller.partition("/")
        metadata["ownerReferences"] = [
            {"apiVersion": "v1", "kind": kind, "name": owner, "uid": "o", "controller": True}
        ]
    spec: Json = {"clusterIP": cluster_ip, "ipFamilies": list(families)}
    if selector:
        spec["selector"] = selector
    return {"metadata": metadata, "spec": spec}


def endpoint_slice(
    service: str,
    *addresses: str,
    namespace: str = NAMESPACE,
    ready: bool | None = None,
    managed_by: str = MIRRORED,
    suffix: str = "",
) -> Json:
    """Return an EndpointSlice of a Service; one endpoint for each address."""
    labels = {SERVICE_NAME: service, MANAGED_BY: managed_by}
    family = "IPv6" if any(":" in each for each in addresses) else "IPv4"
    name = f"{service}-{managed_by[:14]}-{family.lower()}{suffix}"
    conditions = {} if ready is None else {"conditions": {"ready": ready}}
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "addressType": family,
        "endpoints": [{"addresses": [each], **conditions} for each in addresses],
    }


def stateful_set(name: str, service: str, namespace: str = NAMESPACE) -> Json:
    """Return a StatefulSet with a governing Service."""
    made = owned(STATEFUL_SET, name, namespace)
    return {**made, "spec": {"serviceName": service}}


def fill_services(cluster: Cluster) -> None:
    """Put a pod or Service of every state into a cluster, in two namespaces."""
    governed = stateful_set("db", "db")
    kinds: dict[Kind, list[Json]] = {
        POD: [
            pod("web", "10.0.0.5"),
            pod("lacks", "10.0.0.6"),
            pod("silent", "10.0.0.7"),
            pod("wrong", "10.0.0.8"),
            pod("done", "10.0.0.9", phase="Succeeded"),
            pod("stranger", "10.0.0.9", value=None),
            pod("with.dot", "10.0.0.10"),
            pod("api", "10.0.0.11"),
            pod("yes", "10.0.0.12", value="yes"),
            pod("db-0", "10.0.0.13", owner=governed, subdomain="db"),
            pod("dual", "10.0.0.14", "fd00::14"),
            pod("agent", "192.168.0.1", host_network=True, namespace="infra"),
            pod("new", phase="Pending", namespace="infra"),
        ],
        SERVICE: [
            *(service(name) for name in ("web", "silent", "wrong", "done", "db-0", "left")),
            service("api", value=None, cluster_ip="10.96.0.7", selector={"app": "api"}),
            service("dual", families=("IPv4", "IPv6")),
            service("db", value=None, selector={"app": "db"}),
            service("agent", namespace="infra"),
        ],
        SLICE: [
            endpoint_slice("web", "10.0.0.5"),
            endpoint_slice("silent", "10.0.0.7", ready=False),
            endpoint_slice("wrong", "10.0.0.8"),
            endpoint_slice("wrong", "10.0.0.99", managed_by=CONTROLLER),
            endpoint_slice("done", "10.0.0.9"),
            endpoint_slice("db-0", "10.0.0.13"),
            endpoint_slice("dual", "10.0.0.14"),
            endpoint_slice("db", "10.0.0.13", managed_by=CONTROLLER),
            endpoint_slice("agent", "192.168.0.1", namespace="infra"),
        ],
        STATEFUL_SET: [governed, stateful_set("queue", "nothing", "infra")],
        DEPLOYMENT: [
            {**owned(DEPLOYMENT, "headless", "infra"), "status": {"availableReplicas": 1}}
        ],
    }
    for kind, items in kinds.items():
        for item in items:
            cluster.apply(kind, item)
