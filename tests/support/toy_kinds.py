"""A fourth toy: its table has a column of each type, and parents, lateness and links."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from msgspec import Meta, Struct

from support.toy import ToyOptions
from xpjob.collect.before import Before
from xpjob.collect.contract import Listed, Plan, Section, Subscription, World
from xpjob.collect.description import ColumnType, Highlight, Link, Usual
from xpjob.collect.findings import Finding, Ref
from xpjob.collect.tables import TableSpec, row_id
from xpjob.config.option import Group
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey
from xpjob.metrics.table import Column, Table

COLUMN_TYPES: frozenset[str] = frozenset(get_args(ColumnType))


class Named(Struct, rename="camel"):
    """The part of a pod's metadata that is read."""

    name: str
    namespace: str = ""
    creation_timestamp: str | None = None


class Spec(Struct, rename="camel"):
    """The part of a pod's spec that is read."""

    node_name: str = ""


class Pod(Struct):
    """The part of a pod that is read."""

    metadata: Named
    spec: Spec | None = None


class KindsRow(Struct, rename="camel", kw_only=True):
    """A row: one pod. Each pod but the first of its namespace has that one as its parent."""

    group: str = ""
    kind: str = "Pod"
    namespace: Annotated[str, Meta(description="Namespace of the pod.")]
    name: Annotated[str, Meta(description="Name of the pod.")]
    team: Annotated[str, Meta(description="Team of the namespace.")]
    state: Annotated[str, Meta(description="Placed or Waiting.")]
    placed: Annotated[bool, Meta(description="Whether it has a node.")]
    pods: Annotated[int, Meta(description="Pods with this node.")]
    share: Annotated[float, Meta(description="Part of all pods.")]
    memory: Annotated[float, Meta(description="Memory of these pods.")]
    cpu: Annotated[float, Meta(description="Cores of these pods.")]
    cost: Annotated[float, Meta(description="What they cost.")]
    index: Annotated[int, Meta(description="Its place in the list.")]
    created_at: Annotated[str, Meta(description="When it was created.")]
    digest: Annotated[str, Meta(description="Digest of its name.")]
    parent: Annotated[Ref | None, Meta(description="First pod of the namespace.")]
    nodes: Annotated[list[str], Meta(description="Nodes of the namespace's pods.")]
    labels: Annotated[dict[str, str], Meta(description="Its labels.")]
    node: Annotated[str, Meta(description="Its node.")]

    @property
    def id(self) -> str:
        """Return the id of the row."""
        return row_id((self.namespace, self.name))


class PodReader:
    """Keeps what is read of each pod."""

    def __init__(self) -> None:
        self._pods: list[tuple[str, str, str, str]] = []

    def page(self, objects: Sequence[Pod]) -> None:
        """Take the pods of one page."""
        for pod in objects:
            metadata, spec = pod.metadata, pod.spec or Spec()
            created = metadata.creation_timestamp or ""
            self._pods.append((metadata.namespace, metadata.name, spec.node_name, created))

    def result(self) -> list[tuple[str, str, str, str]]:
        """Return namespace, name, node and creation of each."""
        return self._pods


class PodKinds:
    """Shows pods in every type of column."""

    name = "kinds"
    options: type[Group] = ToyOptions
    tables: Sequence[TableSpec] = (
        TableSpec(
            "podKinds",
            KindsRow,
            ("namespace", "name"),
            title="Pods in all columns",
            filters=("namespace", "name", "team", "state", "placed", "node"),
            search=("namespace", "name", "node"),
            shown=(
                *("namespace", "name", "state", "createdAt", "team", "node", "share", "pods"),
                *("memory", "cpu", "cost", "index", "placed", "digest", "parent"),
                *("nodes", "labels"),
            ),
            changes=("state", "node"),
            sort="name",
            by=("state",),
            ok="placed",
            since="createdAt",
            why=("state",),
            severity="warning",
            usual=Usual(by="team", seconds={"team-0": 60}),
            parents=("parent",),
            links=(Link("node", "nodePods", "node"),),
            highlights=(
                Highlight("Pods"),
                Highlight("Pods without a node", {"placed": ("false",)}, bad=True),
                Highlight("Cores", sum="cpu"),
            ),
            facets=("state", "team", "node"),
            priorities={
                **dict.fromkeys(("namespace", "name", "state", "createdAt"), 1),
                **dict.fromkeys(("team", "node", "share"), 2),
            },
            titles={"createdAt": "Waiting since", "share": "Part of all"},
            units={"cost": "EUR"},
            types={
                "state": "state",
                "share": "ratio",
                "memory": "bytes",
                "cpu": "cores",
                "cost": "money",
                "index": "number",
                "createdAt": "time",
                "digest": "digest",
                "parent": "ref",
            },
        ),
    )
    carry: Literal["list", "section"] = "section"
    state: type[Struct] | None = None
    results: Mapping[str, tuple[str, Any]] = {"pod": ("kinds", list[tuple[str, str, str, str]])}

    def plan(self, world: World) -> Plan:
        """Want all pods."""
        return Plan([Subscription(ListKey(Gvr("", "v1", "pods")), Pod, kind="Pod", role="pod")])

    def reader(self, subscription: Subscription) -> PodReader:
        """Return a new reader."""
        return PodReader()

    def recall(self, before: Before) -> None:
        """Remember nothing."""

    def finish(
        self, plan: Plan, listed: Sequence[Listed], before: Before | None, at: str
    ) -> Section:
        """Make a row of each pod, and a finding of each that has no node."""
        rows = rows_of(listed[0].result)
        return Section({"podKinds": rows}, [_finding(row) for row in rows if not row.placed])

    def metrics(self, section: Section, at: str) -> Iterator[Table]:
        """Yield the number of pods by namespace."""
        table = Table(("namespace",), (Column("pod_kinds_pods", "Pods by namespace."),))
        for row in section.tables["podKinds"]:
            table.add((row.namespace,), 1)
        yield table


def rows_of(pods: Sequence[tuple[str, str, str, str]]) -> list[KindsRow]:
    """Return the rows of pods: namespace, name, node and creation of each."""
    ordered = sorted(pods)
    rows = []
    for place, (namespace, name, node, created) in enumerate(ordered):
        beside = [each for each in ordered if each[2] == node]
        first = next(each for each in ordered if each[0] == namespace)
        rows.append(
            KindsRow(
                namespace=namespace,
                name=name,
                team=namespace,
                state="Placed" if node else "Waiting",
                placed=bool(node),
                pods=len(beside),
                share=len(beside) / len(ordered),
                memory=float(len(beside) << 30),
                cpu=0.25 * len(beside),
                cost=1.5 * len(beside),
                index=place,
                created_at=created,
                digest=f"sha256:{hashlib.sha256(name.encode()).hexdigest()}",
                parent=None if first[1] == name else Ref("", "Pod", namespace, first[1]),
                nodes=sorted({each[2] for each in ordered if each[0] == namespace} - {""}),
                labels={"name": name},
                node=node,
            )
        )
    return rows


def _finding(row: KindsRow) -> Finding:
    return Finding(
        finding="PodWithoutNode",
        class_="pod",
        group="",
        kind="Pod",
        namespace=row.namespace,
        name=row.name,
        uid="",
        team=row.team,
        message="it has no node",
        severity="warning",
        table="podKinds",
        row=row.id,
    )
