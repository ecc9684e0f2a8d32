"""Rows of earlier snapshots: since when they are gone, as far as the reader has seen it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from xpjob.reader.ids import Ids, hash_of
from xpjob.reader.prepared import Prepared

_HELD = 20_000
"""Rows that are remembered, some 3 MB: those that went last."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The times of rows that are gone, by table and hash of the id.

    The first is that of the first snapshot without the row, the second that of the last with it.
    """

    times: Mapping[tuple[str, int], tuple[str, str]] = field(default_factory=dict)

    def find(self, key: str, identity: Sequence[str]) -> tuple[str, str]:
        """Return since when a row is gone, and when it was last seen; empty if not known."""
        return self.times.get((key, hash_of(identity)), ("", ""))

    def after(self, before: Prepared, then: str, now: Prepared, at: str) -> Gone:
        """Return what is gone at a time, when the snapshot ``before`` of ``then`` is replaced."""
        went: dict[tuple[str, int], tuple[str, str]] = {}
        for table, prepared in before.tables.items():
            if table in now.tables:
                missing = _missing(prepared.ids, now.tables[table].ids)
                some = islice(missing, _HELD - len(went))
                went |= dict.fromkeys(((table, each) for each in some), (at, then))
        kept = {key: times for key, times in self.times.items() if not _has(now, *key)}
        first = max(0, len(kept) + len(went) - _HELD)
        return Gone(dict(islice(kept.items(), first, None)) | went)


def _has(prepared: Prepared, table: str, wanted: int) -> bool:
    return table in prepared.tables and prepared.tables[table].ids.has(wanted)


def _missing(before: Ids, now: Ids) -> Iterator[int]:
    here = set(now.hashes)
    return (each for each in before.hashes if each not in here)
