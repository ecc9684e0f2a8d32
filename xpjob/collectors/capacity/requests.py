"""Effective requests and limits of pods, in nano units, exactly as the scheduler counts them.

Pods made from one template have the same JSON, so results are cached by it, and are shared where
the type is a ``Mapping``: do not change those.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from xpjob.collectors.capacity import aggregate
from xpjob.collectors.capacity.aggregate import Part, Parts
from xpjob.collectors.capacity.rules import Rules, rules_for, rules_named
from xpjob.kube.pods import Container, ContainerStatus, Pod, PodStatus
from xpjob.kube.quantity import NANO, milli, units
from xpjob.kube.resources import Amounts

__all__ = ["Effective", "Rules", "at_scheduler", "effective", "limits", "requests", "rules_for",
           "rules_named", "unlimited"]  # fmt: skip


class Effective(NamedTuple):
    """What one pod asks for, in nano units by resource."""

    requests: Amounts
    limits: Amounts
    spec_requests: Amounts
    """Requests as rule set A has them, to which a resize makes no difference."""
    unlimited: frozenset[str]
    """Resources of which a container has no limit, see ``aggregate.unlimited``."""


def effective(pod: Pod, rules: Rules) -> Effective:
    """Return all that a pod asks for.

    Raises ``QuantityError``, which names the resource, if the pod is invalid.
    """
    return _effective(_parts(pod, rules), rules)


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
    """Return the requests of a pod as the scheduler adds them up, in nano units.

    It rounds up: cpu to thousandths, everything else to whole units.
    """
    return {
        name: milli(amount) * (NANO // 1000) if name == "cpu" else units(amount) * NANO
        for name, amount in amounts.items()
    }


@lru_cache(maxsize=8192)
def _effective(parts: Parts, rules: Rules) -> Effective:
    spec = Rules("A", pod_level=rules.pod_level, dra=rules.dra)
    return Effective(
        aggregate.requests(parts, rules),
        aggregate.limits(parts, rules),
        aggregate.requests(parts, spec),
        aggregate.unlimited(parts, rules),
    )


def _parts(pod: Pod, rules: Rules) -> Parts:
    spec, status = pod.spec, pod.status
    if spec is None:
        return Parts()
    statuses: Mapping[str, ContainerStatus] = {}
    if status is not None and rules.name != "A":
        statuses = _statuses(status, rules)
    parts = [_part(each, statuses, False, False) for each in spec.containers or ()]
    for each in spec.init_containers or ():
        parts.append(_part(each, statuses, True, each.restart_policy == "Always"))
    if status is None:
        return Parts(tuple(parts), bytes(spec.overhead), bytes(spec.resources))
    return Parts(
        tuple(parts),
        bytes(spec.overhead),
        bytes(spec.resources),
        bytes(status.resources),
        bytes(status.allocated_resources),
        bytes(status.node_allocatable_resource_claim_statuses),
        rules.name != "A" and _infeasible(status),
    )


def _part(
    container: Container, statuses: Mapping[str, ContainerStatus], init: bool, sidecar: bool
) -> Part:
    status = statuses.get(container.name)
    if status is None:
        return Part(bytes(container.resources), b"", b"", init, sidecar)
    return Part(
        bytes(container.resources),
        bytes(status.resources),
        bytes(status.allocated_resources),
        init,
        sidecar,
    )


def _statuses(status: PodStatus, rules: Rules) -> dict[str, ContainerStatus]:
    """Return statuses by name. The API forbids equal names; which one counts is known anyway."""
    containers, inits = status.container_statuses or [], status.init_container_statuses or []
    in_order = [*containers, *inits]
    if rules.name == "C":
        in_order.reverse()
    return {each.name: each for each in in_order}


def _infeasible(status: PodStatus) -> bool:
    for condition in status.conditions or ():
        if condition.type == "PodResizePending":
            return condition.reason == "Infeasible"
    return False
