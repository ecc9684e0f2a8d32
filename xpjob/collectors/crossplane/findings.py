"""What does not fit together: parents and children, references, names, deletions.

Lists are made one after the other, and a parent follows its children by a moment, so a single
look sees much that is no fault. A finding is confirmed when two runs in a row have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Struct, field

from xpjob.base.times import seconds_between
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.records import (
    Claim,
    Composed,
    CompositeResource,
    Inventory,
    Record,
    Ref,
)

CHILD_NOT_READY, PARENT_NOT_READY = "ChildNotReady", "ParentNotReady"
MISSING_REFERENCE, OWNER_GONE = "MissingReference", "OwnerGone"
DUPLICATE_EXTERNAL_NAME, STUCK_DELETION = "DuplicateExternalName", "StuckDeletion"
FINDINGS = (
    *(CHILD_NOT_READY, PARENT_NOT_READY, MISSING_REFERENCE),
    *(OWNER_GONE, DUPLICATE_EXTERNAL_NAME, STUCK_DELETION),
)
_OBSERVED_ONLY = ("Observe",)


class Finding(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """One finding about one object. ``since`` is when a run first had it, or for how long it is so.

    ``other`` is the second object of the matter, where there is one.
    """

    finding: str
    class_: str = field(name="class")
    group: str
    kind: str
    namespace: str
    name: str
    uid: str
    team: str
    other: Ref | None = None
    message: str = ""
    since: str = ""
    confirmed: bool = False

    @property
    def identity(self) -> tuple[str, str | Ref, Ref | None]:
        """Return what tells it from others, from run to run."""
        return self.finding, self.uid or self.ref, self.other

    @property
    def ref(self) -> Ref:
        """Return what it is about."""
        return Ref(self.group, self.kind, self.namespace, self.name)


def find(
    found: Inventory,
    outcomes: Iterable[TargetOutcome],
    previous: Sequence[Finding],
    *,
    at: str,
    stuck_seconds: float,
) -> list[Finding]:
    """Return all findings at the time ``at``; those that are in ``previous`` too are confirmed."""
    before = {finding.identity: finding for finding in previous}
    lists = _Lists(outcomes)
    made = [
        *_disagreements(found),
        *_missing(found, lists),
        *_without_owner(found, lists),
        *_duplicates(found),
        *_stuck(found, at, stuck_seconds),
    ]
    return [
        msgspec.structs.replace(
            finding,
            since=finding.since or (known.since if known else at),
            confirmed=known is not None,
        )
        for finding in made
        for known in [before.get(finding.identity)]
    ]


class _Lists:
    """What was listed whole in this run: only there is what is not found not there."""

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


def _told(ref: Ref) -> str:
    return "/".join(filter(None, (ref.kind, ref.namespace, ref.name)))


def _settled(record: Record) -> bool:
    """Tell whether its state is of this run, and meant to follow that of others."""
    return not (record.carried_since or record.paused or record.deleting)


def _disagreements(found: Inventory) -> Iterator[Finding]:
    xrs = {xr.ref: xr for xr in found.xrs}
    for claim in found.claims:
        xr = xrs.get(claim.xr) if claim.xr else None
        if xr and _settled(claim) and _settled(xr):
            yield from _disagreement(claim, [xr])
    children: dict[Ref, list[Record]] = {}
    composed: Iterable[Composed] = (*found.xrs, *found.mrs)
    for child in composed:
        if child.parent:
            children.setdefault(child.parent, []).append(child)
    for ref, below in children.items():
        parent = xrs.get(ref)
        # What is not listed may be what it waits for.
        if parent and _settled(parent) and all(map(_settled, below)):
            yield from _disagreement(parent, below, whole=not parent.composed)


def _disagreement(
    parent: Record, children: Sequence[Record], *, whole: bool = True
) -> Iterator[Finding]:
    bad = [child for child in children if not child.ready]
    if parent.ready:
        for child in bad:
            text = f"ready, but {_told(child.ref)} is not" + (
                f": {child.reason}" if child.reason else ""
            )
            yield _about(CHILD_NOT_READY, parent, text, child.ref)
    elif not bad and whole:
        text = "not ready, but all that it is made of is"
        yield _about(PARENT_NOT_READY, parent, text)


def _missing(found: Inventory, lists: _Lists) -> Iterator[Finding]:
    xrs = {xr.ref for xr in found.xrs}
    referring: list[tuple[Record, Sequence[Ref]]] = [
        *((claim, _refs(claim, xrs)) for claim in found.claims),
        *((xr, xr.missing) for xr in found.xrs),
    ]
    for record, refs in referring:
        for ref in refs:
            if not record.carried_since and lists.cover(ref):
                text = f"refers to {_told(ref)}, which does not exist"
                yield _about(MISSING_REFERENCE, record, text, ref)


def _refs(claim: Claim, xrs: set[Ref]) -> Sequence[Ref]:
    return [claim.xr] if claim.xr and claim.xr not in xrs else []


def _without_owner(found: Inventory, lists: _Lists) -> Iterator[Finding]:
    xrs: dict[Ref, CompositeResource] = {xr.ref: xr for xr in found.xrs}
    composed: Iterable[Composed] = (*found.xrs, *found.mrs)
    for record in composed:
        if record.parent is None or record.carried_since or record.parent in xrs:
            continue
        # Linking makes the parent's name that of the object that was found by its uid.
        if lists.cover(record.parent):
            text = f"its owner {_told(record.parent)} is gone"
            yield _about(OWNER_GONE, record, text, record.parent)


class _Outside(NamedTuple):
    """What an MR stands for outside of the cluster."""

    group: str
    kind: str
    provider_config: str
    namespace: str
    external_name: str


def _duplicates(found: Inventory) -> Iterator[Finding]:
    first: dict[_Outside, Record] = {}
    for mr in found.mrs:
        if not mr.external_name or mr.management_policies == _OBSERVED_ONLY:
            continue
        # A ProviderConfig of a namespace is another one in each; others are for all.
        own = mr.namespace if mr.provider_config.startswith("ProviderConfig/") else ""
        key = _Outside(mr.group, mr.kind, mr.provider_config, own, mr.external_name)
        other = first.setdefault(key, mr)
        if other is not mr:
            text = f"has the external name {mr.external_name} of {_told(other.ref)}"
            yield _about(DUPLICATE_EXTERNAL_NAME, mr, text, other.ref)


def _stuck(found: Inventory, at: str, stuck_seconds: float) -> Iterator[Finding]:
    for of_class in found:
        for record in of_class:
            if seconds_between(record.deleting_since, at) > stuck_seconds:
                text = "has been asked to go, and is still there"
                yield _about(STUCK_DELETION, record, text, since=record.deleting_since)
