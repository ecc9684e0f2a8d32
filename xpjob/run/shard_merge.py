"""Merge the parts of all shards into the result of a single run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from xpjob.base.errors import XpjobError
from xpjob.collect.carry import ANY_RESOURCE
from xpjob.collect.contract import Collector, Listed, Subscription
from xpjob.collect.fetch import outcome_of
from xpjob.collect.outcome import TargetOutcome
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey
from xpjob.run import shard_parts
from xpjob.run.journal import Journal
from xpjob.run.plan import Collected, Gathered
from xpjob.run.shard import Shard
from xpjob.run.shard_parts import PartList, StoredPart

_Scope = tuple[str, str, str, str, str, str, str]
Parts = Mapping[Shard, StoredPart | XpjobError]


def result_of(collector: Collector, outcome: TargetOutcome) -> tuple[str, Any]:
    """Return key and type of the result of a list's reader. Raises ``LookupError``."""
    if outcome.class_ not in collector.results:
        raise LookupError(f"{collector.name}.results lacks the role {outcome.class_!r}")
    return collector.results[outcome.class_]


def merge(journal: Journal, planned: Gathered, parts: Parts) -> Gathered:
    """Merge the parts into the result of a single run; the lists of a missing shard have failed.

    Plans of two shards may differ if kinds were added or removed in the meantime. Every shard
    reports all lists that cannot be requested; they are merged.
    """
    there = [part for part in parts.values() if isinstance(part, StoredPart)]
    for part in there:
        journal.began(part.run.started_at)
    slowest = max(there, key=lambda part: sum(part.phases.values()))
    journal.report.phases.update(slowest.phases)
    merged = []
    for item in planned:
        _fail_with(item, there)
        listed = item.attempt.run("merge", partial(_merge_lists, item, parts, there)) or []
        merged.append(
            replace(
                item,
                plan=replace(
                    item.plan,
                    subscriptions=[
                        *(each for each in item.plan.subscriptions if each.error is None),
                        *_merge_unlistable(item, there, listed),
                    ],
                ),
                listed=listed,
            )
        )
    return merged


def _fail_with(item: Collected, there: Iterable[StoredPart]) -> None:
    """Fail a collector that failed in another shard: what it made there is incomplete."""
    for part in there:
        for outcome in part.collectors:
            if outcome.collector == item.collector.name and not outcome.success:
                item.attempt.fail(outcome.step, XpjobError(outcome.error))


def _merge_lists(item: Collected, parts: Parts, there: Sequence[StoredPart]) -> list[Listed]:
    planned = {
        _scope(outcome_of(each, item.collector.name)): each
        for each in item.plan.subscriptions
        if each.error is None
    }
    made: dict[_Scope, Listed] = {}
    for part in there:
        for raw in part.lists:
            listed = _listed(item.collector, raw, planned)
            if listed is not None:
                made[_scope(listed.outcome)] = listed
    for scope, subscription in planned.items():
        if scope in made:
            continue
        shard = next(shard for shard in parts if is_of(shard, subscription))
        missing = parts[shard]
        if isinstance(missing, StoredPart):
            failed = _unlistable(item, [missing])
            if scope in failed:
                continue  # see _merge_unlistable
            missing = _silence(failed.values(), subscription) or XpjobError(
                f"shard {shard} did not list it: its pod did not plan this list"
            )
        outcome = outcome_of(subscription, item.collector.name)
        outcome.error = str(missing)
        made[scope] = Listed(subscription, outcome, error=missing)
    place = {scope: number for number, scope in enumerate(planned)}
    return sorted(made.values(), key=lambda each: place.get(_scope(each.outcome), len(place)))


def _listed(
    collector: Collector, raw: dict[str, msgspec.Raw], planned: Mapping[_Scope, Subscription]
) -> Listed | None:
    """Return the outcome of a list in a part, or None if it is another collector's."""
    outcome = shard_parts.read_list(raw, "", Any, "a shard's part")[0].outcome
    if outcome.collector not in ("", collector.name):
        return None
    key, type_ = result_of(collector, outcome)
    where = f"the part with {outcome.gvr}"
    read, result = shard_parts.read_list(raw, key, type_, where)
    read.outcome.collector = collector.name
    subscription = planned.get(_scope(read.outcome)) or _subscription(read.outcome)
    error = shard_parts.error_of(read) if read.outcome.error else None
    if error:
        return Listed(subscription, read.outcome, None, error)
    return Listed(subscription, read.outcome, result, moment=read.moment)


def _silence(failed: Iterable[PartList], subscription: Subscription) -> XpjobError | None:
    """Return why a shard did not plan a list, if the discovery of its group has failed."""
    wanted = subscription.key.gvr._replace(resource=ANY_RESOURCE)
    for each in failed:
        outcome = each.outcome
        if (outcome.group, outcome.version, outcome.resource) == wanted:
            return shard_parts.error_of(each)
    return None


def _merge_unlistable(
    item: Collected, there: Iterable[StoredPart], listed: Sequence[Listed]
) -> list[Subscription]:
    made = {_scope(each.outcome) for each in listed}
    own = {_scope(outcome_of(each, item.collector.name)): each for each in item.plan.subscriptions}
    return [
        replace(
            own.get(scope) or _subscription(failed.outcome),
            error=shard_parts.error_of(failed),
            gone=failed.outcome.gone,
        )
        for scope, failed in _unlistable(item, there).items()
        if scope not in made and (scope in own or not _known_as_lists(item, failed.outcome))
    ]


def _known_as_lists(item: Collected, outcome: TargetOutcome) -> bool:
    """Return whether an outcome is of the discovery of a group version whose lists are planned.

    Those of a shard that could not discover it have failed, and no others.
    """
    return outcome.resource == ANY_RESOURCE and any(
        (each.key.gvr.group, each.key.gvr.version) == (outcome.group, outcome.version)
        for each in item.plan.subscriptions
        if each.error is None
    )


def _unlistable(item: Collected, there: Iterable[StoredPart]) -> dict[_Scope, PartList]:
    """Return the lists of a collector that could not be requested in some of the shards."""
    name = item.collector.name
    return {
        _scope(replace(failed.outcome, collector=name)): failed
        for part in there
        for failed in part.unlistable
        if failed.outcome.collector in ("", name)
    }


def _subscription(outcome: TargetOutcome) -> Subscription:
    """Return a subscription for a list that only another shard has planned: without context."""
    gvr = Gvr(outcome.group, outcome.version, outcome.resource)
    return Subscription(
        ListKey(gvr, outcome.namespace),
        msgspec.Struct,
        kind=outcome.kind,
        role=outcome.class_,
        source=outcome.source,
    )


def is_of(shard: Shard, subscription: Subscription) -> bool:
    """Return whether this shard makes a list."""
    gvr = subscription.key.gvr
    return shard.has(gvr.group, gvr.resource, subscription.key.namespace)


def _scope(outcome: TargetOutcome) -> _Scope:
    return (
        *(outcome.collector, outcome.class_, outcome.group, outcome.version),
        *(outcome.resource, outcome.namespace, outcome.selector),
    )
