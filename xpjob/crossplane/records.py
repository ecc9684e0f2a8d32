"""Claim and CompositeResource: one resource each, slim, as the snapshot keeps them.

The shape is flat on purpose: the same document feeds jq, CSV and tables. ``ready`` and
``synced`` say whether the condition is True; ``ready_status`` and ``synced_status`` keep what it
really says: True, False, Unknown, or empty where the object has no such condition (yet).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict

from msgspec import Struct

from xpjob.crossplane.wire import Condition, NameRef, Object, ObjectRef, Spec
from xpjob.kube.discovery import Kind

PAUSED_ANNOTATION = "crossplane.io/paused"


class Ref(Struct, frozen=True, gc=False):
    """What identifies an object on the cluster; a cluster-scoped one has no namespace."""

    group: str
    kind: str
    namespace: str
    name: str


class Record(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """What claims and XRs have in common. Times are RFC 3339, empty where not known."""

    group: str
    version: str
    resource: str
    kind: str
    namespace: str
    name: str
    uid: str
    composition: str
    composition_revision: str
    source: str
    paused: bool
    deleting: bool
    ready: bool
    reason: str
    ready_status: str
    message: str
    ready_since: str
    synced: bool
    synced_status: str
    synced_reason: str
    synced_message: str
    synced_since: str
    created_at: str
    deleted_at: str
    carried_since: str = ""

    @property
    def ref(self) -> Ref:
        """Return what other objects call this one."""
        return Ref(self.group, self.kind, self.namespace, self.name)


class Claim(Record, frozen=True, kw_only=True, rename="camel", gc=False):
    """A claim, with its owners and the XR that it is bound to."""

    creator: str
    team: str
    xr: Ref | None


class CompositeResource(Record, frozen=True, kw_only=True, rename="camel", gc=False):
    """An XR of either generation, with the claim that it was made for, if any."""

    claim: Ref | None


def claim(
    item: Object, kind: Kind, source: str, creator_key: str, team_key: str, label_key: str
) -> Claim:
    """Make the record of a claim as it stands, not linked yet."""
    annotations = item.metadata.annotations or {}
    return Claim(
        **_common(item, kind, source, label_key),
        creator=annotations.get(creator_key, "") if creator_key else "",
        team=annotations.get(team_key, "") if team_key else "",
        xr=_ref(item.spec.resource_ref) if item.spec else None,
    )


def composite(item: Object, kind: Kind, source: str, label_key: str) -> CompositeResource:
    """Make the record of an XR as it stands, not linked yet."""
    return CompositeResource(
        **_common(item, kind, source, label_key),
        claim=_ref(item.spec.claim_ref) if item.spec else None,
    )


class _Common(TypedDict):
    group: str
    version: str
    resource: str
    kind: str
    namespace: str
    name: str
    uid: str
    composition: str
    composition_revision: str
    source: str
    paused: bool
    deleting: bool
    ready: bool
    reason: str
    ready_status: str
    message: str
    ready_since: str
    synced: bool
    synced_status: str
    synced_reason: str
    synced_message: str
    synced_since: str
    created_at: str
    deleted_at: str


_ABSENT = Condition()


def _common(item: Object, kind: Kind, source: str, label_key: str) -> _Common:
    metadata, spec = item.metadata, item.spec or Spec()
    conditions = (item.status.conditions if item.status else None) or ()
    by_type = {condition.type: condition for condition in reversed(conditions)}
    ready = by_type.get("Ready", _ABSENT)
    synced = by_type.get("Synced", _ABSENT)
    labels = metadata.labels or {}
    return _Common(
        group=kind.group,
        version=kind.version,
        resource=kind.resource,
        kind=kind.kind,
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        composition=_composition(labels, label_key, spec),
        composition_revision=_revision(spec),
        source=source,
        paused=(metadata.annotations or {}).get(PAUSED_ANNOTATION) == "true",
        deleting=bool(metadata.deletion_timestamp),
        ready=ready.status == "True",
        reason=ready.reason,
        ready_status=ready.status,
        message=ready.message,
        ready_since=timestamp(ready.last_transition_time),
        synced=synced.status == "True",
        synced_status=synced.status,
        synced_reason=synced.reason,
        synced_message=synced.message,
        synced_since=timestamp(synced.last_transition_time),
        created_at=timestamp(metadata.creation_timestamp),
        deleted_at=timestamp(metadata.deletion_timestamp),
    )


def _composition(labels: Mapping[str, str], label_key: str, spec: Spec) -> str:
    named = labels.get(label_key, "")
    modern = spec.crossplane.composition_ref if spec.crossplane else None
    return named or _name(modern) or _name(spec.composition_ref)


def _revision(spec: Spec) -> str:
    modern = spec.crossplane.composition_revision_ref if spec.crossplane else None
    return _name(modern) or _name(spec.composition_revision_ref)


def _name(ref: NameRef | None) -> str:
    return ref.name if ref else ""


def _ref(ref: ObjectRef | None) -> Ref | None:
    if ref is None or not ref.name or not ref.kind:
        return None
    return Ref(ref.api_version.rpartition("/")[0], ref.kind, ref.namespace, ref.name)


def timestamp(text: str | None) -> str:
    """Return an RFC 3339 time as it is, and nothing for what is none (year 1 is Go's "unset")."""
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return text if moment.tzinfo is not None and moment.year > 1 else ""
