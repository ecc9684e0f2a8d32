"""When nodes and pods were listed, as far as a snapshot says so."""

from __future__ import annotations

from dataclasses import dataclass

from xpjob.base import times
from xpjob.collectors.capacity.binpacking import COUNT
from xpjob.reader.table import Stamp
from xpjob.snapshot.documents import Head, RawSnapshot

NAME = "capacity"


@dataclass(frozen=True, slots=True)
class Synced:
    """When the section was made, whether its lists succeeded since, and the prefix of metrics."""

    made_at: str
    nodes: bool
    pods: bool
    prefix: str

    def age(self, now: int) -> float:
        """Return the age in seconds at a time (seconds of the epoch)."""
        return max(0.0, now - times.parse(self.made_at).timestamp())


def make(raw: RawSnapshot, stamp: Stamp) -> Synced | None:
    """Return when the section was made; None if there is none."""
    head = raw.head
    outcomes = [each for each in head.collectors or () if each.collector == NAME]
    prefix = _prefix(head)
    if not outcomes or prefix is None:
        return None
    made_at = outcomes[0].carried_since or stamp.generated_at
    return Synced(made_at, _listed(head, "nodes"), _listed(head, "pods"), prefix)


def _prefix(head: Head) -> str | None:
    families = (
        family.name
        for table in head.metrics or ()
        if table.collector == NAME
        for family in table.families
    )
    return next((name.removesuffix(COUNT) for name in families if name.endswith(COUNT)), None)


def _listed(head: Head, role: str) -> bool:
    return any(
        target.collector == NAME and target.class_ == role and not target.error
        for target in head.targets
    )
