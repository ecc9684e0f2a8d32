"""Find the owner of a record among all records, whatever their classes: XRs compose anything.

The owner is the object with the uid of the owner reference. An object of its name with another uid
is a different object, for example the successor of a deleted one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import chain

from xpjob.collect.findings import Ref
from xpjob.collectors.crossplane.records import Claim, CompositeResource, Inventory, Record


class Owners:
    """The owners of all records of an inventory, and the records by reference.

    ``claims`` and ``xrs`` are those of one class. ``orphans`` name an owner that is not among the
    records. All of it stays true when the records are linked.
    """

    def __init__(self, inventory: Inventory) -> None:
        """Index all records, and look up their owners."""
        self._inventory = inventory
        self.claims: dict[Ref, Claim] = {claim.ref: claim for claim in inventory.claims}
        self.xrs: dict[Ref, CompositeResource] = {xr.ref: xr for xr in inventory.xrs}
        self._by_ref: dict[Ref, Record] = {mr.ref: mr for mr in inventory.mrs}
        self._by_ref |= self.claims
        self._by_ref |= self.xrs
        self._owners: dict[int, Record] = {}
        above: dict[Ref, Record] = {**self.claims, **self.xrs}
        by_uid = {record.uid: record for record in above.values() if record.uid}
        others: list[Record] = []
        for record in chain.from_iterable(inventory):
            owner = by_uid.get(record.parent_uid)
            if owner is not None:
                if owner is not record:
                    self._owners[id(record)] = owner
            elif record.parent_uid or record.parent is not None:
                others.append(record)
        # MRs seldom own anything: only those that are asked for are indexed.
        if wanted := {record.parent_uid for record in others if record.parent_uid}:
            by_uid |= {mr.uid: mr for mr in inventory.mrs if mr.uid in wanted}
        for record in others:
            owner = by_uid.get(record.parent_uid) or self._by_name(record)
            if owner is not None and owner is not record:
                self._owners[id(record)] = owner
        self.orphans = [r for r in others if r.parent is not None and self.of(r) is None]

    def of(self, record: Record) -> Record | None:
        """Return the owner; by name only if a uid is unknown."""
        return self._owners.get(id(record))

    def successor(self, record: Record) -> Record | None:
        """Return an object with the name of the owner and another uid, if there is no owner."""
        if record.parent is None or self.of(record) is not None:
            return None
        return next((n for n in self._named(record.parent) if n.uid != record.parent_uid), None)

    def named(self, ref: Ref) -> Record | None:
        """Return the object of a reference, in its namespace or cluster-scoped."""
        found = self._by_ref.get(ref)
        if found is None and ref.namespace:
            return self._by_ref.get(_cluster_scoped(ref))
        return found

    def elsewhere(self, ref: Ref) -> bool:
        """Return whether a reference without a namespace may be to an object that has one."""
        return not ref.namespace and (ref.group, ref.kind, ref.name) in self._namespaced

    def _by_name(self, record: Record) -> Record | None:
        if record.parent is None:
            return None
        named = self._named(record.parent)
        return next((n for n in named if not (record.parent_uid and n.uid)), None)

    def _named(self, ref: Ref) -> Iterator[Record]:
        for at in (ref, _cluster_scoped(ref)) if ref.namespace else (ref,):
            if (found := self._by_ref.get(at)) is not None:
                yield found

    @cached_property
    def _namespaced(self) -> frozenset[tuple[str, str, str]]:
        every = chain.from_iterable(self._inventory)
        return frozenset((r.group, r.kind, r.name) for r in every if r.namespace)


def _cluster_scoped(ref: Ref) -> Ref:
    return Ref(ref.group, ref.kind, "", ref.name)
