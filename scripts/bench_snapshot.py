"""A snapshot of made-up records, as large as the reader's benchmark wants it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from xpjob.base import times
from xpjob.collect.contract import Section
from xpjob.collect.findings import Ref
from xpjob.collectors import COLLECTORS
from xpjob.collectors.crossplane.records import Claim, CompositeResource, ManagedResource
from xpjob.collectors.crossplane.state import State
from xpjob.metrics.table import MAX_SERIES
from xpjob.snapshot import sections
from xpjob.snapshot.documents import Head, RunInfo, Snapshot

TABLES = ("claims", "xrs", "mrs")
GROUP = "platform.example.org"
KINDS = ("PostgreSQLInstance", "ObjectBucket", "MessageQueue", "Cache", "Cluster")


def snapshot(number: int, count: int) -> Snapshot:
    """Return ``count`` claims, each with its XR and two MRs; one in ten is not ready."""
    chance = random.Random(number)
    now = times.now()

    def ago() -> str:
        moment = now - timedelta(seconds=chance.randrange(60, 90 * 86_400))
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    def uid() -> str:
        text = f"{chance.getrandbits(128):032x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    claims, xrs, mrs = [], [], []
    for index in range(count):
        kind = chance.choice(KINDS)
        name = f"{kind.lower()[:8]}-{index:06d}"
        ready = chance.random() < 0.9
        composition = f"x{kind.lower()}s.{chance.choice(('aws', 'gcp'))}.example.org"
        team = chance.randrange(40)
        common = {
            "group": GROUP,
            "version": "v1alpha1",
            "composition": composition,
            "composition_revision": f"{composition}-{index % 7:07x}",
            "source": "central",
            "paused": False,
            "deleting": False,
            "ready": ready,
            "reason": "Available" if ready else chance.choice(("Creating", "ReconcileError")),
            "ready_status": str(ready),
            "message": "" if ready else "Unready resources: instance, subnet and user",
            "ready_since": ago(),
            "synced": ready,
            "synced_status": str(ready),
            "synced_reason": "ReconcileSuccess" if ready else "ReconcileError",
            "synced_message": "" if ready else f"cannot compose resources of {name}: quota",
            "synced_since": ago(),
            "created_at": ago(),
            "deleted_at": "",
        }
        plural = f"{kind.lower()}s"
        claims.append(
            Claim(
                **common, resource=plural, kind=kind, namespace=f"team-{team}-{index % 3}",
                name=name, uid=uid(), creator=f"user-{team}-{index % 4}", team=f"team-{team}",
                xr=Ref(GROUP, f"X{kind}", "", f"{name}-x7k2p"),
            )
        )  # fmt: skip
        xrs.append(
            CompositeResource(
                **common, resource=f"x{plural}", kind=f"X{kind}", namespace="",
                name=f"{name}-x7k2p", uid=uid(),
                claim=Ref(GROUP, kind, f"team-{team}-{index % 3}", name),
            )
        )  # fmt: skip
        root = xrs[-1].ref
        for part in ("instance", "subnets"):
            external = f"arn:aws:rds:eu-central-1:123456789012:{part}:{name}"
            mrs.append(
                ManagedResource(
                    **{**common, "group": "rds.aws.upbound.io", "version": "v1beta1"},
                    resource=f"{part}s", kind=part.title(), namespace="",
                    name=f"{root.name}-{part}", uid=uid(), parent=root, root=root,
                    parent_uid=xrs[-1].uid, claim=claims[-1].ref, creator=claims[-1].creator,
                    team=claims[-1].team, provider="provider-aws-rds", external_name=external,
                    provider_config="ProviderConfig/default", management_policies=("*",),
                )
            )  # fmt: skip
    taken = times.rfc3339(now)
    run = RunInfo(id=f"{number:032x}", version="bench", started_at=taken)
    records = {"claims": claims, "xrs": xrs, "mrs": mrs}
    return whole(run, taken, records)


def whole(run: RunInfo, taken: str, records: dict[str, Sequence[Any]]) -> Snapshot:
    """Return a snapshot of these records, with what a run stores beside them."""
    crossplane = next(each for each in COLLECTORS if each.name == "crossplane")
    head = Head(run=run, cluster="", generated_at=taken, targets=[], collectors=[])
    section = Section(records, state=State())
    head.tables = sections.descriptions(crossplane, section)
    head.metrics = sections.metric_tables(crossplane, section, taken, MAX_SERIES)
    return Snapshot(head, dict(records), sections.state_of(crossplane, section))
