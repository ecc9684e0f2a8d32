"""The collector's tables: claims, XRs and MRs."""

from __future__ import annotations

from typing import Any

from xpjob.collect.tables import ColumnType, TableSpec
from xpjob.collectors.crossplane.records import (
    Claim,
    CompositeResource,
    ManagedResource,
    Past,
    Record,
)

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


def _spec(
    key: str, record: type[Record], title: str, own: tuple[str, ...] = (), **changes: Any
) -> TableSpec:
    """Return what the three classes have in common; ``own`` are further columns to filter by."""
    return TableSpec(
        key,
        record,
        ("uid",),
        title=title,
        filters=(*_FILTERS, *own),
        changes=_CHANGES,
        sort="name",
        by=("kind", "group"),
        ok="ready",
        types=_TYPES,
        previous=Past,
        **{"search": _SEARCH, "shown": _SHOWN, **changes},
    )


TABLES = (
    _spec("claims", Claim, "Claims"),
    _spec("xrs", CompositeResource, "Composite resources (XRs)"),
    _spec(
        "mrs",
        ManagedResource,
        "Managed resources (MRs)",
        ("provider", "providerConfig"),
        search=(*_SEARCH, "externalName"),
        shown=(*_SHOWN[:4], "provider", *_SHOWN[5:]),
    ),
)
