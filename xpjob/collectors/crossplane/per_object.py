"""Optional metric tables with series per object.

Names and labels are those of the exporter that users migrate from. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xpjob.base import times
from xpjob.collectors.crossplane.records import (
    Claim,
    CompositeResource,
    Inventory,
    ManagedResource,
    Record,
)
from xpjob.metrics.table import Column, Key, Table

CLAIMS, XRS, MRS = CHOICES = ("claims", "xrs", "mrs")

_STATE = ("synced", "ready", "reason", "paused", "deleting")
CLAIM_LABELS = (
    *("group", "kind", "version", "namespace", "creator", "team", "claim_name"),
    *_STATE,
)
XR_LABELS = (
    *("group", "kind", "version", "namespace", "name", "claim_name", "claim_namespace"),
    *_STATE,
)
MR_LABELS = (
    *("group", "kind", "version", "namespace", "name", "xr_name", "claim_name"),
    *("claim_namespace", "provider", "provider_config", "external_name", "management_policies"),
    *_STATE,
)


def tables(inventory: Inventory, chosen: Iterable[str]) -> Iterator[Table]:
    """Yield the tables of the chosen classes."""
    if CLAIMS in chosen:
        yield from _tables(
            "crossplane_claims", CLAIM_LABELS, [(_claim(c), c) for c in inventory.claims]
        )
    if XRS in chosen:
        yield from _tables("crossplane_xr", XR_LABELS, [(_xr(xr), xr) for xr in inventory.xrs])
    if MRS in chosen:
        yield from _tables("crossplane_mr", MR_LABELS, [(_mr(mr), mr) for mr in inventory.mrs])


def _tables(
    prefix: str, labels: tuple[str, ...], keyed: Iterable[tuple[Key, Record]]
) -> Iterator[Table]:
    status = Table(
        labels,
        (
            Column(f"{prefix}_status_ready", "1 if the Ready condition is True, else 0."),
            Column(f"{prefix}_status_synced", "1 if the Synced condition is True, else 0."),
        ),
    )
    text = "Unix time in seconds at which the object was created."
    created = Table(labels, (Column(f"{prefix}_created_timestamp_seconds", text, min),))
    text = "Unix time in seconds at which the deletion of the object was requested."
    deletion = Table(labels, (Column(f"{prefix}_deletion_timestamp_seconds", text, min),))
    for key, record in keyed:
        status.add(key, record.ready, record.synced)
        for table, time in ((created, record.created_at), (deletion, record.deleted_at)):
            if moment := times.read(time):
                table.add(key, moment.timestamp())
    yield from (status, created, deletion)


def _state(record: Record) -> Key:
    return (
        _flag(record.synced),
        _flag(record.ready),
        record.reason,
        _flag(record.paused),
        _flag(record.deleting),
    )


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _claim(record: Claim) -> Key:
    return (
        *(record.group, record.kind, record.version, record.namespace),
        *(record.creator, record.team, record.name),
        *_state(record),
    )


def _of_claim(record: CompositeResource | ManagedResource) -> tuple[str, str]:
    return (record.claim.name, record.claim.namespace) if record.claim else ("", "")


def _xr(record: CompositeResource) -> Key:
    return (
        *(record.group, record.kind, record.version, record.namespace, record.name),
        *_of_claim(record),
        *_state(record),
    )


def _mr(record: ManagedResource) -> Key:
    return (
        *(record.group, record.kind, record.version, record.namespace, record.name),
        record.parent.name if record.parent else record.composite_name,
        *_of_claim(record),
        *(record.provider, record.provider_config, record.external_name),
        ",".join(record.management_policies),
        *_state(record),
    )
