"""Tables with teams, of no collector that there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from support.reader_sample import at
from support.toy_tables import NODES, nodes, toy_snapshot
from xpjob.collect.findings import Finding
from xpjob.collect.outcome import CollectorOutcome
from xpjob.collect.tables import TableSpec
from xpjob.snapshot.documents import Snapshot

HOSTILE = (
    *("a/b", "a//b/", "/", ".", "..", "...", "~", "~x", "~~", "%", "%2F", "a%b", "%00", "a b"),
    *("#?&=+;", "<img src=x>", "=cmd()", "\x00\x1b[31m\x7f", "\u202e\u200b", "x" * 500, "ü" * 500),
    *("teams", "name", "*", "a\\b", "\n", "'\"", "\ufeff"),
)
"""Names of teams that break what is careless."""


class Order(Struct, rename="camel", kw_only=True):
    """An object of a team that may be not ok."""

    uid: str
    name: str
    kind: str = "Order"
    team: str = ""
    well: bool | None = True
    well_since: str = ""
    message: str = ""
    phase: str = "Done"
    address: str = ""
    price: float | None = None


class Space(Struct, rename="camel", kw_only=True):
    """What a team requests, and the share of each row."""

    space: str
    team: str = ""
    pods: int = 0
    cpu_requested: float | None = None
    cpu_share: float | None = None
    memory_requested: int | None = None


ORDERS = TableSpec(
    "orders",
    Order,
    ("uid",),
    title="Orders",
    filters=("kind", "team", "well", "phase"),
    search=("name", "message", "address", "team"),
    shown=("kind", "name", "team", "phase", "wellSince", "message", "price"),
    changes=("phase",),
    sort="name",
    ok="well",
    types={"wellSince": "time", "phase": "state", "price": "money"},
    name=("name",),
    since="wellSince",
    why=("message",),
    severity="warning",
).describe("shop")
SPACES = TableSpec(
    "spaces",
    Space,
    ("space",),
    title="Spaces",
    filters=("space", "team"),
    search=("space",),
    shown=("space", "team", "pods", "cpuRequested", "cpuShare", "memoryRequested"),
    sort="-cpuRequested",
    types={"cpuRequested": "cores", "cpuShare": "ratio", "memoryRequested": "bytes"},
).describe("room")


def orders() -> list[Order]:
    """Return two orders of one team, one of another, and one of none."""
    late: dict[str, Any] = {
        "well": False,
        "well_since": at(hours=2),
        "message": "quota exceeded",
        "phase": "Wait",
    }
    return [
        Order(uid="u-1", name="db", team="payments", address="10.0.0.1", price=1.5),
        Order(uid="u-2", name="queue", team="payments", price=2.0, **late),
        Order(uid="u-3", name="bucket", team="checkout", kind="payments"),
        Order(uid="U-4", name="lost"),
    ]


def spaces() -> list[Space]:
    """Return two spaces of one team, one of another, and one of none."""
    gib = 1 << 30
    return [
        Space(space="pay", team="payments", pods=3, cpu_requested=1.5, cpu_share=0.15),
        Space(
            space="pay-dev", team="payments", cpu_requested=0.5, cpu_share=0.05,
            memory_requested=gib,
        ),
        Space(
            space="shop", team="checkout", pods=5, cpu_requested=2.0, cpu_share=0.2,
            memory_requested=3 * gib,
        ),
        Space(space="kube-system", pods=9),
    ]  # fmt: skip


def finding(name: str, **changes: Any) -> Finding:
    """Return a confirmed finding about an order, but for the changes."""
    made: dict[str, Any] = {
        "finding": "OrderStuck", "class_": "", "group": "", "kind": "Order", "namespace": "",
        "name": name, "uid": f"u-{name}", "team": "payments", "message": f"{name} is stuck",
        "since": at(hours=3), "confirmed": True, "collector": "shop", "severity": "warning",
    }  # fmt: skip
    return Finding(**{**made, **changes})


def team_snapshot(number: int = 1, cluster: str = "", **changes: Any) -> Snapshot:
    """Return a snapshot with two tables that have teams, and one that has none."""
    rows: dict[str, Sequence[Any]] = {"orders": orders(), "spaces": spaces(), "nodes": nodes()}
    made: dict[str, Any] = {
        "rows": rows,
        "cluster": cluster,
        "tables": [ORDERS, SPACES, NODES],
        "collectors": [CollectorOutcome(collector=name) for name in ("shop", "room", "capacity")],
        "findings": [finding("queue"), finding("other", team="checkout", severity="critical")],
    }
    return toy_snapshot(number, **{**made, **changes})
