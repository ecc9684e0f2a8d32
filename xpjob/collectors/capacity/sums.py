"""Join pods with nodes: exact sums by node, group of nodes, namespace and DaemonSet."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from xpjob.collectors.capacity.amounts import PODS, Amounts, add
from xpjob.collectors.capacity.fold import Folded
from xpjob.collectors.capacity.nodes import NodeFacts
from xpjob.kube.quantity import NANO
from xpjob.kube.requests import Effective, at_scheduler

NODE, VIRTUAL_NODE, OTHER_NODE, UNKNOWN_NODE = "node", "virtual node", "other node", "unknown node"
PENDING = "pending"
"""Where a pod is: on a node that is counted, on a virtual one, or on one that is not listed."""


@dataclass(slots=True)
class Sums:
    """Sums over pods; amounts are in nano units, and have ``pods`` as a resource.

    ``rounding`` is what the scheduler adds by rounding up, ``resizes`` by how much requests exceed
    those written. ``resized`` that of pods whose requests are not those written,
    ``without_requests`` that of pods that request nothing, ``unlimited`` that of pods that may use
    all of a resource.
    """

    requested: Amounts = field(default_factory=dict)
    rounding: Amounts = field(default_factory=dict)
    resizes: Amounts = field(default_factory=dict)
    limits: Amounts = field(default_factory=dict)
    daemon_sets: Amounts = field(default_factory=dict)
    unlimited: Amounts = field(default_factory=dict)
    resized: int = 0
    without_requests: int = 0

    @property
    def pods(self) -> int:
        """Return the number of pods."""
        return self.requested.get(PODS, 0) // NANO

    def merge(self, other: Sums) -> None:
        """Add other sums."""
        add(self.requested, other.requested)
        add(self.rounding, other.rounding)
        add(self.resizes, other.resizes)
        add(self.limits, other.limits)
        add(self.daemon_sets, other.daemon_sets)
        add(self.unlimited, other.unlimited)
        self.resized += other.resized
        self.without_requests += other.without_requests


@dataclass(slots=True)
class NodeSums:
    """A node, what it can hold, and what is on it."""

    facts: NodeFacts
    state: str
    allocatable: Amounts
    sums: Sums
    free: Amounts = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Compute what the scheduler sees as free: negative where more is placed than fits."""
        used, rounding = self.sums.requested, self.sums.rounding
        self.free = {
            resource: amount - used.get(resource, 0) - rounding.get(resource, 0)
            for resource, amount in self.allocatable.items()
        }

    def room(self, resources: Iterable[str]) -> Amounts:
        """Return what is there of these for pods that no DaemonSet has made."""
        there, taken = self.allocatable, self.sums.daemon_sets
        return {name: there.get(name, 0) - taken.get(name, 0) for name in resources}


@dataclass(frozen=True, slots=True)
class Joined:
    """All sums. ``nodes`` are sorted by name. ``namespaces`` has the pods on counted nodes.

    ``elsewhere`` has other pods by namespace and where they are; ``placed`` all by where they are.
    """

    nodes: Sequence[NodeSums]
    namespaces: Mapping[str, Sums]
    elsewhere: Mapping[tuple[str, str], int]
    placed: Mapping[str, Sums]
    daemon_sets: Mapping[tuple[str, str], Sums]


