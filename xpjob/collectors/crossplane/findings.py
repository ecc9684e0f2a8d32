"""Find inconsistencies: links, parents and children, references, external names, deletions.

See ``collect.findings`` for their confirmation by a second run. Of each pair of objects, and of
each object alone, a finding is reported once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import msgspec

from xpjob.base.times import seconds_between
from xpjob.collect.description import Severity
from xpjob.collect.findings import Finding, Ref
from xpjob.collect.outcome import TargetOutcome
from xpjob.collect.tables import row_id
from xpjob.collectors.crossplane.classes import TABLE_OF
from xpjob.collectors.crossplane.duplicates import duplicates
from xpjob.collectors.crossplane.known import Known
from xpjob.collectors.crossplane.owners import Owners
from xpjob.collectors.crossplane.records import (
    Claim,
    Composed,
    CompositeResource,
    Inventory,
    Record,
)

CHILD_NOT_READY, PARENT_NOT_READY = "ChildNotReady", "ParentNotReady"
MISSING_REFERENCE, OWNER_GONE, OWNER_REPLACED = "MissingReference", "OwnerGone", "OwnerReplaced"
CHILD_HAS_OTHER_OWNER = "ChildHasOtherOwner"
CLAIM_HAS_OTHER_XR, CLAIM_REFUSED, CLAIM_GONE = "ClaimHasOtherXR", "ClaimRefused", "ClaimGone"
DUPLICATE_EXTERNAL_NAME = "DuplicateExternalName"
POSSIBLE_DUPLICATE_EXTERNAL_NAME = "PossibleDuplicateExternalName"
STUCK_DELETION = "StuckDeletion"
FINDINGS = (
    *(CHILD_NOT_READY, PARENT_NOT_READY, MISSING_REFERENCE),
    *(OWNER_GONE, OWNER_REPLACED, CHILD_HAS_OTHER_OWNER),
    *(CLAIM_HAS_OTHER_XR, CLAIM_REFUSED, CLAIM_GONE),
    *(DUPLICATE_EXTERNAL_NAME, POSSIBLE_DUPLICATE_EXTERNAL_NAME, STUCK_DELETION),
)

# Two MRs of one external resource undo each other's changes, or delete it under the other.
SEVERITIES: dict[str, Severity] = {
    **dict.fromkeys(FINDINGS, "warning"),
    DUPLICATE_EXTERNAL_NAME: "critical",
    POSSIBLE_DUPLICATE_EXTERNAL_NAME: "info",
}


def find(
    inventory: Inventory,
    owners: Owners,
    outcomes: Iterable[TargetOutcome],
    *,
    at: str,
    stuck_seconds: float,
    stale: Iterable[Record] | None = None,
) -> list[Finding]:
    """Return all findings about linked records at a time (RFC 3339), not confirmed yet.

    They rest on what this run has listed; with ``stale``, the records that are carried, also on
    these and on lists that fail.
    """
    known = Known(outcomes, stale)
    bindings = [(claim, owners.xrs.get(claim.xr)) for claim in inventory.claims if claim.xr]
    about_links = (
        *_disagreements(inventory, owners, known, bindings),
        *_missing(inventory, owners, known, bindings),
        *_half_bound(inventory, owners, known, bindings),
        *_without_owner(owners, known),
        *_owned_by_others(inventory, owners, known),
    )
    found = [
        *_once(about_links),
        *_duplicates(inventory, known),
        *_stuck(inventory, known, at, stuck_seconds),
    ]
    below = _below(inventory, {each.ref for each in found}) if found else Counter[Ref]()
    return [msgspec.structs.replace(each, dependants=below[each.ref]) for each in found]


def _below(inventory: Inventory, refs: set[Ref]) -> Counter[Ref]:
    """Return how many XRs and MRs these objects have below them, as parent, topmost XR or claim."""
    names = {ref.name for ref in refs}
    below: Counter[Ref] = Counter()
    records: Iterable[Composed] = chain(inventory.xrs, inventory.mrs)
    for record in records:
        parent, root, claim = record.parent, record.root, record.claim
        # Most are below none of them, and names alone say so.
        if (
            (parent and parent.name in names)
            or (root and root.name in names)
            or (claim and claim.name in names)
        ):
            below.update(refs.intersection((parent, root, claim)) - {record.ref})
    return below


def _once(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the first finding of each pair, from whichever side, and all without another object."""
    pairs = set()
    for finding in findings:
        pair = frozenset((finding.ref, finding.other))
        if finding.other is None or pair not in pairs:
            pairs.add(pair)
            yield finding


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
        severity=SEVERITIES[finding],
        table=TABLE_OF[record.class_] if record.uid else "",
        row=row_id((record.uid,)) if record.uid else "",
    )


def _text(ref: Ref) -> str:
    return "/".join(filter(None, (ref.kind, ref.namespace, ref.name)))


_Bindings = Sequence[tuple[Claim, CompositeResource | None]]
"""Claims that name an XR, and the XR, if it is listed."""


