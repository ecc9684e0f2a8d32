"""Readers of the lists: each keeps what the join needs of its objects, as little as can be."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from msgspec import Struct, field

from xpjob.base.truncate import MAX_LABEL, cut
from xpjob.collectors.services import wire
from xpjob.kube.objects import OwnerRef

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MIRRORED = "endpointslicemirroring-controller.k8s.io"
TRUE = "true"
"""The only value of the annotation that the operator acts on."""
_ENDED = ("Succeeded", "Failed")


class AnnotatedPod(Struct, frozen=True):
    """A pod that has the annotation, with whatever value.

    ``stateful_set`` is the name of the StatefulSet that controls it, if one does.
    """

    namespace: str
    name: str
    uid: str
    value: str
    ended: bool = False
    deleting: bool = False
    host_network: bool = False
    addresses: list[str] = field(default_factory=list)
    stateful_set: str = ""
    subdomain: str = ""
    started_at: str = ""

    @property
    def wanted(self) -> bool:
        """Return whether the operator gives it a Service."""
        return self.value == TRUE

    @property
    def live(self) -> bool:
        """Return whether its addresses are its own."""
        return bool(self.addresses) and not (self.ended or self.deleting)


class FoldedPods(Struct):
    """Pods with the annotation, and which live pod has an address: ``namespace/name``."""

    annotated: list[AnnotatedPod] = field(default_factory=list)
    by_address: dict[str, str] = field(default_factory=dict)


class FoldedService(Struct, frozen=True):
    """A Service. ``controller`` is the kind and name of the object that controls it."""

    namespace: str
    name: str
    uid: str
    annotated: bool = False
    headless: bool = False
    selecting: bool = False
    controller: str = ""
    families: list[str] = field(default_factory=list)
    created_at: str = ""

    @property
    def own(self) -> bool:
        """Return whether the operator may have made it for the pod of its name."""
        return self.headless and not self.selecting and self.controller in ("", f"Pod/{self.name}")


class FoldedSlice(Struct, frozen=True):
    """The addresses of an EndpointSlice. ``mirrored``: it was copied from Endpoints."""

    namespace: str
    service: str
    mirrored: bool = False
    ready: list[str] = field(default_factory=list)
    not_ready: list[str] = field(default_factory=list)


class FoldedStatefulSet(Struct, frozen=True):
    """A StatefulSet and the name of its governing Service."""

    namespace: str
    name: str
    uid: str
    service: str
    created_at: str = ""


class FoldedDeployment(Struct, frozen=True):
    """A Deployment and the number of its available pods."""

    namespace: str
    name: str
    available: int = 0


class PodReader:
    """Keeps pods with the annotation, and the addresses of all live pods."""

    def __init__(self, annotation: str) -> None:
        self._annotation = annotation
        self._pods = FoldedPods()

    def page(self, objects: Sequence[wire.Pod]) -> None:
        """Fold the pods of a page."""
        for pod in objects:
            metadata, status = pod.metadata, pod.status or wire.PodStatus()
            spec = pod.spec or wire.PodSpec()
            ended, deleting = status.phase in _ENDED, metadata.deletion_timestamp is not None
            addresses = _addresses(status)
            if not (ended or deleting or spec.host_network):
                name = f"{metadata.namespace}/{metadata.name}"
                for address in addresses:
                    self._pods.by_address[address] = min(
                        name, self._pods.by_address.get(address, name)
                    )
            if metadata.annotations and self._annotation in metadata.annotations:
                self._pods.annotated.append(
                    AnnotatedPod(
                        metadata.namespace,
                        metadata.name,
                        metadata.uid,
                        cut(metadata.annotations[self._annotation], MAX_LABEL),
                        ended,
                        deleting,
                        bool(spec.host_network),
                        addresses,
                        _stateful_set(metadata.owner_references),
                        spec.subdomain,
                        status.start_time or metadata.creation_timestamp or "",
                    )
                )

    def result(self) -> FoldedPods:
        """Return the folded pods."""
        return self._pods


class ServiceReader:
    """Keeps what Services are, without their ports and labels."""

    def __init__(self, annotation: str) -> None:
        self._annotation = annotation
        self._services: list[FoldedService] = []

    def page(self, objects: Sequence[wire.Service]) -> None:
        """Fold the Services of a page."""
        for service in objects:
            metadata, spec = service.metadata, service.spec or wire.ServiceSpec()
            controller = _controller(metadata.owner_references)
            self._services.append(
                FoldedService(
                    metadata.namespace,
                    metadata.name,
                    metadata.uid,
                    (metadata.annotations or {}).get(self._annotation) == TRUE,
                    spec.cluster_ip == "None",
                    spec.selector is not None,
                    f"{controller.kind}/{controller.name}" if controller else "",
                    spec.ip_families or [],
                    metadata.creation_timestamp or "",
                )
            )

    def result(self) -> list[FoldedService]:
        """Return the folded Services."""
        return self._services


class SliceReader:
    """Keeps the addresses of EndpointSlices, of which DNS answers those that are ready."""

    def __init__(self) -> None:
        self._slices: list[FoldedSlice] = []

    def page(self, objects: Sequence[wire.EndpointSlice]) -> None:
        """Fold the EndpointSlices of a page."""
        for each in objects:
            labels = each.metadata.labels or {}
            if SERVICE_NAME not in labels or each.address_type == "FQDN":
                continue
            ready: set[str] = set()
            not_ready: set[str] = set()
            for endpoint in each.endpoints or ():
                unready = endpoint.conditions is not None and endpoint.conditions.ready is False
                (not_ready if unready else ready).update(map(_canonical, endpoint.addresses or ()))
            self._slices.append(
                FoldedSlice(
                    each.metadata.namespace,
                    labels[SERVICE_NAME],
                    labels.get(MANAGED_BY) == MIRRORED,
                    sorted(ready),
                    sorted(not_ready),
                )
            )

    def result(self) -> list[FoldedSlice]:
        """Return the folded EndpointSlices."""
        return self._slices


class StatefulSetReader:
    """Keeps the names of governing Services."""

    def __init__(self) -> None:
        self._sets: list[FoldedStatefulSet] = []

    def page(self, objects: Sequence[wire.StatefulSet]) -> None:
        """Fold the StatefulSets of a page."""
        for each in objects:
            metadata, spec = each.metadata, each.spec or wire.StatefulSetSpec()
            self._sets.append(
                FoldedStatefulSet(
                    *(metadata.namespace, metadata.name, metadata.uid, spec.service_name),
                    metadata.creation_timestamp or "",
                )
            )

    def result(self) -> list[FoldedStatefulSet]:
        """Return the folded StatefulSets."""
        return self._sets


class DeploymentReader:
    """Keeps the number of available pods."""

    def __init__(self) -> None:
        self._deployments: list[FoldedDeployment] = []

    def page(self, objects: Sequence[wire.Deployment]) -> None:
        """Fold the Deployments of a page."""
        for each in objects:
            available = (each.status and each.status.available_replicas) or 0
            self._deployments.append(
                FoldedDeployment(each.metadata.namespace, each.metadata.name, available)
            )

    def result(self) -> list[FoldedDeployment]:
        """Return the folded Deployments."""
        return self._deployments


def _addresses(status: wire.PodStatus) -> list[str]:
    """Return the addresses of a pod, one for each family; servers before 1.16 have but one."""
    every = [each.ip for each in status.pod_ips or ()] or [status.pod_ip]
    return [_canonical(each) for each in every if each]


def _canonical(address: str) -> str:
    try:
        return str(ip_address(address)) if ":" in address else address
    except ValueError:
        return address


def _controller(references: Sequence[OwnerRef] | None) -> OwnerRef | None:
    return next((each for each in references or () if each.controller), None)


def _stateful_set(references: Sequence[OwnerRef] | None) -> str:
    controller = _controller(references)
    if controller is None or controller.kind != "StatefulSet":
        return ""
    return controller.name if controller.api_version.startswith("apps/") else ""
