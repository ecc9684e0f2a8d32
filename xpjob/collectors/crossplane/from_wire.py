"""Convert wire objects to records, which are not linked yet and have no history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from sys import intern
from typing import Any, Generic, NamedTuple, TypeVar

from msgspec import structs

from xpjob.base.truncate import MAX_LABEL, MAX_MESSAGE, cut
from xpjob.collect.findings import Ref
from xpjob.collectors.crossplane.classes import CLAIM, COMPOSITE, MANAGED
from xpjob.collectors.crossplane.extra_labels import ExtraLabel
from xpjob.collectors.crossplane.outside import scope_of
from xpjob.collectors.crossplane.records import Claim, CompositeResource, ManagedResource, Record
from xpjob.collectors.crossplane.target import Target
from xpjob.collectors.crossplane.wire import NameRef, Object, Spec
from xpjob.kube.objects import Condition, ObjectRef, OwnerRef

R = TypeVar("R", bound=Record)

PAUSED_ANNOTATION = "crossplane.io/paused"
EXTERNAL_NAME_ANNOTATION = "crossplane.io/external-name"
CLAIM_NAME_LABEL = "crossplane.io/claim-name"
CLAIM_NAMESPACE_LABEL = "crossplane.io/claim-namespace"


class Keys(NamedTuple):
    """The label keys of composition and composite, and the extra labels."""

    composition: str
    composite: str
    extra: tuple[ExtraLabel, ...] = ()


class Maker(Generic[R]):
    """Converts the objects of one list to records.

    Each is a copy of a blank record that has what is the same for all objects of the list.
    """

    def __init__(self, record: type[R], target: Target, keys: Keys, **own: Any) -> None:
        """Prepare the blank record. ``own`` are fields that only this class has."""
        self._target, self._keys = target, keys
        kind = target.kind
        nothing: dict[str, Any] = dict.fromkeys(_TEXTS, "") | dict.fromkeys(_STATES, False)
        # All records have its empty dictionaries, as nobody modifies those.
        self._blank = record(
            group=kind.group,
            version=kind.version,
            resource=kind.resource,
            kind=kind.kind,
            source=target.owners.source,
            **nothing,
            **own,
        )

    def make(self, item: Object) -> R:
        """Convert an object."""
        raise NotImplementedError

    def _common(self, item: Object, spec: Spec) -> R:
        """Return a record with the fields that all classes have."""
        metadata, keys = item.metadata, self._keys
        labels, annotations = metadata.labels or _NOTHING, metadata.annotations or _NOTHING
        ready, synced, further = _by_type(item.status.conditions if item.status else None)
        record = structs.replace(
            self._blank,
            # Interned, because thousands of objects share these: half of a record's memory.
            namespace=intern(metadata.namespace),
            name=metadata.name,
            uid=metadata.uid,
            composition=_labels[labels.get(keys.composition) or _composition(spec)],
            composition_revision=_labels[_revision(spec)],
            ready=ready.status == "True",
            reason=_labels[ready.reason],
            ready_status=intern(ready.status),
            ready_since=_times[ready.last_transition_time or ""],
            synced=synced.status == "True",
            synced_status=intern(synced.status),
            synced_reason=_labels[synced.reason],
            synced_since=_times[synced.last_transition_time or ""],
            created_at=_times[metadata.creation_timestamp or ""],
        )
        # What few objects have is not passed above: with more than 14 arguments a call is slower.
        if ready.message:
            record.message = cut(ready.message, MAX_MESSAGE)
        if synced.message:
            record.synced_message = cut(synced.message, MAX_MESSAGE)
        if further:
            record.failing = _failing(further)
        if synced.observed_generation and metadata.generation:
            record.lagging = synced.observed_generation < metadata.generation
        if metadata.deletion_timestamp:
            record.deleting, record.deleted_at = True, _times[metadata.deletion_timestamp]
        if annotations.get(PAUSED_ANNOTATION) == "true":
            record.paused = True
        if metadata.owner_references:
            _own(record, metadata.owner_references)
        if keys.extra:
            record.extra = {
                extra.name: cut(extra.of(labels, annotations), MAX_LABEL) for extra in keys.extra
            }
        owners = self._target.owners
        if self._target.overrides:
            owners = self._target.owners_in(record.namespace or self._claims_namespace(spec))
            record.source = owners.source
        if owners.creator_key:
            record.creator = _labels[annotations.get(owners.creator_key, "")]
        if owners.team_key:
            record.team = _labels[annotations.get(owners.team_key, "")]
        return record

    def _claims_namespace(self, spec: Spec) -> str:
        """Return the namespace of the claim that a cluster-scoped object says it is bound to."""
        return ""


class _Claims(Maker[Claim]):
    def __init__(self, target: Target, keys: Keys) -> None:
        super().__init__(Claim, target, keys, xr=None)

    def make(self, item: Object) -> Claim:
        spec = item.spec or _NO_SPEC
        record = self._common(item, spec)
        record.xr = _ref(spec.resource_ref)
        return record


class _Composites(Maker[CompositeResource]):
    def __init__(self, target: Target, keys: Keys) -> None:
        super().__init__(CompositeResource, target, keys)

    def make(self, item: Object) -> CompositeResource:
        spec = item.spec or _NO_SPEC
        record = self._common(item, spec)
        # Only legacy XRs have claims; in others the field is the author's own.
        if not (spec.crossplane or record.namespace):
            record.claim = _ref(spec.claim_ref)
        modern = spec.crossplane.resource_refs if spec.crossplane else None
        if refs := (modern if modern is not None else spec.resource_refs):
            self._refer(record, refs)
        return record

    def _refer(self, record: CompositeResource, refs: Sequence[ObjectRef]) -> None:
        listed, missing = self._target.listed, []
        for ref in refs:
            group, kind = _groups[ref.api_version], intern(ref.kind)
            if (group, kind) not in listed:
                record.composed += 1
            elif ref.name:
                missing.append(Ref(group, kind, ref.namespace or record.namespace, ref.name))
        record.missing = tuple(missing)

    def _claims_namespace(self, spec: Spec) -> str:
        return spec.claim_ref.namespace if spec.claim_ref and not spec.crossplane else ""


class _Managed(Maker[ManagedResource]):
    def __init__(self, target: Target, keys: Keys) -> None:
        super().__init__(ManagedResource, target, keys, provider=target.provider)

    def make(self, item: Object) -> ManagedResource:
        spec = item.spec or _NO_SPEC
        record = self._common(item, spec)
        if config := spec.provider_config_ref:
            record.provider_config = _labels[f"{config.kind or 'ProviderConfig'}/{config.name}"]
        if spec.management_policies:
            record.management_policies = tuple(spec.management_policies)
        elif spec.management_policies is not None:
            # Without any policy a provider does nothing.
            record.paused = True
        if labels := item.metadata.labels:
            record.composite_name = labels.get(self._keys.composite, "")
            record.claim_name = labels.get(CLAIM_NAME_LABEL, "")
            record.claim_namespace = labels.get(CLAIM_NAMESPACE_LABEL, "")
        annotations = item.metadata.annotations
        if name := annotations.get(EXTERNAL_NAME_ANNOTATION) if annotations else None:
            record.external_name = cut(name, MAX_MESSAGE)
            record.scope = scope_of(record.external_name, spec.for_provider, record.parent_uid)
        return record


MAKERS: Mapping[str, Callable[[Target, Keys], Maker[Any]]] = {
    CLAIM: _Claims,
    COMPOSITE: _Composites,
    MANAGED: _Managed,
}

_TEXTS = (
    *("namespace", "name", "uid", "composition", "composition_revision", "created_at"),
    *("deleted_at", "reason", "ready_status", "message", "ready_since"),
    *("synced_status", "synced_reason", "synced_message", "synced_since"),
)
_STATES = ("paused", "deleting", "ready", "synced")
_NOTHING: Mapping[str, str] = {}
_NO_SPEC = Spec()
_ABSENT = Condition()
_FAILING = 8
_LONGEST_TIME = 40


def _by_type(
    conditions: Sequence[Condition] | None,
) -> tuple[Condition, Condition, list[Condition] | None]:
    """Return Ready, Synced (the first of each) and all others, if any."""
    ready = synced = _ABSENT
    further = None
    for condition in conditions or ():
        if condition.type == "Ready":
            ready = condition if ready is _ABSENT else ready
        elif condition.type == "Synced":
            synced = condition if synced is _ABSENT else synced
        elif further is None:
            further = [condition]
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


def _composition(spec: Spec) -> str:
    modern = spec.crossplane.composition_ref if spec.crossplane else None
    return _name(modern) or _name(spec.composition_ref)


def _revision(spec: Spec) -> str:
    modern = spec.crossplane.composition_revision_ref if spec.crossplane else None
    return _name(modern) or _name(spec.composition_revision_ref)


def _name(ref: NameRef | None) -> str:
    return ref.name if ref else ""


def _ref(ref: ObjectRef | None) -> Ref | None:
    if ref is None or not ref.name or not ref.kind:
        return None
    return Ref(_groups[ref.api_version], intern(ref.kind), intern(ref.namespace), ref.name)


def _own(record: Record, owners: Sequence[OwnerRef]) -> None:
    """Set the controller of a record, assuming that it is in the namespace of its child.

    It may be cluster-scoped instead; linking finds out.
    """
    for owner in owners:
        if owner.controller:
            record.parent_uid = owner.uid
            if owner.name and owner.kind:
                group = _groups[owner.api_version]
                record.parent = Ref(group, intern(owner.kind), record.namespace, owner.name)
            return


def timestamp(text: str) -> str:
    """Return a valid RFC 3339 time unchanged; empty if invalid or unset (Go's year 1)."""
    if len(text) > _LONGEST_TIME:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return text if moment.tzinfo is not None and moment.year > 1 else ""


class _Memo(dict[str, str]):
    """The latest results of a function of texts that many objects share."""

    def __init__(self, function: Callable[[str], str]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, text: str) -> str:
        made = self._function(text)
        if len(text) <= MAX_LABEL:  # a tenant can write 256 KiB into an annotation
            if len(self) >= _REMEMBERED:
                self.clear()
            self[text] = made
        return made


_REMEMBERED = 4096
_groups = _Memo(lambda api_version: intern(api_version.rpartition("/")[0]))
_labels = _Memo(lambda text: intern(cut(text, MAX_LABEL)))
# Objects of a tree are created together, and share most times.
_times = _Memo(timestamp)
