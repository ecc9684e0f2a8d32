"""Snapshots that were taken now, for the page: toy tables alone, or beside an extension's own."""

from __future__ import annotations

from typing import Any

from support.reader_sample import claim
from support.toy_tables import NODES, USERS, Node, nodes, toy_snapshot
from xpjob.base import times
from xpjob.collectors.crossplane.tables import TABLES
from xpjob.snapshot.documents import Snapshot

LICENCES = [
    {"host": "east", "q": 3, "limit": "big"},
    {"host": "<b>west</b>", "q": 7000, "limit": "small"},
    {"host": "far", "q": None, "limit": "small"},
]


def taken(number: int = 1, held: list[Node] | None = None, **changes: Any) -> Snapshot:
    """Return a snapshot of two toy tables that was taken now."""
    held = nodes() if held is None else held
    given = {"nodes": held, "licences": LICENCES, **changes.pop("rows", {})}
    moment = times.rfc3339(times.now())
    return toy_snapshot(number, rows=given, generated_at=moment, **changes)


def both(number: int = 1) -> Snapshot:
    """Return the toy tables beside those of an extension's own view."""
    own = [table.describe("crossplane") for table in TABLES]
    held = {"claims": [claim("orders", ready=False), claim("billing")], "xrs": [], "mrs": []}
    return taken(number, tables=[*own, NODES, USERS], rows=held)


def many() -> list[Node]:
    """Return more nodes than a page has."""
    return [
        Node(name=f"n-{n:03d}", pool=f"pool-{n % 9}", condition="Ready", pods=n) for n in range(120)
    ]
