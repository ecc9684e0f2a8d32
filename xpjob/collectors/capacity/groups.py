"""Groups of nodes: all, by state, by pool, and by the labels that an operator chooses.

Each group counts every node once. Virtual nodes are only in the group of their state: what they can
hold is not there before a pod asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from xpjob.collectors.capacity import fit
from xpjob.collectors.capacity.amounts import Amounts, add
from xpjob.collectors.capacity.fit import Shape
from xpjob.collectors.capacity.nodes import SCHEDULABLE, VIRTUAL, NodeFacts
from xpjob.collectors.capacity.options import LabelGroup
from xpjob.collectors.capacity.sums import NodeSums, Sums

# No label key has a space, so these cannot be confused with groups by label.
CLUSTER, STATE, POOL = "all nodes", "node state", "node pool"
ALL = "all"
NONE = "<none>"
"""The value of a label that a node does not have."""


@dataclass(slots=True)
class GroupSums:
    """A group of nodes: ``group`` is what it is made by, ``value`` what its nodes share."""

    group: str
    value: str
    nodes: list[NodeSums] = field(default_factory=list)
    allocatable: Amounts = field(default_factory=dict)
    sums: Sums = field(default_factory=Sums)

    def add(self, node: NodeSums) -> None:
        """Add a node."""
        self.nodes.append(node)
        add(self.allocatable, node.allocatable)
        self.sums.merge(node.sums)

    @property
    def schedulable(self) -> list[NodeSums]:
        """Return the nodes to which pods without tolerations are scheduled."""
        return [node for node in self.nodes if node.state == SCHEDULABLE]

    @property
    def free(self) -> Amounts:
        """Return what is free on all of its nodes together."""
        total: Amounts = {}
        for node in self.nodes:
            add(total, node.free)
        return total

    def fits(self, shape: Shape) -> int:
        """Return how many more pods of a shape fit."""
        return fit.in_all((node.free for node in self.schedulable), shape)

    def fits_at_most(self, shape: Shape) -> int:
        """Return how many pods of a shape would fit beside those of DaemonSets alone."""
        asked = [name for name, _ in shape.requests]
        return fit.in_all((node.room(asked) for node in self.schedulable), shape)

    def hole(self) -> tuple[str, Amounts]:
        """Return the node with the largest hole, and all that is free there."""
        return fit.hole((node.facts.name, node.free) for node in self.schedulable)

    def stranded(self, shapes: Sequence[Shape]) -> Amounts:
        """Return what is free of each resource where another is lacking."""
        return fit.stranded([node.free for node in self.schedulable], shapes)


def grouped(nodes: Sequence[NodeSums], label_groups: Sequence[LabelGroup]) -> list[GroupSums]:
    """Return all groups, the whole cluster first."""
    made: dict[tuple[str, str], GroupSums] = {(CLUSTER, ALL): GroupSums(CLUSTER, ALL)}
    pools = any(node.facts.pool for node in nodes if node.state != VIRTUAL)
    for node in nodes:
        for key in groups_of(node.facts, node.state, label_groups, pools=pools):
            made.setdefault(key, GroupSums(*key)).add(node)
    order = {name: number for number, name in enumerate((CLUSTER, STATE, POOL))}
    return sorted(
        made.values(), key=lambda each: (order.get(each.group, 3), each.group, each.value)
    )


def groups_of(
    node: NodeFacts, state: str, label_groups: Sequence[LabelGroup], *, pools: bool
) -> Iterator[tuple[str, str]]:
    """Yield the groups of a node; that by pool only if ``pools``, if any node has one."""
    yield STATE, state
    if state == VIRTUAL:
        return
    yield CLUSTER, ALL
    if pools:
        yield POOL, node.pool or NONE
    for keys in label_groups:
        yield name_of(keys), value_of(node.labels, keys)


def name_of(keys: LabelGroup) -> str:
    """Return the name of a group by labels: its keys, comma-separated."""
    return ",".join(keys)


def value_of(labels: Mapping[str, str], keys: LabelGroup) -> str:
    """Return the values of these labels, comma-separated."""
    return ",".join(labels.get(key, NONE) for key in keys)
