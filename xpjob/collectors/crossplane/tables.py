"""The collector's tables: claims, XRs and MRs."""

from __future__ import annotations

from typing import Any

import msgspec

from xpjob.collect.description import LATENESS, ColumnType, Highlight, Link
from xpjob.collect.tables import TableSpec
from xpjob.collectors.crossplane.records import (
    Claim,
    CompositeResource,
    ManagedResource,
    Past,
    Record,
)
from xpjob.collectors.crossplane.timeline import past_of

_TYPES: dict[str, ColumnType] = {
    **dict.fromkeys(("reason", "readyStatus", "syncedStatus", "syncedReason"), "state"),
    **dict.fromkeys(
        (
            *("readySince", "syncedSince", "createdAt", "deletedAt", "carriedSince"),
            *("firstSeenAt", "firstReadyAt", "notReadySince", "notSyncedSince"),
            *("deletingSince", "pausedSince"),
        ),
        "time",
    ),
    **dict.fromkeys(("parent", "root", "claim", "xr", "disputedClaim"), "ref"),
}
_FILTERS = (
    *("group", "version", "kind", "namespace", "team", "creator", "composition", "source"),
    *("ready", "readyStatus", "reason", "synced", "syncedStatus", "syncedReason", "paused"),
    *("deleting", "lagging"),
)
_SEARCH = (
    *("name", "namespace", "kind", "team", "creator", "composition", "reason", "message"),
    "syncedMessage",
)
_SHOWN = (
    *("kind", "namespace", "name", "team", "composition", "ready", "reason", "message"),
    *("notReadySince", "createdAt"),
)
_CHANGES = ("readyStatus", "syncedStatus", "paused", "deleting")
_FACETS = ("team", "kind", "namespace", "composition", "reason", "creator", "paused", "deleting")
# On a narrow page: name, state and since when.
_PRIORITIES = {
    **dict.fromkeys(("namespace", "name", "reason", "notReadySince"), 1),
    **dict.fromkeys(("kind", "team", "message"), 2),
    **dict.fromkeys(("composition", "provider", "ready", "createdAt"), 3),
}
# A controller's own error says more than that something is waited for. Its reason is left out: that
# of a success, such as ReconcileSuccess, explains nothing, and an error has a message.
_WHY = ("syncedMessage", "message", "reason")
_LATE: dict[str, tuple[str, ...]] = {LATENESS: ("late", "long")}


def _spec(
    key: str, record: type[Record], title: str, own: tuple[str, ...] = (), **changes: Any
) -> TableSpec:
    """Return what the three classes have in common; ``own`` are further columns to filter by."""
    known = {item.encode_name for item in msgspec.structs.fields(record)}
    return TableSpec(
        key,
        record,
        ("uid",),
        title=title,
        filters=(*_FILTERS, *own),
        changes=_CHANGES,
        sort="notReadySince",
        by=("kind", "group"),
        ok="ready",
        types=_TYPES,
        previous=Past,
        past_of=past_of,
        name=("namespace", "name"),
        since="notReadySince",
        why=_WHY,
        severity="warning",
        links=(Link("namespace", "namespaces", "namespace"),),
        priorities={name: each for name, each in _PRIORITIES.items() if name in known},
        titles={"reason": "State", "xr": "Composite resource (XR)"},
        facets=(*own, *_FACETS),
        **{"search": _SEARCH, "shown": _SHOWN, **changes},
    )


TABLES = (
    _spec("claims", Claim, "Claims", highlights=(Highlight("Claims"),)),
    _spec(
        "xrs",
        CompositeResource,
        "Composite resources (XRs)",
        parents=("parent", "claim"),
        highlights=(Highlight("XRs not ready for long", _LATE, bad=True),),
    ),
    _spec(
        "mrs",
        ManagedResource,
        "Managed resources (MRs)",
        ("provider", "providerConfig"),
        search=(*_SEARCH, "externalName"),
        shown=(*_SHOWN[:4], "provider", *_SHOWN[5:]),
        parents=("parent", "claim"),
        highlights=(Highlight("MRs not ready for long", _LATE, bad=True),),
    ),
)
