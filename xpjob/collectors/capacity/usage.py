"""What is counted as usage: effective requests of pods, pods, and what nodes can hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from xpjob.base import times
from xpjob.collect.meters import Key, Meter, Reading
from xpjob.collectors.capacity.amounts import CPU, MEMORY, PODS
from xpjob.collectors.capacity.fold import Folded, Kind
from xpjob.collectors.capacity.lives import STILL_THERE
from xpjob.collectors.capacity.nodes import VIRTUAL, NodeFacts
from xpjob.kube.quantity import NANO, milli, units

NOT_LISTED, ON_VIRTUAL = "<not listed>", "<virtual>"
"""Groups of nodes that no label names: no label value has these characters."""
_MOST = (1 << 63) - 1
_OF_PODS = ("namespace", "team", "node_group")
_UNTIL_ENDED = "from when they have a node until their containers have ended"
METERS = (
    Meter(
        "cpu_requests", "Millicore", _OF_PODS, f"Effective cpu requests of pods, {_UNTIL_ENDED}."
    ),
    Meter("memory_requests", "B", _OF_PODS, f"Effective memory requests of pods, {_UNTIL_ENDED}."),
    Meter("pods", "Unit", _OF_PODS, f"Pods, {_UNTIL_ENDED}."),
    Meter("cpu_allocatable", "Millicore", ("node_group",), "Allocatable cpu of nodes."),
    Meter("memory_allocatable", "B", ("node_group",), "Allocatable memory of nodes."),
    Meter(
        "<resource>_requests",
        "Unit",
        _OF_PODS,
        "Effective requests of another resource; those of ephemeral-storage and hugepages-* are in "
        "B.",
    ),
)


def of_pods(
    number: int,
    folded: Folded,
    nodes: Sequence[NodeFacts],
    teams: Mapping[str, str],
    since: int,
) -> Iterator[Reading]:
    """Yield readings of the list of pods, which is at this position.

    Pods with equal namespace, request and group of nodes are one reading, if they are counted
    since the same time.
    """
    groups = {node.name: group_of(node) for node in nodes}
    lives = folded.lives
    group_at = [groups.get(name, NOT_LISTED) for name in lives.nodes]
    counted = Counter(
        (group_at[node], namespace, kind, begin if begin > since else since, end)
        for node, namespace, kind, begin, end in lives.rows()
        if end > since
    )
    amounts = [_amounts(kind) for kind in folded.kinds]
    for (group, at, kind, begin, end), pods in counted.items():
        namespace = lives.namespaces[at]
        team = teams.get(namespace, "")
        for meter, amount in amounts[kind].items():
            key = Key(meter, namespace=namespace, team=team, node_group=group)
            yield Reading(number, key, amount * pods, begin, None if end == STILL_THERE else end)


def of_nodes(number: int, nodes: Sequence[NodeFacts]) -> Iterator[Reading]:
    """Yield readings of the list of nodes, which is at this position.

    What virtual nodes can hold is not there before a pod asks for it.
    """
    for node in nodes:
        begin = times.epoch(node.created_at)
        if begin is None or node.state == VIRTUAL:
            continue
        amounts = node.amounts
        group = group_of(node)
        for meter, amount in (
            ("cpu_allocatable", amounts.get(CPU, 0) * 1000 // NANO),
            ("memory_allocatable", amounts.get(MEMORY, 0) // NANO),
        ):
            yield Reading(number, Key(meter, node_group=group), max(0, amount), begin)


def group_of(node: NodeFacts) -> str:
    """Return the group of a node: its pool, empty if it has none."""
    return ON_VIRTUAL if node.virtual else node.pool


def _amounts(kind: Kind) -> dict[str, int]:
    """Return what one pod requests, by meter: millicores or whole units, rounded up.

    No more than 2^63-1, with which databases can still compute.
    """
    requests = kind.asked().requests
    amounts = {
        f"{name}_requests": min(milli(amount) if name == CPU else units(amount), _MOST)
        for name, amount in requests.items()
        if amount > 0 and name != PODS
    }
    return {"pods": 1, **amounts}
