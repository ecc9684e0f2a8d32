"""Records -> tables of numbers. No I/O.

Names, labels and help texts are a contract: a Pushgateway that holds two help texts for one name
logs both families at every scrape, and refuses a second type. Every label is always there: a
series without ``namespace`` would get the Pushgateway's own when it is scraped with
``honor_labels``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from xpjob.base.times import seconds_between
from xpjob.collectors.crossplane import per_object
from xpjob.collectors.crossplane.findings import Finding
from xpjob.collectors.crossplane.platform import Platform
from xpjob.collectors.crossplane.records import (
    Claim,
    CompositeResource,
    Inventory,
    ManagedResource,
    Record,
)
from xpjob.metrics.table import Column, Key, Shown, Table

R = TypeVar("R", bound=Record)

CLAIM_LABELS = ("group", "kind", "namespace", "composition", "creator", "team", "source")
XR_LABELS = ("group", "kind", "namespace", "composition", "source")
MR_LABELS = ("group", "kind", "namespace", "provider", "composition", "team", "source")
_OWN = ("class", "group", "kind", "namespace", "team")
STATE_LABELS = (*_OWN, "ready", "synced", "paused", "deleting")
REASON_LABELS = (*_OWN, "condition", "reason")
AGE_LABELS = ("class", "group", "kind", "team")
FINDING_LABELS = ("finding", "class", "group", "kind", "namespace", "team")
REVISION_LABELS = ("group", "kind", "composition", "revision")
ABSENT = "Absent"


def tables(found: Inventory, at: str, shown: Shown) -> Iterator[Table]:
    """Yield the tables of one inventory in a fixed order. Ages are those at the time ``at``."""
    extra = shown.extra_labels
    yield _total_and_ready(
        "crossplane_claims", "Claims", CLAIM_LABELS, found.claims, _claim_key, extra
    )
    yield _total_and_ready(
        "crossplane_xr", "Composite resources (XRs)", XR_LABELS, found.xrs, _xr_key, extra
    )
    yield _total_and_ready(
        "crossplane_mr", "Managed resources (MRs)", MR_LABELS, found.mrs, _mr_key, extra
    )
    records: Sequence[Record] = [*found.claims, *found.xrs, *found.mrs]
    yield _states(records, extra)
    yield _reasons(records)
    yield _by_owner(records, at)
    yield _revisions(found.xrs)
    yield from per_object.tables(found, shown.per_object)


def findings(found: Iterable[Finding]) -> Table:
    """Return how many findings there are; what only one run has seen is none yet."""
    text = "What does not fit together, by what it is; seen by two runs in a row."
    table = Table(FINDING_LABELS, (Column("crossplane_findings", text),))
    for item in found:
        key = (item.finding, item.class_, item.group, item.kind, item.namespace, item.team)
        if item.confirmed:
            table.add(key, 1)
    return table


def platform(found: Platform) -> Iterator[Table]:
    """Yield the tables of what the platform is made of: as many series as it has parts."""
    text = "1 if this condition of an XRD or a package is True, else 0."
    parts = Table(
        ("group", "kind", "name", "condition"), (Column("crossplane_platform_condition", text),)
    )
    for part in found.parts:
        for condition in part.conditions:
            key = (part.group, part.kind, part.name, condition.type)
            parts.add(key, condition.status == "True")
    yield parts
    text = "Kinds of managed resources that a provider has brought, by whether they are activated."
    kinds = Table(("provider", "state"), (Column("crossplane_managed_kinds", text),))
    for item in found.managed_kinds:
        kinds.add((item.provider, "Active"), item.active)
        kinds.add((item.provider, "Inactive"), item.inactive)
    yield kinds


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
    extra: Sequence[str],
) -> Table:
    table = Table(
        (*labels, *extra),
        (
            Column(f"{prefix}_total", f"{noun} that exist."),
            Column(f"{prefix}_ready", f"{noun} whose Ready condition is True."),
        ),
    )
    # Counted first, then added: Counter does it without calls of ours for each object.
    counted = Counter(((*key(record), *_extra(record, extra)), record.ready) for record in records)
    for (key_of, ready), count in counted.items():
        # Adding 0 keeps the series: "none is ready" is a number, not a gap.
        table.add(key_of, count, count if ready else 0, objects=count)
    return table


def _extra(record: Record, names: Sequence[str]) -> Key:
    if not names:
        return ()
    return tuple(record.extra.get(name, "") for name in names)


def _states(records: Iterable[Record], extra: Sequence[str]) -> Table:
    text = (
        "Claims, XRs and MRs by what their conditions say (True, False, Unknown or Absent), and "
        "whether they are paused or being deleted."
    )
    table = Table((*STATE_LABELS, *extra), (Column("crossplane_resources_by_state", text),))
    counted = Counter(
        (
            *_own(record),
            record.ready_status or ABSENT,
            record.synced_status or ABSENT,
            "true" if record.paused else "false",
            "true" if record.deleting else "false",
            *_extra(record, extra),
        )
        for record in records
    )
    for key, count in counted.items():
        table.add(key, count, objects=count)
    return table


def _reasons(records: Iterable[Record]) -> Table:
    text = "Claims, XRs and MRs whose condition is not True, by the reason that it gives."
    table = Table(REASON_LABELS, (Column("crossplane_resources_by_reason", text),))
    for record in records:
        if not record.ready:
            table.add((*_own(record), "Ready", record.reason), 1)
        if not record.synced:
            table.add((*_own(record), "Synced", record.synced_reason), 1)
        for type_, reason in record.failing.items():
            table.add((*_own(record), type_, reason), 1)
    return table


def _by_owner(records: Iterable[Record], at: str) -> Table:
    text = "How long the object that has been {} for longest has been so; 0 where none is."
    unpaused = text.replace(";", ", paused ones left out;")
    table = Table(
        AGE_LABELS,
        (
            Column("crossplane_oldest_not_ready_seconds", unpaused.format("not ready"), max),
            Column("crossplane_oldest_not_synced_seconds", unpaused.format("not synced"), max),
            Column("crossplane_oldest_deleting_seconds", text.format("under deletion"), max),
            Column("crossplane_oldest_paused_seconds", text.format("paused"), max),
            Column(
                "crossplane_resources_lagging",
                "Claims, XRs and MRs whose latest spec their controller has not seen yet.",
            ),
        ),
    )
    well: Counter[tuple[Key, bool]] = Counter()
    for record in records:
        key: Key = (record.class_, record.group, record.kind, record.team)
        since = record.not_ready_since or record.not_synced_since
        if not (since or record.deleting_since or record.paused_since):
            well[key, record.lagging] += 1
            continue
        # Somebody has paused it on purpose; a deletion is stuck all the same.
        running = not record.paused
        table.add(
            key,
            seconds_between(record.not_ready_since, at) if running else 0.0,
            seconds_between(record.not_synced_since, at) if running else 0.0,
            seconds_between(record.deleting_since, at),
            seconds_between(record.paused_since, at),
            record.lagging,
        )
    for (key, lagging), count in well.items():
        table.add(key, 0.0, 0.0, 0.0, 0.0, count if lagging else 0, objects=count)
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
    counted = Counter(
        ((xr.group, xr.kind, xr.composition, xr.composition_revision), xr.ready) for xr in xrs
    )
    for (key, ready), count in counted.items():
        table.add(key, count, count if ready else 0, objects=count)
    return table
