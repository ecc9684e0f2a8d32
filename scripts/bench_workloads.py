"""Nodes and pods, what owns pods, and what points at them, as they are made and reported.

All texts that a copy has otherwise are of fixed length, see ``bench_pods``.
"""

from __future__ import annotations

from bench_objects import team
from harness.connection import Object

PODS_OF_AN_OWNER = 5
KINDS = 10  # of pods, by what they request; one more is annotated
NODE, OWNER, POD = "n{:06d}", "w{:06d}", "p{:06d}"
OWNER_UID = "00000000-0000-4000-8000-{:012d}"
DEPLOYMENT_UID = "00000000-0000-4000-9000-{:012d}"
_TIME = "2026-08-21T09:00:00Z"
_IMAGE = "registry.example.org/platform/{}@sha256:" + "a7" * 32
_READY = "Initialized", "Ready", "ContainersReady", "PodScheduled", "PodReadyToStartContainers"

ANNOTATION = "srcd.host/create-headless-service"
_MIRRORED = "endpointslicemirroring-controller.k8s.io"


def replica_set(name: str, namespace: str, owner_uid: str, template: Object) -> Object:
    """Return a ReplicaSet of the Deployment of the same name."""
    owner = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "controller": True,
        "name": name,
        "uid": owner_uid,
    }
    made = _workload("ReplicaSet", name, namespace, template)
    made["metadata"]["ownerReferences"] = [owner]
    return made


def deployment(name: str, namespace: str, template: Object) -> Object:
    """Return a Deployment, as somebody applies it."""
    return _workload("Deployment", name, namespace, template)


def _workload(kind: str, name: str, namespace: str, template: Object) -> Object:
    labels = {"app.kubernetes.io/instance": name}
    metadata = {"labels": {**template["metadata"]["labels"], **labels}}
    spec = {key: template["spec"][key] for key in ("containers", "initContainers", "volumes")}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": 5,
            "selector": {"matchLabels": labels},
            "template": {"metadata": metadata, "spec": spec},
        },
    }


def headless(pod: Object) -> list[tuple[str, str, Object]]:
    """Return what an operator makes for an annotated pod: API path, folder in etcd, object."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {ANNOTATION: "true"},
        },
        "spec": {"clusterIP": "None", "ipFamilies": ["IPv4"], "ports": [{"port": 80}]},
    }
    labels = {
        "kubernetes.io/service-name": name,
        "endpointslice.kubernetes.io/managed-by": _MIRRORED,
    }
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-x7k2p", "namespace": namespace, "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.7"], "conditions": {"ready": True}}],
        "ports": [{"port": 80}],
    }
    within = f"namespaces/{namespace}"
    return [
        (f"/api/v1/{within}/services", f"/registry/services/specs/{namespace}", service),
        (
            f"/apis/discovery.k8s.io/v1/{within}/endpointslices",
            f"/registry/endpointslices/{namespace}",
            endpoints,
        ),
    ]


def _condition(kind: str) -> Object:
    return {"type": kind, "status": "True", "lastTransitionTime": _TIME}


def node() -> Object:
    """Return a node as its kubelet reports it, with the images that it has."""
    holds = {"cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "200Gi"}
    labels = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "kubernetes.io/hostname": NODE.format(0),
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
        "metadata": {"name": NODE.format(0), "labels": labels},
        "spec": {"providerID": f"aws:///eu-west-1a/i-{NODE.format(0)}"},
        "status": {
            "capacity": holds,
            "allocatable": {**holds, "cpu": "15890m", "memory": "62Gi"},
            "conditions": [{**_condition("Ready"), "reason": "KubeletReady"}],
            "images": images,
            "addresses": [{"type": "Hostname", "address": NODE.format(0)}],
        },
    }


def pod(number: int) -> Object:
    """Return a pod of a ReplicaSet: two containers, a sidecar, an init container."""
    token, owner = POD.format(number), number // PODS_OF_AN_OWNER
    name = f"service-{OWNER.format(owner)}-{token}"
    labels = {
        "app.kubernetes.io/name": "service",
        "app.kubernetes.io/instance": OWNER.format(owner),
        "pod-template-hash": "5d9c7b8f6",
    }
    annotations = {"checksum/config": "0f" * 32, "prometheus.io/scrape": "true"}
    if number == KINDS:
        annotations[ANNOTATION] = "true"
    reference = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "controller": True,
        "name": OWNER.format(owner),
        "uid": OWNER_UID.format(owner),
    }
    cpu, memory = f"{100 + 50 * number}m", f"{128 + 64 * number}Mi"
    resources = {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}
    small = {"requests": {"cpu": "10m", "memory": "32Mi"}}
    inits = [
        _container("migrate", small),
        {**_container("proxy", small), "restartPolicy": "Always"},
    ]
    ended = {"exitCode": 0, "reason": "Completed", "startedAt": _TIME, "finishedAt": _TIME}
    containers = [_container("app", resources, variables=2), _container("metrics", small)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name, "namespace": team(0), "labels": labels, "annotations": annotations,
            "ownerReferences": [reference],
        },
        "spec": {
            "nodeName": NODE.format(0),
            "containers": containers,
            "initContainers": inits,
            "volumes": [{"name": "config", "configMap": {"name": "service-config"}}],
        },
        "status": {
            "phase": "Running", "startTime": _TIME, "qosClass": "Burstable",
            "podIP": "10.0.0.7", "podIPs": [{"ip": "10.0.0.7"}],
            "hostIP": "10.1.0.7", "hostIPs": [{"ip": "10.1.0.7"}],
            "conditions": [_condition(kind) for kind in _READY],
            "containerStatuses": [_status(each, {"running": {"startedAt": _TIME}})
                                  for each in containers],
            "initContainerStatuses": [
                _status(inits[0], {"terminated": ended}),
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
