"""What a pod asks for, from the resources of its parts: the rules themselves.

A sidecar is an init container that is restarted always: it keeps running beside the containers,
and beside the init containers after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from xpjob.kube.request_rules import Rules
from xpjob.kube.resource_claims import ResourceClaimed, resource_claimed
from xpjob.kube.resources import Amounts, Resources, add, amounts, largest, resources

_NONE = Resources(None, None)
_NO_LIMIT_IS_ALL = ("cpu", "memory", "ephemeral-storage")


class Part(NamedTuple):
    """The JSON of a container's resources: of its spec, and of its status where that counts."""

    spec: bytes
    status: bytes = b""
    allocated: bytes = b""
    init: bool = False
    sidecar: bool = False

    @property
    def once(self) -> bool:
        """Return whether it ends before the containers start."""
        return self.init and not self.sidecar


class Parts(NamedTuple):
    """The JSON of all resources of a pod. Pods with equal parts ask for the same."""

    containers: tuple[Part, ...] = ()
    overhead: bytes = b""
    pod: bytes = b""
    pod_status: bytes = b""
    pod_allocated: bytes = b""
    resource_claims: bytes = b""
    infeasible: bool = False
    """Whether the node has refused the resize that the spec asks for."""


def requests(parts: Parts, rules: Rules) -> dict[str, int]:
    """Return the requests of a pod in nano units. Raises ``QuantityError``."""
    if rules.name == "C":
        total = _requests_of_pod(parts, rules)
    else:
        of = _spec_requests if rules.name == "A" else _larger_requests
        total = _requests_with_resource_claims(parts, rules, of)
    if rules.pod_level:
        total.update(_pod_level_requests(parts, rules))
    add(total, amounts(parts.overhead))
    return total


def limits(parts: Parts, rules: Rules) -> dict[str, int]:
    """Return the limits of a pod in nano units, of what has one. Raises ``QuantityError``."""
    if rules.name == "C":
        total = _limits_of_pod(parts, rules)
    elif rules.name == "B":
        total = _sum(parts, _larger_limits)
    else:
        total = _limits_with_resource_claims(parts, rules)
    if rules.pod_level:
        total.update(_pod_level_limits(parts, rules))
    for name, amount in (amounts(parts.overhead) or {}).items():
        if total.get(name):
            total[name] += amount
    return total


def unlimited(parts: Parts, rules: Rules) -> frozenset[str]:
    """Return the resources of which a pod may use all that a node has.

    These are such of cpu, memory and ephemeral storage of which a container or sidecar has no limit
    in its spec, or 0, and neither has the pod. ``limits`` may have a sum of them all the same.
    """
    running = [part for part in parts.containers if not part.once]
    whole = resources(parts.pod) if rules.pod_level else None
    bounded = {name for name, limit in ((whole or _NONE).limits or {}).items() if limit}
    return frozenset(
        name
        for name in _NO_LIMIT_IS_ALL
        if not (_at_pod_level(name) and name in bounded)
        and not all((_spec(part).limits or {}).get(name) for part in running)
    )


def _sum(parts: Parts, of: Callable[[Part, bool], Amounts | None]) -> dict[str, int]:
    """Return what containers and sidecars need at once, or more if an init container needs it."""
    total: dict[str, int] = {}
    sidecars: dict[str, int] = {}
    peaks = []
    for part in parts.containers:
        its = of(part, parts.infeasible)
        if not part.once:
            add(total, its)
        if part.sidecar:
            add(sidecars, its)
        if part.init:
            peaks.append(dict(sidecars))
        if part.once:
            add(peaks[-1], its)
    return largest(total, *peaks) if peaks else total


def _spec(part: Part) -> Resources:
    return resources(part.spec) or _NONE


def _spec_requests(part: Part, _infeasible: bool) -> Amounts | None:
    return _spec(part).requests


def _spec_limits(part: Part, _infeasible: bool) -> Amounts | None:
    return _spec(part).limits


def _larger_requests(part: Part, infeasible: bool) -> Amounts | None:
    status = None if part.once else resources(part.status)
    if status is None:
        return _spec(part).requests
    spec = None if infeasible else _spec(part).requests
    return largest(spec, status.requests, amounts(part.allocated))


