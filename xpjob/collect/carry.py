"""Carry over rows of failed lists from the previous snapshot, for collectors that carry by list.

A list that failed in this run keeps its previous rows, marked with the time since which they are
stale, so that a failed list does not remove part of the inventory. Rows of kinds that the API no
longer serves are dropped, and so are rows whose list has failed for too long.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from xpjob.base import times
from xpjob.collect.before import Before
from xpjob.collect.outcome import TargetOutcome

Row = TypeVar("Row", bound="Carried")

ANY_RESOURCE = "*"
"""Represents all resources of a group version that did not answer discovery."""

_log = logging.getLogger(__name__)


class InList(Protocol):
    """A row that identifies its list."""

    @property
    def group(self) -> str:
        """Return the API group."""

    @property
    def resource(self) -> str:
        """Return the plural resource name."""

    @property
    def namespace(self) -> str:
        """Return the namespace; empty for a cluster-scoped object."""


class Carried(Protocol):
    """A row that can be carried over; ``carried_since`` is the time since which it is stale."""

    carried_since: str


class Gaps:
    """The lists that failed in this run, whose rows are only in the previous snapshot."""

    def __init__(self, outcomes: Iterable[TargetOutcome]) -> None:
        outcomes = list(outcomes)
        self._fresh = {outcome.scope for outcome in outcomes if not outcome.error}
        # A kind that is gone has not failed. It does not hide a failed list of the same resource in
        # another version either.
        self._failed = {o.scope: o for o in outcomes if o.error and not o.gone}

    def reason(self, row: InList) -> TargetOutcome | None:
        """Return the failed list of this row, or None if its list succeeded in this run."""
        if self.listed(row):
            return None
        group, resource = row.group, row.resource
        scopes = (
            *((group, resource, row.namespace), (group, resource, "")),
            (group, ANY_RESOURCE, ""),
        )
        return next((self._failed[scope] for scope in scopes if scope in self._failed), None)

    def listed(self, row: InList) -> bool:
        """Return whether the list of this row succeeded in this run."""
        scope = (row.group, row.resource)
        return (*scope, row.namespace) in self._fresh or (*scope, "") in self._fresh


def carry(
    before: Before,
    rows: Iterable[tuple[Row, TargetOutcome | None]],
    outcomes: Sequence[TargetOutcome],
    at: str,
) -> list[Row]:
    """Return the rows to carry over, marked, and count them in the outcomes of their lists.

    ``rows`` are those of the previous snapshot, each with its failed list, or None to skip it.
    ``at`` is the time of this run; rows stale for ``before.max_age`` seconds are dropped.
    """
    for outcome in outcomes:
        outcome.carried = outcome.let_go = 0
    carried: list[Row] = []
    for row, reason in rows:
        if reason is None:
            continue
        since = stale_since(row.carried_since, before)
        if times.seconds_between(since, at) >= before.max_age:
            reason.let_go += 1
            continue
        reason.carried += 1
        row.carried_since = since
        carried.append(row)
    for outcome in outcomes:
        if outcome.let_go:
            _log.warning(
                "carried rows dropped: list failed for longer than CARRY_MAX_AGE_SECONDS",
                extra={
                    "gvr": outcome.gvr,
                    "namespace": outcome.namespace,
                    "records": outcome.let_go,
                },
            )
    return carried


def stale_since(carried_since: str, before: Before) -> str:
    """Return the time since which something is stale; ignore an invalid or future stored time."""
    since, generated = times.read(carried_since), times.read(before.generated_at)
    valid = since and generated and since <= generated
    return carried_since if valid else before.generated_at
