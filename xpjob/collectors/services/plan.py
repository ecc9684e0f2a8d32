"""Decide which lists to request: above all, which EndpointSlices.

EndpointSlices are the largest list of most clusters, and nearly all of them belong to Services with
a selector, which are not looked at. So the server is asked for all but those that the
EndpointSlice controller manages. Of these, only what is left from the time when a Service had a
selector matters, as DNS answers the union: planning looks for that by the names of all headless
Services without a selector.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    namespaces = options.namespace or ("",)
    left = _left(world, namespaces)
    skipped, unknown = _skipped(world, namespaces)
    remarks = [f"all EndpointSlices are listed: {e}" for e in left if isinstance(e, XpjobError)]
    if unknown:
        remarks.append(f"Endpoints that are not mirrored are not recognised: {unknown}")
    subscriptions: list[Subscription] = []
    for namespace, names in zip(namespaces, left, strict=True):
        subscriptions += [
            _subscription(POD, "Pod", ListKey(PODS, namespace), wire.Pod, options),
            _subscription(SERVICE, "Service", ListKey(SERVICES, namespace), wire.Service, options),
            *_slices(namespace, names, options),
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
    reads = [_headless(each) for each in namespaces]
    return Plan(subscriptions, notes, reads=reads, remarks=remarks)


def _headless(namespace: str) -> ListKey:
    return ListKey(SERVICES, namespace, field_selector=HEADLESS)


def _slices(
    namespace: str, left: set[str] | XpjobError, options: ServiceOptions
) -> Iterator[Subscription]:
    """Yield the lists of EndpointSlices of a namespace, or of all."""

    def some(role: str, selector: str) -> Subscription:
        key = ListKey(SLICES, namespace, label_selector=selector)
        return _subscription(role, "EndpointSlice", key, wire.EndpointSlice, options)

    selectors = [] if isinstance(left, XpjobError) else list(_selectors(left))
    if isinstance(left, XpjobError) or len(selectors) > 1:
        yield some(SLICE, "")
        return
    yield some(SLICE, NOT_SELECTED)
    for selector in selectors:
        yield some(LEFT, selector)


def _left(world: World, namespaces: Sequence[str]) -> list[set[str] | XpjobError]:
    """Return, for each namespace, Services that have lost their selector and kept EndpointSlices.

    An error in place of what could not be read.
    """
    found: list[set[str] | XpjobError] = []
    keys: list[ListKey] = []
    answers = world.read_each([(_headless(each), wire.Service) for each in namespaces])
    for namespace, answer in zip(namespaces, answers, strict=True):
        if isinstance(answer, XpjobError):
            found.append(answer)
            continue
        found.append(set())
        names = {each.metadata.name for each in answer.items if _unselecting(each)}
        keys += [
            ListKey(SLICES, namespace, label_selector=selector, metadata_only=True)
            for selector in _selectors(names)
        ]
    made = world.read_each([(key, wire.Named) for key in keys])
    for key, some in zip(keys, made, strict=True):
        position = namespaces.index(key.namespace)
        known = found[position]
        if isinstance(some, XpjobError):
            found[position] = some
        elif not isinstance(known, XpjobError):
            labels = (each.metadata.labels or {} for each in some.items)
            known.update(each[SERVICE_NAME] for each in labels if SERVICE_NAME in each)
    return found


def _unselecting(service: wire.Service) -> bool:
    return service.spec is not None and service.spec.selector is None


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
    found: set[Name] = set()
    for answer in world.read_each([(key, wire.Named) for key in keys]):
        if isinstance(answer, XpjobError):
            return frozenset(), str(answer)
        found |= {(each.metadata.namespace, each.metadata.name) for each in answer.items}
    return frozenset(found), ""


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
