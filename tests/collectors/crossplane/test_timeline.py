"""What is known of the past, over simulated hours: the time is passed in, never read."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from support.records import to_xr
from support.samples import run_info, snapshot
from support.snapshots import Snapshot010, before
from support.stand_in import APP, modern_xr
from xpjob.base import times
from xpjob.collectors.crossplane.records import CompositeResource
from xpjob.collectors.crossplane.timeline import Timeline
from xpjob.snapshot import documents

START = datetime(2026, 8, 21, 9, 0, tzinfo=timezone.utc)


def at(minute: float) -> str:
    """Return the time so many minutes after the start, as the API writes it."""
    return (START + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")


def minutes(text: str) -> float | None:
    """Return how many minutes after the start a time is; None where there is none."""
    return (datetime.fromisoformat(text) - START) / timedelta(minutes=1) if text else None


def seen(
    ready: str = "False",
    changed: float = 0,
    *,
    created: float = 0,
    synced: str = "True",
    deleted: float | None = None,
    **changes: Any,
) -> CompositeResource:
    """Return an XR with this Ready condition, which was written in that minute."""
    item = modern_xr("web", "team-a")
    item["metadata"]["creationTimestamp"] = at(created)
    if deleted is not None:
        item["metadata"]["deletionTimestamp"] = at(deleted)
    time = {"lastTransitionTime": at(changed)}
    item["status"]["conditions"] = [
        {"type": type_, "status": status, "reason": "Any", **time}
        for type_, status in (("Ready", ready), ("Synced", synced))
        if status
    ]
    return msgspec.structs.replace(to_xr(item, APP), **changes)


class Runs:
    """Runs one after the other, each knowing the snapshot of the one before."""

    def __init__(self) -> None:
        self.previous: Snapshot010 | None = None

    def run(self, minute: float, *records: CompositeResource) -> CompositeResource:
        """Do the run of that minute, and return its first record."""
        now = times.rfc3339(START + timedelta(minutes=minute))
        history = Timeline(before(self.previous) if self.previous else None)
        history.complete(records, now)
        made = snapshot(generated_at=now, claims=[], xrs=list(records), mrs=[])
        made.run = run_info()
        made.run.started_at = now
        made.time_to_ready = history.times_to_ready(records)
        # Through the store and back, as in life.
        self.previous = documents.decode(documents.encode(made), Snapshot010, "here")
        return self.previous.xrs[0]

    def lose(self) -> None:
        """Lose the snapshot."""
        self.previous = None

    @property
    def times(self) -> tuple[int, float]:
        """Return how many times to ready there are, and their sum in minutes."""
        assert self.previous is not None
        found = self.previous.time_to_ready or []
        return (
            sum(sum(time.histogram.counts) for time in found),
            sum(time.histogram.sum for time in found) / 60,
        )


@pytest.fixture
def runs() -> Runs:
    """No run yet."""
    return Runs()


def test_message_churn_does_not_make_it_younger(runs: Runs) -> None:
    """Every message moves the condition's time; three hours not ready are three hours."""
    for minute in range(0, 180, 5):
        record = runs.run(minute + 1, seen(changed=minute, created=-2))
        assert minutes(record.not_ready_since) == 0
        assert minutes(record.first_seen_at) == 1
    assert runs.times == (0, 0)


def test_it_starts_from_the_condition_where_that_is_earlier(runs: Runs) -> None:
    """Whoever looks for the first time has not seen the beginning."""
    assert minutes(runs.run(100, seen(changed=30, created=0)).not_ready_since) == 30


def test_without_a_condition_it_never_was_ready(runs: Runs) -> None:
    """Nor synced, since it was made."""
    record = runs.run(100, seen(ready="", synced="", created=7))
    assert minutes(record.not_ready_since) == minutes(record.not_synced_since) == 7


def test_unknown_is_not_ready_either(runs: Runs) -> None:
    """And from Unknown to False nothing begins anew."""
    runs.run(10, seen(ready="Unknown", changed=10))
    assert minutes(runs.run(20, seen(changed=20)).not_ready_since) == 10


