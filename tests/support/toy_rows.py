"""A second toy: it keeps a row of each pod, and the rows of what fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from support.toy import ToyOptions
from xpjob.collect.before import Before
from xpjob.collect.carry import Gaps, carry
from xpjob.collect.contract import Listed, Plan, Section, Subscription, World
from xpjob.collect.tables import TableSpec
from xpjob.config.option import Group
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey
from xpjob.metrics.table import Column, Table


class Named(Struct):
    """The part of a pod's metadata that is read."""

    name: str
    namespace: str = ""


class Spec(Struct, rename="camel"):
    """The part of a pod's spec that is read."""

    node_name: str = ""
    priority: int = 0


class Pod(Struct):
    """The part of a pod that is read."""

    metadata: Named
    spec: Spec | None = None


class PodRow(Struct, rename="camel", kw_only=True):
    """A row: one pod."""

    group: str = ""
    resource: str = "pods"
    namespace: str
    name: str
    node: str
    priority: int
    carried_since: str = ""


class PodReader:
    """Makes a row of each pod."""

    def __init__(self) -> None:
        self._rows: list[PodRow] = []

    def page(self, objects: Sequence[Pod]) -> None:
        """Take the pods of one page."""
        for pod in objects:
            spec = pod.spec or Spec()
            self._rows.append(
                PodRow(
                    namespace=pod.metadata.namespace,
                    name=pod.metadata.name,
                    node=spec.node_name,
                    priority=spec.priority,
                )
            )

    def result(self) -> list[PodRow]:
        """Return the rows."""
        return self._rows


class PodList:
    """Lists pods."""

    name = "pods"
    options: type[Group] = ToyOptions
    tables: Sequence[TableSpec] = (
        TableSpec(
            "podList",
            PodRow,
            ("namespace", "name"),
            filters=("namespace", "node"),
            search=("name", "namespace"),
            shown=("namespace", "name", "node", "priority"),
            changes=("node",),
        ),
    )
    carry: Literal["list", "section"] = "list"
    state: type[Struct] | None = None
    results: Mapping[str, tuple[str, Any]] = {"listed": ("pods", list[PodRow])}

    def __init__(self, namespaces: Sequence[str] = ("",), label_selector: str = "") -> None:
        self._keys = [ListKey(Gvr("", "v1", "pods"), ns, label_selector) for ns in namespaces]

    def plan(self, world: World) -> Plan:
        """Want the pods of each namespace."""
        return Plan([Subscription(key, Pod, kind="Pod", role="listed") for key in self._keys])

    def reader(self, subscription: Subscription) -> PodReader:
        """Return a new reader."""
        return PodReader()

    def recall(self, before: Before) -> None:
        """Remember nothing."""

    def finish(
        self, plan: Plan, listed: Sequence[Listed], before: Before | None, at: str
    ) -> Section:
        """Return the pods that were listed, and of lists that failed those that were."""
        rows = [row for item in listed for row in item.result or ()]
        outcomes = [item.outcome for item in listed]
        if before:
            gaps = Gaps(outcomes)
            known = before.read("podList", PodRow, lambda row: gaps.reason(row) is not None)
            rows += carry(before, ((row, gaps.reason(row)) for row in known), outcomes, at)
        return Section({"podList": sorted(rows, key=lambda row: (row.namespace, row.name))})

    def metrics(self, section: Section, at: str) -> Iterator[Table]:
        """Yield the number of pods by namespace."""
        table = Table(("namespace",), (Column("pod_list_pods", "Pods by namespace."),))
        for row in section.tables["podList"]:
            table.add((row.namespace,), 1)
        yield table
