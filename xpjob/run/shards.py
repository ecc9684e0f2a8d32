"""A run by several pods: each hands in what it has listed, and one of them merges all of it.

Nobody is in charge beforehand. Of those whose parts are there, the lowest waits for the rest; it
merges when all have come, or when its time for waiting is up. The others end at once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import msgspec

from xpjob.base.errors import DeadlineError, RefusedError, TransientError, XpjobError
from xpjob.collect.fetch import Listed, outcome_of, outcome_of_unlistable
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.records import Inventory
from xpjob.collectors.crossplane.targets import Plan, Target, Unlistable
from xpjob.config.settings import Settings
from xpjob.kube.gvr import Gvr
from xpjob.net import deadline
from xpjob.run import shard_parts
from xpjob.run.journal import Journal
from xpjob.run.shard import Shard
from xpjob.run.shard_parts import Part, PartList
from xpjob.store.base import Store

_POLL_SECONDS = 0.5
# Parts of the time that is left: merging takes some too.
_STORING, _WAITING, _READING = 1 / 2, 2 / 3, 1 / 3
_Found = Mapping[Shard, Part | XpjobError]
_Scope = tuple[str, str, str, str, str]

_log = logging.getLogger(__name__)


def share_of(plan: Plan, shard: Shard) -> Plan:
    """Return a plan with no other targets than the shard's own."""
    return replace(plan, targets=tuple(t for t in plan.targets if _is_of(shard, t)))


class Merged(NamedTuple):
    """What one run of all targets would have planned and listed."""

    plan: Plan
    listed: list[Listed]


def bring_together(
    store: Store,
    settings: Settings,
    shard: Shard,
    journal: Journal,
    plan: Plan,
    listed: list[Listed],
) -> Merged | None:
    """Hand in what this shard has listed, and return what all of them have.

    ``plan`` is that of all shards. None where another one merges: this one is done. Raises the
    store's errors.
    """
    journal.listed(listed)
    with journal.phase("part"), deadline.share(_STORING):
        part = Part(
            run=msgspec.structs.replace(journal.run),
            cluster=settings.cluster_name,
            phases={name: journal.report.phases[name] for name in ("discover", "list")},
            lists=[_part_list(item) for item in listed],
            unlistable=[_part_unlistable(item) for item in plan.unlistable],
        )
        where = shard_parts.hand_in(store, settings, shard, part)
    _log.info("part handed in", extra={"shard": str(shard), "object": where})
    with journal.phase("gather"):
        found = _gather(store, settings, shard, part)
        return None if found is None else _merge(journal, plan, found)


def _gather(store: Store, settings: Settings, shard: Shard, own: Part) -> _Found | None:
    """Return the parts of all shards, with an error in the place of one that is missing.

    None where another shard is to merge them.
    """
    with deadline.share(_WAITING, until_stopped=True):
        there = _wait(store, settings, shard)
    if there is None:
        return None

    def read(other: Shard) -> Part | XpjobError:
        if other.index not in there:
            return XpjobError(
                f"shard {other} has not come in time; see why its pod (completion index "
                f"{other.index}) failed or was late"
            )
        try:
            return shard_parts.read(store, settings, other, own.run)
        except XpjobError as error:
            return error

    found: dict[Shard, Part | XpjobError] = {shard: own}
    with deadline.share(_READING):
        for other in shard.others():  # one by one: two at a time would need the memory for two
            found[other] = read(other)
    for other, what in found.items():
        if isinstance(what, XpjobError):
            extra = {"shard": str(other), "error": str(what)}
            _log.error("shard missing: what it had is carried", extra=extra)
    return dict(sorted(found.items()))


def _wait(store: Store, settings: Settings, shard: Shard) -> set[int] | None:
    """Return whose parts are there when all are, or no time is left; None where others wait."""
    there, failed = {shard.index}, None
    try:
        while True:
            try:
                there |= shard_parts.handed_in(store, settings, shard)
                failed = None
            except TransientError as error:  # there is time to ask again
                failed = error
            if min(there) < shard.index:
                facts = {"shard": str(shard), "parts": len(there), "merging": min(there)}
                _log.info("another shard merges", extra=facts)
                return None
            if len(there) == shard.count:
                return there
            deadline.sleep(_POLL_SECONDS)
    except DeadlineError:
        # Told to end: a pod that takes its place, or the next run, has more to merge.
        if failed and len(there) == 1 and not deadline.stopped():
            raise failed from None  # nobody knows who else is there
        return None if deadline.stopped() else there


def _merge(journal: Journal, plan: Plan, found: _Found) -> Merged:
    """Return what one run of all targets would have; those of a missing shard have failed.

    Plans of two shards may differ by what came or went meanwhile. What could not be listed at all
    every shard tells, and it counts once.
    """
    there = [what for what in found.values() if isinstance(what, Part)]
    for part in there:
        journal.began(part.run.started_at)
    slowest = max(there, key=lambda part: sum(part.phases.values()))
    journal.report.phases.update(slowest.phases)
    made = {_scope(item.outcome): _listed(item) for part in there for item in part.lists}
    place: dict[_Scope, int] = {}
    for target in plan.targets:
        outcome = outcome_of(target)
        place[_scope(outcome)] = len(place)
        for shard, what in found.items():
            if isinstance(what, XpjobError) and _is_of(shard, target):
                outcome.error = str(what)
                made.setdefault(_scope(outcome), Listed(outcome, error=what))
    unlistable = {
        _scope(item.outcome): _unlistable(item)
        for part in there
        for item in part.unlistable
        if _scope(item.outcome) not in made
    }
    listed = sorted(made.values(), key=lambda item: place.get(_scope(item.outcome), len(place)))
    return Merged(replace(plan, unlistable=tuple(unlistable.values())), listed)


def _is_of(shard: Shard, target: Target) -> bool:
    return shard.has(target.kind.group, target.kind.resource, target.namespace)


def _scope(outcome: TargetOutcome) -> _Scope:
    class_, group, version = outcome.class_, outcome.group, outcome.version
    return (class_, group, version, outcome.resource, outcome.namespace)


def _part_list(listed: Listed) -> PartList:
    claims, xrs, mrs = Inventory.of(listed.records)
    refused = isinstance(listed.error, RefusedError)
    return PartList(outcome=listed.outcome, refused=refused, claims=claims, xrs=xrs, mrs=mrs)


def _part_unlistable(item: Unlistable) -> PartList:
    refused = isinstance(item.error, RefusedError)
    return PartList(outcome=outcome_of_unlistable(item), refused=refused)


def _error(item: PartList) -> XpjobError:
    return (RefusedError if item.refused else XpjobError)(item.outcome.error)


def _listed(item: PartList) -> Listed:
    return Listed(item.outcome, item.records, _error(item) if item.outcome.error else None)


def _unlistable(item: PartList) -> Unlistable:
    found = item.outcome
    gvr = Gvr(found.group, found.version, found.resource)
    return Unlistable(gvr, found.class_, found.namespace, found.source, _error(item), found.gone)
