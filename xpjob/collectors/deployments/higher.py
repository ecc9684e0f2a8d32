"""Read the metadata of owners above ReplicaSets and Jobs, where that is served and granted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from xpjob.base.errors import NotFoundError, RefusedError
from xpjob.collect.contract import World
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.deployments.inventory_options import InventoryOptions
from xpjob.collectors.deployments.owners import FOLLOWED, KNATIVE, GroupKind, Owned, OwnerReader
from xpjob.collectors.deployments.wire import Owner
from xpjob.kube.discovery import Kind
from xpjob.kube.lists import ListKey

KINDS = {
    "apps": ("deployments", "statefulsets", "daemonsets"),
    "batch": ("cronjobs",),
    "argoproj.io": ("rollouts", "workflows", "cronworkflows"),
    "apps.kruise.io": ("clonesets", "statefulsets", "daemonsets", "advancedcronjobs"),
    "keda.sh": ("scaledjobs",),
    "jobset.x-k8s.io": ("jobsets",),
    "tekton.dev": ("taskruns", "pipelineruns"),
    "apps.openshift.io": ("deploymentconfigs",),
    KNATIVE: ("revisions", "configurations", "services"),
}
"""Workloads and what controls them, by API group. They are read for owners and annotations."""
_OPENSHIFT = "apps.openshift.io"
_REPLICATION_CONTROLLER = Kind("", "v1", "replicationcontrollers", "ReplicationController", True)


class Higher(NamedTuple):
    """What could be read.

    ``read`` are the kinds that were, ``expected`` those whose objects should be known, ``failed``
    the lists that failed for a reason that may pass. ``remarks`` name what is not granted.
    """

    objects: Sequence[Owned] = ()
    read: frozenset[GroupKind] = frozenset()
    expected: frozenset[GroupKind] = frozenset()
    failed: Sequence[TargetOutcome] = ()
    remarks: Sequence[str] = ()


def read_higher(world: World, options: InventoryOptions) -> Higher:
    """Read the lists of these kinds concurrently; one that fails is left out."""
    kinds = list(_served(world))
    namespaces = options.namespace or ("",)
    wanted = [(kind, namespace) for kind in kinds for namespace in namespaces]
    answers = world.read_each(
        [(ListKey(kind.gvr, namespace, metadata_only=True), Owner) for kind, namespace in wanted]
    )
    objects: list[Owned] = []
    failed: list[TargetOutcome] = []
    refused: dict[GroupKind, Kind] = {}
    broken: set[GroupKind] = set()
    for (kind, namespace), answer in zip(wanted, answers, strict=True):
        group_kind = (kind.group, kind.kind)
        if isinstance(answer, (RefusedError, NotFoundError)):
            refused[group_kind] = kind
        elif isinstance(answer, Exception):
            broken.add(group_kind)
            failed.append(_outcome(kind, namespace, answer))
        else:
            reader = OwnerReader(
                group_kind, options.exclude_namespaces, options.github_repository_annotation
            )
            reader.page(answer.items)
            objects += reader.result()
    every = {(kind.group, kind.kind) for kind in kinds}
    expected = (every - refused.keys()) & FOLLOWED
    if not any(group == KNATIVE for group, _ in every):
        expected -= {("apps", "Deployment")}
    return Higher(
        objects,
        frozenset(every - refused.keys() - broken),
        frozenset(expected),
        failed,
        [
            f"{kind.resource}.{kind.group} cannot be listed: their owners, annotations, and "
            "whether they are scaled to zero are unknown"
            for kind in refused.values()
        ],
    )


def _served(world: World) -> list[Kind]:
    found = [
        world.catalogue.resource(group, resource)
        for group, resources in KINDS.items()
        for resource in resources
    ]
    kinds = [kind for kind in found if kind is not None and kind.namespaced]
    if any(kind.group == _OPENSHIFT for kind in kinds):
        kinds.append(_REPLICATION_CONTROLLER)
    return kinds


def _outcome(kind: Kind, namespace: str, error: Exception) -> TargetOutcome:
    return TargetOutcome(
        class_="owner",
        group=kind.group,
        version=kind.version,
        resource=kind.resource,
        kind=kind.kind,
        namespace=namespace,
        source="",
        collector="deployments",
        unconfirmed=f"owners are unknown: {error}",
    )
