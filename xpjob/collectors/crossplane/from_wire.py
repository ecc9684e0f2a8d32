"""Convert wire objects to records, which are not linked yet and have no history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice
from sys import intern
from typing import NamedTuple, TypedDict

from xpjob.base.truncate import MAX_LABEL, MAX_MESSAGE, cut
from xpjob.collect.findings import Ref
from xpjob.collectors.crossplane.classes import CLAIM, COMPOSITE, MANAGED
from xpjob.collectors.crossplane.extra_labels import ExtraLabel
from xpjob.collectors.crossplane.outside import scope_of
from xpjob.collectors.crossplane.records import Claim, CompositeResource, ManagedResource
from xpjob.collectors.crossplane.target import Target
from xpjob.collectors.crossplane.wire import NameRef, Object, Spec
from xpjob.kube.objects import Condition, Metadata, ObjectRef, OwnerRef

PAUSED_ANNOTATION = "crossplane.io/paused"
EXTERNAL_NAME_ANNOTATION = "crossplane.io/external-name"
CLAIM_NAME_LABEL = "crossplane.io/claim-name"
CLAIM_NAMESPACE_LABEL = "crossplane.io/claim-namespace"


class Keys(NamedTuple):
    """The label keys of composition and composite, and the extra labels."""

    composition: str
    composite: str
    extra: tuple[ExtraLabel, ...] = ()


def claim(item: Object, target: Target, keys: Keys) -> Claim:
    """Convert a claim to a record that is not linked yet."""
    owner = _controller(item.metadata)
    return Claim(
        **_common(item, target, keys),
        parent=_parent(owner, item.metadata.namespace),
        parent_uid=owner.uid,
        xr=_ref(item.spec.resource_ref) if item.spec else None,
    )


def composite(item: Object, target: Target, keys: Keys) -> CompositeResource:
    """Convert an XR to a record that is not linked yet."""
    spec, owner = item.spec or Spec(), _controller(item.metadata)
    modern = spec.crossplane.resource_refs if spec.crossplane else None
    refs = (modern if modern is not None else spec.resource_refs) or ()
    own = item.metadata.namespace
    return CompositeResource(
        **_common(item, target, keys),
        parent=_parent(owner, own),
        parent_uid=owner.uid,
        # Only legacy XRs have claims; in others the field is the author's own.
        claim=None if spec.crossplane or own else _ref(spec.claim_ref),
        composed=sum((_group(ref), ref.kind) not in target.listed for ref in refs),
        missing=tuple(
            Ref(_group(ref), ref.kind, ref.namespace or own, ref.name)
            for ref in refs
            if ref.name and (_group(ref), ref.kind) in target.listed
        ),
    )


def managed(item: Object, target: Target, keys: Keys) -> ManagedResource:
    """Convert an MR to a record that is not linked yet."""
    spec, owner = item.spec or Spec(), _controller(item.metadata)
    labels, annotations = item.metadata.labels or {}, item.metadata.annotations or {}
    config = spec.provider_config_ref
    external_name = cut(annotations.get(EXTERNAL_NAME_ANNOTATION, ""), MAX_MESSAGE)
    return ManagedResource(
        **_common(item, target, keys),
        parent=_parent(owner, item.metadata.namespace),
        parent_uid=owner.uid,
        provider=target.provider,
        provider_config=cut(f"{config.kind or 'ProviderConfig'}/{config.name}", MAX_LABEL)
        if config
        else "",
        external_name=external_name,
        management_policies=tuple(spec.management_policies or ()),
        composite_name=labels.get(keys.composite, ""),
        claim_name=labels.get(CLAIM_NAME_LABEL, ""),
        claim_namespace=labels.get(CLAIM_NAMESPACE_LABEL, ""),
        scope=scope_of(external_name, spec.for_provider, owner.uid) if external_name else "",
    )


MAKERS = {CLAIM: claim, COMPOSITE: composite, MANAGED: managed}


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
    creator: str
    team: str
    extra: dict[str, str]
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
    lagging: bool
    failing: dict[str, str]
    created_at: str
    deleted_at: str


_FAILING = 8
_LONGEST_TIME = 40
_ABSENT = Condition()
_NO_OWNER = OwnerRef()


def _common(item: Object, target: Target, keys: Keys) -> _Common:
    metadata, spec, kind = item.metadata, item.spec or Spec(), target.kind
    owners = target.owners
    if target.overrides:
        owners = target.owners_in(metadata.namespace or _claims_namespace(spec, target))
    annotations = metadata.annotations or {}
    conditions = (item.status.conditions if item.status else None) or ()
    ready, synced, further = _by_type(conditions)
    labels = metadata.labels or {}
    made = _Common(
        group=kind.group,
        version=kind.version,
        resource=kind.resource,
        kind=kind.kind,
        # Interned, because thousands of objects share these: half of a record's memory.
        namespace=intern(metadata.namespace),
        name=metadata.name,
        uid=metadata.uid,
        composition=intern(_composition(labels, keys.composition, spec)),
        composition_revision=intern(_revision(spec)),
        source=owners.source,
        creator=intern(annotations.get(owners.creator_key, "")) if owners.creator_key else "",
        team=intern(annotations.get(owners.team_key, "")) if owners.team_key else "",
        extra={extra.name: cut(extra.of(labels, annotations), MAX_LABEL) for extra in keys.extra},
        # Without any policy a provider does nothing; in claims and XRs the field may be anything.
        paused=annotations.get(PAUSED_ANNOTATION) == "true"
        or (target.class_ == MANAGED and spec.management_policies == []),
        deleting=bool(metadata.deletion_timestamp),
        ready=ready.status == "True",
        reason=intern(ready.reason),
        ready_status=intern(ready.status),
        message=ready.message,
        ready_since=timestamp(ready.last_transition_time),
        synced=synced.status == "True",
        synced_status=intern(synced.status),
        synced_reason=intern(synced.reason),
        synced_message=synced.message,
        synced_since=timestamp(synced.last_transition_time),
        lagging=_lags(metadata.generation, synced.observed_generation),
        failing=_failing(further) if further else {},
        created_at=timestamp(metadata.creation_timestamp),
        deleted_at=timestamp(metadata.deletion_timestamp),
    )
    # Together they are seldom longer than one of them may be, so two checks suffice.
    values = made["composition"] + made["composition_revision"] + made["creator"] + made["team"]
    values += made["reason"] + made["synced_reason"]
    if len(values) > MAX_LABEL or len(made["message"] + made["synced_message"]) > MAX_MESSAGE:
        _shorten(made)
    return made


def _claims_namespace(spec: Spec, target: Target) -> str:
    """Return the namespace of the claim that a cluster-scoped XR says it is bound to."""
    legacy = target.class_ == COMPOSITE and not spec.crossplane and spec.claim_ref
    return spec.claim_ref.namespace if legacy and spec.claim_ref else ""


def _shorten(made: _Common) -> None:
    """Truncate long values: a tenant can write 256 KiB into an annotation."""
    made["composition"] = intern(cut(made["composition"], MAX_LABEL))
    made["composition_revision"] = intern(cut(made["composition_revision"], MAX_LABEL))
    made["creator"] = intern(cut(made["creator"], MAX_LABEL))
    made["team"] = intern(cut(made["team"], MAX_LABEL))
    made["reason"] = intern(cut(made["reason"], MAX_LABEL))
    made["synced_reason"] = intern(cut(made["synced_reason"], MAX_LABEL))
    made["message"] = cut(made["message"], MAX_MESSAGE)
    made["synced_message"] = cut(made["synced_message"], MAX_MESSAGE)


def _by_type(conditions: Sequence[Condition]) -> tuple[Condition, Condition, list[Condition]]:
    """Return Ready, Synced (the first of each) and all others."""
    ready = synced = _ABSENT
    further = []
    for condition in conditions:
        if condition.type == "Ready":
            ready = condition if ready is _ABSENT else ready
        elif condition.type == "Synced":
            synced = condition if synced is _ABSENT else synced
        else:
            further.append(condition)
    return ready, synced, further


def _failing(further: Sequence[Condition]) -> dict[str, str]:
    """Return some of the conditions that are not True; functions may set any number."""
    not_true = (condition for condition in further if condition.status != "True")
    return {
        cut(condition.type, MAX_LABEL): cut(condition.reason, MAX_LABEL)
        for condition in islice(not_true, _FAILING)
    }


def _lags(generation: int | None, observed: int | None) -> bool:
    """Return whether the controller has not seen the latest spec, if generations are known."""
    return bool(generation and observed and observed < generation)


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
    return Ref(_group(ref), intern(ref.kind), intern(ref.namespace), ref.name)


def _group(ref: ObjectRef) -> str:
    return intern(ref.api_version.rpartition("/")[0])


def _controller(metadata: Metadata) -> OwnerRef:
    owners = metadata.owner_references or ()
    return next((owner for owner in owners if owner.controller), _NO_OWNER)


def _parent(owner: OwnerRef, namespace: str) -> Ref | None:
    """Return a reference to the owner, assuming that it is in the namespace of its child.

    It may be cluster-scoped instead; linking finds out.
    """
    if not owner.name or not owner.kind:
        return None
    return Ref(_group(owner), intern(owner.kind), intern(namespace), owner.name)


def timestamp(text: str | None) -> str:
    """Return a valid RFC 3339 time unchanged; empty if invalid or unset (Go's year 1)."""
    return _timestamp(text) if text and len(text) <= _LONGEST_TIME else ""


@lru_cache(maxsize=4096)  # objects of a tree are created together, and share most times
def _timestamp(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return text if moment.tzinfo is not None and moment.year > 1 else ""
