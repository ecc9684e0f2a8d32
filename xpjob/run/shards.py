"""A run by several pods: each stores its part, and one of them merges all parts.

There is no leader. Of the shards whose parts are stored, the one with the lowest index waits for
the rest, and merges when all parts are stored or its share of time is used up. The others end at
once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from xpjob.base import times
from xpjob.base.errors import DeadlineError, MisconfiguredError, TransientError, XpjobError
from xpjob.collect.contract import Collector, Listed, Subscription
from xpjob.collect.fetch import outcome_of, unlisted
from xpjob.collect.outcome import TargetOutcome
from xpjob.config.option import Config
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey
from xpjob.net import deadline
from xpjob.run import budget, shard_parts
from xpjob.run.journal import Journal
from xpjob.run.options import RunOptions, ShardOptions
from xpjob.run.plan import Collected, Gathered
from xpjob.run.previous import Previous
from xpjob.run.shard import Shard
from xpjob.run.shard_parts import Part, StoredPart
from xpjob.snapshot.documents import RunInfo
from xpjob.store.base import Store
from xpjob.store.options import StoreOptions

LATE_SECONDS = 3600.0
"""How much later than the others a pod of a run may start, beside the time for two runs."""
_POLL_SECONDS = 0.5
_Scope = tuple[str, str, str, str, str, str, str]
_Parts = Mapping[Shard, StoredPart | XpjobError]

_log = logging.getLogger(__name__)


class _Generation(Struct, frozen=True):
    """One run of all shards."""

    store: Store
    cluster: str
    name: str


def run_id(config: Config) -> str:
    """Return the run id that all shards share."""
    return shard_parts.run_id(config[ShardOptions].shard_generation)


def share_of(planned: Gathered, shard: Shard) -> Gathered:
    """Return the plans with only the lists of this shard."""
    return [
        replace(
            item,
            plan=replace(
                item.plan,
                subscriptions=[
                    each for each in item.plan.subscriptions if each.error or _is_of(shard, each)
                ],
            ),
        )
        for item in planned
    ]


def reports_nothing(shard: Shard | None, journal: Journal) -> bool:
    """Return whether a shard without results leaves the report to others.

    The merging shard reports for all of them, or the first one if there were errors.
    """
    return shard is not None and not (shard.index == 0 and journal.errors)


def check_generation(config: Config, journal: Journal, previous: Previous | None) -> None:
    """Raise ``MisconfiguredError`` if the snapshot of this generation is of an earlier run.

    A pod that is started late, or once more, finds that of its own run. One that is much older
    would be taken for the result of each run with the same name.
    """
    head = previous.head if previous else None
    if head is None or head.run.id != journal.run.id:
        return
    late = times.seconds_between(head.generated_at, journal.process_started_at())
    if late > LATE_SECONDS + 2 * config[RunOptions].run_deadline_seconds:
        name = config[ShardOptions].shard_generation
        raise MisconfiguredError(
            f"SHARD_GENERATION {name!r} names a run whose snapshot was made at "
            f"{head.generated_at}, {late:.0f} s before this one began; give each run a generation "
            "of its own, e.g. the UID of its Job"
        )


def merged_elsewhere(shard: Shard | None, journal: Journal, previous: Previous | None) -> bool:
    """Return whether another pod has merged and reported the shards of this run."""
    head = previous.head if previous else None
    return bool(shard and head and head.run.id == journal.run.id)


def remove_older(store: Store, config: Config, journal: Journal, previous: Previous | None) -> None:
    """Remove the parts of generations that started before this run."""
    cluster = config[StoreOptions].cluster_name
    shard_parts.remove_older(store, cluster, journal.run, previous, journal.clock)


def bring_together(
    store: Store,
    config: Config,
    shard: Shard,
    journal: Journal,
    planned: Gathered,
    gathered: Gathered,
) -> Gathered | None:
    """Store the part of this shard, and return the merged parts of all shards.

    ``planned`` has the plans of all shards. None if another shard merges. Raises the store's
    errors.
    """
    journal.gathered(gathered)
    cluster, name = config[StoreOptions].cluster_name, config[ShardOptions].shard_generation
    generation = _Generation(store, cluster, name)
    with journal.phase("part"), budget.phase("hand in"):
        part = _part(journal, cluster, planned, gathered)
        where = shard_parts.hand_in(store, cluster, name, shard, part)
    _log.info("shard part stored", extra={"shard": str(shard), "object": where})
    with journal.phase("gather"):
        parts = _collect_parts(generation, shard, journal.run)
        return None if parts is None else _merge(journal, planned, parts)


def _part(journal: Journal, cluster: str, planned: Gathered, gathered: Gathered) -> Part:
    lists = [item.attempt.run("part", partial(_lists, item)) or [] for item in gathered]
    return Part(
        run=msgspec.structs.replace(journal.run),
        cluster=cluster,
        phases={name: journal.report.phases[name] for name in ("discover", "list")},
        collectors=[item.attempt.outcome() for item in gathered],
        lists=list(chain.from_iterable(lists)),
        unlistable=[
            shard_parts.unlistable(unlisted(subscription, item.collector.name))
            for item in planned
            for subscription in item.plan.subscriptions
            if subscription.error
        ],
    )


def _lists(item: Collected) -> list[dict[str, Any]]:
    return [
        shard_parts.part_list(listed, _result(item.collector, listed.outcome)[0])
        for listed in item.listed
    ]


def _result(collector: Collector, outcome: TargetOutcome) -> tuple[str, Any]:
    """Return key and type of the result of a list's reader. Raises ``LookupError``."""
    if outcome.class_ not in collector.results:
        raise LookupError(f"{collector.name}.results lacks the role {outcome.class_!r}")
    return collector.results[outcome.class_]


