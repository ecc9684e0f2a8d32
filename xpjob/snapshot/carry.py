"""What is kept of the previous snapshot's records.

A target that failed in this run keeps the records it had, marked with since when they are not
fresh, so that one broken list does not make a part of the platform vanish. A kind that the API
no longer has is gone, and so are its records; so is what nobody could list for too long.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

import msgspec

from xpjob import times
from xpjob.crossplane.records import Record
from xpjob.crossplane.targets import ANY_RESOURCE, CONFIGMAPS, NAMESPACE
from xpjob.gvr import Gvr
from xpjob.outcome import TargetOutcome
from xpjob.snapshot.model import Snapshot

_Scope = tuple[str, str, str]

_log = logging.getLogger(__name__)


def carry(
    previous: Snapshot, outcomes: Sequence[TargetOutcome], at: str, max_age: float
) -> list[Record]:
    """Return the records to take over, and count them in the outcomes that they belong to.

    What was listed in this run is never taken over as well, whatever else has failed. ``at`` is
    the time of this run; what was not fresh for ``max_age`` seconds by then is let go.
    """
    for outcome in outcomes:
        outcome.carried = outcome.let_go = 0
    fresh = {_scope(outcome) for outcome in outcomes if not outcome.error or outcome.gone}
    failed = {_scope(outcome): outcome for outcome in outcomes if _scope(outcome) not in fresh}
    taken: list[Record] = []
    for record in previous.records:
        within = (record.group, record.resource, record.namespace)
        if within in fresh or (record.group, record.resource, "") in fresh:
            continue
        if (reason := _reason(record, failed)) is None:
            continue
        since = record.carried_since or previous.generated_at
        if times.seconds_between(since, at) >= max_age:
            reason.let_go += 1
            continue
        reason.carried += 1
        taken.append(msgspec.structs.replace(record, carried_since=since))
    for outcome in outcomes:
        if outcome.let_go:
            where = {"gvr": outcome.gvr, "namespace": outcome.namespace}
            _log.warning(
                "records were let go: their list has failed for longer than CARRY_MAX_AGE_SECONDS",
                extra={**where, "records": outcome.let_go},
            )
    return taken


def _reason(record: Record, failed: dict[_Scope, TargetOutcome]) -> TargetOutcome | None:
    """Return what failed, so that this record could not be listed."""
    scopes: list[_Scope] = [
        (record.group, record.resource, record.namespace),
        (record.group, record.resource, ""),
        (record.group, ANY_RESOURCE, ""),
    ]
    if record.source == NAMESPACE:
        # It is not known what tenants name now, so it is what they named before.
        group, _, configmaps = CONFIGMAPS
        scopes += [(group, configmaps, record.namespace), (group, configmaps, "")]
        if not record.namespace:
            scopes += [scope for scope in failed if scope[:2] == (group, configmaps)]
    return next((failed[scope] for scope in scopes if scope in failed), None)


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