def _disagreements(
    inventory: Inventory, owners: Owners, known: Known, bindings: _Bindings
) -> Iterator[Finding]:
    for claim, xr in bindings:
        if xr is None or xr.ready == claim.ready:
            continue
        if xr.claim == claim.ref and known.settled(claim) and known.settled(xr):
            yield from _disagreement(claim, [xr])
    every: Sequence[Record] = (*inventory.xrs, *inventory.mrs, *inventory.claims)
    # All others are ready, as is all that they are made of.
    suspects = {id(xr) for xr in inventory.xrs if xr.unowned or not xr.ready}
    suspects |= {id(owners.of(child)) for child in every if not child.ready}
    children: dict[int, list[Record]] = {}
    parents: dict[int, CompositeResource] = {}
    for child in every if suspects else ():
        owner = owners.of(child)
        if id(owner) in suspects and isinstance(owner, CompositeResource):
            children.setdefault(id(owner), []).append(child)
            parents[id(owner)] = owner
    parents |= {id(xr): xr for xr in inventory.xrs if xr.unowned}
    for parent in parents.values():
        below = children.get(id(parent), [])
        refused = False
        for ref in parent.unowned:
            composed = owners.named(ref)
            if composed is not None and composed.parent is None:
                below.append(composed)
            else:
                refused = True
        if below and all(map(known.settled, (parent, *below))):
            # The parent may be waiting for an object that is not listed, or is not there.
            whole = not (parent.composed or parent.missing or refused)
            yield from _disagreement(parent, below, whole=whole)


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


def _missing(
    inventory: Inventory, owners: Owners, known: Known, bindings: _Bindings
) -> Iterator[Finding]:
    referring: list[tuple[Record, Sequence[Ref]]] = [
        *((claim, [claim.xr]) for claim, xr in bindings if claim.xr and xr is None),
        *((xr, xr.missing) for xr in inventory.xrs if xr.missing),
    ]
    for record, refs in referring:
        for ref in refs:
            # What is being deleted refers to what has gone before it, or goes after its owner.
            if owners.named(ref) is None and known.lasts(record) and known.cover(ref):
                text = f"refers to {_text(ref)}, which does not exist"
                yield _about(MISSING_REFERENCE, record, text, ref)


def _half_bound(
    inventory: Inventory, owners: Owners, known: Known, bindings: _Bindings
) -> Iterator[Finding]:
    """Yield where claim and XR disagree about being bound to each other."""
    for claim, its_xr in bindings:
        if its_xr and its_xr.claim != claim.ref and known.lasts(claim) and known.lasts(its_xr):
            other = its_xr.claim or its_xr.disputed_claim
            bound = f"bound to {_text(other)}" if other else "not bound to it"
            text = f"refers to {_text(its_xr.ref)}, which is {bound}"
            yield _about(CLAIM_REFUSED, claim, text, its_xr.ref)
    for xr in inventory.xrs:
        # Those below another XR have its claim; it is told there.
        ref = xr.disputed_claim or (xr.claim if xr.root is None else None)
        if ref is None or not known.lasts(xr):
            continue
        its_claim = owners.claims.get(ref)
        if its_claim is None and known.cover(ref) and owners.named(ref) is None:
            text = f"its claim {_text(ref)} does not exist"
            yield _about(CLAIM_GONE, xr, text, ref)
        elif its_claim is not None and xr.disputed_claim and known.lasts(its_claim):
            refers = f"refers to {_text(its_claim.xr)}" if its_claim.xr else "does not refer to it"
            text = f"its claim {_text(ref)} {refers}"
            yield _about(CLAIM_HAS_OTHER_XR, xr, text, ref)


def _without_owner(owners: Owners, known: Known) -> Iterator[Finding]:
    for record in owners.orphans:
        if record.parent is None or not known.lasts(record):
            continue
        if record.parent_uid and record.parent_uid == record.uid:
            continue
        # Linking has set the parent's name to that of the object with the owner's uid.
        namesake = owners.successor(record)
        if namesake is not None:
            if known.listed(namesake):
                text = f"its owner was another {_text(record.parent)}, with another uid"
                yield _about(OWNER_REPLACED, record, text, record.parent)
        elif known.cover(record.parent):
            text = f"its owner {_text(record.parent)} is gone"
            yield _about(OWNER_GONE, record, text, record.parent)


def _owned_by_others(inventory: Inventory, owners: Owners, known: Known) -> Iterator[Finding]:
    """Yield what XRs refer to although it has another owner."""
    for xr in inventory.xrs:
        for ref in xr.unowned if xr.unowned and known.lasts(xr) else ():
            composed = owners.named(ref)
            if composed is None or composed.parent is None or not known.lasts(composed):
                continue
            # Of an owner of the same name with another uid, the object itself tells.
            if owners.successor(composed) is not xr:
                text = f"refers to {_text(ref)}, whose owner is {_text(composed.parent)}"
                yield _about(CHILD_HAS_OTHER_OWNER, xr, text, ref)


def _duplicates(inventory: Inventory, known: Known) -> Iterator[Finding]:
    for mr, other, certain in duplicates(list(filter(known.listed, inventory.mrs))):
        group = f" ({other.group})" if other.group != mr.group else ""
        name = f"{_text(other.ref)}{group}"
        if certain:
            text = f"has the external name {mr.external_name} of {name}"
            yield _about(DUPLICATE_EXTERNAL_NAME, mr, text, other.ref)
        else:
            text = f"may be the same external resource as {name}: both are named {mr.external_name}"
            yield _about(POSSIBLE_DUPLICATE_EXTERNAL_NAME, mr, text, other.ref)


def _stuck(inventory: Inventory, known: Known, at: str, stuck_seconds: float) -> Iterator[Finding]:
    for record in chain.from_iterable(inventory):
        since = record.deleting_since
        if since and known.listed(record) and seconds_between(since, at) > stuck_seconds:
            text = "has been asked to go, and is still there"
            yield _about(STUCK_DELETION, record, text, since=since)
