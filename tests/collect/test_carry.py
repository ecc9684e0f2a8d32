"""What is kept of the previous rows when a list fails, told with pods."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec
import pytest

from support.toy_rows import PodRow
from support.toy_snapshots import pod, pods_outcome
from xpjob.collect import carry as module
from xpjob.collect.before import Before
from xpjob.collect.carry import Gaps
from xpjob.collect.outcome import TargetOutcome

MADE = "2026-08-21T09:00:01.000000Z"
PODS = (pod("a"), pod("b", "team-b"))


def carry(
    rows: Sequence[PodRow],
    outcomes: Sequence[TargetOutcome],
    max_age: float = 3600,
    made: str = MADE,
) -> list[PodRow]:
    """Carry, through the store and back, in a run that comes ten minutes later."""
    whole = {"podList": [msgspec.Raw(msgspec.json.encode(row)) for row in rows]}
    before = Before(made, made, whole=whole, max_age=max_age)
    gaps = Gaps(outcomes)
    read = before.read("podList", PodRow, lambda row: gaps.reason(row) is not None)
    pairs = ((row, gaps.reason(row)) for row in read)
    return module.carry(before, pairs, outcomes, "2026-08-21T09:10:01Z")


def test_a_failed_list_keeps_what_it_had() -> None:
    """Marked with since when it is not fresh; the others are not touched."""
    failed = pods_outcome(error="503")
    other = pods_outcome(group="apps", resource="deployments")
    taken = carry((*PODS, pod("d", group="apps", resource="deployments")), [failed, other])
    assert [(row.name, row.carried_since) for row in taken] == [("a", MADE), ("b", MADE)]
    assert (failed.carried, other.carried) == (2, 0)


def test_what_was_carried_already_keeps_its_mark() -> None:
    """Since when, not since the last run."""
    row = pod("a", carried_since="2026-08-21T08:30:00Z")
    (taken,) = carry([row], [pods_outcome(error="503")])
    assert taken.carried_since == "2026-08-21T08:30:00Z"


@pytest.mark.parametrize("since", ["nonsense", "2026-08-21T09:05:00Z", "2999-01-01T00:00:00Z"])
def test_a_mark_that_cannot_be_true_counts_from_the_snapshot(since: str) -> None:
    """Or it would be carried for ever: no time, or one after the snapshot was taken."""
    (taken,) = carry([pod("a", carried_since=since)], [pods_outcome(error="503")])
    assert taken.carried_since == MADE


def test_what_is_too_old_is_let_go(caplog: pytest.LogCaptureFixture) -> None:
    """Said in the log and in the outcome; what is younger stays."""
    failed = pods_outcome(error="503")
    old = pod("old", carried_since="2026-08-21T08:00:00Z")
    with caplog.at_level(logging.WARNING):
        taken = carry([old, pod("young")], [failed])
    assert [row.name for row in taken] == ["young"]
    assert (failed.carried, failed.let_go) == (1, 1)
    assert "longer than CARRY_MAX_AGE_SECONDS" in caplog.text
    (told,) = [vars(record) for record in caplog.records]
    assert (told["gvr"], told["namespace"], told["records"]) == ("/v1/pods", "", 1)


def test_an_age_of_0_means_that_nothing_is_carried() -> None:
    """Whatever the clocks say."""
    failed = pods_outcome(error="503")
    assert carry(PODS, [failed], max_age=0, made="2999-01-01T00:00:00Z") == []
    assert failed.let_go == 2


def test_one_namespace_that_fails_keeps_only_its_own() -> None:
    """The other was listed."""
    outcomes = [pods_outcome(namespace="team-a"), pods_outcome(namespace="team-b", error="403")]
    assert [row.name for row in carry(PODS, outcomes)] == ["b"]


def test_what_is_gone_is_not_carried() -> None:
    """The API has no such kind any more."""
    assert carry(PODS, [pods_outcome(error="404", gone=True)]) == []


def test_counting_again_does_not_count_twice() -> None:
    """A snapshot may be made more than once in a run."""
    failed = pods_outcome(error="503")
    carry(PODS, [failed])
    carry(PODS, [failed])
    assert failed.carried == 2


def test_what_was_listed_is_not_carried_as_well() -> None:
    """Although the same kind failed at another version."""
    outcomes = [pods_outcome(), pods_outcome(version="v2", namespace="team-b", error="503")]
    assert carry(PODS, outcomes) == []


def test_a_group_that_did_not_answer_discovery_keeps_what_it_had() -> None:
    """All kinds of it that were not listed."""
    silent = pods_outcome(group="apps", resource="*", error="503")
    deployments = pods_outcome(group="apps", resource="deployments")
    rows = [
        *PODS,
        pod("d", group="apps", resource="deployments"),
        pod("s", group="apps", resource="statefulsets"),
    ]
    assert [row.name for row in carry(rows, [silent, deployments])] == ["s"]
    assert silent.carried == 1


def test_what_was_listed_or_is_no_longer_wanted_is_not_carried() -> None:
    """A kind without a list was taken out of the configuration."""
    assert carry(PODS, [pods_outcome()]) == []
    assert carry(PODS, []) == []
