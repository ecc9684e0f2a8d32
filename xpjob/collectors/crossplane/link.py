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

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

from msgspec import Struct

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


def link(inventory: Inventory, owners: Owners) -> None:
    """Link records in place. Linear in their number. ``owners`` are those of the inventory.

    A reference to an unknown object is kept: its kind may not be listed, or it may not exist yet.
    """
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


class _Place(Struct, frozen=True, gc=False):
    """What an object passes on to those below: the XR next above them, the root, the owners.

    ``ref`` is to the object itself: all below refer to it with this one.
    """

    ref: Ref
    xr: CompositeResource | None
    root: Ref | None
    claim: Ref | None
    creator: str
    team: str
    extra: dict[str, str]


class _Tree:
    """Finds the place of any record."""

    def __init__(self, inventory: Inventory, owners: Owners, bindings: Bindings) -> None:
        self._inventory = inventory
        self._owners = owners
        self._bindings = bindings
        self._places: dict[int, _Place] = {}

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
        xr.root = None if place.root is place.ref else place.root
        xr.claim = place.claim
        if xr.disputed_claim == xr.claim:
            xr.disputed_claim = None
        self._pass_on(place, xr)
        if xr.missing or xr.unowned:
            self._sort_references(xr)

    def link_mr(self, mr: ManagedResource) -> None:
        """Set parent, root and claim of an MR, and its parent's composition."""
        mr.root = None
        owner = self._owners.of(mr)
        if (above := owner or self._unowned_above(mr)) is None:
            return
        place = self.place(above)
        if owner is not None:
            mr.parent = place.ref
        mr.root = place.root
        mr.claim = place.claim
        if (xr := place.xr) is not None:
            mr.composition = xr.composition or mr.composition
            mr.composition_revision = xr.composition_revision or mr.composition_revision
        self._pass_on(place, mr)

    def _pass_on(self, place: _Place, record: Record) -> None:
        if place.creator:
            record.creator = place.creator
        if place.team:
            record.team = place.team
        if place.extra:
            record.extra = record.extra | place.extra

    def _sort_references(self, xr: CompositeResource) -> None:
        missing: dict[Ref, None] = {}
        unowned: dict[Ref, None] = {}
        for ref in (*xr.missing, *xr.unowned):
            composed = self._owners.named(ref)
            if composed is None:
                if not self._owners.elsewhere(ref):
                    missing[ref] = None
            elif self._owners.of(composed) is not xr:
                unowned[ref] = None
        xr.missing, xr.unowned = tuple(missing), tuple(unowned)

    def place(self, record: Record) -> _Place:
        """Return what a record passes on."""
        if (place := self._places.get(id(record))) is not None:
            return place
        above = self._above(record)
        if above is None:
            place = self._top(record)
        elif (known := self._places.get(id(above))) is not None:
            place = _below(record, above, known)
        else:
            return self._climb(record)
        self._places[id(record)] = place
        return place

    def _climb(self, record: Record) -> _Place:
        """Place a record with all above it. No recursion: trees can be deep."""
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
        above = self._bindings.of(record) or self._owners.of(record)
        if above is None and isinstance(record, ManagedResource):
            return self._unowned_above(record)
        return above

    def _top(self, record: Record) -> _Place:
        ref = record.ref
        xr = root = claim = None
        if isinstance(record, Claim):
            claim = ref
        elif isinstance(record, CompositeResource):
            xr, root = record, ref
            bound = self._bindings.of(xr)
            claim = bound.ref if bound else self._bindings.unknown(xr)
        extra = _known(record.extra)
        return _Place(ref, xr, root, claim, record.creator, record.team, extra)

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

    # Few inventories have an MR that needs these.
    @cached_property
    def _roots(self) -> list[CompositeResource]:
        return [xr for xr in self._inventory.xrs if self._owners.of(xr) is None]

    @cached_property
    def _by_name(self) -> Mapping[tuple[str, str], Sequence[CompositeResource]]:
        return _grouped(((xr.namespace, xr.name), xr) for xr in self._roots)

    @cached_property
    def _by_claim_name(self) -> Mapping[tuple[str, str, str], Sequence[CompositeResource]]:
        bound = ((xr, self._bindings.of(xr)) for xr in self._roots)
        return _grouped(
            ((xr.name, claim.namespace, claim.name), xr) for xr, claim in bound if claim
        )

    @cached_property
    def _claims_by_name(self) -> Mapping[tuple[str, str], Sequence[Claim]]:
        return _grouped(((c.namespace, c.name), c) for c in self._inventory.claims)


def _below(record: Record, above: Record, place: _Place) -> _Place:
    """Return what a record passes on, given the place of the object above."""
    ref = record.ref
    if isinstance(record, Claim):
        return _Place(
            ref,
            None,
            None,
            ref,
            record.creator or place.creator,
            record.team or place.team,
            place.extra | _known(record.extra),
        )
    xr, root = place.xr, place.root
    if isinstance(record, CompositeResource):
        # The first object below a claim is the root.
        xr, root = record, place.root or ref
    if isinstance(above, Claim):
        return _Place(
            ref,
            xr,
            root,
            place.claim,
            place.creator or record.creator,
            place.team or record.team,
            _known(record.extra) | place.extra,
        )
    return _Place(ref, xr, root, place.claim, place.creator, place.team, place.extra)


def _known(extra: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in extra.items() if value} if extra else extra


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
