"""What is kept of the previous snapshot when a list fails."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec
import pytest
from samples import outcome, snapshot
from stand_in import APP, BUCKET, CLAIM, claim
from test_records import to_claim

from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.records import Record
from xpjob.collectors.crossplane.timeline import History
from xpjob.kube.gvr import Gvr
from xpjob.snapshot import carry as module
from xpjob.snapshot.carry import matters
from xpjob.snapshot.documents import Snapshot


def carry(
    previous: Snapshot, outcomes: Sequence[TargetOutcome], max_age: float = 3600
) -> list[Record]:
    """Carry in a run that comes ten minutes later."""
    return module.carry(previous, outcomes, "2026-08-21T09:10:01Z", max_age)


def app_outcome(**changes: object) -> TargetOutcome:
    """Return how the apps' target went."""
    return outcome(
        class_="composite", version="v1", resource=APP.resource, kind=APP.kind, **changes
    )


def test_a_failed_target_keeps_what_it_had() -> None:
    """Marked with since when it is not fresh; the others are not touched."""
    failed = outcome(error="503")
    taken = carry(snapshot(), [failed, app_outcome()])
    assert [(r.name, r.carried_since) for r in taken] == [
        ("a", "2026-08-21T09:00:01.000000Z"),
        ("b", "2026-08-21T09:00:01.000000Z"),
    ]
    assert failed.carried == 2


def test_what_was_carried_already_keeps_its_mark() -> None:
    """Since when, not since the last run."""
    record = msgspec.structs.replace(to_claim(claim()), carried_since="2026-08-21T08:30:00Z")
    (taken,) = carry(snapshot(claims=[record]), [outcome(error="503")])
    assert taken.carried_since == "2026-08-21T08:30:00Z"


@pytest.mark.parametrize("since", ["nonsense", "2026-08-21T09:05:00Z", "2999-01-01T00:00:00Z"])
def test_a_mark_that_cannot_be_true_counts_from_the_snapshot(since: str) -> None:
    """Or it would be carried for ever: no time, or one after the snapshot was taken."""
    record = msgspec.structs.replace(to_claim(claim()), carried_since=since)
    (taken,) = carry(snapshot(claims=[record]), [outcome(error="503")])
    assert taken.carried_since == "2026-08-21T09:00:01.000000Z"


def test_what_is_too_old_is_let_go(caplog: pytest.LogCaptureFixture) -> None:
    """Said in the log and in the outcome; what is younger stays."""
    old = msgspec.structs.replace(to_claim(claim("old")), carried_since="2026-08-21T08:00:00Z")
    failed = outcome(error="503")
    with caplog.at_level(logging.WARNING):
        taken = carry(snapshot(claims=[old, to_claim(claim("young"))]), [failed])
    assert [r.name for r in taken] == ["young"]
    assert (failed.carried, failed.let_go) == (1, 1)
    assert "longer than CARRY_MAX_AGE_SECONDS" in caplog.text


def test_an_age_of_0_means_that_nothing_is_carried() -> None:
    """Whatever the clocks say."""
    failed = outcome(error="503")
    future = snapshot(generated_at="2999-01-01T00:00:00Z")
    assert carry(future, [failed], max_age=0) == []
    assert failed.let_go == 2


def test_one_namespace_that_fails_keeps_only_its_own() -> None:
    """The other was listed."""
    outcomes = [outcome(namespace="team-a"), outcome(namespace="team-b", error="403")]
    assert [r.name for r in carry(snapshot(), outcomes)] == ["b"]


def test_what_is_gone_is_not_carried() -> None:
    """The API has no such kind any more."""
    assert carry(snapshot(), [outcome(error="404", gone=True)]) == []


def test_counting_again_does_not_count_twice() -> None:
    """A snapshot may be built more than once in a run."""
    failed = outcome(error="503")
    carry(snapshot(), [failed])
    carry(snapshot(), [failed])
    assert failed.carried == 2


def test_what_was_listed_is_not_carried_as_well() -> None:
    """Although the same kind failed at another version."""
    outcomes = [outcome(), outcome(version="v1beta1", namespace="team-b", error="503")]
    assert carry(snapshot(), outcomes) == []


def test_a_group_that_did_not_answer_discovery_keeps_what_it_had() -> None:
    """All kinds of it that were not listed."""
    silent = outcome(version="v1alpha1", resource="*", error="503")
    assert [r.name for r in carry(snapshot(), [silent, app_outcome()])] == ["a", "b"]


def test_which_silent_groups_matter() -> None:
    """Those that had records; with no snapshot, any where nothing else was found."""
    ours, other = Gvr(CLAIM.group, "v1", "*"), Gvr("metrics.k8s.io", "v1beta1", "*")
    assert matters(ours, History(snapshot()).groups, 0)
    assert not matters(other, History(snapshot()).groups, 0)
    assert matters(other, None, 0)
    assert not matters(other, None, 3)
    assert matters(CLAIM.gvr, (), 3)


def test_what_was_listed_or_is_no_longer_wanted_is_not_carried() -> None:
    """A kind without a target was taken out of the configuration."""
    assert carry(snapshot(), [outcome()]) == []
    assert carry(snapshot(), []) == []


def test_unreadable_configmaps_keep_what_tenants_had_named() -> None:
    """Unless it was listed for another reason."""
    record = msgspec.structs.replace(to_claim(claim()), source="namespace")
    previous = snapshot(claims=[record])
    configmaps = outcome(group="", version="v1", resource="configmaps", error="403")
    assert [r.name for r in carry(previous, [configmaps])] == ["orders-db"]
    assert configmaps.carried == 1
    assert carry(previous, [configmaps, outcome()]) == []


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
    assert matters(Gvr(BUCKET.group, "v1", "*"), History(snapshot()).groups, 0)
