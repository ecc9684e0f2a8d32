"""One record as the reader answers with it: its keys, their order, and how long it is not ready.

The keys of the exporter that people move over from come first, in its order and with its
types; what xpjob knows beyond that follows. ``ageSeconds`` is known only when answering.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import msgspec
from msgspec import Raw, Struct

from xpjob.crossplane.records import Claim, CompositeResource, Record, Ref

CLAIM, COMPOSITE = "claim", "composite"

_AGE_KEY = b'"ageSeconds":'
_NO_AGE = Raw(b"0")


class ClaimRow(Struct, kw_only=True, rename="camel", gc=False):
    """A claim. Times are RFC 3339 in UTC, empty where not known."""

    group: str
    version: str
    kind: str
    namespace: str
    name: str
    creator: str
    team: str
    composition: str
    paused: bool
    deleting: bool
    ready: bool
    reason: str
    age_seconds: Raw
    class_: str = msgspec.field(name="class")
    resource: str
    source: str
    composition_revision: str
    ready_status: str
    message: str
    ready_since: str
    not_ready_since: str
    synced: bool
    synced_status: str
    synced_reason: str
    synced_message: str
    synced_since: str
    uid: str
    created_at: str
    deleted_at: str
    carried_since: str
    xr: Ref | None


class XrRow(Struct, kw_only=True, rename="camel", gc=False):
    """An XR: as a claim, its owners in a later place, and with the claim that it was made for."""

    group: str
    version: str
    kind: str
    namespace: str
    name: str
    composition: str
    paused: bool
    deleting: bool
    ready: bool
    reason: str
    age_seconds: Raw
    class_: str = msgspec.field(name="class")
    resource: str
    source: str
    composition_revision: str
    ready_status: str
    message: str
    ready_since: str
    not_ready_since: str
    synced: bool
    synced_status: str
    synced_reason: str
    synced_message: str
    synced_since: str
    uid: str
    created_at: str
    deleted_at: str
    creator: str
    team: str
    carried_since: str
    claim: Ref | None


CLAIM_FIELDS = tuple(item.encode_name for item in msgspec.structs.fields(ClaimRow))
XR_FIELDS = tuple(item.encode_name for item in msgspec.structs.fields(XrRow))
FIELDS = (*CLAIM_FIELDS, "claim")
"""Every key that a row can have, in order."""

_encoder = msgspec.json.Encoder()
_SHOWN = frozenset(item.name for item in msgspec.structs.fields(XrRow))
_COMMON = tuple(n for f in msgspec.structs.fields(Record) if (n := f.name) in _SHOWN)


def encode(record: Claim | CompositeResource) -> tuple[bytes, int]:
    """Return a record as JSON without its age, and the place where the age belongs."""
    values: dict[str, Any] = {name: getattr(record, name) for name in _COMMON}
    values["not_ready_since"] = not_ready_since(record)
    values["age_seconds"] = _NO_AGE
    row: ClaimRow | XrRow
    if isinstance(record, Claim):
        row = ClaimRow(class_=CLAIM, xr=record.xr, **values)
    else:
        row = XrRow(class_=COMPOSITE, claim=record.claim, **values)
    body = _encoder.encode(row)
    # Quotes within strings are escaped, so the first such bytes are the key itself.
    at = body.index(_AGE_KEY) + len(_AGE_KEY)
    return body[:at] + body[at + 1 :], at


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
