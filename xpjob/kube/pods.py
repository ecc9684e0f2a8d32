"""Wire types of pods, with the fields that are read.

Resources are not decoded with the page: most pods share theirs, byte by byte, with others. See
``resources``. Nor are conditions, as those of few pods matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Raw, Struct

from xpjob.kube.decode import document
from xpjob.kube.objects import Condition, OwnerRef


class Container(Struct, rename="camel", gc=False):
    """A container or init container; ``restart_policy`` is ``Always`` in a sidecar."""

    name: str = ""
    resources: Raw = Raw(b"")
    restart_policy: str = ""


class PodSpec(Struct, rename="camel", gc=False):
    """``spec`` of a pod; ``resources`` are those of the whole pod."""

    node_name: str = ""
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    overhead: Raw = Raw(b"")
    resources: Raw = Raw(b"")


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


class PodStatus(Struct, rename="camel", gc=False):
    """``status`` of a pod; see ``conditions_of``."""

    phase: str = ""
    start_time: str | None = None
    nominated_node_name: str = ""
    conditions: Raw = Raw(b"")
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None
    resources: Raw = Raw(b"")
    allocated_resources: Raw = Raw(b"")
    node_allocatable_resource_claim_statuses: Raw = Raw(b"")


class PodMetadata(Struct, rename="camel", gc=False):
    """``metadata`` of a pod; only the name is required."""

    name: str
    namespace: str = ""
    uid: str = ""
    creation_timestamp: str | None = None
    owner_references: list[OwnerRef] | None = None


class Pod(Struct, gc=False):
    """A pod."""

    metadata: PodMetadata
    spec: PodSpec | None = None
    status: PodStatus | None = None


class _Conditions(Struct, gc=False):
    """The field of a status."""

    conditions: list[Condition] | None = None


def conditions_of(status: PodStatus, mentioning: bytes = b"") -> Sequence[Condition]:
    """Return the conditions; none if what they must be ``mentioning`` is nowhere in them.

    Values of the wrong type are dropped, as in all that is decoded.
    """
    raw = bytes(status.conditions)
    if not raw or mentioning not in raw:
        return ()
    return document(b'{"conditions":' + raw + b"}", _Conditions)[0].conditions or ()
