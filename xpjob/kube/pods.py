"""Wire types of pods, with the fields that are read.

Resources are not decoded with the page: most pods share theirs, byte by byte, with others. See
``resources``.
"""

from __future__ import annotations

from msgspec import Raw, Struct

from xpjob.kube.objects import Condition, Metadata


class Container(Struct, rename="camel", gc=False):
    """A container or init container; ``restart_policy`` is ``Always`` in a sidecar."""

    name: str = ""
    resources: Raw = Raw(b"")
    restart_policy: str = ""


class Toleration(Struct, gc=False):
    """An entry of ``spec.tolerations``; no operator means ``Equal``."""

    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""


class SchedulingGate(Struct, gc=False):
    """An entry of ``spec.schedulingGates``."""

    name: str = ""


class PodSpec(Struct, rename="camel", gc=False):
    """``spec`` of a pod; ``resources`` are those of the whole pod."""

    node_name: str = ""
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    overhead: Raw = Raw(b"")
    resources: Raw = Raw(b"")
    priority: int | None = None
    tolerations: list[Toleration] | None = None
    scheduling_gates: list[SchedulingGate] | None = None


class Terminated(Struct, rename="camel", gc=False):
    """``state.terminated`` of a container; the time is null if the kubelet does not know it."""

    finished_at: str | None = None


class ContainerState(Struct, gc=False):
    """``state`` of a container."""

    terminated: Terminated | None = None


class ContainerStatus(Struct, rename="camel", gc=False):
    """A container or init container: its state, and what it has been given by a resize."""

    name: str = ""
    state: ContainerState | None = None
    resources: Raw = Raw(b"")
    allocated_resources: Raw = Raw(b"")


class ExtendedResourceRequest(Struct, rename="camel", gc=False):
    """An extended resource of a container that a device of a ResourceClaim provides."""

    container_name: str = ""
    resource_name: str = ""


class ExtendedResourceClaimStatus(Struct, rename="camel", gc=False):
    """The ResourceClaim that was made for a pod's extended resources."""

    request_mappings: list[ExtendedResourceRequest] | None = None
    resource_claim_name: str = ""


class PodStatus(Struct, rename="camel", gc=False):
    """``status`` of a pod."""

    phase: str = ""
    reason: str = ""
    start_time: str | None = None
    nominated_node_name: str = ""
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None
    resources: Raw = Raw(b"")
    allocated_resources: Raw = Raw(b"")
    node_allocatable_resource_claim_statuses: Raw = Raw(b"")
    extended_resource_claim_status: ExtendedResourceClaimStatus | None = None


class Pod(Struct, gc=False):
    """A pod."""

    metadata: Metadata
    spec: PodSpec | None = None
    status: PodStatus | None = None
