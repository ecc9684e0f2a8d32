"""A run by several pods: each stores its part, and one of them merges all parts.

There is no leader. Of the shards whose parts are stored, the one with the lowest index waits for
the rest, and merges when all parts are stored or its share of time is used up. The others end at
once.
"""

from __future__ import annotations

import logging
from functools import partial
from itertools import chain
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from xpjob.base import times
from xpjob.base.errors import DeadlineError, MisconfiguredError, TransientError, XpjobError
from xpjob.collect.fetch import unlisted
from xpjob.config.option import Config
from xpjob.net import deadline
from xpjob.run import budget, shard_parts
from xpjob.run.journal import Journal
from xpjob.run.options import RunOptions, ShardOptions
from xpjob.run.plan import Collected, Gathered
from xpjob.run.previous import Previous
from xpjob.run.shard import Shard
from xpjob.run.shard_merge import Parts, is_of, merge, result_of
from xpjob.run.shard_parts import Part, StoredPart
from xpjob.snapshot.documents import RunInfo
from xpjob.store.base import Store
from xpjob.store.options import StoreOptions

LATE_SECONDS = 3600.0
"""How much later than the others a pod of a run may start, beside the time for two runs."""
_POLL_SECONDS = 0.5

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
                    each for each in item.plan.subscriptions if each.error or is_of(shard, each)
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
        return None if parts is None else merge(journal, planned, parts)


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
        shard_parts.part_list(listed, result_of(item.collector, listed.outcome)[0])
        for listed in item.listed
    ]


def _collect_parts(generation: _Generation, shard: Shard, run: RunInfo) -> Parts | None:
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
