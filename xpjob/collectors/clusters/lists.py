"""The lists that the collector wants, what is read of each, and what planning itself reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from msgspec import Struct

from xpjob.base.errors import TransientError, XpjobError
from xpjob.collect.carry import ANY_RESOURCE
from xpjob.collect.contract import Subscription, World
from xpjob.collectors.clusters import extensions, olm, openshift
from xpjob.collectors.clusters.nodes import node_row
from xpjob.collectors.clusters.wire import (
    ClusterExtension,
    ClusterOperator,
    ClusterVersion,
    Csv,
    OlmSubscription,
    OperatorGroup,
)
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey
from xpjob.kube.nodes import Node
from xpjob.kube.pods import Pod
from xpjob.kube.request_rules import NEWEST, Rules, rules_for
from xpjob.kube.version import Version
from xpjob.net.threads import each

NODE, POD, COUNT = "node", "pod", "count"
"""Roles of the lists of core kinds."""
VERSIONS, CLUSTER_OPERATORS = "clusterVersion", "clusterOperator"
SUBSCRIPTIONS, CSVS, GROUPS, EXTENSIONS = "subscription", "csv", "operatorGroup", "clusterExtension"

COUNTED = (Gvr("", "v1", "namespaces"), Gvr("apps", "v1", "deployments"))
"""Kinds that are only counted."""
_KINDS = {"namespaces": "Namespace", "deployments": "Deployment"}


class _Optional(NamedTuple):
    """A kind that not every cluster has."""

    group: str
    resource: str
    wire: type[Struct]
    role: str
    why: str
    selector: str = ""


OPTIONAL = (
    _Optional(
        *(openshift.GROUP, openshift.VERSIONS, ClusterVersion, VERSIONS),
        "the version of OpenShift",
    ),
    _Optional(
        *(openshift.GROUP, openshift.OPERATORS, ClusterOperator, CLUSTER_OPERATORS),
        "the parts of OpenShift",
    ),
    _Optional(
        *(olm.GROUP, olm.SUBSCRIPTIONS, OlmSubscription, SUBSCRIPTIONS),
        "which operators OLM is to install",
    ),
    _Optional(
        *(olm.GROUP, olm.CSVS, Csv, CSVS),
        "which versions are installed",
        olm.NOT_COPIED,
    ),
    _Optional(*(olm.GROUP, olm.GROUPS, OperatorGroup, GROUPS), "where operators work"),
    _Optional(
        *(extensions.GROUP, extensions.EXTENSIONS, ClusterExtension, EXTENSIONS),
        "which operators OLM v1 installs",
    ),
)


class Anything(Struct, gc=False):
    """Objects are only counted."""


class Converter:
    """Converts the objects of a list, page by page."""

    def __init__(self, convert: Callable[[Any], Any]) -> None:
        self._convert = convert
        self._made: list[Any] = []

    def page(self, objects: Sequence[Any]) -> None:
        """Convert the objects of a page."""
        self._made += map(self._convert, objects)

    def result(self) -> list[Any]:
        """Return what was made of them."""
        return self._made


CONVERTED: dict[str, Callable[[Any], Any]] = {
    NODE: node_row,
    VERSIONS: openshift.version_facts,
    CLUSTER_OPERATORS: openshift.operator_row,
    SUBSCRIPTIONS: olm.subscription_row,
    CSVS: olm.csv_row,
    GROUPS: olm.targets_of,
    EXTENSIONS: extensions.extension_row,
}
"""How the objects of each role are converted."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What planning has read: the number of objects of kinds, and the version of the server."""

    counts: dict[str, int] = field(default_factory=dict)
    failed: list[Subscription] = field(default_factory=list)
    version: Version | None = None
    version_error: str = ""
    rules: Rules = field(default_factory=lambda: rules_for(NEWEST))
    remark: str = ""


def ask(world: World) -> Asked:
    """Count what is only counted, and read the version; what fails is said, and not raised."""
    asked = each(lambda gvr: _counted(world, gvr), COUNTED, len(COUNTED))
    counts = {gvr.resource: n for gvr, n in zip(COUNTED, asked, strict=True) if isinstance(n, int)}
    failed = [answer for answer in asked if isinstance(answer, Subscription)]
    try:
        version = world.server_version()
    except XpjobError as error:
        remark = f"requests are computed as in 1.{NEWEST}: {error}"
        return Asked(counts, failed, version_error=str(error), remark=remark)
    if version.number is None:
        remark = f"requests are computed as in 1.{NEWEST}: the server's version is "
        return Asked(counts, failed, version, remark=f"{remark}{version.git_version!r}")
    return Asked(counts, failed, version, rules=rules_for(version.number))


def wanted(world: World, rules: Rules) -> Iterator[Subscription]:
    """Yield the lists to request: those of optional kinds only where they are served."""
    yield _core("nodes", "Node", Node, NODE, "what they have", namespaced=False)
    yield _core("pods", "Pod", Pod, POD, "where they are, and what they request", context=rules)
    silent = set()
    for kind in OPTIONAL:
        served = world.catalogue.resource(kind.group, kind.resource)
        if served is not None:
            yield Subscription(
                ListKey(served.gvr, label_selector=kind.selector),
                kind.wire,
                kind=served.kind,
                role=kind.role,
                facts={"namespaced": served.namespaced, "why": kind.why},
            )
            continue
        for group, version in world.catalogue.incomplete:
            if group == kind.group and group not in silent:
                silent.add(group)
                yield _silent(group, version)


def _counted(world: World, gvr: Gvr) -> int | Subscription:
    key = ListKey(gvr, metadata_only=True)
    try:
        return world.count(key)
    except XpjobError as error:
        kind = _KINDS[gvr.resource]
        facts = {"namespaced": gvr.group != "", "why": "how many there are"}
        return Subscription(key, Anything, kind=kind, role=COUNT, facts=facts, error=error)


def _core(
    resource: str,
    kind: str,
    wire: type[Struct],
    role: str,
    why: str,
    *,
    namespaced: bool = True,
    context: Any = None,
) -> Subscription:
    return Subscription(
        ListKey(Gvr("", "v1", resource)),
        wire,
        kind=kind,
        role=role,
        context=context,
        facts={"namespaced": namespaced, "why": why},
    )


def _silent(group: str, version: str) -> Subscription:
    error = TransientError(
        f"{group}/{version} did not answer discovery, so its kinds are unknown; check its "
        "APIService"
    )
    return Subscription(ListKey(Gvr(group, version, ANY_RESOURCE)), Anything, error=error)
