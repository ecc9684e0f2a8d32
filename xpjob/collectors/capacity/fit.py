"""What fits: how many pods of a shape, on which nodes, and what they lack. Pure functions.

A pod fits on a node if each of its requests is at most what is free, and a pod slot is. Amounts are
those of ``amounts``; a shape has its one pod slot among its requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from xpjob.collectors.capacity.amounts import CPU, MEMORY, PODS, Amounts
from xpjob.kube.quantity import NANO
from xpjob.kube.requests import at_scheduler


class Shape(NamedTuple):
    """A pod that somebody would like to add: a name, and its requests."""

    name: str
    requests: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, name: str, requests: Mapping[str, int]) -> Shape:
        """Return the shape of these requests, rounded as the scheduler does, and a pod slot."""
        needed = {k: v for k, v in at_scheduler(requests).items() if v > 0 and k != PODS}
        return cls(name, (*needed.items(), (PODS, NANO)))


def count(free: Mapping[str, int], shape: Shape) -> int:
    """Return how many more pods of a shape fit into what is free of a node."""
    return max(0, min(free.get(resource, 0) // need for resource, need in shape.requests))


def lacks(free: Mapping[str, int], shape: Shape) -> Amounts:
    """Return what is missing on a node for one more pod, after all that fit are placed."""
    placed = count(free, shape)
    missing = {
        resource: need - (free.get(resource, 0) - placed * need)
        for resource, need in shape.requests
    }
    return {resource: amount for resource, amount in missing.items() if amount > 0}


def distance(free: Mapping[str, int], shape: Shape) -> float:
    """Return how far a node is from one more pod: the largest share of a request it lacks."""
    needs = dict(shape.requests)
    return max((amount / needs[name] for name, amount in lacks(free, shape).items()), default=0.0)


def hole(free: Iterable[tuple[str, Amounts]]) -> tuple[str, Amounts]:
    """Return the node with the largest hole, and all that is free there.

    Largest is the node whose scarcer one of cpu and memory is the largest share of what any node
    has free of it. A node without a free pod slot has no hole. Empty if there is none.
    """
    open_ = [(name, _clamped(there)) for name, there in free if there.get(PODS, 0) >= NANO]
    most = {key: max((there.get(key, 0) for _, there in open_), default=0) for key in (CPU, MEMORY)}

    def size(there: Mapping[str, int]) -> tuple[float, float]:
        shares = [there.get(key, 0) / most[key] if most[key] else 0.0 for key in (CPU, MEMORY)]
        return min(shares), max(shares)

    best = max(open_, key=lambda item: (size(item[1]), _last(item[0])), default=None)
    return ("", {}) if best is None or size(best[1])[1] == 0 else best


def stranded(free: Iterable[Mapping[str, int]], shapes: Sequence[Shape]) -> Amounts:
    """Return what is free of each resource on nodes that lack another.

    A resource is stranded on a node if no shape that asks for it could be placed there however
    much of it were free, because it lacks something else.
    """
    total: Amounts = {}
    asking: dict[str, list[Shape]] = {}
    for shape in shapes:
        for resource, _ in shape.requests:
            if resource != PODS:
                asking.setdefault(resource, []).append(shape)
                total.setdefault(resource, 0)
    for there in free:
        for resource, wanted in asking.items():
            amount = there.get(resource, 0)
            if amount > 0 and all(_blocked(there, shape, resource) for shape in wanted):
                total[resource] += amount
    return total


def in_all(free: Iterable[Mapping[str, int]], shape: Shape) -> int:
    """Return how many more pods of a shape fit on all of these nodes."""
    return sum(count(there, shape) for there in free)


def _blocked(free: Mapping[str, int], shape: Shape, resource: str) -> bool:
    return any(free.get(other, 0) < need for other, need in shape.requests if other != resource)


def _clamped(free: Mapping[str, int]) -> Amounts:
    return {resource: max(0, amount) for resource, amount in free.items()}


def _last(name: str) -> tuple[int, ...]:
    """Return a key that sorts names backwards, so that ``max`` prefers the first."""
    return tuple(-ord(letter) for letter in name)
