"""Decide how it is with the Service of a pod, without a pod, and of a StatefulSet. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from xpjob.collectors.services.advice import advice
from xpjob.collectors.services.fold import (
    AnnotatedPod,
    FoldedService,
    FoldedSlice,
    FoldedStatefulSet,
)
from xpjob.collectors.services.names import impossible
from xpjob.collectors.services.plan import Name
from xpjob.collectors.services.rows import SEVERITIES, PodService, Reason, State

MAX_FOUND = 50
"""Addresses of a row, at most: a Service that somebody else fills can have thousands."""
_MANY = 2
"""Services without an EndpointSlice from which it looks as if none were mirrored."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the lists have. ``governing`` maps StatefulSets that are known to their Service.

    ``by_address`` maps the addresses of live pods to ``namespace/name``; ``skipped`` are Endpoints
    that are not to be mirrored; ``minor`` is the server's version.
    """

    pods: Mapping[Name, AnnotatedPod] = field(default_factory=dict)
    by_address: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[Name, FoldedService] = field(default_factory=dict)
    slices: Mapping[Name, Sequence[FoldedSlice]] = field(default_factory=dict)
    governing: Mapping[Name, FoldedStatefulSet] = field(default_factory=dict)
    skipped: frozenset[Name] = frozenset()
    minor: int | None = None

    def found(self, name: Name) -> list[str]:
        """Return the addresses that DNS answers: the union of all EndpointSlices."""
        return sorted({each for some in self.slices.get(name, ()) for each in some.ready})

    def other_pod(self, found: Iterable[str], own: Iterable[str], name: Name) -> str:
        """Return a live pod, other than that of the name, that has an address of ``found``."""
        owners = (self.by_address.get(each, "") for each in found if each not in own)
        return next((owner for owner in owners if owner not in ("", "/".join(name))), "")

    def redundant(self, pod: AnnotatedPod) -> bool:
        """Return whether a StatefulSet gives the pod a name: its Service exists, and is headless.

        If the StatefulSet is unknown, the pod names the Service.
        """
        if not pod.stateful_set:
            return False
        owner = self.governing.get((pod.namespace, pod.stateful_set))
        service = self.services.get((pod.namespace, owner.service if owner else pod.subdomain))
        return service is not None and service.headless


def rows_of(cluster: Cluster) -> Iterator[PodService]:
    """Yield the rows, without ``since``."""
    unmirrored = _none_is_mirrored(cluster)
    for pod in cluster.pods.values():
        if row := _of_pod(cluster, pod, unmirrored=unmirrored):
            yield row
    for name, service in cluster.services.items():
        if service.own and service.annotated and name not in cluster.pods:
            yield _orphan(cluster, service)
    for owner in cluster.governing.values():
        if row := _of_stateful_set(cluster, owner):
            yield row


def _of_pod(cluster: Cluster, pod: AnnotatedPod, *, unmirrored: bool) -> PodService | None:
    name = (pod.namespace, pod.name)
    service = cluster.services.get(name)
    found = cluster.found(name) if service and service.own else []
    wanted = _expected(pod, service)
    judged = _judge(cluster, pod, service, found, wanted, unmirrored=unmirrored)
    if judged is None:
        return None
    state, reason = judged
    ended = pod.ended or pod.deleting
    # Addresses that the pod has had may be another's once it has ended.
    own = () if ended else pod.addresses
    row = _row(
        *(pod.namespace, "Pod", pod.name, state, reason),
        wanted=wanted if pod.wanted else [],
        # The right ones first, so that they are among those that are kept.
        found=sorted(found, key=lambda each: each not in wanted)[:MAX_FOUND],
        taken_by=cluster.other_pod(found, own, name),
        redundant=pod.wanted and cluster.redundant(pod),
        own_service=service is not None and service.own and (pod.wanted or service.annotated),
        value="" if pod.wanted else pod.value,
        service_uid=service.uid if service else "",
        pod_uid=pod.uid,
        addresses=pod.addresses,
        ended=ended,
        since=pod.started_at,
    )
    row.todo = advice(row)
    return row


def _judge(
    cluster: Cluster,
    pod: AnnotatedPod,
    service: FoldedService | None,
    found: Sequence[str],
    wanted: Sequence[str],
    *,
    unmirrored: bool,
) -> tuple[State, Reason] | None:
    """Return state and reason; None for a pod that has ended, and has no Service."""
    if not pod.wanted:
        return "suspicious", ""
    ended: Reason = "deleting" if pod.deleting else "ended" if pod.ended else ""
    if service is None:
        if ended:
            return None
        if why := impossible(pod.name, cluster.minor):
            return "impossible", why
        return ("missing", "") if pod.live else ("waiting", "")
    if not service.own:
        return "foreign", _foreign(service)
    if ended:
        return "stale", ended
    if not pod.live:
        # Whatever address there is, it was another pod's.
        return ("wrongAddress", "") if found else ("waiting", "")
    if not found:
        return "noAddress", _no_address(cluster, service, unmirrored=unmirrored)
    right = set(found) & set(wanted)
    if not right or not set(found) <= set(pod.addresses):
        return "wrongAddress", ""
    if len(right) < len(set(wanted)):
        return "familyMissing", ""
    if cluster.redundant(pod):
        return "redundant", ""
    return ("hostNetwork", "") if pod.host_network else ("served", "")


def _foreign(service: FoldedService) -> Reason:
    if service.selecting:
        return "selector"
    return "controller" if service.headless else "clusterIP"


def _no_address(cluster: Cluster, service: FoldedService, *, unmirrored: bool) -> Reason:
    name = (service.namespace, service.name)
    if any(each.not_ready for each in cluster.slices.get(name, ())):
        return "notReady"
    if name in cluster.skipped:
        return "skipMirror"
    return "noMirroring" if unmirrored else "noSlice"


def _none_is_mirrored(cluster: Cluster) -> bool:
    """Return whether several Services of live pods have no EndpointSlice, and none is mirrored."""
    if any(each.mirrored for some in cluster.slices.values() for each in some):
        return False
    lacking = (
        name
        for name, pod in cluster.pods.items()
        if pod.wanted and pod.live and name in cluster.services and name not in cluster.slices
    )
    return sum(cluster.services[name].own for name in lacking) >= _MANY


def _expected(pod: AnnotatedPod, service: FoldedService | None) -> list[str]:
    """Return the addresses of the pod in the families of its Service; if unknown, the first."""
    if service is None or not service.families:
        return pod.addresses[:1]
    return [each for each in pod.addresses if _family(each) in service.families]


def _family(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


def _orphan(cluster: Cluster, service: FoldedService) -> PodService:
    name = (service.namespace, service.name)
    found = cluster.found(name)
    row = _row(
        *(service.namespace, "Service", service.name, "orphan", ""),
        found=found[:MAX_FOUND],
        taken_by=cluster.other_pod(found, (), ("", "")),
        own_service=True,
        service_uid=service.uid,
        resource="services",
        since=service.created_at,
    )
    row.todo = advice(row)
    return row


def _of_stateful_set(cluster: Cluster, owner: FoldedStatefulSet) -> PodService | None:
    service = cluster.services.get((owner.namespace, owner.service))
    if not owner.service or (service is not None and service.headless):
        return None
    row = _row(
        *(owner.namespace, "StatefulSet", owner.name, "noGoverningService"),
        "absent" if service is None else "clusterIP",
        service=owner.service,
        service_uid=service.uid if service else "",
        group="apps",
        resource="statefulsets",
        since=owner.created_at,
    )
    row.todo = advice(row)
    return row


def _row(
    namespace: str, kind: str, name: str, state: State, reason: Reason, **more: object
) -> PodService:
    severity = SEVERITIES[state]
    return PodService(
        namespace=namespace,
        kind=kind,
        name=name,
        state=state,
        severity=severity,
        ok=severity in ("ok", "info"),
        reason=reason,
        **more,  # type: ignore[arg-type]
    )
