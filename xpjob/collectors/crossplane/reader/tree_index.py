"""Who was made by whom, as row numbers: found once per snapshot, then walked without a search.

A row's parent is what link.py has found: by uid, else by group, kind, namespace and name. Never
by name alone, nor an object of that name with another uid. What has no parent but a known root or
claim hangs below that.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

from msgspec import Struct

from xpjob.collect.findings import Ref
from xpjob.collectors.crossplane.records import Composed, Record
from xpjob.reader.forest import NONE, Forest


class Place(Struct, frozen=True, gc=False):
    """What says where a record belongs."""

    ref: Ref
    uid: str
    parent_uid: str
    parent: Ref | None
    root: Ref | None
    claim: Ref | None

    @classmethod
    def of(cls, record: Record, refs: dict[Ref, Ref]) -> Place:
        """Return the place of a record; equal references are held once, in ``refs``."""
        root, claim = (record.root, record.claim) if isinstance(record, Composed) else (None, None)
        parent, root, claim = (
            each and refs.setdefault(each, each) for each in (record.parent, root, claim)
        )
        ref = refs.setdefault(record.ref, record.ref)
        return cls(ref, record.uid, record.parent_uid, parent, root, claim)


def places(records: Iterable[Record]) -> list[Place]:
    """Return the places of records."""
    refs: dict[Ref, Ref] = {}
    return [Place.of(record, refs) for record in records]


class Family(Forest):
    """Parents and children of the rows of a snapshot."""

    def __init__(self, records: Sequence[Place], claims: int, xrs: int) -> None:
        """Read the places of records: claims first, then XRs, then MRs."""
        above = records[: claims + xrs]
        by_ref = {record.ref: row for row, record in enumerate(above)}
        by_uid = {record.uid: row for row, record in enumerate(above) if record.uid}
        # MRs seldom own others.
        wanted = {record.parent_uid for record in records} - by_uid.keys() - {""}
        by_uid.update((r.uid, row) for row, r in enumerate(records) if r.uid in wanted)
        found = (_parent(row, each, records, by_ref, by_uid) for row, each in enumerate(records))
        super().__init__(array("i", found))


def _parent(
    row: int,
    record: Place,
    records: Sequence[Place],
    by_ref: dict[Ref, int],
    by_uid: dict[str, int],
) -> int:
    found = by_uid.get(record.parent_uid) if record.parent_uid else None
    if found is None and record.parent is not None:
        found = by_ref.get(record.parent)
        if found is not None and record.parent_uid and records[found].uid:
            found = None
    for ref in (record.root, record.claim):
        if found is None and ref is not None:
            found = by_ref.get(ref)
    return NONE if found is None or found == row else found
