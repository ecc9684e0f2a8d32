"""Sums that have no table, for the metrics and the findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xpjob.collectors.capacity.amounts import numbers, ordered
from xpjob.collectors.capacity.fold import Folded
from xpjob.collectors.capacity.nodes import VIRTUAL
from xpjob.collectors.capacity.state import DaemonSet, Overfull, Placed, Waiting
from xpjob.collectors.capacity.sums import Joined
from xpjob.kube.quantity import to_float


def summarize(joined: Joined, folded: Folded, teams: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of ``Capacity`` that are computed."""
    waiting = sorted(folded.waiting, key=lambda item: (item.namespace, item.reason))
    return {
        "placed": [
            Placed(placement, sums.pods, numbers(sums.requested))
            for placement, sums in joined.placed.items()
        ],
        "waiting": [
            Waiting(
                item.namespace, teams.get(item.namespace, ""), item.reason, item.pods, item.oldest
            )
            for item in waiting
        ],
        "causes": dict(sorted(folded.causes.items())),
        "daemon_sets": [
            DaemonSet(namespace, name, sums.pods, numbers(sums.requested))
            for (namespace, name), sums in joined.daemon_sets.items()
        ],
        "overfull": list(_overfull(joined)),
        "pending_left_out": sum(item.pods for item in waiting) - len(folded.pending),
        "invalid_pods": folded.invalid,
    }


def _overfull(joined: Joined) -> Iterator[Overfull]:
    """Yield where more is requested than there is.

    What a node does not have at all may come from the devices of a ResourceClaim: it is no excess.
    A virtual node says nothing of what it can hold.
    """
    for node in joined.nodes:
        if node.state == VIRTUAL:
            continue
        for resource in ordered(node.free):
            if node.free[resource] < 0:
                yield Overfull(node.facts.name, resource, to_float(-node.free[resource]))
