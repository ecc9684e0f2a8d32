"""Records -> tables of numbers. No I/O.

Names, labels and help texts are a contract: a Pushgateway that holds two help texts for one name
logs both families at every scrape, and refuses a second type. Every label is always there: a
series without ``namespace`` would get the Pushgateway's own when it is scraped with
``honor_labels``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from xpjob.crossplane.records import (
    Claim,
    CompositeResource,
    Inventory,
    ManagedResource,
    Record,
)
from xpjob.series import Column, Key, Table
from xpjob.times import seconds_between

R = TypeVar("R", bound=Record)

CLAIM_LABELS = ("group", "kind", "namespace", "composition", "creator", "team", "source")
XR_LABELS = ("group", "kind", "namespace", "composition", "source")
MR_LABELS = ("group", "kind", "namespace", "provider", "composition", "team", "source")
_OWN = ("class", "group", "kind", "namespace", "team")
STATE_LABELS = (*_OWN, "ready", "synced", "paused", "deleting")
REASON_LABELS = (*_OWN, "condition", "reason")
AGE_LABELS = ("class", "group", "kind", "team")
REVISION_LABELS = ("group", "kind", "composition", "revision")
ABSENT = "Absent"


def tables(found: Inventory, at: str) -> Iterator[Table]:
    """Yield the tables of one inventory in a fixed order. Ages are those at the time ``at``."""
    yield _total_and_ready("crossplane_claims", "Claims", CLAIM_LABELS, found.claims, _claim_key)
    yield _total_and_ready(
        "crossplane_xr", "Composite resources (XRs)", XR_LABELS, found.xrs, _xr_key
    )
    yield _total_and_ready(
        "crossplane_mr", "Managed resources (MRs)", MR_LABELS, found.mrs, _mr_key
    )
    records: Sequence[Record] = [*found.claims, *found.xrs, *found.mrs]
    yield _states(records)
    yield _reasons(records)
    yield _oldest(records, at)
    yield _revisions(found.xrs)


def _claim_key(record: Claim) -> Key:
    return (
        record.group,
        record.kind,
        record.namespace,
        record.composition,
        record.creator,
        record.team,
        record.source,
    )


def _xr_key(record: CompositeResource) -> Key:
    return (record.group, record.kind, record.namespace, record.composition, record.source)


def _mr_key(record: ManagedResource) -> Key:
    return (
        record.group,
        record.kind,
        record.namespace,
        record.provider,
        record.composition,
        record.team,
        record.source,
    )


def _own(record: Record) -> Key:
    return (record.class_, record.group, record.kind, record.namespace, record.team)


def _total_and_ready(
    prefix: str,
    noun: str,
    labels: tuple[str, ...],
    records: Iterable[R],
    key: Callable[[R], Key],
) -> Table:
    table = Table(
        labels,
        (
            Column(f"{prefix}_total", f"{noun} that exist."),
            Column(f"{prefix}_ready", f"{noun} whose Ready condition is True."),
        ),
    )
    for record in records:
        # Adding 0 keeps the series: "none is ready" is a number, not a gap.
        table.add(key(record), 1, record.ready)
    return table


def _states(records: Iterable[Record]) -> Table:
    text = (
        "Claims, XRs and MRs by what their conditions say (True, False, Unknown or Absent), and "
        "whether they are paused or being deleted."
    )
    table = Table(STATE_LABELS, (Column("crossplane_resources_by_state", text),))
    for record in records:
        state = (
            record.ready_status or ABSENT,
            record.synced_status or ABSENT,
            "true" if record.paused else "false",
            "true" if record.deleting else "false",
        )
        table.add((*_own(record), *state), 1)
    return table


def _reasons(records: Iterable[Record]) -> Table:
    text = "Claims, XRs and MRs whose condition is not True, by the reason that it gives."
    table = Table(REASON_LABELS, (Column("crossplane_resources_by_reason", text),))
    for record in records:
        if not record.ready:
            table.add((*_own(record), "Ready", record.reason), 1)
        if not record.synced:
            table.add((*_own(record), "Synced", record.synced_reason), 1)
    return table


def _oldest(records: Iterable[Record], at: str) -> Table:
    text = "How long the object that has been {} for longest has been so; 0 where none is."
    unpaused = text.replace(";", ", paused ones left out;")
    table = Table(
        AGE_LABELS,
        (
            Column("crossplane_oldest_not_ready_seconds", unpaused.format("not ready"), max),
            Column("crossplane_oldest_not_synced_seconds", unpaused.format("not synced"), max),
            Column("crossplane_oldest_deleting_seconds", text.format("under deletion"), max),
        ),
    )
    for record in records:
        # Somebody has paused it on purpose; a deletion is stuck all the same.
        running = not record.paused
        table.add(
            (record.class_, record.group, record.kind, record.team),
            seconds_between(record.not_ready_since, at) if running else 0.0,
            seconds_between(record.not_synced_since, at) if running else 0.0,
            seconds_between(record.deleting_since, at),
        )
    return table


def _revisions(xrs: Iterable[CompositeResource]) -> Table:
    noun = "Composite resources (XRs) on this revision of a composition"
    table = Table(
        REVISION_LABELS,
        (
            Column("crossplane_composition_revision_xrs", f"{noun}."),
            Column("crossplane_composition_revision_xrs_ready", f"{noun} that are ready."),
        ),
    )
    for xr in xrs:
        key = (xr.group, xr.kind, xr.composition, xr.composition_revision)
        table.add(key, 1, xr.ready)
    return table
