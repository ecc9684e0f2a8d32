"""One record as the reader answers with it: its keys, their order, and how long it is not ready.

The keys of the exporter that people move over from come first, in its order and with its types;
what xpjob knows beyond that follows. ``ageSeconds`` is known only when answering.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

import msgspec
from msgspec import Raw

from xpjob.collectors.crossplane.classes import CLAIM, COMPOSITE, MANAGED
from xpjob.collectors.crossplane.records import (
    Claim,
    CompositeResource,
    ManagedResource,
    Record,
)

CLASSES = (CLAIM, COMPOSITE, MANAGED)
"""In the order in which the reader answers."""

_AGE_KEY = b'"ageSeconds":'
_NO_AGE = Raw(b"0")

_NAMED = ("group", "version", "kind", "namespace", "name")
_STATE = ("paused", "deleting", "ready", "reason", "ageSeconds")
_OWNED = ("creator", "team")
_REST = (
    *("class", "resource", "source", "compositionRevision", "readyStatus", "message"),
    *("readySince", "notReadySince", "synced", "syncedStatus", "syncedReason", "syncedMessage"),
    *("syncedSince", "notSyncedSince", "uid", "createdAt", "deletedAt", "deletingSince"),
    *("pausedSince", "firstSeenAt", "firstReadyAt", "carriedSince", "lagging", "failing", "extra"),
)
_PLACE = ("parent", "root", "claim")
KEYS = {
    CLAIM: (*_NAMED, *_OWNED, "composition", *_STATE, *_REST, "xr"),
    COMPOSITE: (*_NAMED, "composition", *_STATE, *_REST, *_OWNED, "composed", "missing", *_PLACE),
    MANAGED: (
        *(*_NAMED, "xrName", "claimName", "claimNamespace"),
        *("provider", "providerConfig", "externalName", "managementPolicies", *_STATE, *_REST),
        *("composition", *_OWNED, "providerConfigKind", *_PLACE),
    ),
}
"""The keys of each class, in order."""
REFS = ("xr", *_PLACE)
FIELDS = tuple(dict.fromkeys(key for keys in KEYS.values() for key in keys))
"""Every key that a row can have."""

_ATTRIBUTES = {
    field.encode_name: field.name
    for kind in (Claim, CompositeResource, ManagedResource)
    for field in msgspec.structs.fields(kind)
}
_PLAIN = {
    class_: tuple((key, _ATTRIBUTES[key]) for key in keys if key in _ATTRIBUTES)
    for class_, keys in KEYS.items()
}
_encoder = msgspec.json.Encoder()


def encode(record: Record) -> tuple[bytes, int]:
    """Return a record as JSON without its age, and the place where the age belongs."""
    row: dict[str, object] = dict.fromkeys(KEYS[record.class_])
    for key, attribute in _PLAIN[record.class_]:
        row[key] = getattr(record, attribute)
    row["class"] = record.class_
    row["notReadySince"] = not_ready_since(record)
    row["ageSeconds"] = _NO_AGE
    if isinstance(record, ManagedResource):
        row.update(_exporters(record))
    body = _encoder.encode(row)
    # Quotes within strings are escaped, so the first such bytes are the key itself.
    at = body.index(_AGE_KEY) + len(_AGE_KEY)
    return body[:at] + body[at + 1 :], at


def _exporters(mr: ManagedResource) -> Iterator[tuple[str, object]]:
    """Yield what the exporter has flat: names alone, and the policies as one text."""
    yield "xrName", mr.root.name if mr.root else mr.composite_name
    yield "claimName", mr.claim.name if mr.claim else mr.claim_name
    yield "claimNamespace", mr.claim.namespace if mr.claim else mr.claim_namespace
    yield "managementPolicies", ",".join(mr.management_policies)
    yield "providerConfig", provider_config(mr)
    yield "providerConfigKind", mr.provider_config.rpartition("/")[0]


def provider_config(mr: ManagedResource) -> str:
    """Return the name of the provider config, which is all that the exporter has of it."""
    return mr.provider_config.rpartition("/")[2]


def not_ready_since(record: Record) -> str:
    """Return since when a record is not ready, "" where it is ready or that is not known.

    What runs remember; for a snapshot without that, the Ready condition's own time, or, where
    there is no such condition (yet), the creation.
    """
    if record.ready:
        return ""
    return record.not_ready_since or record.ready_since or record.created_at


def not_ready_seconds(record: Record, now: datetime) -> int | None:
    """Return for how many seconds a record is not ready; None where it is ready or not known."""
    since = seconds(not_ready_since(record))
    return None if since is None else max(0, int(now.timestamp()) - since)


def seconds(text: str) -> int | None:
    """Return an RFC 3339 time as whole seconds of the epoch, None for what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return int(moment.timestamp() // 1)
