"""Who was made by whom, as row numbers: found once per snapshot, then walked without a search.

A row's parent is what link.py has found: by uid, else by group, kind, namespace and name. Never
by name alone, nor an object of that name with another uid. What has no parent but a known root or
claim hangs below that.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import count

from xpjob.collect.findings import Ref
from xpjob.collectors.crossplane.records import Composed, Record
from xpjob.reader.forest import NONE, Forest

_NOTHING = 0


class Places:
    """What says where records belong: hashes of references and uids, 48 bytes a record.

    Claims are first, then XRs, then MRs. Hashes are keyed, so nobody can make two alike.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.refs, self.uids = array("q"), array("q")
        self.parents, self.parent_uids = array("q"), array("q")
        self.roots, self.claims = array("q"), array("q")
        for record in records:
            self.add(record)

    def __len__(self) -> int:
        return len(self.refs)

    def add(self, record: Record) -> None:
        """Add the next record."""
        root, claim = (record.root, record.claim) if isinstance(record, Composed) else (None, None)
        self.refs.append(_hash(record.ref))
        self.uids.append(_hash(record.uid))
        self.parents.append(_hash(record.parent))
        self.parent_uids.append(_hash(record.parent_uid))
        self.roots.append(_hash(root))
        self.claims.append(_hash(claim))


class Family(Forest):
    """Parents and children of the rows of a snapshot."""

    def __init__(self, places: Places, claims: int, xrs: int) -> None:
        """Read the places of records."""
        above = claims + xrs
        by_ref = dict(zip(places.refs[:above], count(), strict=False))
        by_uid = dict(zip(places.uids[:above], count(), strict=False))
        # MRs seldom own others.
        wanted = {*places.parent_uids} - by_uid.keys()
        by_uid.update((uid, row) for row, uid in enumerate(places.uids) if uid in wanted)
        by_uid.pop(_NOTHING, None)
        found = (_parent(row, places, by_ref, by_uid) for row in range(len(places)))
        super().__init__(array("i", found))


def _parent(row: int, places: Places, by_ref: dict[int, int], by_uid: dict[int, int]) -> int:
    uid = places.parent_uids[row]
    found = by_uid.get(uid)
    if found is None:
        found = by_ref.get(places.parents[row])
        if found is not None and uid and places.uids[found]:
            found = None
    for ref in (places.roots[row], places.claims[row]):
        if found is None:
            found = by_ref.get(ref)
    return NONE if found is None or found == row else found


def _hash(value: Ref | str | None) -> int:
    return hash(value) or 1 if value else _NOTHING
