"""Find the owner of a record among all records, whatever their classes: XRs compose anything.

The owner is the object with the uid of the owner reference. An object of its name with another uid
is a different object, for example the successor of a deleted one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from xpjob.collect.findings import Ref
from xpjob.collectors.crossplane.records import Inventory, Record


class Owners:
    """The records of an inventory by uid and by reference."""

    def __init__(self, inventory: Inventory) -> None:
        """Index the records that can own others. MRs seldom do: only those that are asked for."""
        self._inventory = inventory
        self._by_ref: dict[Ref, Record] = {claim.ref: claim for claim in inventory.claims}
        self._by_ref.update((xr.ref, xr) for xr in inventory.xrs)
        self._by_uid = {record.uid: record for record in self._by_ref.values() if record.uid}
        wanted = {record.parent_uid for of_class in inventory for record in of_class}
        wanted -= self._by_uid.keys() | {""}
        self._by_uid.update((mr.uid, mr) for mr in inventory.mrs if mr.uid in wanted)

    def of(self, record: Record) -> Record | None:
        """Return the owner; by name only if a uid is unknown."""
        owner = self._by_uid.get(record.parent_uid) if record.parent_uid else None
        if owner is None and record.parent is not None:
            named = self._named(record.parent)
            owner = next((n for n in named if not (record.parent_uid and n.uid)), None)
        return None if owner is record else owner

    def successor(self, record: Record) -> Record | None:
        """Return an object with the name of the owner and another uid, if there is no owner."""
        if record.parent is None or self.of(record) is not None:
            return None
        return next((n for n in self._named(record.parent) if n.uid != record.parent_uid), None)

    def named(self, ref: Ref) -> Record | None:
        """Return the object of a reference, in its namespace or cluster-scoped."""
        return next(self._named(ref), None)

    def elsewhere(self, ref: Ref) -> bool:
        """Return whether a reference without a namespace may be to an object that has one."""
        return not ref.namespace and (ref.group, ref.kind, ref.name) in self._namespaced

    def _named(self, ref: Ref) -> Iterator[Record]:
        for namespace in {ref.namespace: None, "": None}:
            at = Ref(ref.group, ref.kind, namespace, ref.name)
            found = self._by_ref.get(at)
            if found is None and (ref.group, ref.kind) in self._kinds_of_mrs:
                found = self._mrs.get(at)
            if found is not None:
                yield found

    @cached_property
    def _kinds_of_mrs(self) -> frozenset[tuple[str, str]]:
        return frozenset((mr.group, mr.kind) for mr in self._inventory.mrs)

    @cached_property
    def _mrs(self) -> dict[Ref, Record]:
        return {mr.ref: mr for mr in self._inventory.mrs}

    @cached_property
    def _namespaced(self) -> frozenset[tuple[str, str, str]]:
        every = (record for of_class in self._inventory for record in of_class)
        return frozenset((r.group, r.kind, r.name) for r in every if r.namespace)
