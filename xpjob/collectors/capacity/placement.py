"""Answer how many pods of a kind fit on the nodes of a snapshot, where, and what is in the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from msgspec import Struct

from xpjob.collectors.capacity import fit
from xpjob.collectors.capacity.amounts import Amounts, numbers
from xpjob.collectors.capacity.fit import Shape
from xpjob.collectors.capacity.groups import NONE
from xpjob.collectors.capacity.nodes import UNSCHEDULABLE_TAINT
from xpjob.kube.nodes import Taint
from xpjob.kube.quantity import QuantityError, from_json
from xpjob.kube.selectors import Selector

NEAREST = 5
"""Nodes of which is said what they lack."""


class Use(Struct, gc=False):
    """What is free of a resource."""

    free: float | None = None


class Node(Struct, rename="camel", gc=False):
    """A row of the table ``nodes``, as far as it matters here."""

    node: str
    state: str = ""
    ready: bool = True
    cordoned: bool = False
    virtual: str = ""
    pool: str = ""
    zone: str = ""
    instance_type: str = ""
    capacity_type: str = ""
    taints: list[str] = []
    labels: dict[str, str] = {}
    resources: dict[str, Use] = {}

    @property
    def free(self) -> Amounts:
        """Return what is free."""
        return dict(self._free())

    def _free(self) -> Iterator[tuple[str, int]]:
        for name, use in self.resources.items():
            try:
                yield name, from_json(use.free)
            except QuantityError:
                continue


FIELDS = tuple(Node.__struct_encode_fields__)
COLUMNS = {"state": "state", "pool": "pool", "zone": "zone"} | {
    "instanceType": "instance_type",
    "capacityType": "capacity_type",
}
"""Columns by which nodes can be grouped; anything else is the key of a label."""


class Toleration(NamedTuple):
    """A toleration; an empty key or effect matches any, and so does a value of None."""

    key: str
    value: str | None
    effect: str

    @classmethod
    def parse(cls, text: str) -> Toleration:
        """Return the toleration of ``key[=value][:effect]``. Raises ``ValueError``."""
        rest, _, effect = text.partition(":")
        key, equals, value = rest.partition("=")
        if effect not in ("", "NoSchedule", "NoExecute", "PreferNoSchedule") or not text:
            raise ValueError(
                f"invalid toleration {text!r}: expected key[=value][:effect], e.g. "
                "dedicated=gpu:NoSchedule"
            )
        return cls(key, value if equals else None, effect)

    def tolerates(self, taint: Taint) -> bool:
        """Return whether a pod with it is scheduled in spite of a taint."""
        return (
            self.key in ("", taint.key)
            and self.value in (None, taint.value)
            and self.effect in ("", taint.effect)
        )


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: ``count`` pods of a shape, on which nodes, and by what to group these."""

    shape: Shape
    count: int = 1
    selector: Selector = Selector()
    tolerations: Sequence[Toleration] = ()
    group_by: Sequence[str] = ()


class Room(Struct):
    """Nodes on which pods fit: ``fits`` are those of all of them."""

    name: str
    nodes: int
    fits: int


class Lack(Struct):
    """What a node lacks for one more pod, in base units."""

    node: str
    lacks: dict[str, float]


class Placement(Struct, rename="camel"):
    """The answer. ``fits`` is how many pods fit in all, ``missing`` how many of ``count`` do not.

    ``nodes`` are those with room, most of it first, ``groups`` groups of all nodes in question.
    ``nearest`` are the nodes that lack least for one more pod, if some are missing. ``excluded``
    are nodes that are not in question, by reason, with the pods for which they have room.
    """

    requests: dict[str, float]
    count: int
    fits: int
    missing: int
    groups: list[Room]
    nodes: list[Room]
    nearest: list[Lack]
    excluded: list[Room]


def place(nodes: Iterable[Node], question: Question) -> Placement:
    """Return how many pods fit on these nodes."""
    shape = question.shape
    excluded: dict[str, Room] = {}
    groups: dict[str, Room] = {}
    rooms: list[Room] = []
    lacking: list[tuple[float, str, Amounts]] = []
    for node in sorted(nodes, key=lambda node: node.node):
        free = node.free
        fits = fit.count(free, shape)
        if reason := _excluded(node, question):
            _add(excluded, reason, fits)
            continue
        if question.group_by:
            _add(groups, _group(node, question.group_by), fits)
        if fits:
            rooms.append(Room(node.node, 1, fits))
        lacking.append((fit.distance(free, shape), node.node, fit.lacks(free, shape)))
    total = sum(room.fits for room in rooms)
    missing = max(0, question.count - total)
    nearest = sorted(lacking)[:NEAREST] if missing else []
    return Placement(
        requests=numbers({name: need for name, need in shape.requests if name != "pods"}),
        count=question.count,
        fits=total,
        missing=missing,
        groups=_most_first(groups.values()),
        nodes=_most_first(rooms),
        nearest=[Lack(name, numbers(lacks)) for _, name, lacks in nearest],
        excluded=_most_first(excluded.values()),
    )


def _excluded(node: Node, question: Question) -> str:
    """Return why no such pod is scheduled to a node, empty if one is."""
    if not question.selector.matches(node.labels):
        return "does not match the selector"
    if node.virtual:
        return "virtual node"
    if not node.ready:
        return "not ready"
    taints = [Taint.parse(text) for text in node.taints]
    cordon = Taint(UNSCHEDULABLE_TAINT, "", "NoSchedule")
    if node.cordoned and cordon not in taints:
        taints.insert(0, cordon)
    for taint in taints:
        if taint.repels and not any(each.tolerates(taint) for each in question.tolerations):
            return "cordoned" if taint.key == UNSCHEDULABLE_TAINT else f"taint {taint}"
    return ""


def _group(node: Node, keys: Sequence[str]) -> str:
    values: Mapping[str, str] = node.labels
    return ",".join(
        (getattr(node, COLUMNS[key]) if key in COLUMNS else values.get(key, "")) or NONE
        for key in keys
    )


def _add(rooms: dict[str, Room], name: str, fits: int) -> None:
    room = rooms.setdefault(name, Room(name, 0, 0))
    room.nodes += 1
    room.fits += fits


def _most_first(rooms: Iterable[Room]) -> list[Room]:
    return sorted(rooms, key=lambda room: (-room.fits, room.name))
