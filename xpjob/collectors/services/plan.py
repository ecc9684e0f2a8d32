"""Decide which lists to request: above all, which EndpointSlices.

EndpointSlices are the largest list of most clusters, and nearly all of them belong to Services with
a selector, which are not looked at. So the server is asked for all but those that the
EndpointSlice controller manages. Of these, only what is left from the time when a Service had a
selector matters, as DNS answers the union: planning looks for that by the names of all headless
Services without a selector.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from msgspec import Struct

from xpjob.base.errors import XpjobError
from xpjob.collect.contract import Plan, Subscription, World
from xpjob.collectors.services import wire
from xpjob.collectors.services.fold import MANAGED_BY, SERVICE_NAME
from xpjob.collectors.services.options import ServiceOptions
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey

POD, SERVICE, SLICE, LEFT = "pod", "service", "endpointSlice", "leftEndpointSlice"
STATEFUL_SET, OPERATOR = "statefulSet", "operator"
"""Roles of lists."""
PODS, SERVICES = Gvr("", "v1", "pods"), Gvr("", "v1", "services")
ENDPOINTS = Gvr("", "v1", "endpoints")
SLICES = Gvr("discovery.k8s.io", "v1", "endpointslices")
STATEFUL_SETS = Gvr("apps", "v1", "statefulsets")
DEPLOYMENTS = Gvr("apps", "v1", "deployments")

CONTROLLER = "endpointslice-controller.k8s.io"
NOT_SELECTED = f"{MANAGED_BY}!={CONTROLLER}"
"""Selects mirrored EndpointSlices, and those that somebody else writes."""
HEADLESS = "spec.clusterIP=None"
SKIPPED = "endpointslice.kubernetes.io/skip-mirror=true"
MAX_SELECTOR = 4000
"""Characters of a label selector: proxies refuse URLs of more than 8 KB."""

Name = tuple[str, str]
"""Namespace and name."""


class Notes(NamedTuple):
    """What planning found out. ``skipped`` are Endpoints that are not to be mirrored."""

    options: ServiceOptions
    minor: int | None = None
    skipped: frozenset[Name] = frozenset()


def plan(world: World) -> Plan:
    """Return the lists, and what only planning can find out."""
    options: ServiceOptions = world.options
    remarks: list[str] = []
    subscriptions: list[Subscription] = []
    namespaces = options.namespace or ("",)
    skipped, unknown = _skipped(world, namespaces)
    if unknown:
        remarks.append(f"Endpoints that are not mirrored are not recognised: {unknown}")
    for namespace in namespaces:
        subscriptions += [
            _subscription(POD, "Pod", ListKey(PODS, namespace), wire.Pod, options),
            _subscription(SERVICE, "Service", ListKey(SERVICES, namespace), wire.Service, options),
            *_slices(world, namespace, options, remarks),
            _subscription(
                *(STATEFUL_SET, "StatefulSet", ListKey(STATEFUL_SETS, namespace)),
                *(wire.StatefulSet, options),
            ),
        ]
    within, name = options.service_operator
    if name:
        key = ListKey(DEPLOYMENTS, within, field_selector=f"metadata.name={name}")
        subscriptions.append(_subscription(OPERATOR, "Deployment", key, wire.Deployment, options))
    notes = Notes(options, _minor(world), skipped)
    reads = [ListKey(SERVICES, each, field_selector=HEADLESS) for each in namespaces]
    return Plan(subscriptions, notes, reads=reads, remarks=remarks)


def _slices(
    world: World, namespace: str, options: ServiceOptions, remarks: list[str]
) -> Iterator[Subscription]:
    """Yield the lists of EndpointSlices of a namespace, or of all."""

    def some(role: str, selector: str) -> Subscription:
        key = ListKey(SLICES, namespace, label_selector=selector)
        return _subscription(role, "EndpointSlice", key, wire.EndpointSlice, options)

    try:
        left = _left(world, namespace)
    except XpjobError as error:
        remarks.append(f"all EndpointSlices are listed: {error}")
        yield some(SLICE, "")
        return
    selectors = list(_selectors(left))
    if len(selectors) > 1:
        yield some(SLICE, "")
        return
    yield some(SLICE, NOT_SELECTED)
    for selector in selectors:
        yield some(LEFT, selector)


def _left(world: World, namespace: str) -> set[str]:
    """Return Services that have no selector, and EndpointSlices from when they had one."""
    key = ListKey(SERVICES, namespace, field_selector=HEADLESS)
    names: set[str]
    names, _ = world.fold(key, wire.Service, _Unselecting)
    keys = [
        ListKey(SLICES, namespace, label_selector=selector, metadata_only=True)
        for selector in _selectors(names)
    ]
    labels = (
        each.metadata.labels or {}
        for each in chain.from_iterable(_read_each(world, keys, wire.Named))
    )
    return {each[SERVICE_NAME] for each in labels if SERVICE_NAME in each}


class _Unselecting:
    """Keeps the names of Services without a selector."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def page(self, objects: Sequence[wire.Service]) -> None:
        """Take those of a page."""
        for each in objects:
            if each.spec is not None and each.spec.selector is None:
                self._names.add(each.metadata.name)

    def result(self) -> set[str]:
        """Return the names."""
        return self._names


def _selectors(names: set[str]) -> Iterator[str]:
    """Yield selectors for the EndpointSlices that the controller has made for these Services."""
    rest = sorted(names)
    while rest:
        size = count = 0
        while count < len(rest) and (not count or size + len(rest[count]) < MAX_SELECTOR):
            size += len(rest[count]) + 1
            count += 1
        yield f"{MANAGED_BY}={CONTROLLER},{SERVICE_NAME} in ({','.join(rest[:count])})"
        rest = rest[count:]


def _skipped(world: World, namespaces: Sequence[str]) -> tuple[frozenset[Name], str]:
    """Return Endpoints with the label against mirroring, and why they are unknown."""
    keys = [
        ListKey(ENDPOINTS, each, label_selector=SKIPPED, metadata_only=True) for each in namespaces
    ]
    try:
        found = _read_each(world, keys, wire.Named)
    except XpjobError as error:
        return frozenset(), str(error)
    every = (each.metadata for each in chain.from_iterable(found))
    return frozenset((each.namespace, each.name) for each in every), ""


def _read_each(
    world: World, keys: Sequence[ListKey], read: type[wire.Named]
) -> list[Sequence[wire.Named]]:
    """Return the objects of each list. Raises the error of the first that failed."""
    made: list[Sequence[wire.Named]] = []
    for answer in world.read_each([(key, read) for key in keys]):
        if isinstance(answer, XpjobError):
            raise answer
        made.append(answer.items)
    return made


def _minor(world: World) -> int | None:
    try:
        return world.server_version().number
    except XpjobError:
        return None


def _subscription(
    role: str, kind: str, key: ListKey, read: type[Struct], options: ServiceOptions
) -> Subscription:
    return Subscription(
        key,
        read,
        kind=kind,
        role=role,
        context=options,
        facts={"namespaced": True, "why": _WHY[role]},
    )


_WHY = {
    POD: "which are to have a Service",
    SERVICE: "which there are",
    SLICE: "what DNS answers",
    LEFT: "what is left from selectors",
    STATEFUL_SET: "their governing Services",
    OPERATOR: "whether the operator is available",
}
