"""Gather the data of a run: discovery, planning of all collectors, and all lists, each once.

Either one pod gathers everything, or several pods gather a share each and one of them merges.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from msgspec.structs import replace

from xpjob.base import memory
from xpjob.base.errors import RefusedError, XpjobError
from xpjob.collect.attempt import Attempt
from xpjob.collect.carry import ANY_RESOURCE
from xpjob.collect.contract import Collectors, Subscription
from xpjob.collect.fetch import Progress, log_outcome, unlisted
from xpjob.config.option import Config
from xpjob.kube.api import Api
from xpjob.run import budget, shards
from xpjob.run.journal import Journal
from xpjob.run.options import ShardOptions
from xpjob.run.plan import Gathered, list_planned, plan_all
from xpjob.run.previous import Sizes
from xpjob.store.base import Store


def gather(
    journal: Journal,
    api: Api,
    opened: Callable[[], Store],
    config: Config,
    collectors: Collectors,
    attempts: Mapping[str, Attempt],
    progress: Progress,
    sizes: Sizes,
    *,
    dry_run: bool = False,
) -> Gathered | None:
    """Return what all collectors gather, or None if another shard merges it.

    A dry run of a shard returns its share and hands nothing in. Raises the errors of discovery,
    and with shards those of the store.
    """
    shard = config[ShardOptions].shard
    with budget.phase("gather"):
        with journal.phase("discover"):
            planned = plan_all(api, config, collectors, attempts)
        with journal.phase("list"), memory.reused(api.budget.page):
            own = shards.share_of(planned, shard) if shard else planned
            gathered = list_planned(own, api, config, progress, sizes)
    journal.settle()
    if shard is None or dry_run:
        return gathered
    return shards.bring_together(opened(), config, shard, journal, planned, gathered)


def with_unlistable(gathered: Gathered, groups: Collection[str] | None) -> Gathered:
    """Add the outcomes of relevant lists that could not be requested."""
    made = []
    for item in gathered:
        count = sum(each_.error is None for each_ in item.plan.subscriptions)
        failed = [
            unlisted(subscription, item.collector.name)
            for subscription in relevant_failures(item.plan.subscriptions, groups, count)
        ]
        for listed in failed:
            log_outcome(listed.outcome)
        made.append(replace(item, listed=[*item.listed, *failed]))
    return made


def relevant_failures(
    subscriptions: Sequence[Subscription], groups: Collection[str] | None, listable: int
) -> Iterator[Subscription]:
    """Yield the subscriptions that cannot be requested and are relevant.

    A group that did not answer discovery (metrics.k8s.io is often unavailable) is relevant if it is
    one of ``groups``, those of the previous run, or, if they are unknown (None), if nothing is
    listable.
    """
    for subscription in subscriptions:
        if subscription.error is None:
            continue
        gvr = subscription.key.gvr
        silent = gvr.resource == ANY_RESOURCE
        if not silent or (not listable if groups is None else gvr.group in groups):
            yield subscription


def raise_if_nothing(gathered: Gathered, *, known_before: bool) -> None:
    """Raise if every collector has failed, itself or with all of its lists.

    If all kinds are gone and there is a previous snapshot, nothing has failed: the rows must be
    dropped. Without one it is a configuration mistake. Raises ``RefusedError`` if the API refused
    all lists, else ``XpjobError``.
    """
    errors: list[tuple[XpjobError, bool]] = []
    for item in gathered:
        if item.attempt.error:
            errors.append((item.attempt.error, False))
            continue
        failed = [(each_.error, each_.outcome.gone) for each_ in item.listed if each_.error]
        if not failed or len(failed) < len(item.listed):
            return
        errors += failed
    real = [error for error, gone in errors if not gone]
    if not errors or (known_before and not real):
        return
    relevant = real or [error for error, _ in errors]
    refused = all(error.exit_code == RefusedError.exit_code for error in relevant)
    raise (RefusedError if refused else XpjobError)(
        f"nothing could be listed, so nothing is published; {len(relevant)} failed, the first "
        f"error: {relevant[0]}"
    )