def test_time_to_ready_of_what_was_seen_from_the_start(runs: Runs) -> None:
    """Made after one run, not ready in the next, ready in the one after that."""
    runs.run(0, seen(uid="other"))
    runs.run(10, seen(created=4, changed=9))
    record = runs.run(20, seen("True", created=4, changed=16))
    assert (record.not_ready_since, minutes(record.first_ready_at)) == ("", 16)
    assert runs.times == (1, 12)
    runs.run(30, seen("True", created=4, changed=16))
    assert runs.times == (1, 12)


def test_what_was_made_and_got_ready_between_two_runs_counts_too(runs: Runs) -> None:
    """Or only what is slow would be counted."""
    runs.run(0, seen(uid="other"))
    assert minutes(runs.run(10, seen("True", created=4, changed=5)).first_ready_at) == 5
    assert runs.times == (1, 1)


def test_what_was_ready_before_anybody_looked_has_no_time_to_ready(runs: Runs) -> None:
    """A rollout has moved the condition's time: it would be weeks."""
    record = runs.run(100, seen("True", created=-50_000, changed=90))
    assert (record.first_ready_at, record.was_ready) == ("", True)
    assert runs.times == (0, 0)


def test_a_composition_rollout_changes_nothing(runs: Runs) -> None:
    """It moves the time of every condition, also of those that stay as they are."""
    runs.run(0, seen(uid="other"))
    runs.run(10, seen("True", created=4, changed=5))
    record = runs.run(20, seen("True", created=4, changed=19))
    assert minutes(record.first_ready_at) == 5
    assert record.not_ready_since == ""
    failing = seen(uid="failing", changed=10, created=2)
    runs.run(30, failing)
    later = runs.run(40, seen(uid="failing", changed=39, created=2))
    assert minutes(later.not_ready_since) == 10


def test_a_regress_and_a_recovery(runs: Runs) -> None:
    """Not ready since the regress; the recovery is not the first time."""
    runs.run(0, seen(uid="other"))
    runs.run(10, seen("True", created=4, changed=5))
    assert minutes(runs.run(20, seen(created=4, changed=17)).not_ready_since) == 17
    assert minutes(runs.run(30, seen(created=4, changed=28)).not_ready_since) == 17
    record = runs.run(40, seen("True", created=4, changed=35))
    assert (record.not_ready_since, minutes(record.first_ready_at)) == ("", 5)
    assert minutes(runs.run(50, seen(created=4, changed=44)).not_ready_since) == 44
    assert runs.times == (1, 1)


def test_it_cannot_have_regressed_before_it_was_seen_ready(runs: Runs) -> None:
    """Whatever a clock that is behind has written."""
    runs.run(0, seen(uid="other"))
    runs.run(10, seen("True", created=1, changed=2))
    assert minutes(runs.run(20, seen(created=1, changed=8)).not_ready_since) == 10


def test_a_clock_that_is_ahead_does_not_matter(runs: Runs) -> None:
    """Nothing begins in the future, nor before the object was there."""
    assert minutes(runs.run(10, seen(changed=60)).not_ready_since) == 10
    assert minutes(runs.run(20, seen(uid="b", created=5, changed=-90)).not_ready_since) == 5


def test_a_lost_snapshot_goes_back_to_what_is_certain(runs: Runs) -> None:
    """Not ready at least since the condition says; and no time to ready out of thin air."""
    runs.run(0, seen(uid="other"))
    runs.run(10, seen("True", created=4, changed=5))
    runs.run(20, seen(created=4, changed=17))
    runs.lose()
    record = runs.run(30, seen(created=4, changed=28))
    assert minutes(record.not_ready_since) == 28
    assert record.was_ready
    assert minutes(runs.run(35, seen(created=4, changed=33)).not_ready_since) == 28
    assert runs.run(40, seen("True", created=4, changed=36)).first_ready_at == ""
    assert runs.times == (0, 0)


