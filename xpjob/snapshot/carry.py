"""What is kept of the previous snapshot's records.

A target that failed in this run keeps the records it had, marked with since when they are not
fresh, so that one broken list does not make a part of the platform vanish. A kind that the API
no longer has is gone, and so are its records.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from xpjob.crossplane.records import Record
from xpjob.outcome import TargetOutcome
from xpjob.snapshot.model import Snapshot


def carry(previous: Snapshot, outcomes: Iterable[TargetOutcome]) -> list[Record]:
    """Return the records to take over, and count them in the outcomes that they belong to.

    When the tenants' ConfigMaps could not be read, what they named before is taken over too.
    """
    failed, fresh = {}, set()
    tenants_unknown: TargetOutcome | None = None
    for outcome in outcomes:
        scope = (outcome.group, outcome.resource, outcome.namespace)
        if not outcome.error or outcome.gone:
            fresh.add(scope)
        elif outcome.resource == "configmaps":
            tenants_unknown = outcome
        else:
            failed[scope] = outcome
    taken: list[Record] = []
    before: Sequence[Record] = [*previous.claims, *previous.xrs]
    for record in before:
        within = (record.group, record.resource, record.namespace)
        everywhere = (record.group, record.resource, "")
        outcome_or_none = failed.get(within) or failed.get(everywhere)
        if outcome_or_none is None and record.source == "namespace":
            known = within in fresh or everywhere in fresh
            outcome_or_none = None if known else tenants_unknown
        if outcome_or_none is None:
            continue
        outcome_or_none.carried += 1
        since = record.carried_since or previous.generated_at
        taken.append(msgspec.structs.replace(record, carried_since=since))
    return taken
