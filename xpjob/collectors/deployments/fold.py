"""Fold pods while they are listed: those of one owner that run the same images become one entry."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, field

from xpjob.collectors.deployments.annotations import relevant
from xpjob.collectors.deployments.owners import Ref, controller_of
from xpjob.collectors.deployments.rows import ContainerKind
from xpjob.collectors.deployments.wire import Container, ContainerStatus, Pod, PodSpec, PodStatus

_ENDED = ("Succeeded", "Failed")
_Parts = tuple[tuple[str, ContainerKind, str, str], ...]
_Signature = tuple[str, Ref, bool, _Parts, tuple[tuple[str, str], ...]]


_NO_SPEC, _NO_STATUS = PodSpec(), PodStatus()


class FoldedContainer(Struct, frozen=True, order=True, gc=False):
    """A container of some pods; ``image`` as in the spec, ``image_id`` as in the status."""

    name: str
    kind: ContainerKind
    image: str
    image_id: str


class FoldedPods(Struct, gc=False):
    """Pods of one owner that are alike. ``completed`` are those of jobs that have ended."""

    namespace: str
    owner: Ref
    containers: list[FoldedContainer]
    annotations: dict[str, str] = field(default_factory=dict)
    pods: int = 0
    completed: int = 0
    nodes: list[str] = field(default_factory=list)


class _Counted:
    """Pods that are alike, and the node of each."""

    __slots__ = ("nodes", "pods")

    def __init__(self) -> None:
        self.pods = 0
        self.nodes: list[str] = []


class PodReader:
    """Folds the pods of a list; none is kept."""

    def __init__(self, excluded: Collection[str] = (), repository_key: str = "") -> None:
        self._excluded, self._repository_key = frozenset(excluded), repository_key
        self._counted: dict[_Signature, _Counted] = {}
        self._parts: dict[_Parts, _Parts] = {}

    def page(self, objects: Sequence[Pod]) -> None:
        """Count the pods of a page."""
        # Lists are in order of name, so most pods are like the one before, and to see that takes
        # much less time than to make their signature.
        before: tuple[object, ...] | None = None
        counted = _Counted()
        for pod in objects:
            metadata, spec, status = pod.metadata, pod.spec or _NO_SPEC, pod.status or _NO_STATUS
            if metadata.namespace in self._excluded:
                continue
            references, ended = metadata.owner_references, status.phase in _ENDED
            if ended and (spec.restart_policy in ("", "Always") or not controller_of(references)):
                continue  # evicted, or done: nothing runs there, and nothing is expected to end
            own = relevant(metadata.annotations, self._repository_key)
            volumes = [each.image for each in spec.volumes or ()]
            like = (
                *(metadata.namespace, references, ended, own, volumes, spec.ephemeral_containers),
                *(spec.containers, _reported(status.container_statuses)),
                *(spec.init_containers, _reported(status.init_container_statuses)),
            )
            if like != before:
                owner = controller_of(references)
                counted = self._alike(pod, owner, own, ended=ended)
                # What is left out of the comparison matters to these.
                odd = owner is None or spec.ephemeral_containers or any(volumes)
                before = None if odd else like
            counted.pods += 1
            if spec.node_name and not ended:
                counted.nodes.append(sys.intern(spec.node_name))

    def _alike(
        self, pod: Pod, owner: Ref | None, own: Mapping[str, str], *, ended: bool
    ) -> _Counted:
        """Return the pods that are like one."""
        signature = (
            pod.metadata.namespace,
            owner or Ref("", "Pod", pod.metadata.name),
            ended,
            tuple(_parts(pod.spec or _NO_SPEC, pod.status or _NO_STATUS)),
            tuple(sorted(own.items())),
        )
        counted = self._counted.get(signature)
        if counted is None:
            counted = self._counted[self._interned(signature)] = _Counted()
        return counted

    def result(self) -> list[FoldedPods]:
        """Return the folded pods."""
        # Owners of one template share what is made of their pods.
        containers: dict[tuple[_Parts, bool], list[FoldedContainer]] = {}
        annotations: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
        made = []
        for (namespace, owner, ended, parts, own), counted in self._counted.items():
            if (parts, ended) not in containers:
                containers[(parts, ended)] = [
                    # A container that has ended without an image has never run.
                    FoldedContainer(*part)
                    for part in parts
                    if part[3] or not ended
                ]
            made.append(
                FoldedPods(
                    namespace,
                    owner,
                    containers[(parts, ended)],
                    annotations.setdefault(own, dict(own)),
                    0 if ended else counted.pods,
                    counted.pods if ended else 0,
                    sorted({*counted.nodes}),
                )
            )
        return made

    def _interned(self, signature: _Signature) -> _Signature:
        """Return an equal signature, of texts and containers that others have, too."""
        namespace, owner, ended, parts, own = signature
        shared = self._parts.get(parts)
        if shared is None:
            shared = tuple((*map(sys.intern, part),) for part in parts)  # type: ignore[misc]
            self._parts[shared] = shared
        return sys.intern(namespace), owner.interned(), ended, shared, own


def _reported(statuses: Iterable[ContainerStatus] | None) -> list[tuple[str, str]]:
    return [(each.name, each.image_id) for each in statuses or ()]


def _parts(spec: PodSpec, status: PodStatus) -> Iterator[tuple[str, ContainerKind, str, str]]:
    """Yield name, kind, image and image ID of each container and image volume."""
    yield from _containers(spec.containers, status.container_statuses, "container")
    yield from _containers(spec.init_containers, status.init_container_statuses, "init")
    yield from _containers(
        spec.ephemeral_containers, status.ephemeral_container_statuses, "ephemeral"
    )
    mounted: dict[str, str] | None = None
    for volume in spec.volumes or ():
        if volume.image is None or not volume.image.reference:
            continue
        if mounted is None:
            mounted = _mounted(status)
        yield (
            *(volume.name, "imageVolume", volume.image.reference),
            mounted.get(volume.name, ""),
        )


def _containers(
    containers: Iterable[Container] | None,
    statuses: Iterable[ContainerStatus] | None,
    kind: ContainerKind,
) -> Iterator[tuple[str, ContainerKind, str, str]]:
    if not containers:
        return
    ids = {status.name: status.image_id for status in statuses or ()}
    for each in containers:
        if each.image:
            sidecar = kind == "init" and each.restart_policy == "Always"
            own: ContainerKind = "sidecar" if sidecar else kind
            yield each.name, own, each.image, ids.get(each.name, "")


def _mounted(status: PodStatus) -> dict[str, str]:
    """Return the images of volumes, which the statuses of the containers that mount them have."""
    every = (*(status.container_statuses or ()), *(status.init_container_statuses or ()))
    return {
        mount.name: mount.volume_status.image.image_ref
        for each in every
        for mount in each.volume_mounts or ()
        if mount.volume_status and mount.volume_status.image
    }
