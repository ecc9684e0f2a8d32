"""Find the workload of pods: follow the controllers upwards, by UID and API group.

Names are never cut to guess an owner: the name of a ReplicaSet without an owner may look like that
of a Deployment's, and an Argo Rollout names its ReplicaSets alike.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from msgspec import Struct, field

from xpjob.collectors.deployments import wire
from xpjob.collectors.deployments.annotations import relevant
from xpjob.kube.objects import OwnerRef

GroupKind = tuple[str, str]
KNATIVE = "serving.knative.dev"
LISTED: Mapping[GroupKind, str] = {("apps", "ReplicaSet"): "replicasets", ("batch", "Job"): "jobs"}
"""Owners of pods that are listed like pods: most workloads are found through them."""
FOLLOWED = frozenset(
    (
        *LISTED,
        *(("", "ReplicationController"), ("apps", "Deployment")),
        *((KNATIVE, "Revision"), (KNATIVE, "Configuration")),
        *(("argoproj.io", "Workflow"), ("tekton.dev", "TaskRun")),
    )
)
"""Kinds whose controller is the workload rather than themselves."""
_MAX_LEVELS = 8


class Ref(Struct, frozen=True, order=True, gc=False):
    """A reference to an owner in the namespace of what it owns, or to a cluster-scoped one."""

    group: str
    kind: str
    name: str
    uid: str = ""

    @property
    def group_kind(self) -> GroupKind:
        """Return group and kind."""
        return self.group, self.kind

    def interned(self) -> Ref:
        """Return an equal one that shares the texts which many have."""
        return Ref(sys.intern(self.group), sys.intern(self.kind), self.name, self.uid)


class Owned(Struct, gc=False):
    """An object that owns pods or other owners; ``parent`` is its own controller."""

    namespace: str
    ref: Ref
    parent: Ref | None = None
    annotations: dict[str, str] = field(default_factory=dict)
    deleting: bool = False


class Workload(NamedTuple):
    """The highest known owner of pods.

    ``known``: there is no higher one. ``annotations`` are those of the owners, the lowest first.
    """

    ref: Ref
    known: bool
    annotations: Sequence[Mapping[str, str]]


class OwnerReader:
    """Keeps of each object of a list who it is, and who owns it."""

    def __init__(
        self,
        group_kind: GroupKind,
        excluded: Collection[str] = (),
        repository_key: str = "",
    ) -> None:
        self._group_kind, self._excluded = group_kind, frozenset(excluded)
        self._repository_key = repository_key
        self._owned: list[Owned] = []
        self._parents: dict[Ref, Ref] = {}
        self._without: dict[str, str] = {}

    def page(self, objects: Sequence[wire.Owner]) -> None:
        """Take the objects of a page."""
        for item in objects:
            metadata = item.metadata
            if metadata.namespace in self._excluded:
                continue
            parent = controller_of(metadata.owner_references)
            if parent is not None:  # the ReplicaSets of a Deployment share it
                parent = self._parents.get(parent) or parent.interned()
                self._parents[parent] = parent
            self._owned.append(
                Owned(
                    sys.intern(metadata.namespace),
                    Ref(*self._group_kind, metadata.name, metadata.uid),
                    parent,
                    relevant(metadata.annotations, self._repository_key) or self._without,
                    metadata.deletion_timestamp is not None,
                )
            )

    def result(self) -> list[Owned]:
        """Return the objects."""
        return self._owned


class Owners:
    """The owners of a cluster.

    ``read`` are the kinds whose lists were made. ``expected`` are those whose objects should be
    known: one that is not found is newer than its list, or its list failed. ``remembered`` returns
    the workload that the previous run found for the UID of a controller.
    """

    def __init__(
        self,
        objects: Iterable[Owned],
        read: Collection[GroupKind],
        expected: Collection[GroupKind],
        remembered: Callable[[str], Ref | None],
    ) -> None:
        self._objects = objects = list(objects)
        self._by_uid = {item.ref.uid: item for item in objects if item.ref.uid}
        self._read, self._expected, self._remembered = set(read), set(expected), remembered

    def workload(self, namespace: str, owner: Ref) -> Workload:
        """Return the workload of pods with this controller."""
        found = owner
        annotations: list[Mapping[str, str]] = []
        for _ in range(_MAX_LEVELS):
            item = self._by_uid.get(found.uid)
            if item is None or item.ref.group_kind != found.group_kind:
                if found.group_kind not in self._expected:
                    return Workload(found, True, annotations)
                remembered = self._remembered(owner.uid)
                return Workload(remembered or found, remembered is not None, annotations)
            if item.namespace == namespace:
                annotations.append(item.annotations)
            if item.parent is None or not _leads_on(found, item.parent):
                break
            found = item.parent
        return Workload(found, True, annotations)

    def exists(self, namespace: str, ref: Ref) -> bool:
        """Return whether a workload exists, and is not being deleted, as far as is known.

        If its kind is not listed it exists if it owns something that is.
        """
        names = self._names if ref.group_kind in self._read else self._parents
        return _name(namespace, ref) in names

    @cached_property
    def _names(self) -> Collection[tuple[str, str, str, str]]:
        return {_name(o.namespace, o.ref) for o in self._objects if not o.deleting}

    @cached_property
    def _parents(self) -> Collection[tuple[str, str, str, str]]:
        return {_name(o.namespace, o.parent) for o in self._objects if o.parent and not o.deleting}


def controller_of(references: Iterable[OwnerRef] | None) -> Ref | None:
    """Return the owner that controls an object: of several, the one that says so."""
    for each in references or ():
        if each.controller and each.kind and each.name:
            return Ref(each.api_version.rpartition("/")[0], each.kind, each.name, each.uid)
    return None


def _leads_on(owner: Ref, parent: Ref) -> bool:
    """Return whether the workload is the owner's controller, or higher.

    A Deployment is a workload itself, though an operator may control it; one of Knative is not.
    """
    if owner.group_kind == ("apps", "Deployment"):
        return parent.group == KNATIVE
    return owner.group_kind in FOLLOWED


def _name(namespace: str, ref: Ref) -> tuple[str, str, str, str]:
    return namespace, ref.group, ref.kind, ref.name
