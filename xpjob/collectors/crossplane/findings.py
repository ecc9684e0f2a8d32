"""Find inconsistencies: parents and children, references, external names, deletions.

See ``collect.findings`` for their confirmation by a second run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from xpjob.base.times import seconds_between
from xpjob.collect.findings import Finding, Ref
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.records import (
    Claim,
    Composed,
    CompositeResource,
    Inventory,
    Record,
)

CHILD_NOT_READY, PARENT_NOT_READY = "ChildNotReady", "ParentNotReady"
MISSING_REFERENCE, OWNER_GONE = "MissingReference", "OwnerGone"
DUPLICATE_EXTERNAL_NAME, STUCK_DELETION = "DuplicateExternalName", "StuckDeletion"
FINDINGS = (
    *(CHILD_NOT_READY, PARENT_NOT_READY, MISSING_REFERENCE),
    *(OWNER_GONE, DUPLICATE_EXTERNAL_NAME, STUCK_DELETION),
)
_OBSERVED_ONLY = ("Observe",)


def find(
    inventory: Inventory, outcomes: Iterable[TargetOutcome], *, at: str, stuck_seconds: float
) -> list[Finding]:
    """Return all findings at a time (RFC 3339), not confirmed yet."""
    lists = _Lists(outcomes)
    return [
        *_disagreements(inventory),
        *_missing(inventory, lists),
        *_without_owner(inventory, lists),
        *_duplicates(inventory),
        *_stuck(inventory, at, stuck_seconds),
    ]


class _Lists:
    """The complete lists of this run: an object missing from one of these does not exist."""

    def __init__(self, outcomes: Iterable[TargetOutcome]) -> None:
        self._scopes: dict[tuple[str, str], set[str]] = {}
        for outcome in outcomes:
            if not outcome.error:
                self._scopes.setdefault((outcome.group, outcome.kind), set()).add(outcome.namespace)

    def cover(self, ref: Ref) -> bool:
        scopes = self._scopes.get((ref.group, ref.kind), set())
        return "" in scopes or ref.namespace in scopes


def _about(
    finding: str, record: Record, message: str, other: Ref | None = None, since: str = ""
) -> Finding:
    return Finding(
        finding=finding,
        class_=record.class_,
        group=record.group,
        kind=record.kind,
        namespace=record.namespace,
        name=record.name,
        uid=record.uid,
        team=record.team,
        other=other,
        message=message,
        since=since,
    )


def _text(ref: Ref) -> str:
    return "/".join(filter(None, (ref.kind, ref.namespace, ref.name)))


def _settled(record: Record) -> bool:
    """Return whether the state is current, and should be consistent with that of others."""
    return not (record.carried_since or record.paused or record.deleting)


def _disagreements(inventory: Inventory) -> Iterator[Finding]:
    xrs = {xr.ref: xr for xr in inventory.xrs}
    for claim in inventory.claims:
        xr = xrs.get(claim.xr) if claim.xr else None
        if xr and _settled(claim) and _settled(xr):
            yield from _disagreement(claim, [xr])
    children: dict[Ref, list[Record]] = {}
    composed: Iterable[Composed] = (*inventory.xrs, *inventory.mrs)
    for child in composed:
        if child.parent:
            children.setdefault(child.parent, []).append(child)
    for ref, below in children.items():
        parent = xrs.get(ref)
        # The parent may be waiting for an object that is not listed.
        if parent and _settled(parent) and all(map(_settled, below)):
            yield from _disagreement(parent, below, whole=not parent.composed)


def _disagreement(
    parent: Record, children: Sequence[Record], *, whole: bool = True
) -> Iterator[Finding]:
    bad = [child for child in children if not child.ready]
    if parent.ready:
        for child in bad:
            text = f"ready, but {_text(child.ref)} is not" + (
                f": {child.reason}" if child.reason else ""
            )
            yield _about(CHILD_NOT_READY, parent, text, child.ref)
    elif not bad and whole:
        text = "not ready, but all that it is made of is"
        yield _about(PARENT_NOT_READY, parent, text)


def _missing(inventory: Inventory, lists: _Lists) -> Iterator[Finding]:
    xrs = {xr.ref for xr in inventory.xrs}
    referring: list[tuple[Record, Sequence[Ref]]] = [
        *((claim, _refs(claim, xrs)) for claim in inventory.claims),
        *((xr, xr.missing) for xr in inventory.xrs),
    ]
    for record, refs in referring:
        for ref in refs:
            if not record.carried_since and lists.cover(ref):
                text = f"refers to {_text(ref)}, which does not exist"
                yield _about(MISSING_REFERENCE, record, text, ref)


def _refs(claim: Claim, xrs: set[Ref]) -> Sequence[Ref]:
    return [claim.xr] if claim.xr and claim.xr not in xrs else []


def _without_owner(inventory: Inventory, lists: _Lists) -> Iterator[Finding]:
    xrs: dict[Ref, CompositeResource] = {xr.ref: xr for xr in inventory.xrs}
    composed: Iterable[Composed] = (*inventory.xrs, *inventory.mrs)
    for record in composed:
        if record.parent is None or record.carried_since or record.parent in xrs:
            continue
        # Linking has set the parent's name to that of the object with the owner's uid.
        if lists.cover(record.parent):
            text = f"its owner {_text(record.parent)} is gone"
            yield _about(OWNER_GONE, record, text, record.parent)


class _Outside(NamedTuple):
    """Identity of the external resource of an MR."""

    group: str
    kind: str
    provider_config: str
    namespace: str
    external_name: str


def _duplicates(inventory: Inventory) -> Iterator[Finding]:
    first: dict[_Outside, Record] = {}
    for mr in inventory.mrs:
        if not mr.external_name or mr.management_policies == _OBSERVED_ONLY:
            continue
        # A namespaced ProviderConfig is different in each namespace; others are cluster-wide.
        own = mr.namespace if mr.provider_config.startswith("ProviderConfig/") else ""
        key = _Outside(mr.group, mr.kind, mr.provider_config, own, mr.external_name)
        other = first.setdefault(key, mr)
        if other is not mr:
            text = f"has the external name {mr.external_name} of {_text(other.ref)}"
            yield _about(DUPLICATE_EXTERNAL_NAME, mr, text, other.ref)


def _stuck(inventory: Inventory, at: str, stuck_seconds: float) -> Iterator[Finding]:
    for of_class in inventory:
        for record in of_class:
            if seconds_between(record.deleting_since, at) > stuck_seconds:
                text = "has been asked to go, and is still there"
                yield _about(STUCK_DELETION, record, text, since=record.deleting_since)