def _larger_limits(part: Part, infeasible: bool) -> Amounts | None:
    status = None if part.once else resources(part.status)
    if status is None:
        return _spec(part).limits
    return status.limits if infeasible else largest(_spec(part).limits, status.limits)


def _allocated(part: Part, infeasible: bool) -> Amounts | None:
    allocated = amounts(part.allocated)
    if allocated is not None:
        return allocated
    return None if infeasible else _spec(part).requests


def _actuated(part: Part, infeasible: bool) -> Amounts | None:
    actuated = (resources(part.status) or _NONE).requests
    return actuated if actuated is not None else _allocated(part, infeasible)


def _actuated_limits(part: Part, infeasible: bool) -> Amounts | None:
    actuated = (resources(part.status) or _NONE).limits
    if actuated is not None:
        return actuated
    return None if infeasible else _spec(part).limits


def _resource_claimed(parts: Parts, rules: Rules) -> ResourceClaimed:
    return resource_claimed(parts.resource_claims if rules.dra else b"")


def _requests_with_resource_claims(
    parts: Parts, rules: Rules, of: Callable[[Part, bool], Amounts | None]
) -> dict[str, int]:
    total = _sum(parts, of)
    add(total, _resource_claimed(parts, rules).requests)
    return total


def _limits_with_resource_claims(parts: Parts, rules: Rules) -> dict[str, int]:
    total = _sum(parts, _spec_limits)
    for name, amount in _resource_claimed(parts, rules).limits.items():
        if name in total or name.startswith("hugepages-"):
            add(total, {name: amount})
    return total


def _requests_of_pod(parts: Parts, rules: Rules) -> dict[str, int]:
    """Return the largest of three sums; those in the pod's status include ResourceClaims."""
    actuated = (resources(parts.pod_status) or _NONE).requests
    allocated = amounts(parts.pod_allocated)
    if not rules.pod_level_resize or actuated is None or allocated is None:
        actuated = _sum(parts, _actuated)
        allocated = _requests_with_resource_claims(parts, rules, _allocated)
    if parts.infeasible:
        return largest(actuated, allocated)
    return largest(
        _requests_with_resource_claims(parts, rules, _spec_requests), actuated, allocated
    )


def _limits_of_pod(parts: Parts, rules: Rules) -> dict[str, int]:
    actuated = (resources(parts.pod_status) or _NONE).limits if rules.pod_level_resize else None
    if actuated is None:
        actuated = _sum(parts, _actuated_limits)
    return largest(
        None if parts.infeasible else _limits_with_resource_claims(parts, rules), actuated
    )


def _at_pod_level(name: str) -> bool:
    return name in ("cpu", "memory") or name.startswith("hugepages-")


def _pod_level_requests(parts: Parts, rules: Rules) -> dict[str, int]:
    """Return what overrides the sum of the containers."""
    spec = (resources(parts.pod) or _NONE).requests or {}
    if not any(_at_pod_level(name) for name in spec):
        return {}
    values: Amounts = spec
    status = resources(parts.pod_status)
    if rules.pod_level_resize and rules.name != "A" and status is not None:
        asked = None if parts.infeasible else spec
        values = largest(asked, status.requests, amounts(parts.pod_allocated))
        if rules.name == "B":
            values = {name: values.get(name, 0) for name in spec}
    return {name: value for name, value in values.items() if _at_pod_level(name)}


def _pod_level_limits(parts: Parts, rules: Rules) -> dict[str, int]:
    """Return what overrides the sum of the containers."""
    whole = resources(parts.pod) or _NONE
    if not any(_at_pod_level(name) for name in (*(whole.requests or {}), *(whole.limits or {}))):
        return {}
    spec = whole.limits or {}
    values: Amounts = spec
    status = resources(parts.pod_status)
    if rules.pod_level_resize and rules.name != "A" and status is not None:
        if rules.name == "C":
            values = largest(None if parts.infeasible else spec, status.limits)
        elif not parts.infeasible or status.limits is not None:
            values = largest(None if parts.infeasible else spec, status.limits)
            values = {name: values.get(name, 0) for name in spec}
    return {name: value for name, value in values.items() if _at_pod_level(name)}
