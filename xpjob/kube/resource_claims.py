"""What the ResourceClaims of a pod add to its cpu and memory.

Only with the feature gate DRANodeAllocatableResources, which is alpha.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from xpjob.kube.mend import UNREADABLE
from xpjob.kube.quantity import QuantityError, amount
from xpjob.kube.resources import Amounts, add


class ResourceClaimed(NamedTuple):
    """What all ResourceClaims of a pod add, to requests, and to limits where there are some."""

    requests: Amounts
    limits: Amounts


class _Mapping(Struct):
    name: str = ""
    quantity: Any = None


class _Overhead(Struct, rename="camel"):
    name: str = ""
    per_pod: Any = None
    per_container: Any = None


class _ResourceClaim(Struct):
    """``resources`` is of Kubernetes 1.36; ``mapping`` and ``overhead`` replace it in 1.37."""

    containers: list[str] | None = None
    resources: dict[str, Any] | None = None
    mapping: list[_Mapping] | None = None
    overhead: list[_Overhead] | None = None


_resource_claims = msgspec.json.Decoder(list[_ResourceClaim] | None, float_hook=str)


@lru_cache(maxsize=1024)
def resource_claimed(raw: bytes) -> ResourceClaimed:
    """Return the sums of ``status.nodeAllocatableResourceClaimStatuses``.

    Raises ``QuantityError``.
    """
    try:
        resource_claims = _resource_claims.decode(raw) if raw else None
        requests: dict[str, int] = {}
        limits: dict[str, int] = {}
        for one in resource_claims or []:
            add(requests, {name: amount(each) for name, each in (one.resources or {}).items()})
            add(limits, _mapped(one))
    except UNREADABLE as error:
        raise QuantityError(f"invalid nodeAllocatableResourceClaimStatuses: {error}") from error
    add(requests, limits)
    return ResourceClaimed(requests, limits)


def _mapped(one: _ResourceClaim) -> dict[str, int]:
    total: dict[str, int] = {}
    for mapping in one.mapping or []:
        if mapping.quantity is not None:
            add(total, {mapping.name: amount(mapping.quantity)})
    for overhead in one.overhead or []:
        containers = len(one.containers or [])
        own = amount(overhead.per_pod) + amount(overhead.per_container) * containers
        add(total, {overhead.name: own})
    return total
