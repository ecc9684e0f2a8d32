"""Link claims, XRs and MRs: MR -> XR -> root XR -> claim.

A claim refers to its XR in ``resourceRef``, an XR to its claim in ``claimRef``. A composed resource
has its XR as controller in its owner references, looked up by uid, or by group, kind, namespace and
name if a uid is missing; never by name alone, because a recreated object is a different object.
Labels contain only names, so they are used only if they match exactly one object.

All objects in a tree take creator and team from the claim, or else from the root XR. Claims and MRs
take the composition from their XR, where it is most accurate.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from xpjob.collect.findings import Ref
from xpjob.collectors.crossplane.records import (
    Claim,
    Composed,
    CompositeResource,
    Inventory,
    ManagedResource,
)

C = TypeVar("C", bound=Composed)
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def link(inventory: Inventory) -> Inventory:
    """Link records in place, and return them. Linear in their number.

    A reference to an unknown object is kept: its kind may not be listed, or it may not exist yet.
    """
    xr_by_ref = {xr.ref: xr for xr in inventory.xrs}
    # Only roots have a claimRef of their own: carried XRs may have inherited their claim.
    xr_by_claim = {xr.claim: xr for xr in inventory.xrs if xr.claim and xr.parent is None}
    claim_by_xr: dict[Ref, Ref] = {claim.xr: claim.ref for claim in inventory.claims if claim.xr}
    claims = [_linked_claim(claim, xr_by_ref, xr_by_claim) for claim in inventory.claims]
    bound = [_bound_xr(xr, claim_by_xr) for xr in inventory.xrs]
    tree = _Tree(claims, bound, frozenset(mr.ref for mr in inventory.mrs))
    return Inventory(
        claims, [tree.placed_xr(xr) for xr in bound], [tree.placed_mr(mr) for mr in inventory.mrs]
    )


def _linked_claim(
    claim: Claim,
    xr_by_ref: dict[Ref, CompositeResource],
    xr_by_claim: dict[Ref, CompositeResource],
) -> Claim:
    xr = xr_by_ref.get(claim.xr) if claim.xr else xr_by_claim.get(claim.ref)
    if xr is None:
        return claim
    claim.xr = xr.ref
    claim.composition = xr.composition or claim.composition
    claim.composition_revision = xr.composition_revision or claim.composition_revision
    return claim


def _bound_xr(xr: CompositeResource, claim_by_xr: dict[Ref, Ref]) -> CompositeResource:
    xr.claim = xr.claim or claim_by_xr.get(xr.ref)
    return xr


class _Tree:
    """Finds parent, root and claim of any XR or MR."""

    def __init__(
        self, claims: Sequence[Claim], xrs: Sequence[CompositeResource], mrs: frozenset[Ref]
    ) -> None:
        self._claims = {claim.ref: claim for claim in claims}
        self._by_uid = {xr.uid: xr for xr in xrs if xr.uid}
        self._mrs = mrs
        self._by_ref = {xr.ref: xr for xr in xrs}
        self._roots: dict[Ref, CompositeResource] = {}
        for xr in xrs:
            self._find_root(xr)
        roots = [xr for xr in xrs if self._roots[xr.ref] is xr]
        self._by_name = _grouped(((xr.namespace, xr.name), xr) for xr in roots)
        self._by_claim_name = _grouped(
            ((xr.name, xr.claim.namespace, xr.claim.name), xr) for xr in roots if xr.claim
        )
        self._claims_by_name = _grouped(((c.namespace, c.name), c) for c in claims)

    def placed_xr(self, xr: CompositeResource) -> CompositeResource:
        """Return the XR with its parent, its claim, and its root unless it is the root."""
        parent, root = self._parent(xr), self._roots[xr.ref]
        above = None if root is xr else root
        if xr.missing:
            xr.missing = tuple(ref for ref in xr.missing if not self._has(ref))
        return self._placed(xr, parent, above, self._claim(root))

    def placed_mr(self, mr: ManagedResource) -> ManagedResource:
        """Return the MR with its parent, root, claim, and its parent's composition."""
        parent = self._parent(mr)
        root = self._roots[parent.ref] if parent else self._labelled_root(mr)
        claim = self._claim(root) if root else self._labelled_claim(mr)
        # The label names the root, which is not the parent if XRs are nested.
        above = parent or (root if mr.parent is None else None)
        if above:
            mr.composition = above.composition or mr.composition
            mr.composition_revision = above.composition_revision or mr.composition_revision
        return self._placed(mr, parent, root, claim)

    def _placed(
        self,
        record: C,
        parent: CompositeResource | None,
        root: CompositeResource | None,
        claim: Claim | None,
    ) -> C:
        if parent:
            record.parent = parent.ref
        if root:
            record.creator = root.creator or record.creator
            record.team = root.team or record.team
            record.claim = root.claim
        if claim:
            record.creator = claim.creator or record.creator
            record.team = claim.team or record.team
            record.claim = claim.ref
        record.root = root.ref if root else None
        for above in (root, claim):
            if above and above.extra:
                record.extra = record.extra | {k: v for k, v in above.extra.items() if v}
        return record

    def _find_root(self, xr: CompositeResource) -> None:
        path: list[CompositeResource] = []
        on_path: set[Ref] = set()
        at = xr
        while at.ref not in self._roots:
            path.append(at)
            on_path.add(at.ref)
            above = self._parent(at)
            # A cycle of owners has no root: use the XR that closes the cycle.
            if above is None or above.ref in on_path:
                self._roots[at.ref] = at
            else:
                at = above
        for below in path:
            self._roots[below.ref] = self._roots[at.ref]

    def _parent(self, record: Composed) -> CompositeResource | None:
        if (owner := self._by_uid.get(record.parent_uid)) is not None:
            return owner
        ref = record.parent
        if ref is None:
            return None
        for namespace in {ref.namespace: None, "": None}:
            named = self._by_ref.get(Ref(ref.group, ref.kind, namespace, ref.name))
            if named is not None and not (record.parent_uid and named.uid):
                return named
        return None

    def _has(self, ref: Ref) -> bool:
        """Return whether the object was listed, in its namespace or cluster-scoped."""
        bare = Ref(ref.group, ref.kind, "", ref.name)
        return any(one in self._mrs or one in self._by_ref for one in (ref, bare))

    def _labelled_root(self, mr: ManagedResource) -> CompositeResource | None:
        if not mr.composite_name:
            return None
        if mr.claim_name:
            key = (mr.composite_name, mr.claim_namespace, mr.claim_name)
            return _only(self._by_claim_name.get(key))
        # The XR may be cluster-scoped, or in the namespace of the MR.
        candidates: list[CompositeResource] = []
        for namespace in {mr.namespace: None, "": None}:
            candidates += self._by_name.get((namespace, mr.composite_name), ())
        return _only(candidates)

    def _labelled_claim(self, mr: ManagedResource) -> Claim | None:
        if not mr.claim_name:
            return None
        return _only(self._claims_by_name.get((mr.claim_namespace, mr.claim_name)))

    def _claim(self, root: CompositeResource) -> Claim | None:
        return self._claims.get(root.claim) if root.claim else None


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    groups: dict[K, list[V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def _only(candidates: Sequence[V] | None) -> V | None:
    """Return the only candidate; None if there are none or several."""
    return candidates[0] if candidates and len(candidates) == 1 else None
