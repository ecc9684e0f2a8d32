"""What is kept of the previous snapshot's records.

A target that failed in this run keeps the records it had, marked with since when they are not
fresh, so that one broken list does not make a part of the platform vanish. A kind that the API
no longer has is gone, and so are its records; so is what nobody could list for too long.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from xpjob import times
from xpjob.crossplane.records import Placed, Record
from xpjob.crossplane.targets import ANY_RESOURCE, CONFIGMAPS, NAMESPACE
from xpjob.gvr import Gvr
from xpjob.outcome import TargetOutcome
from xpjob.snapshot.model import Snapshot

_Scope = tuple[str, str, str]

_log = logging.getLogger(__name__)


class Gaps:
    """What could not be listed, and so what is taken over from the run before."""

    def __init__(self, outcomes: Sequence[TargetOutcome]) -> None:
        self._fresh = {_scope(outcome) for outcome in outcomes if not outcome.error or outcome.gone}
        self._failed = {
            _scope(outcome): outcome for outcome in outcomes if _scope(outcome) not in self._fresh
        }

    def has(self, record: Placed) -> bool:
        """Tell whether this record could not be listed."""
        return self.reason(record) is not None

    def reason(self, record: Record | Placed) -> TargetOutcome | None:
        """Return what failed, so that this record could not be listed.

        None for what was listed in this run, whatever else has failed.
        """
        group, failed = record.group, self._failed
        scopes: list[_Scope] = [
            (group, record.resource, record.namespace),
            (group, record.resource, ""),
        ]
        if not self._fresh.isdisjoint(scopes):
            return None
        scopes.append((group, ANY_RESOURCE, ""))
        if record.source == NAMESPACE:
            # It is not known what tenants name now, so it is what they named before.
            core, _, configmaps = CONFIGMAPS
            scopes += [(core, configmaps, record.namespace), (core, configmaps, "")]
            if not record.namespace:
                scopes += [scope for scope in failed if scope[:2] == (core, configmaps)]
        return next((failed[scope] for scope in scopes if scope in failed), None)


def carry(
    previous: Snapshot, outcomes: Sequence[TargetOutcome], at: str, max_age: float
) -> list[Record]:
    """Return the records to take over, and count them in the outcomes that they belong to.

    ``at`` is the time of this run; what was not fresh for ``max_age`` seconds by then is let go.
    """
    for outcome in outcomes:
        outcome.carried = outcome.let_go = 0
    gaps = Gaps(outcomes)
    taken: list[Record] = []
    for record in previous.records:
        if (reason := gaps.reason(record)) is None:
            continue
        since = record.carried_since or previous.generated_at
        if times.seconds_between(since, at) >= max_age:
            reason.let_go += 1
            continue
        reason.carried += 1
        record.carried_since = since
        taken.append(record)
    for outcome in outcomes:
        if outcome.let_go:
            where = {"gvr": outcome.gvr, "namespace": outcome.namespace}
            _log.warning(
                "records were let go: their list has failed for longer than CARRY_MAX_AGE_SECONDS",
                extra={**where, "records": outcome.let_go},
            )
    return taken


def matters(gvr: Gvr, groups: Collection[str] | None, found: int) -> bool:
    """Tell whether a group that did not answer discovery may have what we look for.

    Others (metrics.k8s.io is often away) are none of our business. It may where it is among the
    groups that the previous snapshot had records of, or, with no snapshot (None), where nothing
    else was found either.
    """
    if gvr.resource != ANY_RESOURCE:
        return True
    if groups is None:
        return not found
    return gvr.group in groups


def _scope(outcome: TargetOutcome) -> _Scope:
    return (outcome.group, outcome.resource, outcome.namespace)
