"""The parts of objects that the collector reads: of pods, and of the metadata of their owners."""

from __future__ import annotations

from msgspec import Struct, field

from xpjob.kube.objects import OwnerRef


class Metadata(Struct, rename="camel", gc=False):
    """``metadata``; only the name is required."""

    name: str
    namespace: str = ""
    uid: str = ""
    deletion_timestamp: str | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerRef] | None = None


class Owner(Struct, gc=False):
    """An object that owns pods, or another owner."""

    metadata: Metadata


class Container(Struct, rename="camel", gc=False):
    """A container of any kind; ``restart_policy`` is ``Always`` in a sidecar."""

    name: str = ""
    image: str = ""
    restart_policy: str = ""


class ImageSource(Struct, gc=False):
    """``image`` of a volume."""

    reference: str = ""


class Volume(Struct, gc=False):
    """An entry of ``spec.volumes``."""

    name: str = ""
    image: ImageSource | None = None


class PodSpec(Struct, rename="camel", gc=False):
    """``spec`` of a pod."""

    node_name: str = ""
    restart_policy: str = ""
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    ephemeral_containers: list[Container] | None = None
    volumes: list[Volume] | None = None


class MountedImage(Struct, rename="camel", gc=False):
    """The image that the runtime has mounted."""

    image_ref: str = ""


class VolumeStatus(Struct, gc=False):
    """``volumeStatus`` of a mount."""

    image: MountedImage | None = None


class MountStatus(Struct, rename="camel", gc=False):
    """An entry of ``volumeMounts`` in a container's status."""

    name: str = ""
    volume_status: VolumeStatus | None = None


class ContainerStatus(Struct, rename="camel", gc=False):
    """The status of a container."""

    name: str = ""
    image_id: str = field(name="imageID", default="")
    volume_mounts: list[MountStatus] | None = None


class PodStatus(Struct, rename="camel", gc=False):
    """``status`` of a pod."""

    phase: str = ""
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None
    ephemeral_container_statuses: list[ContainerStatus] | None = None


class Pod(Struct, gc=False):
    """A pod."""

    metadata: Metadata
    spec: PodSpec | None = None
    status: PodStatus | None = None
