"""Failed lists, and records with unknown owners because a tenant's ConfigMap was not read."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from functools import partial

from xpjob.collect.before import Before, Placed
from xpjob.collect.carry import Gaps
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.classes import CLAIM
from xpjob.collectors.crossplane.configmaps import CONFIGMAPS
from xpjob.collectors.crossplane.records import (
    Claim,
    CompositeResource,
    ManagedResource,
    Record,
    share_strings,
)
from xpjob.collectors.crossplane.target import NAMESPACE

_Scope = tuple[str, str, str]
_TYPES: tuple[tuple[str, type[Record]], ...] = (
    ("claims", Claim),
    ("xrs", CompositeResource),
    ("mrs", ManagedResource),
)


class OwnerGaps(Gaps):
    """The gaps of one run, including failed lists of ConfigMaps."""

    def __init__(self, outcomes: Iterable[TargetOutcome]) -> None:
        outcomes = list(outcomes)
        super().__init__(outcomes)
        self._configs: dict[_Scope, TargetOutcome] = {
            outcome.scope: outcome
            for outcome in outcomes
            if outcome.error
            and (outcome.group, outcome.resource) == (CONFIGMAPS.group, CONFIGMAPS.resource)
        }

    def concern(self, record: Placed, class_: str) -> bool:
        """Return whether the previous run has more information about this record."""
        return self.lost(record, class_) is not None or self.owner_unknown(record, class_)

    def lost(self, record: Placed | Record, class_: str) -> TargetOutcome | None:
        """Return the failed list because of which this record is missing, or None."""
        if self.listed(record):
            return None
        if (failed := self.reason(record)) is not None:
            return failed
        # What tenants configure now is unknown: assume that it has not changed.
        return next(self._unread(record, class_), None)

    def owner_unknown(self, record: Placed | Record, class_: str) -> bool:
        """Return whether the owner depends on a tenant's ConfigMap that was not read."""
        return next(self._unread(record, class_), None) is not None

    def _unread(self, record: Placed | Record, class_: str) -> Iterator[TargetOutcome]:
        """Yield failed ConfigMap lists that may concern this; XRs can be named in any namespace."""
        if record.source != NAMESPACE:
            return
        for (_, _, namespace), outcome in self._configs.items():
            if class_ != CLAIM or namespace in (record.namespace, ""):
                yield outcome


def read_before(
    before: Before, gaps: OwnerGaps, kinds: Container[tuple[str, str]] = ()
) -> list[Record]:
    """Return the records of the previous snapshot that the gaps concern, and those of ``kinds``.

    ``kinds`` has pairs of group and kind.
    """

    def concerned(row: Placed, class_: str) -> bool:
        return (row.group, row.kind) in kinds or gaps.concern(row, class_)

    records: list[Record] = []
    for key, kind in _TYPES:
        records += before.read(key, kind, partial(concerned, class_=kind.class_))
    share_strings(records)
    return records


def keep_owners(earlier: Sequence[Record], records: Iterable[Record], gaps: OwnerGaps) -> None:
    """Keep the previous owners of listed records if their ConfigMaps were not read."""
    owners = {
        record.uid: record
        for record in earlier
        if record.uid and gaps.owner_unknown(record, record.class_)
    }
    for record in records:
        if old := owners.get(record.uid):
            record.source, record.creator, record.team = old.source, old.creator, old.team
