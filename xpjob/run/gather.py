"""What a run looks at: it discovers, plans and lists, alone or together with other shards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from xpjob.collect.contract import COLLECTORS
from xpjob.collect.fetch import Listed, View, list_targets
from xpjob.collectors.crossplane.platform import Platform
from xpjob.collectors.crossplane.targets import Plan, Unlistable
from xpjob.config.settings import Settings
from xpjob.kube.api import Api, connect
from xpjob.kube.discovery import Catalogue, discover
from xpjob.net.deadline import share
from xpjob.net.http import Timeouts
from xpjob.run import shards
from xpjob.run.journal import Journal
from xpjob.run.shard import Shard
from xpjob.snapshot.carry import matters
from xpjob.store.base import Store

# Parts of the time that is left when a phase begins: what comes after it needs some too.
_PLANNING, _LISTING = 1 / 3, 3 / 4


class Found(NamedTuple):
    """What was planned, with what the platform is made of, and what came of each list."""

    plans: Sequence[Plan]
    platform: Platform
    listed: list[Listed]


def connected(settings: Settings) -> Api:
    """Return the API that the settings name. Nothing is contacted yet."""
    return connect(
        settings.kubeconfig,
        settings.context,
        Timeouts(settings.connect_timeout_seconds, settings.request_timeout_seconds),
        settings.concurrency,
        allow_insecure=settings.allow_insecure_credentials,
    )


def alone(journal: Journal, api: Api, settings: Settings, view: View) -> Found:
    """Return what this run finds. Raises what stands in the way of finding out what there is."""
    with share(_LISTING, until_stopped=True):
        with journal.phase("discover"):
            catalogue, plans = _planned(api, settings)
            platform = _platform(api, settings, catalogue, plans)
        with journal.phase("list"):
            return Found(plans, platform, _listed(plans, api, settings, view))


def together(
    journal: Journal,
    api: Api,
    opened: Callable[[], Store],
    settings: Settings,
    shard: Shard,
    view: View,
) -> Found | None:
    """Return what all shards find, or None where another one merges it.

    Raises what stands in the way, of discovery or of handing in.
    """
    with share(_LISTING, until_stopped=True):
        with journal.phase("discover"):
            catalogue, plans = _planned(api, settings)
        with journal.phase("list"):
            listed = _listed(plans, api, settings, view)
    plan = Plan.joined(plans)
    merged = shards.bring_together(opened(), settings, shard, journal, plan, listed)
    if merged is None:
        return None
    return Found([merged.plan], _platform(api, settings, catalogue, plans), merged.listed)


def plan_targets(settings: Settings) -> Plan:
    """Return what a run would list. Raises what stands in the way of finding out."""
    _, plans = _planned(connected(settings), settings)
    joined = Plan.joined(plans)
    unlistable = tuple(item for plan in plans for item in mattering(plan, None))
    return replace(joined, unlistable=unlistable)


def mattering(plan: Plan, groups: Collection[str] | None) -> Iterator[Unlistable]:
    """Yield what could not be planned and may be our business; see ``carry.matters``."""
    for item in plan.unlistable:
        if matters(item.gvr, groups, len(plan.targets)):
            yield item


def _planned(api: Api, settings: Settings) -> tuple[Catalogue, list[Plan]]:
    catalogue = discover(api, settings.concurrency)
    with share(_PLANNING):
        return catalogue, [collector.plan(api, settings, catalogue) for collector in COLLECTORS]


def _platform(
    api: Api, settings: Settings, catalogue: Catalogue, plans: Sequence[Plan]
) -> Platform:
    with share(_PLANNING):
        return Platform.joined(
            collector.platform(api, settings, catalogue, plan)
            for collector, plan in zip(COLLECTORS, plans, strict=True)
        )


def _listed(plans: Sequence[Plan], api: Api, settings: Settings, view: View) -> list[Listed]:
    own = [shards.share_of(p, settings.shard) for p in plans] if settings.shard else plans
    return list_targets(list(zip(COLLECTORS, own, strict=True)), api, settings, view)
