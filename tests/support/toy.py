"""A collector that counts pods: the worked example of xpjob/collectors/README.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from xpjob.collect.before import Before
from xpjob.collect.contract import Listed, Plan, Section, Subscription, World
from xpjob.collect.tables import TableSpec
from xpjob.config.option import Group
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey
from xpjob.metrics.table import Column, Table


class PodSpec(Struct, frozen=True, rename="camel"):
    """The part of a pod's spec that is read."""

    node_name: str = ""


class Pod(Struct):
    """The part of a pod that is read."""

    spec: PodSpec | None = None


class NodePods(Struct, rename="camel"):
    """A row: how many pods a node has."""

    node: Annotated[str, Meta(description="Name of the node.")]
    pods: Annotated[int, Meta(description="Pods that are bound to it.")]


class ToyOptions(Group, frozen=True):
    """It has no options."""

    title = "Pods by node"


class PodCounter:
    """Counts the pods of one list by node, page by page."""

    def __init__(self) -> None:
        self._pods: Counter[str] = Counter()

    def page(self, objects: Sequence[Pod]) -> None:
        """Count the pods of one page."""
        self._pods.update(pod.spec.node_name if pod.spec else "" for pod in objects)

    def result(self) -> dict[str, int]:
        """Return the counts."""
        return dict(self._pods)


class PodsByNode:
    """Counts pods by node."""

    name = "toy"
    options: type[Group] = ToyOptions
    tables: Sequence[TableSpec] = (
        TableSpec("nodePods", NodePods, ("node",), filters=("node",), search=("node",)),
    )
    carry: Literal["list", "section"] = "section"
    state: type[Struct] | None = None
    results: Mapping[str, tuple[str, Any]] = {"pod": ("pods", dict[str, int])}

    def plan(self, world: World) -> Plan:
        """Want all pods."""
        return Plan([Subscription(ListKey(Gvr("", "v1", "pods")), Pod, kind="Pod", role="pod")])

    def reader(self, subscription: Subscription) -> PodCounter:
        """Return a new counter."""
        return PodCounter()

    def recall(self, before: Before) -> None:
        """Remember nothing."""

    def finish(
        self, plan: Plan, listed: Sequence[Listed], before: Before | None, at: str
    ) -> Section:
        """Make a row of each node."""
        (pods,) = listed
        rows = [NodePods(node, count) for node, count in sorted(pods.result.items())]
        return Section({"nodePods": rows})

    def metrics(self, section: Section, at: str) -> Iterator[Table]:
        """Yield the number of pods by node."""
        table = Table(("node",), (Column("toy_pods", "Pods by node."),))
        for row in section.tables["nodePods"]:
            table.add((row.node,), row.pods)
        yield table
