"""Convert records to metric tables. No I/O.

Names, labels and help texts are a contract: a Pushgateway with two help texts for a name logs both
families at every scrape, and rejects a second type. Every series has all labels: without
``namespace`` it would get that of the Pushgateway when scraped with ``honor_labels``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from xpjob.base.times import seconds_between
from xpjob.collect.findings import Finding
from xpjob.collectors.crossplane import per_object
from xpjob.collectors.crossplane.absence import Absence
from xpjob.collectors.crossplane.platform import Platform
from xpjob.collectors.crossplane.records import CompositeResource, Inventory, Record
from xpjob.collectors.crossplane.state import READY_BOUNDS, Shown, TimeToReady
from xpjob.metrics.cumulative import Histogram, HistogramTable
from xpjob.metrics.table import Column, Key, Table

# Also the names of the attributes that have their values.
CLAIM_LABELS = ("group", "kind", "namespace", "composition", "creator", "team", "source")
XR_LABELS = ("group", "kind", "namespace", "composition", "source")
MR_LABELS = ("group", "kind", "namespace", "provider", "composition", "team", "source")
_OWN = ("class", "group", "kind", "namespace", "team")
STATE_LABELS = (*_OWN, "ready", "synced", "paused", "deleting")
REASON_LABELS = (*_OWN, "condition", "reason")
AGE_LABELS = ("class", "group", "kind", "team")
FINDING_LABELS = ("finding", "class", "group", "kind", "namespace", "team")
REVISION_LABELS = ("group", "kind", "composition", "revision")
ABSENCE_LABELS = ("group", "kind", "name", "reason")
ABSENT = "Absent"


def tables(inventory: Inventory, at: str, shown: Shown) -> Iterator[Table]:
    """Yield the tables of an inventory in a fixed order. Ages are relative to ``at`` (RFC 3339)."""
    extra = shown.extra_labels
    yield _total_and_ready("crossplane_claims", "claims", CLAIM_LABELS, inventory.claims, extra)
    yield _total_and_ready(
        "crossplane_xr", "composite resources (XRs)", XR_LABELS, inventory.xrs, extra
    )
    yield _total_and_ready(
        "crossplane_mr", "managed resources (MRs)", MR_LABELS, inventory.mrs, extra
    )
    records: Sequence[Record] = [*inventory.claims, *inventory.xrs, *inventory.mrs]
    yield _states(records, extra)
    yield _reasons(records)
    yield _by_owner(records, at)
    yield _revisions(inventory.xrs)
    yield from per_object.tables(inventory, shown.per_object)


def findings(all_findings: Iterable[Finding]) -> Table:
    """Return the number of confirmed findings."""
    text = "Number of inconsistencies that two consecutive runs have found, by finding."
    table = Table(FINDING_LABELS, (Column("crossplane_findings", text),))
    for item in all_findings:
        key = (item.finding, item.class_, item.group, item.kind, item.namespace, item.team)
        if item.confirmed:
            table.add(key, 1)
    return table


def platform(state: Platform) -> Iterator[Table]:
    """Yield the tables of XRDs and packages: a few series for each."""
    text = "1 if this condition of an XRD or a package is True, else 0."
    parts = Table(
        ("group", "kind", "name", "condition"), (Column("crossplane_platform_condition", text),)
    )
    for part in state.parts:
        for condition in part.conditions:
            key = (part.group, part.kind, part.name, condition.type)
            parts.add(key, condition.status == "True")
    yield parts
    text = "Number of kinds of managed resources that a provider has installed, by state."
    kinds = Table(("provider", "state"), (Column("crossplane_managed_kinds", text),))
    for item in state.managed_kinds:
        kinds.add((item.provider, "Active"), item.active)
        kinds.add((item.provider, "Inactive"), item.inactive)
    yield kinds


def absences(found: Iterable[Absence]) -> Table:
    """Return what is missing and not confirmed: a series for each kind or provider."""
    text = "Number of objects that are suddenly missing, and kept until the next run confirms it."
    table = Table(ABSENCE_LABELS, (Column("crossplane_unconfirmed_absences", text),))
    for item in found:
        table.add((item.group, item.kind, item.name, item.reason), item.kept)
    return table


def times_to_ready(times: Iterable[TimeToReady]) -> HistogramTable:
    """Return the histogram of the time that objects took to become ready."""
    table = HistogramTable(
        "crossplane_time_to_ready_seconds",
        "Time from creation until an object was first ready, in seconds, if a run observed it.",
        ("class", "group", "kind", "composition"),
        READY_BOUNDS,
    )
    for time in times:
        row = table.rows.setdefault(time.key, Histogram.empty(READY_BOUNDS))
        row.add(time.usable().histogram)
    return table


def totals(inventory: Inventory, namespace_configs: int) -> Iterator[Table]:
    """Yield the number of records in the snapshot by class, and of valid ConfigMaps."""
    numbers = (
        ("xp_tracker_store_claims", "Number of claims in the snapshot.", len(inventory.claims)),
        ("xp_tracker_store_xrs", "Number of XRs in the snapshot.", len(inventory.xrs)),
        ("xp_tracker_store_mrs", "Number of MRs in the snapshot.", len(inventory.mrs)),
        (
            "xp_tracker_namespace_configs",
            "Number of valid ConfigMaps in namespaces.",
            namespace_configs,
        ),
    )
    for name, text, number in numbers:
        table = Table((), (Column(name, text),))
        table.add((), number)
        yield table


def _own(record: Record) -> Key:
    return (record.class_, record.group, record.kind, record.namespace, record.team)


def _total_and_ready(
    prefix: str,
    noun: str,
    labels: tuple[str, ...],
    records: Iterable[Record],
    extra: Sequence[str],
) -> Table:
    table = Table(
        (*labels, *extra),
        (
            Column(f"{prefix}_total", f"Number of {noun}."),
            Column(f"{prefix}_ready", f"Number of {noun} whose Ready condition is True."),
        ),
    )
    for (ready, *key), count in _counted(records, ("ready", *labels), extra).items():
        # Adding 0 creates the series: "none is ready" is 0, not a gap.
        table.add(tuple(key), count, count if ready else 0, objects=count)
    return table


def _counted(
    records: Iterable[Record], attributes: Sequence[str], extra: Sequence[str] = ()
) -> Counter[tuple[Any, ...]]:
    """Count records by attributes, and by extra labels, without a Python call for each."""
    values = attrgetter(*attributes)
    if extra:
        return Counter((*values(record), *_extra(record, extra)) for record in records)
    return Counter(map(values, records))


def _extra(record: Record, names: Sequence[str]) -> Key:
    return tuple(record.extra.get(name, "") for name in names)


def _states(records: Iterable[Record], extra: Sequence[str]) -> Table:
    text = (
        "Number of claims, XRs and MRs, by the status of their Ready and Synced conditions (True, "
        "False, Unknown or Absent), and whether they are paused or being deleted."
    )
    table = Table((*STATE_LABELS, *extra), (Column("crossplane_resources_by_state", text),))
    state = ("ready_status", "synced_status", "paused", "deleting")
    counted = _counted(records, (*state, "class_", *_OWN[1:]), extra)
    for (ready, synced, paused, deleting, *labels), count in counted.items():
        own, others = labels[: len(_OWN)], labels[len(_OWN) :]
        flags = ("true" if flag else "false" for flag in (paused, deleting))
        key = (*own, ready or ABSENT, synced or ABSENT, *flags, *others)
        table.add(key, count, objects=count)
    return table


def _reasons(records: Iterable[Record]) -> Table:
    text = "Number of claims, XRs and MRs with a condition that is not True, by its reason."
    table = Table(REASON_LABELS, (Column("crossplane_resources_by_reason", text),))
    for record in records:
        if record.ready and record.synced and not record.failing:
            continue
        if not record.ready:
            table.add((*_own(record), "Ready", record.reason), 1)
        if not record.synced:
            table.add((*_own(record), "Synced", record.synced_reason), 1)
        for type_, reason in record.failing.items():
            table.add((*_own(record), type_, reason), 1)
    return table


def _by_owner(records: Iterable[Record], at: str) -> Table:
    text = "Longest time for which an object has been {}, in seconds; 0 if none."
    unpaused = text.replace(";", ", excluding paused objects;")
    table = Table(
        AGE_LABELS,
        (
            Column("crossplane_oldest_not_ready_seconds", unpaused.format("not ready"), max),
            Column("crossplane_oldest_not_synced_seconds", unpaused.format("not synced"), max),
            Column("crossplane_oldest_deleting_seconds", text.format("in deletion"), max),
            Column("crossplane_oldest_paused_seconds", text.format("paused"), max),
            Column(
                "crossplane_resources_lagging",
                "Number of claims, XRs and MRs whose controller has not seen their latest spec.",
            ),
        ),
    )
    state = (
        *("paused", "lagging"),
        *("not_ready_since", "not_synced_since", "deleting_since", "paused_since"),
    )
    counted = _counted(records, (*state, "class_", *AGE_LABELS[1:]))
    for (paused, lagging, not_ready, not_synced, deleting, pause, *key), count in counted.items():
        table.add(
            tuple(key),
            # A pause is intentional, so its state does not count; a deletion is stuck even so.
            0.0 if paused else seconds_between(not_ready, at),
            0.0 if paused else seconds_between(not_synced, at),
            seconds_between(deleting, at),
            seconds_between(pause, at),
            count if lagging else 0,
            objects=count,
        )
    return table


def _revisions(xrs: Iterable[CompositeResource]) -> Table:
    noun = "Number of composite resources (XRs) on this revision of a composition"
    table = Table(
        REVISION_LABELS,
        (
            Column("crossplane_composition_revision_xrs", f"{noun}."),
            Column(
                "crossplane_composition_revision_xrs_ready",
                f"{noun} whose Ready condition is True.",
            ),
        ),
    )
    attributes = ("ready", "group", "kind", "composition", "composition_revision")
    for (ready, *key), count in _counted(xrs, attributes).items():
        table.add(tuple(key), count, count if ready else 0, objects=count)
    return table
