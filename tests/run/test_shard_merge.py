"""What pods that have planned something else make together."""

from __future__ import annotations

import msgspec
import pytest

from support.samples import run_info
from xpjob.base.errors import XpjobError
from xpjob.collect.attempt import Attempt
from xpjob.collect.carry import ANY_RESOURCE
from xpjob.collect.contract import Plan, Subscription
from xpjob.collect.fetch import unlisted
from xpjob.collectors.crossplane.collector import Crossplane
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey
from xpjob.run import shard_parts
from xpjob.run.journal import Journal
from xpjob.run.plan import Collected
from xpjob.run.shard import Shard
from xpjob.run.shard_merge import merge
from xpjob.run.shard_parts import StoredPart

DATABASES = Gvr("db.example.org", "v1", "databases")


def part(*unlistable: Subscription) -> StoredPart:
    """Return what a pod stores that could not request some lists, and has made none."""
    made = [shard_parts.unlistable(unlisted(each, Crossplane.name)) for each in unlistable]
    return StoredPart(run=run_info(5), cluster="", lists=[], unlistable=made)


@pytest.mark.parametrize("stale", [(True, True), (True, False), (False, True)])
def test_a_stale_group_version_is_told_as_by_one_pod(stale: tuple[bool, bool]) -> None:
    """Some of its lists are known, and there may be others: if the pod that merges saw it so.

    Where it saw all of them, the lists of the other pod have failed.
    """
    why = XpjobError("discovery: db.example.org/v1 did not answer")
    databases = Subscription(ListKey(DATABASES), msgspec.Struct, kind="Database", role="mr")
    silent = Subscription(
        ListKey(DATABASES._replace(resource=ANY_RESOURCE)), msgspec.Struct, role="", error=why
    )
    owner = next(i for i in range(2) if Shard(i, 2).has(DATABASES.group, DATABASES.resource, ""))
    merging = 1 - owner
    own = [databases, silent] if stale[merging] else [databases]
    planned = Collected(Crossplane(), Attempt(Crossplane.name), plan=Plan(own))
    parts = {Shard(i, 2): part(*([silent] if stale[i] else [])) for i in range(2)}
    (merged,) = merge(Journal(""), [planned], parts)
    (failed,) = merged.listed
    assert failed.outcome.resource == DATABASES.resource
    expected = str(why) if stale[owner] else f"shard {owner}/2 did not list it"
    assert failed.outcome.error.startswith(expected)
    told = {each.key.gvr.resource for each in merged.plan.subscriptions if each.error}
    assert told == ({ANY_RESOURCE} if stale[merging] else set())
