"""Tables of no collector that there is: described only in the snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from support.reader_sample import at
from xpjob.collect.description import Column, TableDescription
from xpjob.collect.outcome import CollectorOutcome, TargetOutcome
from xpjob.collect.tables import TableSpec
from xpjob.snapshot.documents import Head, RunInfo, Snapshot


class Node(Struct, rename="camel", kw_only=True):
    """A row with a column of each type."""

    name: str
    pool: Annotated[str, Meta(description="Group of nodes.")] = ""
    condition: str = ""
    cordoned: bool = False
    pods: int | None = None
    cpu: float | None = None
    cpu_ratio: float | None = None
    memory: int | None = None
    created_at: str | None = None
    taints: list[str] = []
    labels: dict[str, str] = {}
    note: str = ""


NODES = TableSpec(
    "nodes",
    Node,
    ("name",),
    title="Nodes",
    filters=("pool", "condition", "cordoned", "name"),
    search=("name", "note"),
    shown=("name", "pool", "condition", "pods", "cpu", "cpuRatio", "memory", "createdAt"),
    changes=("condition", "cordoned"),
    sort="name",
    types={
        "condition": "state",
        "cpu": "cores",
        "cpuRatio": "ratio",
        "memory": "bytes",
        "createdAt": "time",
    },
).describe("capacity")
USERS = TableDescription(
    key="licences",
    collector="sources",
    title="Licences",
    columns=(Column("host"), Column("q", "count"), Column("limit")),
    identity=("host",),
    filters=("host", "limit"),
    search=("host",),
    shown=("host", "q"),
    changes=("q",),
)
"""A table that a user has defined, whose columns have names of parameters."""


def nodes() -> list[Node]:
    """Return four nodes."""
    gib = 1 << 30
    return [
        Node(
            name="a-1", pool="workers", condition="Ready", pods=9, cpu=3.5, cpu_ratio=0.875,
            memory=8 * gib, created_at=at(days=2), taints=["x", "y"], labels={"zone": "b"},
        ),
        Node(
            name="a-2", pool="workers", condition="NotReady", pods=10, cpu=0.25, cpu_ratio=0.0625,
            memory=16 * gib, created_at=at(days=1), note="=cmd()",
        ),
        Node(name="b-1", pool="gpu", condition="Ready", pods=100, cpu=8.0, created_at=at(days=3)),
        Node(name="new", cordoned=True),
    ]  # fmt: skip


def toy_snapshot(number: int = 1, **changes: Any) -> Snapshot:
    """Return a snapshot as xpjob stores it now, but for the changes."""
    rows: dict[str, Sequence[Any]] | None = changes.pop("rows", None)
    head: dict[str, Any] = {
        "generated_at": at(seconds=10),
        "cluster": "",
        "run": RunInfo(id=f"{number:032x}", version="0", started_at=at(seconds=12)),
        "targets": [],
        "collectors": [
            CollectorOutcome(collector="capacity"),
            CollectorOutcome(
                collector="sources", success=False, error="no rights", carried_since=at(hours=1)
            ),
        ],
        "tables": [NODES, USERS],
        "metrics": [],
    }
    licences = [
        {"host": "east", "q": 3, "limit": "big"},
        {"host": "west", "q": 7, "limit": "small"},
    ]
    tables: dict[str, Sequence[Any]] = {"nodes": nodes(), "licences": licences}
    return Snapshot(Head(**{**head, **changes}), tables if rows is None else rows)


def failed_list(namespace: str = "") -> TargetOutcome:
    """Return a list of the collector that failed."""
    return TargetOutcome(
        class_="", group="", version="v1", resource="nodes", kind="Node", namespace=namespace,
        source="", error="503", collector="capacity",
    )  # fmt: skip
