"""Pods of the sample platform that are to have a headless Service each, and what became of that."""

from __future__ import annotations

from xpjob.demo.apps import DEPLOYMENT, POD, STATEFUL_SET, object_of, reference_to
from xpjob.demo.cluster import Cluster
from xpjob.demo.selectors import Json
from xpjob.kube.discovery import Kind

SERVICE = Kind("", "v1", "services", "Service", True)
ENDPOINTS = Kind("", "v1", "endpoints", "Endpoints", True)
SLICE = Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", True)
KINDS = (POD, SERVICE, ENDPOINTS, SLICE, STATEFUL_SET, DEPLOYMENT)
OPERATOR = "kube-system/headless-service-operator"

_NAMESPACE = "team-search"
_ANNOTATED = {"srcd.host/create-headless-service": "true"}
_IMAGE = "registry.example.org/team-search/crawler:1.4.0"


def fill(cluster: Cluster) -> None:
    """Create pods that are served, without a Service, at a wrong address, and of a foreign name.

    One more pod has gone, and has left its Service.
    """
    namespace, _, name = OPERATOR.partition("/")
    operator = object_of(DEPLOYMENT, namespace, name)
    cluster.apply(DEPLOYMENT, {**operator, "status": {"availableReplicas": 1}})
    owner = object_of(STATEFUL_SET, _NAMESPACE, "crawler")
    cluster.apply(STATEFUL_SET, owner)
    for number, pod in enumerate(("crawler-0", "crawler-1", "crawler-2", "archive")):
        cluster.apply(POD, _pod(pod, owner, f"10.244.1.{number + 10}"))
    for service in ("crawler-0", "crawler-2", "crawler-3"):
        cluster.apply(SERVICE, _service(service, {"clusterIP": "None", "ipFamilies": ["IPv4"]}))
    whole = {"clusterIP": "10.96.12.7", "selector": {"app": "archive"}}
    cluster.apply(SERVICE, _service("archive", whole, annotations={}))
    for service, address in (("crawler-0", "10.244.1.10"), ("crawler-2", "10.244.1.99")):
        cluster.apply(SLICE, _slice(service, address))


def _pod(name: str, owner: Json, address: str) -> Json:
    return {
        "metadata": {
            "name": name,
            "namespace": _NAMESPACE,
            "uid": f"pods-{_NAMESPACE}-{name}",
            "annotations": _ANNOTATED,
            "ownerReferences": [reference_to(owner)],
        },
        "spec": {
            "nodeName": "worker-1",
            "restartPolicy": "Always",
            "containers": [{"name": "crawler", "image": _IMAGE}],
        },
        "status": {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "containerStatuses": [{"name": "crawler", "image": _IMAGE, "imageID": ""}],
        },
    }


def _service(name: str, spec: Json, annotations: dict[str, str] = _ANNOTATED) -> Json:
    metadata = {"name": name, "namespace": _NAMESPACE, "annotations": annotations}
    return {"metadata": {**metadata, "uid": f"services-{_NAMESPACE}-{name}"}, "spec": spec}


def _slice(service: str, address: str) -> Json:
    return {
        "metadata": {
            "name": f"{service}-x7k2p",
            "namespace": _NAMESPACE,
            "labels": {
                "kubernetes.io/service-name": service,
                "endpointslice.kubernetes.io/managed-by": (
                    "endpointslicemirroring-controller.k8s.io"
                ),
            },
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
    }