def join(folded: Folded, facts: Sequence[NodeFacts], *, selected: bool) -> Joined:
    """Join pods with nodes. ``selected``: only some nodes are listed, and others exist."""
    columns = _Columns([kind.asked() for kind in folded.kinds])
    known = {node.name: node.state for node in facts}
    on_node: dict[str, _Row] = {}
    placed: dict[str, _Row] = {}
    elsewhere: dict[tuple[str, str], int] = {}
    # Pods of a kind are mostly in one place, on several nodes: counted first, then added.
    in_place: dict[int, Counter[int]] = {}
    for number, name in enumerate(folded.nodes):
        where = _where(name, known, selected=selected)
        own = on_node[name] = columns.row()
        for position, kind, pods in folded.at(number):
            place = folded.places[position]
            for column, amount in columns.items[kind]:
                own[column] += amount * pods
            if place[1]:
                for column, amount in columns.daemon_sets[kind]:
                    own[column] += amount * pods
            if where == NODE:
                in_place.setdefault(position, Counter())[kind] += pods
            else:
                key = (place[0], where)
                elsewhere[key] = elsewhere.get(key, 0) + pods
        total = placed.get(where)
        placed[where] = list(map(operator.add, own, total)) if total else list(own)
    namespaces: dict[str, _Row] = {}
    daemon_sets: dict[tuple[str, str], _Row] = {}
    for position, kinds in in_place.items():
        place = folded.places[position]
        rows = [namespaces.setdefault(place[0], columns.row())]
        if place[1]:
            rows.append(daemon_sets.setdefault(place, columns.row()))
        for kind, pods in kinds.items():
            for row in rows:
                for column, amount in columns.items[kind]:
                    row[column] += amount * pods
    nodes = [
        NodeSums(
            node,
            node.state,
            node.amounts,
            columns.sums(on_node[node.name]) if node.name in on_node else Sums(),
        )
        for node in sorted(facts, key=lambda node: node.name)
    ]
    return Joined(
        nodes,
        {name: columns.sums(row) for name, row in sorted(namespaces.items())},
        dict(sorted(elsewhere.items())),
        {name: columns.sums(row) for name, row in sorted(placed.items())},
        {key: columns.sums(row) for key, row in sorted(daemon_sets.items())},
    )


def _where(node: str, known: Mapping[str, str], *, selected: bool) -> str:
    if not node:
        return PENDING
    if node in known:
        return VIRTUAL_NODE if known[node] == "virtual" else NODE
    return OTHER_NODE if selected else UNKNOWN_NODE


_Row = list[int]
_AMOUNTS = ("requested", "rounding", "resizes", "limits", "daemon_sets", "unlimited")


class _Columns:
    """Positions of amounts in a row: adding to a list is faster than to several dictionaries.

    ``items`` has what one pod of each kind adds: pairs of position and amount; ``daemon_sets``
    what it adds beyond that if it is a DaemonSet's.
    """

    def __init__(self, kinds: Sequence[Effective]) -> None:
        self._positions: dict[tuple[str, str], int] = {}
        self.items = [self._positioned(_adds(asked)) for asked in kinds]
        self.daemon_sets = [
            self._positioned(
                (("daemon_sets", resource), amount) for resource, amount in _requests(asked).items()
            )
            for asked in kinds
        ]

    def row(self) -> _Row:
        return [0] * len(self._positions)

    def sums(self, row: _Row) -> Sums:
        made = Sums()
        tables = {name: getattr(made, name) for name in _AMOUNTS}
        for (name, resource), position in self._positions.items():
            if value := row[position]:
                if name in tables:
                    tables[name][resource] = value
                else:
                    setattr(made, name, value)
        return made

    def _positioned(self, items: Iterator[tuple[tuple[str, str], int]]) -> list[tuple[int, int]]:
        positions = self._positions
        return [(positions.setdefault(key, len(positions)), amount) for key, amount in items]


def _requests(asked: Effective) -> dict[str, int]:
    return {**{k: v for k, v in asked.requests.items() if k != PODS}, PODS: NANO}


def _adds(asked: Effective) -> Iterator[tuple[tuple[str, str], int]]:
    """Yield what one pod adds: names of ``Sums``, resource and amount."""
    requests = _requests(asked)
    rounded = at_scheduler(requests)
    for resource, amount in requests.items():
        yield ("requested", resource), amount
        if rounding := rounded[resource] - amount:
            yield ("rounding", resource), rounding
    for resource, amount in asked.limits.items():
        yield ("limits", resource), amount
    for resource in sorted(asked.unlimited):
        yield ("unlimited", resource), 1
    resizes = dict(_differences(asked.requests, asked.spec_requests))
    for resource, amount in resizes.items():
        yield ("resizes", resource), amount
    if resizes:
        yield ("resized", ""), 1
    if not any(asked.requests.values()):
        yield ("without_requests", ""), 1


def _differences(one: Mapping[str, int], other: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    for resource in {**one, **other}:
        if difference := one.get(resource, 0) - other.get(resource, 0):
            yield resource, difference