def test_after_a_lost_snapshot_what_is_certainly_new_still_counts(runs: Runs) -> None:
    """Its condition is as old as itself, or is not there yet."""
    runs.run(30, seen(created=29, changed=29.1), seen("", uid="bare", created=20))
    runs.run(
        40, seen("True", created=29, changed=35), seen("True", uid="bare", created=20, changed=38)
    )
    assert runs.times == (2, 24)


def test_not_synced_has_its_own_memory(runs: Runs) -> None:
    """Ready may stay True all the while."""
    runs.run(0, seen("True"))
    record = runs.run(10, seen("True", changed=8, synced="False"))
    assert (record.not_ready_since, minutes(record.not_synced_since)) == ("", 8)
    record = runs.run(20, seen("True", changed=18, synced="False"))
    assert minutes(record.not_synced_since) == 8
    assert runs.run(30, seen("True", changed=28)).not_synced_since == ""


def test_deleting_since_is_when_it_was_asked_for(runs: Runs) -> None:
    """Also at first sight, and it never gets younger."""
    for ready in ("False", "True"):
        runs.lose()
        runs.run(0, seen(ready))
        assert minutes(runs.run(10, seen(ready, deleted=4)).deleting_since) == 4
        assert minutes(runs.run(20, seen(ready, deleted=15)).deleting_since) == 4


def test_the_same_name_is_not_the_same_object(runs: Runs) -> None:
    """It was deleted and made anew: another uid, another history."""
    runs.run(10, seen(changed=0))
    record = runs.run(20, seen(changed=19, created=18, uid="anew"))
    assert (minutes(record.not_ready_since), minutes(record.first_seen_at)) == (19, 20)


def test_what_is_carried_keeps_its_history(runs: Runs) -> None:
    """Nothing new is known of it; a flip that is seen afterwards was seen all the same."""
    runs.run(0, seen(uid="other"))
    held = runs.run(10, seen(created=4, changed=9))
    carried = msgspec.structs.replace(held, carried_since=at(10))
    assert runs.run(20, carried) == carried
    assert minutes(runs.run(30, seen("True", created=4, changed=16)).first_ready_at) == 16
    assert runs.times == (1, 12)


def test_a_snapshot_of_a_version_without_a_memory_is_used_as_far_as_it_goes(runs: Runs) -> None:
    """It knows how the object was, and since when at least."""
    now = at(10)
    runs.previous = snapshot(
        generated_at=now, claims=[], mrs=[], xrs=[seen(created=0, changed=6)], time_to_ready=None
    )
    runs.previous.run.started_at = now
    record = runs.run(20, seen(created=0, changed=19))
    assert (minutes(record.not_ready_since), minutes(record.first_seen_at)) == (6, 10)


def test_hours_of_life_never_go_backwards(runs: Runs) -> None:
    """Within one time of not being ready the beginning stays where it is, or moves back."""
    runs.run(-5, seen("True", created=-100, changed=-100))
    last: float | None = None
    for step in range(200):
        good = step % 17 in (0, 1)
        state = "True" if good else ("False", "Unknown")[step % 2]
        since = minutes(
            runs.run(step, seen(state, created=-100, changed=step - 0.5)).not_ready_since
        )
        assert (since is None) == good
        if since is not None and last is not None:
            assert since <= last
        last = since


def test_how_long_something_is_paused(runs: Runs) -> None:
    """Since its controller said so, else since a run first saw it; kept while it lasts."""
    paused = msgspec.structs.replace(seen("True", created=0, changed=0), paused=True)
    assert minutes(runs.run(5, paused).paused_since) == 5
    assert minutes(runs.run(9, paused).paused_since) == 5
    assert runs.run(10, seen("True", created=0, changed=0)).paused_since == ""
    said = msgspec.structs.replace(paused, synced_reason="ReconcilePaused", synced_since=at(11))
    assert minutes(runs.run(20, said).paused_since) == 11


def test_a_time_beyond_the_calendar_is_none() -> None:
    """A broken document may say anything, and costs no more than that."""
    settled = seen("True", was_ready=True, first_seen_at="9999-12-31T23:59:59-14:00")
    record = seen("True")
    Timeline(before(snapshot(xrs=[settled]))).complete([record], at(5))
    assert record.first_seen_at == at(5)
