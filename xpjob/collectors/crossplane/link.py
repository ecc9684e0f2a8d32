"""Link claims, XRs and MRs: MR -> XR -> root XR -> claim, and whatever else owns another.

A claim and an XR are linked if they are bound to each other (``bindings``), others by the owner
reference of the lower one (``owners``). Labels contain only names, so they are used only for an MR
without an owner reference, and only if they match exactly one object. Nothing passes through a link
that one side denies.

All objects in a tree take creator and team from the claim, or else from the root XR. A claim that
an XR has composed takes what it lacks from above. Claims and MRs take the composition from their
XR, where it is most accurate.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

from xpjob.collect.findings import Ref
from xpjob.collectors.crossplane.bindings import Bindings
from xpjob.collectors.crossplane.owners import Owners
from xpjob.collectors.crossplane.records import (
    Claim,
    CompositeResource,
    Inventory,
    ManagedResource,
    Record,
)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def link(inventory: Inventory) -> Inventory:
    """Link records in place, and return them. Linear in their number.

    A reference to an unknown object is kept: its kind may not be listed, or it may not exist yet.
    """
    owners = Owners(inventory)
    tree = _Tree(inventory, owners, Bindings(inventory, owners))
    # Before records change: the places must not depend on their order.
    for record in (*inventory.claims, *inventory.xrs):
        tree.place(record)
    for claim in inventory.claims:
        tree.link_claim(claim)
    for xr in inventory.xrs:
        tree.link_xr(xr)
    for mr in inventory.mrs:
        tree.link_mr(mr)
    return inventory


class _Place(NamedTuple):
    """What an object passes on to those below: the XR next above them, the root, the owners."""

    xr: CompositeResource | None
    root: CompositeResource | None
    claim: Ref | None
    creator: str
    team: str
    extra: dict[str, str]


class _Tree:
    """Finds the place of any record."""

    def __init__(self, inventory: Inventory, owners: Owners, bindings: Bindings) -> None:
        self._owners = owners
        self._bindings = bindings
        self._places: dict[int, _Place] = {}
        roots = [xr for xr in inventory.xrs if owners.of(xr) is None]
        self._by_name = _grouped(((xr.namespace, xr.name), xr) for xr in roots)
        bound = ((xr, bindings.of(xr)) for xr in roots)
        self._by_claim_name = _grouped(
            ((xr.name, claim.namespace, claim.name), xr) for xr, claim in bound if claim
        )
        self._claims_by_name = _grouped(((c.namespace, c.name), c) for c in inventory.claims)

    def link_claim(self, claim: Claim) -> None:
        """Set the owner of a claim, and what it takes from above."""
        if (owner := self._owners.of(claim)) is None:
            return
        claim.parent = owner.ref
        self._pass_on(self.place(claim), claim)

    def link_xr(self, xr: CompositeResource) -> None:
        """Set parent and claim of an XR, its root unless it is the root, and its references."""
        if (owner := self._owners.of(xr)) is not None:
            xr.parent = owner.ref
        place = self.place(xr)
        xr.root = None if place.root is xr or place.root is None else place.root.ref
        xr.claim = place.claim
        if xr.disputed_claim == xr.claim:
            xr.disputed_claim = None
        self._pass_on(place, xr)
        if xr.missing or xr.unowned:
            self._sort_references(xr)

    def link_mr(self, mr: ManagedResource) -> None:
        """Set parent, root and claim of an MR, and its parent's composition."""
        if (owner := self._owners.of(mr)) is not None:
            mr.parent = owner.ref
        mr.root = None
        if (above := owner or self._unowned_above(mr)) is None:
            return
        place = self.place(above)
        mr.root = place.root.ref if place.root else None
        mr.claim = place.claim
        if place.xr:
            mr.composition = place.xr.composition or mr.composition
            mr.composition_revision = place.xr.composition_revision or mr.composition_revision
        self._pass_on(place, mr)

    def _pass_on(self, place: _Place, record: Record) -> None:
        record.creator = place.creator or record.creator
        record.team = place.team or record.team
        if place.extra:
            record.extra = record.extra | place.extra

    def _sort_references(self, xr: CompositeResource) -> None:
        missing, unowned = [], []
        for ref in dict.fromkeys((*xr.missing, *xr.unowned)):
            composed = self._owners.named(ref)
            if composed is None:
                if not self._owners.elsewhere(ref):
                    missing.append(ref)
            elif self._owners.of(composed) is not xr:
                unowned.append(ref)
        xr.missing, xr.unowned = tuple(missing), tuple(unowned)

    def place(self, record: Record) -> _Place:
        """Return what a record passes on. No recursion: trees can be deep."""
        path: list[Record] = []
        on_path: dict[int, int] = {}
        at = record
        while id(at) not in self._places:
            on_path[id(at)] = len(path)
            path.append(at)
            above = self._above(at)
            if above is None:
                self._places[id(at)] = self._top(at)
                break
            if (start := on_path.get(id(above))) is not None:
                self._open(path[start:])
                break
            at = above
        else:
            path.append(at)
        self._descend(path)
        return self._places[id(record)]

    def _open(self, circle: list[Record]) -> None:
        """Place a circle of owners, which has no top: the first by name is, however entered."""
        last = min(range(len(circle)), key=lambda i: (circle[i].class_, _by_name(circle[i])))
        self._places[id(circle[last])] = self._top(circle[last])
        self._descend(circle[last + 1 :] + circle[: last + 1])

    def _descend(self, path: list[Record]) -> None:
        """Place what is not placed yet on a path that ends with an object that is."""
        for above, below in pairwise(reversed(path)):
            if id(below) not in self._places:
                self._places[id(below)] = _below(below, above, self._places[id(above)])

    def _above(self, record: Record) -> Record | None:
        """Return the object from which a record takes its owners."""
        if isinstance(record, CompositeResource) and (claim := self._bindings.of(record)):
            return claim
        if (owner := self._owners.of(record)) is not None:
            return owner
        return self._unowned_above(record) if isinstance(record, ManagedResource) else None

    def _top(self, record: Record) -> _Place:
        extra = {name: value for name, value in record.extra.items() if value}
        xr = record if isinstance(record, CompositeResource) else None
        claim = record.ref if isinstance(record, Claim) else None
        if xr:
            bound = self._bindings.of(xr)
            claim = bound.ref if bound else self._bindings.unknown(xr)
        return _Place(xr, xr, claim, record.creator, record.team, extra)

    def _unowned_above(self, mr: ManagedResource) -> Record | None:
        """Return the root or claim of an MR whose owner is not known."""
        if mr.parent is not None:
            # The XR's kind may not be listed; the claim names it in full.
            ref = mr.parent
            return self._bindings.naming(Ref(ref.group, ref.kind, "", ref.name))
        return self._labelled_root(mr) or self._labelled_claim(mr)

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


def _below(record: Record, above: Record, place: _Place) -> _Place:
    """Return what a record passes on, given the place of the object above."""
    own = {name: value for name, value in record.extra.items() if value}
    if isinstance(record, Claim):
        return _Place(
            None,
            None,
            record.ref,
            record.creator or place.creator,
            record.team or place.team,
            place.extra | own,
        )
    xr = record if isinstance(record, CompositeResource) else place.xr
    if isinstance(above, Claim):
        # The first object below a claim is the root.
        return _Place(
            xr,
            xr,
            place.claim,
            place.creator or record.creator,
            place.team or record.team,
            own | place.extra,
        )
    return place._replace(xr=xr, root=place.root or xr)


def _by_name(record: Record) -> tuple[str, str, str, str, str]:
    return (record.group, record.kind, record.namespace, record.name, record.uid)


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    groups: dict[K, list[V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def _only(candidates: Sequence[V] | None) -> V | None:
    """Return the only candidate; None if there are none or several."""
    return candidates[0] if candidates and len(candidates) == 1 else None
