"""Usage that whole runs count: stand-in API, directory store, real Pushgateway."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from support.runs import Runs, fail
from support.sharding import Shards
from support.stand_in import APP, CLAIM, claim
from xpjob.base.errors import XpjobError
from xpjob.kube import lists
from xpjob.store.directory import DirectoryStore
from xpjob.usage.state import UsageState

TEN = int(datetime(2026, 10, 5, 10, tzinfo=timezone.utc).timestamp())
SetTime = Callable[[int], None]


def state(runs: Runs) -> UsageState:
    """Return the stored state."""
    return msgspec.convert(runs.snapshot()["usage"], UsageState)


def claims(runs: Runs, what: str = "quantity") -> int:
    """Return the quantity of all claims, over the days that are in the state."""
    stored = state(runs)
    days = [*stored.open, *stored.pending]
    rows = [row for day in days for row in day.rows if row.key.class_ == "claim"]
    return sum(getattr(row, what) for row in rows)


def total(runs: Runs, class_: str = "claim") -> float:
    """Return the counter of a class on the gateway."""
    return runs.value("xpjob_usage_object_seconds_total", **{"class": class_})


def test_runs_count_what_they_list(runs: Runs, set_time: SetTime) -> None:
    """In days and in counters, by team, and how much of the time was observed."""
    for moment in (TEN, TEN + 60, TEN + 120):
        set_time(moment)
        assert runs.run().report.success
    there = len(runs.names())
    assert claims(runs) == there * 120
    assert total(runs) == there * 120
    assert total(runs, "managed") > 0
    (day,) = state(runs).open
    teams = {row.key.team for row in day.rows if row.key.class_ == "claim"}
    assert teams == {record["team"] for record in runs.snapshot()["claims"]}
    assert all(one.seconds == 120 and not one.bridged for one in day.observed)
    observed = runs.value("xpjob_usage_observed_seconds_total", collector="crossplane")
    assert observed == 120 * len(day.observed)


def test_objects_count_since_their_creation(runs: Runs, set_time: SetTime) -> None:
    """Also those that were made, and by another team, between two runs."""
    set_time(TEN)
    runs.run()
    there = len(runs.names())
    young = claim("young", annotations={"example.org/team": "new"})
    young["metadata"]["creationTimestamp"] = "2026-10-05T10:00:45Z"
    runs.stand_in.cluster.apply(CLAIM, young)
    set_time(TEN + 60)
    runs.run()
    assert claims(runs) == there * 60 + 15
    assert runs.value("xpjob_usage_object_seconds_total", team="new") == 15


def test_a_list_that_fails_is_made_up_for(runs: Runs, set_time: SetTime) -> None:
    """Carried rows count nothing, other lists go on."""
    set_time(TEN)
    runs.run()
    set_time(TEN + 60)
    fail(runs, CLAIM.resource, 403)
    runs.run()
    assert claims(runs) == 0
    assert total(runs, "managed") > 0
    runs.stand_in.cluster.fault = lambda _path, _query: None
    set_time(TEN + 120)
    runs.run(poll_interval_seconds="60")
    assert claims(runs) == len(runs.names()) * 120
    assert claims(runs, "bridged") == 0


def test_a_wrong_clock_counts_nothing(
    runs: Runs, set_time: SetTime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody knows which one is wrong; the next run makes up for it."""
    set_time(TEN)
    runs.run()
    before = state(runs)
    set_time(TEN + 60)
    now = datetime.fromtimestamp(TEN + 60, timezone.utc)
    monkeypatch.setattr(lists, "date_of", lambda _: now + timedelta(seconds=301))
    runs.run()
    assert state(runs) == before
    assert "usage not counted" in caplog.text
    set_time(TEN + 120)
    runs.run()
    assert claims(runs) == len(runs.names()) * 120


def test_the_end_of_a_day_is_a_day_to_write(runs: Runs, set_time: SetTime) -> None:
    """Once each list was made after midnight."""
    midnight = TEN + 14 * 3600
    for moment in (midnight - 60, midnight + 60):
        set_time(moment)
        runs.run()
    stored = state(runs)
    assert [closed.day for closed in stored.pending] == ["2026-10-05"]
    assert [day.day for day in stored.open] == ["2026-10-06"]
    sums = [sum(row.quantity for row in day.rows) for day in (*stored.pending, *stored.open)]
    assert sums[0] == sums[1] > 0


def test_a_dry_run_and_a_run_without_a_store_count_nothing(runs: Runs, set_time: SetTime) -> None:
    """Nothing would remember it."""
    set_time(TEN)
    runs.run()
    before = runs.snapshot()
    set_time(TEN + 60)
    runs.run(dry_run=True)
    assert runs.snapshot() == before
    result = runs.run(store_backend="memory", store_dir="")
    assert result.snapshot is not None
    assert result.snapshot.usage is None


