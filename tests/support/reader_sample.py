"""A small platform as a snapshot, a clock that stands still, and a store that does as told."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import BinaryIO

from msgspec.structs import replace

from support.snapshots import Snapshot010
from xpjob.base import times
from xpjob.base.errors import XpjobError
from xpjob.collect.findings import Ref
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.records import Claim, CompositeResource
from xpjob.snapshot import documents
from xpjob.snapshot.documents import Head, RunInfo, RunReport, Snapshot
from xpjob.store.base import HISTORY, REPORT, SNAPSHOT, USAGE, Stored, Traits, key_of
from xpjob.store.content import Body, pieces_of

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=timezone.utc)
GROUP = "platform.example.org"


def at(**ago: float) -> str:
    """Return a time so long before NOW."""
    return (NOW - timedelta(**ago)).isoformat().replace("+00:00", "Z")


def claim(name: str, **changes: object) -> Claim:
    """Return a claim that is ready, but for the changes."""
    return Claim(**{**_common(name), **_OWNED, **changes})  # type: ignore[arg-type]


def xr(name: str, **changes: object) -> CompositeResource:
    """Return an XR that is ready, but for the changes."""
    own = {"kind": "XDatabase", "resource": "xdatabases", "namespace": "", "claim": None}
    return CompositeResource(**{**_common(name), **own, **changes})  # type: ignore[arg-type]


_OWNED: dict[str, object] = {"creator": "alice", "team": "payments", "xr": None}
BROKEN: dict[str, object] = {
    "ready": False,
    "ready_status": "False",
    "reason": "Creating",
    "message": "Unready resources: instance",
    "ready_since": at(hours=2),
    "synced": False,
    "synced_status": "False",
    "synced_reason": "ReconcileError",
    "synced_message": "quota exceeded",
}


def _common(name: str) -> dict[str, object]:
    return {
        "group": GROUP,
        "version": "v1",
        "resource": "databases",
        "kind": "Database",
        "namespace": "team-a",
        "name": name,
        "uid": f"uid-{name}",
        "composition": "xdatabases.aws.example.org",
        "composition_revision": "xdatabases.aws.example.org-1a2b3c4",
        "source": "central",
        "paused": False,
        "deleting": False,
        "ready": True,
        "reason": "Available",
        "ready_status": "True",
        "message": "",
        "ready_since": at(days=1),
        "synced": True,
        "synced_status": "True",
        "synced_reason": "ReconcileSuccess",
        "synced_message": "",
        "synced_since": at(days=1),
        "created_at": at(days=3),
        "deleted_at": "",
    }


def snapshot(number: int = 1, cluster: str = "", many: int = 0, **changes: object) -> Snapshot010:
    """Return the platform as run ``number`` has found it, ten seconds ago."""
    bound = Ref(GROUP, "XDatabase", "", "orders-x1")
    claims = [
        claim("orders", xr=bound),
        claim("billing", team="checkout", creator="bea", namespace="team-b", **BROKEN),
        claim("=cmd()", team="", creator="", created_at="", message="<img src=x>"),
        *(claim(f"extra-{index:03d}", **(BROKEN if index % 3 else {})) for index in range(many)),
    ]
    xrs = [
        xr("orders-x1", claim=Ref(GROUP, "Database", "team-a", "orders")),
        xr("billing-x2", **{**BROKEN, "ready_since": at(days=2), "reason": "Waiting"}),
        xr("new-x3", ready=False, ready_status="", reason="", ready_since="", paused=True),
    ]
    made: dict[str, object] = {
        "generated_at": at(seconds=10),
        "cluster": cluster,
        "run": RunInfo(id=f"{number:032x}", version="0", started_at=at(seconds=12)),
        "targets": [],
        "claims": claims,
        "xrs": xrs,
    }
    return Snapshot010(**{**made, **changes})  # type: ignore[arg-type]


def failed_target() -> TargetOutcome:
    """Return a list that went wrong."""
    return TargetOutcome(
        class_="claim", group=GROUP, version="v1", resource="databases", kind="Database",
        namespace="", source="central", error="403 Forbidden", carried=2,
    )  # fmt: skip


def report(**changes: object) -> RunReport:
    """Return how the last run went: well, but for the changes."""
    run = RunInfo(id="f" * 32, version="0", started_at=at(seconds=12))
    made: dict[str, object] = {"finished_at": at(seconds=9), "success": True, "phase": "publish"}
    return RunReport(**{"run": run, "cluster": "", **made, **changes})  # type: ignore[arg-type]


def dated(taken: Snapshot010 | Head) -> str:
    """Return the key of a snapshot that was kept."""
    moment = times.parse(taken.generated_at)
    return f"{HISTORY}/{moment:%Y/%m/%d}/{moment:%Y%m%dT%H%M%S.%f}Z-{taken.run.id}.json"


class Clock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.moment = NOW

    def __call__(self) -> datetime:
        """Return the moment."""
        return self.moment

    def forward(self, **by: float) -> None:
        """Let time pass."""
        self.moment += timedelta(**by)


class FakeStore:
    """Documents in a dictionary; ``error`` is raised instead of any answer."""

    def __init__(self) -> None:
        self.documents: dict[str, Stored] = {}
        self.error: XpjobError | None = None
        self.listing: XpjobError | None = None
        self.bodies = 0
        self.asked: list[str] = []

    def save(self, document: Snapshot010 | Snapshot | RunReport, cluster: str = "") -> None:
        """Store a document under its key."""
        name = REPORT if isinstance(document, RunReport) else SNAPSHOT
        self.put(key_of(cluster, name), documents.encode(document), replacing=None)

    def keep(self, document: Snapshot010 | Snapshot) -> None:
        """Store a snapshot as a dated one."""
        head = document.head if isinstance(document, Snapshot) else document
        self.put(key_of(head.cluster, dated(head)), documents.encode(document), replacing=None)

    def first_line(self, key: str) -> Stored | None:
        """Return a document as a whole."""
        return self.get(key)

    def put(self, key: str, body: Body, *, replacing: str | None) -> str:
        """Write a document."""
        whole = b"".join(pieces_of(body))
        self.documents[key] = Stored(whole, f"etag-{hash(whole)}")
        return self.documents[key].etag

    def copy(self, key: str, to: str, *, having: str = "") -> None:
        """Copy a document."""
        self.documents[to] = self.documents[key]

    def get(self, key: str, unless: str = "", into: BinaryIO | None = None) -> Stored | None:
        """Return a document."""
        if self.error:
            raise self.error
        held = self.documents.get(key)
        self.asked.append(key)
        if held and held.etag == unless:
            return Stored(b"", unless, unchanged=True)
        self.bodies += held is not None
        if held and into:
            into.write(held.body)
            return replace(held, body=b"")
        return held

    def remove(self, key: str) -> None:
        """Remove a document."""
        self.documents.pop(key, None)

    def traits(self, key: str) -> Traits:
        """Return what holds for a dictionary."""
        return Traits()

    def keys(self, prefix: str, most: int) -> list[str]:
        """Return the keys that begin so."""
        if self.error:
            raise self.error
        return sorted(key for key in self.documents if key.startswith(prefix))[:most]

    def clusters(self) -> list[str]:
        """Return the clusters."""
        if self.error or self.listing:
            raise self.error or self.listing or AssertionError
        keys = (key.split("/") for key in self.documents)
        return sorted({parts[0] if len(parts) > 1 else "" for parts in keys} - {HISTORY, USAGE})

    def where(self, key: str) -> str:
        """Return the key."""
        return key
