"""The parts of objects that the collector reads."""

from __future__ import annotations

from msgspec import Struct, field

from xpjob.kube.objects import OwnerRef


class Metadata(Struct, rename="camel", gc=False):
    """``metadata``; only the name is required."""

    name: str
    namespace: str = ""
    uid: str = ""
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerRef] | None = None


class Labelled(Struct, rename="camel", gc=False):
    """``metadata`` with labels, which those of pods have but are not read."""

    name: str
    namespace: str = ""
    labels: dict[str, str] | None = None


class PodSpec(Struct, rename="camel", gc=False):
    """``spec`` of a pod; ``subdomain`` names the Service that its StatefulSet names."""

    host_network: bool | None = None
    subdomain: str = ""


class PodIP(Struct, gc=False):
    """An entry of ``status.podIPs``."""

    ip: str = ""


class PodStatus(Struct, rename="camel", gc=False):
    """``status`` of a pod."""

    phase: str = ""
    pod_ip: str = field(name="podIP", default="")
    pod_ips: list[PodIP] | None = field(name="podIPs", default=None)
    start_time: str | None = None


class Pod(Struct, gc=False):
    """A pod."""

    metadata: Metadata
    spec: PodSpec | None = None
    status: PodStatus | None = None


class ServiceSpec(Struct, rename="camel", gc=False):
    """``spec`` of a Service; ``cluster_ip`` is ``None``, as text, if it is headless."""

    cluster_ip: str = field(name="clusterIP", default="")
    selector: dict[str, str] | None = None
    ip_families: list[str] | None = None


class Service(Struct, gc=False):
    """A Service."""

    metadata: Metadata
    spec: ServiceSpec | None = None


class Conditions(Struct, gc=False):
    """``conditions`` of an endpoint; an endpoint without ``ready`` counts as ready."""

    ready: bool | None = None


class Endpoint(Struct, gc=False):
    """An entry of ``endpoints``."""

    addresses: list[str] | None = None
    conditions: Conditions | None = None


class EndpointSlice(Struct, rename="camel", gc=False):
    """An EndpointSlice; it names its Service in a label."""

    metadata: Labelled
    address_type: str = ""
    endpoints: list[Endpoint] | None = None


class Named(Struct, gc=False):
    """An object of which only the metadata is read."""

    metadata: Labelled


class StatefulSetSpec(Struct, rename="camel", gc=False):
    """``spec`` of a StatefulSet; ``service_name`` is its governing Service."""

    service_name: str = ""


class StatefulSet(Struct, gc=False):
    """A StatefulSet."""

    metadata: Metadata
    spec: StatefulSetSpec | None = None


class DeploymentStatus(Struct, rename="camel", gc=False):
    """``status`` of a Deployment."""

    available_replicas: int | None = None


class Deployment(Struct, gc=False):
    """A Deployment."""

    metadata: Metadata
    status: DeploymentStatus | None = None
