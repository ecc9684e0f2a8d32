"""What the ResourceClaims of a pod add to its cpu and memory.

Only with the feature gate DRANodeAllocatableResources, which is alpha.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from xpjob.kube.mend import UNREADABLE
from xpjob.kube.quantity import QuantityError, from_json
from xpjob.kube.resources import Amounts, add


class Claimed(NamedTuple):
    """What all claims of a pod add, to requests, and to limits where there are some."""

    requests: Amounts
    limits: Amounts


class _Mapping(Struct):
    name: str = ""
    quantity: Any = None


class _Overhead(Struct, rename="camel"):
    name: str = ""
    per_pod: Any = None
    per_container: Any = None


class _Claim(Struct):
    """``resources`` is of Kubernetes 1.36; ``mapping`` and ``overhead`` replace it in 1.37."""

    containers: list[str] | None = None
    resources: dict[str, Any] | None = None
    mapping: list[_Mapping] | None = None
    overhead: list[_Overhead] | None = None


_claims = msgspec.json.Decoder(list[_Claim] | None, float_hook=str)


@lru_cache(maxsize=1024)
def claimed(raw: bytes) -> Claimed:
    """Return the sums of ``status.nodeAllocatableResourceClaimStatuses``.

    Raises ``QuantityError``.
    """
    try:
        claims = _claims.decode(raw) if raw else None
        requests: dict[str, int] = {}
        limits: dict[str, int] = {}
        for claim in claims or []:
            add(requests, {name: from_json(each) for name, each in (claim.resources or {}).items()})
            add(limits, _mapped(claim))
    except UNREADABLE as error:
        raise QuantityError(f"invalid nodeAllocatableResourceClaimStatuses: {error}") from error
    add(requests, limits)
    return Claimed(requests, limits)


def _mapped(claim: _Claim) -> dict[str, int]:
    total: dict[str, int] = {}
    for mapping in claim.mapping or []:
        if mapping.quantity is not None:
            add(total, {mapping.name: from_json(mapping.quantity)})
    for overhead in claim.overhead or []:
        containers = len(claim.containers or [])
        amount = from_json(overhead.per_pod) + from_json(overhead.per_container) * containers
        add(total, {overhead.name: amount})
    return total
