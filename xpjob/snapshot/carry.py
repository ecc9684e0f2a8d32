"""What is kept of the previous snapshot's records.

A target that failed in this run keeps the records it had, marked with since when they are not
fresh, so that one broken list does not make a part of the platform vanish. A kind that the API
no longer has is gone, and so are its records; so is what nobody could list for too long.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence

from xpjob.base import times
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.records import Placed, Record
from xpjob.collectors.crossplane.targets import ANY_RESOURCE, CLAIM, CONFIGMAPS, NAMESPACE
from xpjob.kube.gvr import Gvr
from xpjob.snapshot.documents import Snapshot

_Scope = tuple[str, str, str]

_log = logging.getLogger(__name__)


class Gaps:
    """What could not be listed, and so what only the run before knows."""

    def __init__(self, outcomes: Iterable[TargetOutcome]) -> None:
        self._fresh = {_scope(outcome) for outcome in outcomes if not outcome.error}
        # What is gone has not failed; but it says nothing of others that have, say of the same
        # kind at the version that there is.
        self._failed = {_scope(o): o for o in outcomes if o.error and not o.gone}

    def concern(self, record: Placed, class_: str) -> bool:
        """Tell whether the run before knows more of this record than this one does."""
        return self.reason(record, class_) is not None or self.whose_is_unknown(record, class_)

    def reason(self, record: Placed | Record, class_: str) -> TargetOutcome | None:
        """Return what failed, so that this record could not be listed.

        None for what was listed in this run, whatever else has failed.
        """
        group, resource = record.group, record.resource
        scopes: list[_Scope] = [(group, resource, record.namespace), (group, resource, "")]
        if not self._fresh.isdisjoint(scopes):
            return None
        scopes.append((group, ANY_RESOURCE, ""))
        if record.source == NAMESPACE:
            # It is not known what tenants name now, so it is what they named before.
            scopes += self._configmaps(record.namespace, class_)
        return next((self._failed[scope] for scope in scopes if scope in self._failed), None)

    def whose_is_unknown(self, record: Placed | Record, class_: str) -> bool:
        """Tell whether a tenant's ConfigMap, which nobody could read, says whose this is."""
        return record.source == NAMESPACE and any(
            scope in self._failed for scope in self._configmaps(record.namespace, class_)
        )

    def _configmaps(self, namespace: str, class_: str) -> Iterable[_Scope]:
        """Return where the ConfigMap may be that named this: XRs are named from any namespace."""
        core, _, configmaps = CONFIGMAPS
        if class_ == CLAIM:
            return [(core, configmaps, namespace), (core, configmaps, "")]
        return [scope for scope in self._failed if scope[:2] == (core, configmaps)]


def keep_owners(
    previous: Snapshot, records: Iterable[Record], outcomes: Sequence[TargetOutcome]
) -> None:
    """Let records that were listed keep their owners where ConfigMaps that say so are unknown."""
    gaps = Gaps(outcomes)
    known = {
        record.uid: record
        for record in previous.records
        if record.uid and gaps.whose_is_unknown(record, record.class_)
    }
    for record in records:
        if old := known.get(record.uid):
            record.source, record.creator, record.team = old.source, old.creator, old.team


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
        if (reason := gaps.reason(record, record.class_)) is None:
            continue
        since = _since(record, previous)
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


def _since(record: Record, previous: Snapshot) -> str:
    """Return since when a record is not fresh; what the snapshot says of that may be nonsense."""
    since, taken = times.read(record.carried_since), times.read(previous.generated_at)
    told = since and taken and since <= taken
    return record.carried_since if told else previous.generated_at


def matters(gvr: Gvr, groups: Collection[str] | None, found: int) -> bool:
    """Tell whether a group that did not answer discovery may have what we look for.

    Others (metrics.k8s.io is often away) are none of our business. It may where it is among the
    groups that the run before had to do with, or, where that is not known (None), where nothing
    else was found either.
    """
    if gvr.resource != ANY_RESOURCE:
        return True
    if groups is None:
        return not found
    return gvr.group in groups


def _scope(outcome: TargetOutcome) -> _Scope:
    return (outcome.group, outcome.resource, outcome.namespace)
