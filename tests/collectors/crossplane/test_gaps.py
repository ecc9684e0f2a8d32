"""Whose records are kept when a list, or a tenant's ConfigMap, cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from support.collectors import CROSSPLANE
from support.records import to_claim, to_xr
from support.samples import outcome, snapshot
from support.snapshots import Snapshot010, before
from support.stand_in import APP, BUCKET, CLAIM, claim, modern_xr
from xpjob.collect.attempt import Attempt
from xpjob.collect.carry import carry as carry_rows
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.gaps import OwnerGaps, keep_owners, read_before
from xpjob.collectors.crossplane.records import Record
from xpjob.run.previous import recall
from xpjob.snapshot import documents
from xpjob.snapshot.documents import RunInfo
from xpjob.store.directory import DirectoryStore

CONFIGMAPS = outcome(
    class_="", group="", version="v1", resource="configmaps", kind="", error="403", records=0
)


def carry(previous: Snapshot010, outcomes: Sequence[TargetOutcome]) -> list[Record]:
    """Carry, through the store and back, in a run that comes ten minutes later."""
    known, gaps = before(previous), OwnerGaps(outcomes)
    records = read_before(known, gaps)
    lost = ((record, gaps.lost(record, record.class_)) for record in records)
    return carry_rows(known, lost, outcomes, "2026-08-21T09:10:01Z")


def app_outcome(**changes: object) -> TargetOutcome:
    """Return how the apps' target went."""
    return outcome(
        class_="composite", version="v1", resource=APP.resource, kind=APP.kind, **changes
    )


def tenants() -> Snapshot010:
    """Return a snapshot of what a tenant's ConfigMap had named."""
    return snapshot(claims=[msgspec.structs.replace(to_claim(claim()), source="namespace")])


def test_a_failed_target_keeps_what_it_had() -> None:
    """Marked with since when it is not fresh; the others are not touched."""
    failed = outcome(error="503")
    taken = carry(snapshot(), [failed, app_outcome()])
    assert [(r.name, r.carried_since) for r in taken] == [
        ("a", "2026-08-21T09:00:01.000000Z"),
        ("b", "2026-08-21T09:00:01.000000Z"),
    ]
    assert failed.carried == 2


def test_a_group_that_did_not_answer_discovery_keeps_what_it_had() -> None:
    """All kinds of it that were not listed."""
    silent = outcome(version="v1alpha1", resource="*", error="503")
    assert [r.name for r in carry(snapshot(), [silent, app_outcome()])] == ["a", "b"]


def test_unreadable_configmaps_keep_what_tenants_had_named() -> None:
    """Unless it was listed for another reason."""
    configmaps = msgspec.structs.replace(CONFIGMAPS)
    assert [r.name for r in carry(tenants(), [configmaps])] == ["orders-db"]
    assert configmaps.carried == 1
    assert carry(tenants(), [configmaps, outcome()]) == []


def test_a_list_that_failed_itself_is_the_reason_before_the_configmaps_are() -> None:
    """It is counted once, and where it was lost."""
    configmaps, failed = msgspec.structs.replace(CONFIGMAPS), outcome(error="503")
    assert len(carry(tenants(), [configmaps, failed])) == 1
    assert (configmaps.carried, failed.carried) == (0, 1)


@pytest.mark.parametrize(("namespace", "kept"), [("team-a", 1), ("team-b", 0)])
def test_a_claim_is_named_in_its_own_namespace(namespace: str, kept: int) -> None:
    """What another namespace's ConfigMaps say of it does not matter; an XR any may name."""
    configmaps = msgspec.structs.replace(CONFIGMAPS, namespace=namespace)
    assert len(carry(tenants(), [configmaps])) == kept
    xr = msgspec.structs.replace(to_xr(modern_xr("web", "team-a"), APP), source="namespace")
    assert len(carry(snapshot(xrs=[xr]), [configmaps])) == 1


def test_what_was_not_named_by_a_tenant_is_not_theirs() -> None:
    """ConfigMaps say nothing of what discovery had found."""
    assert carry(snapshot(), [msgspec.structs.replace(CONFIGMAPS)]) == []


def test_what_is_listed_keeps_its_owner_where_configmaps_are_not_known() -> None:
    """They say by which annotation; where they are read, what they say holds."""
    previous = tenants()
    previous.claims[0].creator, previous.claims[0].team = "bob", "theirs"
    for outcomes, expected in (
        ([CONFIGMAPS, outcome()], ("namespace", "bob", "theirs")),
        ([outcome()], ("central", "alice", "a")),
    ):
        gaps, listed = OwnerGaps(outcomes), to_claim(claim())
        known = read_before(before(previous), gaps)
        keep_owners(known, [listed], gaps)
        assert (listed.source, listed.creator, listed.team) == expected


def test_mrs_are_carried_like_the_others() -> None:
    """With all that is known of them, and counted for their own target."""
    failed = outcome(
        class_="managed",
        group=BUCKET.group,
        version=BUCKET.version,
        resource=BUCKET.resource,
        kind=BUCKET.kind,
        error="503",
    )
    (taken,) = carry(snapshot(), [outcome(), app_outcome(), failed])
    assert taken == msgspec.structs.replace(
        snapshot().mrs[0], resource=BUCKET.resource, carried_since=snapshot().generated_at
    )
    assert failed.carried == 1


def test_the_groups_of_all_records_matter_to_the_next_run(tmp_path: Path) -> None:
    """Whatever became of their lists."""
    store = DirectoryStore(tmp_path)
    store.put("snapshot.json", documents.encode(snapshot(targets=[])), replacing=None)
    run = RunInfo(id="b", version="", started_at="2026-08-21T09:10:00Z")
    attempts = {each.name: Attempt(each.name) for each in CROSSPLANE}
    previous = recall(store, "", run, CROSSPLANE, attempts, max_age=3600)
    assert previous.groups == frozenset((CLAIM.group, BUCKET.group))
