"""Effective requests and limits of pods, in nano units, exactly as the scheduler counts them.

Pods made from one template have the same JSON, so results are cached by it, and are shared where
the type is a ``Mapping``: do not change those.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from msgspec import Raw

from xpjob.kube import aggregate
from xpjob.kube.aggregate import Part, Parts
from xpjob.kube.pods import ContainerStatus, Pod, PodSpec, PodStatus, conditions_of
from xpjob.kube.quantity import NANO, milli, units
from xpjob.kube.request_rules import Rules, rules_for, rules_named
from xpjob.kube.resources import Amounts

__all__ = ["Effective", "Rules", "at_scheduler", "effective", "limits", "requests", "rules_for",
           "rules_named", "unlimited"]  # fmt: skip


class Effective(NamedTuple):
    """What one pod asks for, in nano units by resource."""

    requests: Amounts
    reserved: Amounts
    """Requests as the scheduler adds them up, see ``at_scheduler``."""
    limits: Amounts
    spec_requests: Amounts
    """Requests as rule set A has them, to which a resize makes no difference."""
    unlimited: frozenset[str]
    """Resources of which a container has no limit, see ``aggregate.unlimited``."""


def effective(pod: Pod, rules: Rules) -> Effective:
    """Return all that a pod asks for.

    Raises ``QuantityError``, which names the resource, if the pod is invalid.
    """
    return _effective(_key(pod, rules), rules)


def requests(pod: Pod, rules: Rules) -> dict[str, int]:
    """Return what the scheduler reserves for a pod. Raises ``QuantityError``."""
    return dict(effective(pod, rules).requests)


def limits(pod: Pod, rules: Rules) -> dict[str, int]:
    """Return what a pod may use; see also ``unlimited``. Raises ``QuantityError``."""
    return dict(effective(pod, rules).limits)


def unlimited(pod: Pod, rules: Rules) -> frozenset[str]:
    """Return the resources of which a pod may use all that a node has. Raises ``QuantityError``."""
    return effective(pod, rules).unlimited


def at_scheduler(amounts: Amounts) -> dict[str, int]:
    """Return the requests of a pod as the scheduler adds them up, still in nano units.

    It rounds each up: cpu to thousandths, everything else to whole units.
    """
    return {
        name: milli(amount) * (NANO // 1000) if name == "cpu" else units(amount) * NANO
        for name, amount in amounts.items()
    }


_SEPARATOR = b"\0"  # is not valid in JSON
_CONTAINER, _INIT, _SIDECAR = b"c", b"i", b"s"
_INFEASIBLE = b"infeasible"
_NO_STATUS, _NO_POD_STATUS = ContainerStatus(), PodStatus()


@lru_cache(maxsize=2048)  # lists are in order of name: pods of one template follow each other
def _effective(key: bytes, rules: Rules) -> Effective:
    parts = _parts(key)
    spec = Rules("A", pod_level=rules.pod_level, dra=rules.dra)
    requests = aggregate.requests(parts, rules)
    return Effective(
        requests,
        at_scheduler(requests),
        aggregate.limits(parts, rules),
        aggregate.requests(parts, spec),
        aggregate.unlimited(parts, rules),
    )


def _key(pod: Pod, rules: Rules) -> bytes:
    """Return all that the result depends on, joined: that is faster than to make ``Parts``."""
    spec, status = pod.spec or PodSpec(), pod.status or _NO_POD_STATUS
    resizable = rules.name != "A"
    pieces: list[bytes | Raw] = [
        spec.overhead,
        spec.resources,
        status.resources,
        status.allocated_resources,
        status.node_allocatable_resource_claim_statuses,
        _INFEASIBLE if resizable and _infeasible(status) else b"",
    ]
    statuses = _statuses(status, rules) if resizable else {}
    for each in spec.containers or ():
        its = statuses.get(each.name, _NO_STATUS)
        pieces += (_CONTAINER, each.resources, its.resources, its.allocated_resources)
    for each in spec.init_containers or ():
        its = statuses.get(each.name, _NO_STATUS)
        role = _SIDECAR if each.restart_policy == "Always" else _INIT
        pieces += (role, each.resources, its.resources, its.allocated_resources)
    return _SEPARATOR.join(pieces)


def _parts(key: bytes) -> Parts:
    overhead, pod, status, allocated, resource_claims, infeasible, *rest = key.split(_SEPARATOR)
    fours = zip(*[iter(rest)] * 4, strict=True)
    parts = [
        Part(spec, actuated, given, role != _CONTAINER, role == _SIDECAR)
        for role, spec, actuated, given in fours
    ]
    return Parts(tuple(parts), overhead, pod, status, allocated, resource_claims, bool(infeasible))


def _statuses(status: PodStatus, rules: Rules) -> dict[str, ContainerStatus]:
    """Return statuses by name. The API forbids equal names; which one counts is known anyway."""
    containers, inits = status.container_statuses or [], status.init_container_statuses or []
    in_order = [*containers, *inits]
    if rules.name == "C":
        in_order.reverse()
    return {each.name: each for each in in_order}


def _infeasible(status: PodStatus) -> bool:
    for condition in conditions_of(status, b"PodResizePending"):
        if condition.type == "PodResizePending":
            return condition.reason == "Infeasible"
    return False
