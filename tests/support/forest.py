"""Trees for tests: claims, XRs and MRs of the sample platform that hang together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from support.collectors import CROSSPLANE
from support.reader_sample import BROKEN, GROUP, at, claim, snapshot, xr
from support.snapshots import Snapshot010
from xpjob.collect.contract import Section
from xpjob.collect.findings import Finding, Ref
from xpjob.collect.outcome import CollectorOutcome
from xpjob.collectors.crossplane.records import ManagedResource
from xpjob.collectors.crossplane.state import State
from xpjob.snapshot import documents, sections
from xpjob.snapshot.documents import Head, RunInfo, Snapshot

AWS = "rds.aws.upbound.io"
WAITING: dict[str, object] = {
    "ready": False,
    "ready_status": "False",
    "reason": "Waiting",
    "message": "Claim is waiting for composite resource to become Ready",
    "not_ready_since": at(hours=3),
}
FAILED: dict[str, object] = {**BROKEN, "not_ready_since": at(hours=3)}


def mr(name: str, parent: Ref | None = None, **changes: Any) -> ManagedResource:
    """Return an MR that is ready, but for the changes."""
    like = xr(name)
    common = {
        key: getattr(like, key) for key in ManagedResource.__struct_fields__ if hasattr(like, key)
    }
    own: dict[str, Any] = {
        "group": AWS,
        "version": "v1beta1",
        "kind": "Instance",
        "resource": "instances",
        "parent": parent,
        "root": parent,
        "provider": "provider-aws-rds",
        "provider_config": "ClusterProviderConfig/default",
        "external_name": f"ext-{name}",
        "management_policies": ("Observe", "Update"),
    }
    return ManagedResource(**{**common, **own, **changes})


def xr_ref(name: str) -> Ref:
    """Return what others call an XR."""
    return Ref(GROUP, "XDatabase", "", name)


def forest(**changes: Any) -> Snapshot010:
    """Return a broken tree with a nested XR, a healthy tree, and an MR that stands alone.

    Claim shop -> XR shop-x (not ready) -> XR shop-net (nested, ready) -> MR shop-vpc;
    shop-x -> MR shop-instance (failed).
    """
    shop = Ref(GROUP, "Database", "team-a", "shop")
    below: dict[str, Any] = {
        "root": xr_ref("shop-x"),
        "claim": shop,
        "team": "payments",
        "creator": "alice",
    }
    made: dict[str, Any] = {
        "claims": [
            claim("shop", xr=xr_ref("shop-x"), **WAITING),
            claim("calm", xr=xr_ref("calm-x")),
            claim("calm", namespace="team-b", uid="uid-calm-b", team="checkout"),
        ],
        "xrs": [
            xr("shop-x", claim=shop, composed=2, **{**WAITING, "reason": "Creating"}),
            xr("shop-net", parent=xr_ref("shop-x"), parent_uid="uid-shop-x", **below),
            xr("calm-x", claim=Ref(GROUP, "Database", "team-a", "calm")),
        ],
        "mrs": [
            mr("shop-instance", **{**below, "parent": xr_ref("shop-x"), **FAILED}),
            mr("shop-vpc", **{**below, "parent": xr_ref("shop-net")}),
            mr("alone", provider="provider-aws-s3", root=None),
            mr("calm", group="s3.aws.upbound.io", kind="Bucket", resource="buckets"),
        ],
    }
    return snapshot(**{**made, **changes})


def finding(name: str, **changes: Any) -> Finding:
    """Return a confirmed finding about an MR of the forest, but for the changes."""
    made: dict[str, Any] = {
        "finding": "DuplicateExternalName",
        "class_": "managed",
        "group": AWS,
        "kind": "Instance",
        "namespace": "",
        "name": name,
        "uid": f"uid-{name}",
        "team": "payments",
        "other": xr_ref("shop-x"),
        "message": "=both are <b>called</b> x",
        "since": at(days=1),
        "confirmed": True,
    }
    return Finding(**{**made, **changes})


def trees(count: int) -> bytes:
    """Return a stored snapshot of so many trees of four records; one in ten is not ready."""
    claims, xrs, mrs = [], [], []
    for number in range(count):
        name, state = f"cost-{number:05d}", {} if number % 10 else BROKEN
        top, own = Ref(GROUP, "XDatabase", "", f"{name}-x"), Ref(GROUP, "Database", "team-a", name)
        claims.append(claim(name, xr=top, team=f"team-{number % 20}", **state))
        xrs.append(xr(top.name, claim=own, **state))
        mrs += [mr(f"{name}-{part}", top, claim=own, **state) for part in ("instance", "subnet")]
    (collector,) = CROSSPLANE
    rows: dict[str, Sequence[Any]] = {"claims": claims, "xrs": xrs, "mrs": mrs}
    section = Section(rows, state=State(time_to_ready=[]))
    head = Head(
        run=RunInfo(id="f" * 32, version="0", started_at=at(seconds=12)),
        cluster="",
        generated_at=at(seconds=10),
        targets=[],
        collectors=[CollectorOutcome(collector=collector.name)],
        tables=sections.descriptions(collector, section),
        metrics=[],
    )
    return documents.encode(Snapshot(head, rows, sections.state_of(collector, section)))