def test_switched_off_nothing_is_dropped(runs: Runs, set_time: SetTime) -> None:
    """Switched on again, it goes on; what survived is counted."""
    for moment in (TEN, TEN + 60):
        set_time(moment)
        runs.run()
    before = state(runs)
    assert before.open
    set_time(TEN + 120)
    runs.run(usage="off")
    assert state(runs) == before
    assert total(runs) == 0
    set_time(TEN + 180)
    runs.run()
    assert claims(runs) == len(runs.names()) * 180


def test_a_snapshot_that_is_not_stored_leaves_the_counters(runs: Runs, set_time: SetTime) -> None:
    """What is published must not be ahead of what is stored, or a counter would fall."""
    for moment in (TEN, TEN + 60):
        set_time(moment)
        runs.run()
    before, name = total(runs), next(iter(runs.names()))
    set_time(TEN + 120)
    put = DirectoryStore.put

    def refuse(self: DirectoryStore, key: str, body: bytes, *, replacing: str | None) -> str:
        if key == "snapshot.json":
            raise XpjobError("writing: no space left on device")
        return put(self, key, body, replacing=replacing)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DirectoryStore, "put", refuse)
        assert not runs.run().report.success
    assert total(runs) == before
    (record,) = [row for row in runs.snapshot()["claims"] if row["name"] == name]
    runs.stand_in.cluster.delete(CLAIM, record["namespace"], name)
    set_time(TEN + 180)
    runs.run()
    assert total(runs) >= before


@pytest.mark.parametrize(
    "broken",
    [
        b"7",
        b'{"lists": 7}',
        b'{"lists": [{"collector": "crossplane", "list": "x", "until": -1}]}',
        b'{"totals": [{}]}',
        b'{"totals": [{"key": {"meter": "observed"}, "quantity": 1, "changedAt": 1}]}',
        b'{"closed": ["2026-11-31"]}',
        b'{"open": [{"day": "2026-11-31"}]}',
        b'{"open": [{"day": "2026-10-05", "corrections": [{"day": "2026-10-4"}]}]}',
        b'{"pending": [{"day": ""}]}',
        b'{"pending": [{"day": "9999-12-31"}]}',
    ],
)
def test_a_state_that_cannot_be_read_begins_anew(
    runs: Runs, set_time: SetTime, broken: bytes
) -> None:
    """A copy is kept, and everything else is as before."""
    set_time(TEN)
    runs.run()
    path = runs.directory / "snapshot.json"
    document: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    document["usage"] = msgspec.Raw(broken)
    path.write_bytes(msgspec.json.encode(document))
    set_time(TEN + 60)
    assert runs.run().report.success
    assert (runs.directory / "snapshot.json.unreadable").exists()
    assert claims(runs) == 0
    assert {row["firstSeenAt"][:19] for row in runs.snapshot()["claims"]} == {"2026-10-05T10:00:00"}
    set_time(TEN + 120)
    runs.run()
    assert claims(runs) == len(runs.names()) * 60


def test_shards_count_once(shards: Shards, set_time: SetTime) -> None:
    """The one that merges does, by the times at which each list was made."""
    for generation, moment in (("g1", TEN), ("g2", TEN + 60), ("g3", TEN + 120)):
        set_time(moment)
        results = shards.run_all(2, generation)
        assert all(result.report.success for result in results)
    stored = msgspec.convert(shards.snapshot()["usage"], UsageState)
    (day,) = stored.open
    there = len(shards.snapshot()["claims"])
    assert sum(row.quantity for row in day.rows if row.key.class_ == "claim") == there * 120
    assert {one.seconds for one in day.observed} == {120}


def test_a_missing_shard_is_made_up_for(shards: Shards, set_time: SetTime) -> None:
    """Its lists count nothing, and those of the others do; the next run has both."""

    def until() -> dict[str, int]:
        stored = msgspec.convert(shards.snapshot()["usage"], UsageState)
        return {each.resource: each.until for each in stored.lists}

    set_time(TEN)
    shards.run_all(2)
    set_time(TEN + 60)
    shards.hand_in("1/2", "g2")
    (shards.directory / "parts/g2/1-of-2.json").write_text("{")
    assert shards.run("0/2", "g2").errors == []
    assert (until()[CLAIM.resource], until()[APP.resource]) == (TEN + 60, TEN)
    set_time(TEN + 120)
    shards.run_all(2, "g3")
    assert set(until().values()) == {TEN + 120}
    stored = msgspec.convert(shards.snapshot()["usage"], UsageState)
    assert {one.seconds for one in stored.open[0].observed} == {120}
