"""What findings may rest on: what this run has listed, or also what it had to carry over."""

from __future__ import annotations

from collections.abc import Iterable

from xpjob.collect.findings import Ref
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.records import Record


class Known:
    """What findings may rest on: lists of this run, and with ``stale`` also what is not of it.

    These are the lists that have failed, and the records that are carried: ``stale``.
    """

    def __init__(
        self, outcomes: Iterable[TargetOutcome], stale: Iterable[Record] | None = None
    ) -> None:
        """Take the outcomes of all lists."""
        self._stale = stale is not None
        self._scopes: dict[tuple[str, str], set[str]] = {}
        for outcome in outcomes:
            if not outcome.error or (self._stale and not outcome.gone):
                self._scopes.setdefault((outcome.group, outcome.kind), set()).add(outcome.namespace)
        for record in stale or ():  # of a kind that nothing has tried to list
            self._scopes.setdefault((record.group, record.kind), set()).add("")

    def cover(self, ref: Ref) -> bool:
        """Return whether an object that is not there does not exist."""
        scopes: set[str] = self._scopes.get((ref.group, ref.kind), set())
        if self._stale:  # what cannot be requested has no kind
            scopes = scopes | self._scopes.get((ref.group, ""), set())
        return "" in scopes or ref.namespace in scopes

    def listed(self, record: Record) -> bool:
        """Return whether the state and the references are current."""
        return self._stale or not record.carried_since

    def lasts(self, record: Record) -> bool:
        """Return whether the references are current, and are meant to last."""
        return self.listed(record) and not record.deleting

    def settled(self, record: Record) -> bool:
        """Return whether the state is current, and should be consistent with that of others."""
        return self.lasts(record) and not record.paused
