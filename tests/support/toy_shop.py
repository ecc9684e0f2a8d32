"""Toy tables with a column of every kind, lateness, trees, links and teams: of no collector."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from msgspec import Struct

from support.toy_tables import NODES, Node, toy_snapshot
from xpjob.base import times
from xpjob.collect.description import Highlight, Link
from xpjob.collect.findings import Finding, Ref
from xpjob.collect.outcome import CollectorOutcome
from xpjob.collect.tables import TableSpec
from xpjob.snapshot.documents import Snapshot

GROUP = "shop.example.org"
DIGEST = "sha256:" + "0123456789abcdef" * 4
LATE: dict[str, tuple[str, ...]] = {"lateness": ("late", "long")}


def ago(**by: float) -> str:
    """Return a time so long before now."""
    return times.rfc3339(times.now() - timedelta(**by))


class Item(Struct, rename="camel", kw_only=True):
    """The columns of both tables."""

    uid: str
    group: str = GROUP
    kind: str
    namespace: str = ""
    name: str
    team: str = "payments"
    state: str = "Available"
    ready: bool = True
    not_ready_since: str = ""
    message: str = ""


class Thing(Item, rename="camel", kw_only=True):
    """A row with a column of each kind."""

    kind: str = "Thing"
    namespace: str = "team-a"
    node: str = ""
    pods: int | None = None
    use: float | None = None
    memory: int | None = None
    cpu: float | None = None
    cost: float | None = None
    created_at: str = ""
    image: str = ""
    owner: Ref | None = None
    taints: list[str] = []
    labels: dict[str, str] = {}


class Part(Item, rename="camel", kw_only=True):
    """What a thing is made of."""

    kind: str = "Part"
    parent: Ref | None = None


THINGS = TableSpec(
    "things",
    Thing,
    ("uid",),
    title="Things",
    filters=("team", "state", "kind", "namespace", "ready", "node", "name"),
    search=("name", "namespace", "message", "uid", "image"),
    shown=(
        *("namespace", "name", "team", "state", "message", "notReadySince", "pods", "use"),
        *("memory", "cpu", "cost", "image", "owner", "node", "taints", "labels", "createdAt"),
    ),
    changes=("state", "ready"),
    sort="name",
    ok="ready",
    types={
        "state": "state",
        "notReadySince": "time",
        "createdAt": "time",
        "use": "ratio",
        "memory": "bytes",
        "cpu": "cores",
        "cost": "money",
        "image": "digest",
        "owner": "ref",
    },
    units={"cost": "EUR"},
    name=("namespace", "name"),
    since="notReadySince",
    why=("message",),
    severity="warning",
    links=(Link("node", "nodes", "name"),),
    highlights=(
        Highlight("Things"),
        Highlight("Things late", LATE, bad=True),
        Highlight("Pods", sum="pods"),
    ),
    facets=("team", "state", "node"),
).describe("shop")
PARTS = TableSpec(
    "parts",
    Part,
    ("uid",),
    title="Parts",
    filters=("team", "state", "kind", "namespace", "ready", "name"),
    search=("name", "message"),
    shown=("name", "team", "state", "message", "notReadySince"),
    sort="name",
    ok="ready",
    types={"state": "state", "notReadySince": "time", "parent": "ref"},
    name=("name",),
    since="notReadySince",
    why=("message",),
    severity="warning",
    parents=("parent",),
    facets=("team", "state"),
).describe("shop")
MIB = 1 << 20


def broken(**by: float) -> dict[str, Any]:
    """Return what a row has that is not ready for so long."""
    since = ago(**by)
    return {"state": "Creating", "ready": False, "not_ready_since": since, "message": "no quota"}


def thing(name: str, **changes: Any) -> Thing:
    """Return a thing that is ready, but for the changes."""
    return Thing(**{"uid": f"uid-{name}", "name": name, **changes})


def part(name: str, parent: str, **changes: Any) -> Part:
    """Return a part of a thing."""
    ref = Ref(GROUP, "Thing", "team-a", parent)
    return Part(**{"uid": f"uid-{name}", "name": name, "parent": ref, **changes})


def things() -> list[Thing]:
    """Return one that has everything, one for each lateness, and one that has nothing."""
    whole = thing(
        "whole", team="checkout", node="a-1", pods=1234, use=1.25, memory=1536 * MIB, cpu=0.25,
        cost=12.3, created_at=ago(days=3, hours=4, minutes=1), image=DIGEST,
        owner=Ref(GROUP, "Owner", "team-a", "bob"), taints=["x", "y", "z"], labels={"a": "1"},
    )  # fmt: skip
    return [
        whole,
        thing("almost", pods=6, use=0.99999, memory=512 * MIB, cpu=3.5, cost=0.001),
        thing("long", **broken(days=3)),
        thing("late", **broken(hours=2, minutes=1)),
        thing("recent", **broken(seconds=40)),
        thing("bare", team="", namespace=""),
    ]


def parts() -> list[Part]:
    """Return the parts of two things."""
    return [
        part("long-1", "long", **{**broken(days=3), "message": "image not found"}),
        part("long-2", "long"),
        part("whole-1", "whole"),
    ]


def crowd(count: int = 120) -> list[Thing]:
    """Return more things than a page has, of thirty teams."""
    return [thing(f"n-{n:03d}", pods=n, team=f"team-{n % 30:02d}") for n in range(count)]


def worry(name: str = "whole", **changes: Any) -> Finding:
    """Return a confirmed finding about a thing."""
    made: dict[str, Any] = {
        "finding": "TooFull", "class_": "thing", "group": GROUP, "kind": "Thing",
        "namespace": "team-a", "name": name, "uid": f"uid-{name}", "team": "checkout",
        "message": "uses more than it has", "since": ago(hours=5, minutes=1), "confirmed": True,
        "collector": "shop", "severity": "critical", "dependants": 3, "table": "things",
        "row": f"uid-{name}",
    }  # fmt: skip
    return Finding(**{**made, **changes})


def shop(number: int = 1, held: Sequence[Thing] | None = None, **changes: Any) -> Snapshot:
    """Return a snapshot of the toy tables that was taken now."""
    rows = {
        "things": things() if held is None else held,
        "parts": parts() if held is None else [],
        "nodes": [Node(name="a-1", pool="workers", pods=9), Node(name="a-2", pool="gpu", pods=1)],
        **changes.pop("rows", {}),
    }
    made: dict[str, Any] = {
        "tables": [THINGS, PARTS, NODES],
        "collectors": [CollectorOutcome(collector="shop"), CollectorOutcome(collector="capacity")],
        "generated_at": times.rfc3339(times.now()),
        "findings": [worry()] if held is None else [],
    }
    return toy_snapshot(number, rows=rows, **{**made, **changes})