def _collect_parts(generation: _Generation, shard: Shard, run: RunInfo) -> _Parts | None:
    """Return the parts of all shards, with an error in place of a missing part.

    None if another shard merges them.
    """
    with budget.phase("wait"):
        there = _wait(generation, shard)
    if there is None:
        return None

    def read(other: Shard) -> StoredPart | XpjobError:
        if other.index not in there:
            return XpjobError(
                f"shard {other} did not store its part in time; find out why its pod (completion "
                f"index {other.index}) failed or was late"
            )
        try:
            store, cluster, name = generation.store, generation.cluster, generation.name
            return shard_parts.read(store, cluster, name, other, run)
        except XpjobError as error:
            return error

    with budget.phase("merge"):  # sequentially, to save memory
        parts = {other: read(other) for other in (shard, *shard.others())}
    for other, part in parts.items():
        if isinstance(part, XpjobError):
            extra = {"shard": str(other), "error": str(part)}
            _log.error("shard part missing: rows carried over", extra=extra)
    return dict(sorted(parts.items()))


def _wait(generation: _Generation, shard: Shard) -> set[int] | None:
    """Wait for parts; return the indexes of stored parts, or None if another shard merges.

    Returns when all parts are stored, or no time is left.
    """
    there, failed = {shard.index}, None
    try:
        while True:
            try:
                there |= shard_parts.handed_in(
                    generation.store, generation.cluster, generation.name, shard
                )
                failed = None
            except TransientError as error:  # there is time to retry
                failed = error
            if min(there) < shard.index:
                facts = {"shard": str(shard), "parts": len(there), "merging": min(there)}
                _log.info("merging left to another shard", extra=facts)
                return None
            if len(there) == shard.count:
                return there
            deadline.sleep(_POLL_SECONDS)
    except DeadlineError:
        # After a signal do not merge: the replacement pod, or the next run, has more parts.
        if failed and len(there) == 1 and not deadline.stopped():
            raise failed from None  # the other parts are unknown
        return None if deadline.stopped() else there


def _merge(journal: Journal, planned: Gathered, parts: _Parts) -> Gathered:
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


def _merge_lists(item: Collected, parts: _Parts, there: Sequence[StoredPart]) -> list[Listed]:
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
        shard = next(shard for shard in parts if _is_of(shard, subscription))
        missing = parts[shard]
        if isinstance(missing, StoredPart):
            group = subscription.key.gvr.group
            if any(failed.outcome.group == group for failed in missing.unlistable):
                continue  # it could not discover the group, and says so itself
            missing = XpjobError(f"shard {shard} did not list it: its pod did not plan this list")
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
    key, type_ = _result(collector, outcome)
    where = f"the part with {outcome.gvr}"
    read, result = shard_parts.read_list(raw, key, type_, where)
    read.outcome.collector = collector.name
    subscription = planned.get(_scope(read.outcome)) or _subscription(read.outcome)
    error = shard_parts.error_of(read) if read.outcome.error else None
    if error:
        return Listed(subscription, read.outcome, None, error)
    return Listed(subscription, read.outcome, result, moment=read.moment)


def _merge_unlistable(
    item: Collected, there: Iterable[StoredPart], listed: Sequence[Listed]
) -> list[Subscription]:
    made = {_scope(each.outcome) for each in listed}
    merged = {
        _scope(failed.outcome): failed
        for part in there
        for failed in part.unlistable
        if failed.outcome.collector in ("", item.collector.name)
        and _scope(failed.outcome) not in made
    }
    return [
        replace(
            _subscription(failed.outcome),
            error=shard_parts.error_of(failed),
            gone=failed.outcome.gone,
        )
        for failed in merged.values()
    ]


def _subscription(outcome: TargetOutcome) -> Subscription:
    """Return a subscription for a list that only another shard has planned."""
    gvr = Gvr(outcome.group, outcome.version, outcome.resource)
    return Subscription(
        ListKey(gvr, outcome.namespace),
        msgspec.Struct,
        kind=outcome.kind,
        role=outcome.class_,
        source=outcome.source,
    )


def _is_of(shard: Shard, subscription: Subscription) -> bool:
    gvr = subscription.key.gvr
    return shard.has(gvr.group, gvr.resource, subscription.key.namespace)


def _scope(outcome: TargetOutcome) -> _Scope:
    return (
        *(outcome.collector, outcome.class_, outcome.group, outcome.version),
        *(outcome.resource, outcome.namespace, outcome.selector),
    )
