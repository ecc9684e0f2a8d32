"""Runs whose clock is wrong, and the runs after them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.hub import wait_for
from support.runs import Runs, fail
from support.stand_in import CLAIM, claim
from xpjob.base import times
from xpjob.base.errors import SupersededError
from xpjob.net.clock import Clock
from xpjob.store.directory import DirectoryStore

YEAR = timedelta(days=365)
real = times.now

Turn = Callable[[timedelta], None]


@pytest.fixture
def turn(monkeypatch: pytest.MonkeyPatch) -> Turn:
    """Return what turns the own clock. Servers go right."""

    def turned(by: timedelta) -> None:
        monkeypatch.setattr(times, "now", lambda: real() + by)

    return turned


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Return what lets servers tell no time, so that nothing corrects a wrong clock."""
    observe = Clock.observe

    def set_alone(wanted: bool) -> None:
        monkeypatch.setattr(Clock, "observe", (lambda *_: None) if wanted else observe)

    return set_alone


def pass_seconds() -> None:
    """Wait until two runs are in order: servers tell their time in whole seconds."""
    begun = real()
    wait_for("two seconds", lambda: real() > begun + timedelta(seconds=2))


def dated(runs: Runs) -> list[datetime]:
    """Return the times of the dated snapshots."""
    files = (runs.directory / "history").rglob("*.json")
    return sorted(times.parse(json.loads(f.read_text())["generatedAt"]) for f in files)


def texts(value: Any, path: str = "") -> list[tuple[str, str]]:
    """Return all texts in a document, with where they are."""
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in texts(item, f"{path}.{key}")]
    if isinstance(value, list):
        return [text for item in value for text in texts(item, path)]
    return [(path, value)] if isinstance(value, str) else []


def in_future(directory: Path) -> list[str]:
    """Return the times in the newest documents that are in the future."""
    found = []
    for name in ("snapshot.json", "run.json"):
        document = json.loads((directory / name).read_text())
        moments = ((path, text, times.read(text)) for path, text in texts(document))
        found += [f"{path}: {text}" for path, text, at in moments if at and at > real()]
    return found


@pytest.mark.parametrize("by", [YEAR, -YEAR], ids=["ahead", "behind"])
def test_a_run_with_a_wrong_clock_is_dated_by_the_servers(
    runs: Runs, turn: Turn, by: timedelta
) -> None:
    """It is neither superseded by the run before, nor does it stand in the way of the next."""
    for each in (timedelta(0), by, timedelta(0)):
        pass_seconds()
        turn(each)
        started = real()
        result = runs.run(history_keep="3")
        assert (result.errors, result.report.success) == ([], True)
        stamps = (runs.snapshot()["generatedAt"], runs.snapshot()["run"]["startedAt"])
        assert all(abs(times.parse(at) - started) < timedelta(minutes=1) for at in stamps)
        skew = runs.value("xpjob_clock_skew_seconds", "xpjob-run", server="kubernetes")
        assert abs(skew - each.total_seconds()) < 60
    assert len(dated(runs)) == 3
    assert max(dated(runs)) - min(dated(runs)) < timedelta(minutes=5)
    assert in_future(runs.directory) == []


def test_what_a_wrong_clock_has_left_goes_first(
    runs: Runs, turn: Turn, alone: Callable[[bool], None]
) -> None:
    """Dated snapshots of right runs take the place of those from the future, one by one."""
    alone(True)
    turn(YEAR)
    for _ in range(3):
        runs.run(history_keep="3")
    assert all(taken > real() + YEAR / 2 for taken in dated(runs))
    alone(False)
    turn(timedelta(0))
    for right in (1, 2, 3):
        assert runs.run(history_keep="3").errors == []
        assert sum(taken < real() for taken in dated(runs)) == right
        assert len(dated(runs)) == 3
        assert in_future(runs.directory) == []


def test_a_clock_that_nothing_confirms_removes_no_dated_snapshot_of_the_future(
    runs: Runs, turn: Turn, alone: Callable[[bool], None]
) -> None:
    """It may itself be the wrong one: a year behind, all others are in its future."""
    for _ in range(3):
        runs.run(history_keep="3")
    before = dated(runs)
    alone(True)
    turn(-YEAR)
    runs.run(history_keep="3")
    assert dated(runs) == before


def test_carried_records_from_the_future_expire(
    runs: Runs, turn: Turn, alone: Callable[[bool], None]
) -> None:
    """Their age counts from the run that finds them; it was 0 until the future came."""
    alone(True)
    turn(YEAR)
    runs.run()
    fail(runs, "postgresqlinstances", 503)
    runs.run()
    alone(False)
    turn(timedelta(0))
    runs.run()
    claims = runs.snapshot()["claims"]
    assert claims
    assert all(times.parse(c["carriedSince"]) <= real() for c in claims)
    turn(timedelta(0))
    runs.run(carry_max_age_seconds="0.001")
    assert runs.snapshot()["claims"] == []


def test_since_when_something_is_not_ready_is_set_back(
    runs: Runs, turn: Turn, alone: Callable[[bool], None]
) -> None:
    """A run with a right clock knows no better than its own time, and later runs keep that."""
    alone(True)
    runs.run()
    turn(YEAR)
    runs.stand_in.cluster.apply(CLAIM, claim("db-1", "team-a", ready=False))
    runs.run()
    alone(False)
    turn(timedelta(0))
    for _ in range(2):
        runs.run()
        assert in_future(runs.directory) == []


@pytest.mark.parametrize("what", ["gateway", "text file"])
def test_without_a_store_an_inventory_from_the_future_is_replaced(
    runs: Runs, turn: Turn, alone: Callable[[bool], None], what: str, tmp_path: Path
) -> None:
    """It is not that of a newer run."""
    to: dict[str, Any] = {"store_backend": "memory"}
    if what == "text file":
        to |= {"publish": f"textfile:{tmp_path / 'x.prom'}", "pushgateway_url": ""}
    alone(True)
    turn(YEAR)
    runs.run(**to)
    alone(False)
    turn(timedelta(0))
    result = runs.run(**to)
    assert not any(isinstance(error, SupersededError) for error in result.errors)
    assert result.report.success


def test_parts_of_shards_from_the_future_are_removed(
    runs: Runs, turn: Turn, alone: Callable[[bool], None]
) -> None:
    """They are of no run that is still to come."""
    alone(True)
    turn(YEAR)
    runs.run(shard="0/1", shard_generation="ahead")
    alone(False)
    turn(timedelta(0))
    DirectoryStore(runs.directory).remove("snapshot.json")
    assert runs.run(shard="0/1", shard_generation="right").errors == []
    parts = DirectoryStore(runs.directory).keys("parts/", 9)
    assert parts == ["parts/right/0-of-1.json"]
