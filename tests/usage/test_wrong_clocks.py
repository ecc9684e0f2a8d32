"""Clocks of the API server and the job that jump together, so that no comparison shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import hypothesis
import msgspec
import pytest
from hypothesis import strategies as st

from support.runs import Runs
from support.sampling import looking
from support.usage import DAY, OBJECTS, START, History, Thing, at
from xpjob.base import times
from xpjob.doctor import usage
from xpjob.store.directory import DirectoryStore
from xpjob.usage.rules import MAX_SKEW
from xpjob.usage.state import Closed, Open, UsageState

OLD = [Thing()]
NOON = at("12:00:00")
AUTUMN = at("12:00:00", 219)  # after the objects of the stand-in were created
SetTime = Callable[[int], None]


def minutes(history: History, begin: int, count: int = 3) -> int:
    """Do runs a minute apart, the first at ``begin``; return what they count."""
    return sum(history.objects(begin + 60 * number, OLD) for number in range(count))


def test_a_month_ahead_costs_the_rest_of_the_day() -> None:
    """The wrong run has closed it; the days in between have no file, and are counted."""
    history = History()
    minutes(history, NOON)
    history.objects(NOON + 30 * DAY, OLD)
    assert minutes(history, NOON + 240) == 0
    assert history.state.lists[0].until == at("00:00:00", 2)
    assert history.objects(at("00:01:00", 2), OLD) == 60
    for day in range(3, 32):
        assert history.objects(at("00:01:00", day), OLD) == DAY
    counted = Counter(day.day for day in history.state.pending)
    assert set(counted.values()) == {1}


def test_what_several_wrong_runs_have_counted_of_a_day_is_not_counted_again() -> None:
    """It is an open day when it comes, and has that time."""
    history = History()
    minutes(history, NOON)
    assert minutes(history, NOON + 30 * DAY, 11) == 600
    for day in range(2, 31):
        history.objects(at("00:01:00", day), OLD)
    assert history.objects(at("00:05:00", 31), OLD) == DAY - 60
    assert history.objects(at("00:15:00", 31), OLD) == 300
    assert sum(o.seconds for o in history.day(31).observed) == 900


def test_days_ahead_are_not_counted_again() -> None:
    """Those are closed, and have files; it goes on where the wrong run has ended."""
    history = History()
    minutes(history, NOON)
    assert history.objects(NOON + 5 * DAY, OLD) == 5 * DAY - 120
    for day in range(1, 6):
        assert minutes(history, NOON + day * DAY - 200) == 0
    closed = [day.day for day in history.state.pending]
    assert closed == [f"2026-03-0{day}" for day in range(1, 6)]
    assert minutes(history, NOON + 5 * DAY) == 120


def test_a_clock_that_is_behind_for_one_run_costs_nothing_within_the_greatest_gap() -> None:
    """The time until which a list is counted does not fall."""
    history = History()
    minutes(history, NOON)
    assert history.objects(NOON - 5 * DAY, OLD) == 0
    assert history.objects(NOON + 300, OLD) == 180


def test_an_absurd_time_of_a_list_that_is_gone_is_forgotten() -> None:
    """A new list would begin there."""
    history = History()
    history.run(NOON + 3000 * DAY, {"a": OLD})
    history.run(NOON, {"b": OLD})
    assert [each.list for each in history.state.lists] == ["b"]
    assert history.run(NOON + 60, {"b": OLD}) == {OBJECTS: 60}


@looking(300)
@hypothesis.given(
    st.lists(
        st.tuples(
            st.sampled_from([60, 3600, 20 * 3600, DAY, 5 * DAY]),
            st.sampled_from([0, 0, 0, 3600, DAY, 5 * DAY, 8 * DAY, 30 * DAY]),
        ),
        max_size=20,
    )
)
def test_no_second_of_a_day_is_counted_twice(runs: list[tuple[int, int]]) -> None:
    """However far ahead some runs were, and no day is closed twice."""
    history, now = History(), START
    for after, ahead in runs:
        now += after
        history.objects(now + ahead, OLD)
        seen = [day.day for day in history.state.pending]
        assert len(set(seen)) == len(seen)
    seconds: Counter[str] = Counter()
    days: list[Open | Closed] = [*history.state.open, *history.state.pending]
    for day in days:
        for part in (day, *day.corrections):
            seconds[part.day] += sum(observed.seconds for observed in part.observed)
    assert all(count <= DAY for count in seconds.values()), seconds


@pytest.mark.parametrize("days", [5, 30])
def test_runs_after_a_wrong_clock_say_so_and_count_again(
    runs: Runs, set_time: SetTime, caplog: pytest.LogCaptureFixture, days: int
) -> None:
    """With the time from when on they count; doctor finds the state as well."""
    for moment in (AUTUMN, AUTUMN + 60, AUTUMN + 60 + days * DAY):
        set_time(moment)
        assert runs.run().report.success
    assert "was ahead" not in caplog.text
    set_time(AUTUMN + 120)
    store = DirectoryStore(runs.directory)
    (found,) = [check for check in usage.examine(store, "") if check.what == "usage clock"]
    assert times.rfc3339_seconds(AUTUMN + 60 + days * DAY) in found.detail
    before = runs.value("xpjob_usage_object_seconds_total", **{"class": "claim"})
    assert runs.run().report.success
    (record,) = [each for each in caplog.records if "had a clock that was ahead" in each.message]
    resumed = at("00:00:00", 220) if days == 30 else AUTUMN + 60 + days * DAY
    assert f"nothing is counted until {times.rfc3339_seconds(resumed)}" in record.message
    after = max(resumed, AUTUMN + 180)
    caplog.clear()
    for moment in (after, after + 60):
        set_time(moment)
        assert runs.run().report.success
    assert "had a clock" not in caplog.text
    state = msgspec.convert(runs.snapshot()["usage"], UsageState)
    assert {each.until for each in state.lists} == {after + 60}
    grown = runs.value("xpjob_usage_object_seconds_total", **{"class": "claim"}) - before
    assert grown == 60 * len(runs.names())


def test_times_within_what_clocks_may_differ_by_are_no_warning(
    runs: Runs, set_time: SetTime, caplog: pytest.LogCaptureFixture
) -> None:
    """A run that comes late has lists that are a little older."""
    for moment in (AUTUMN + MAX_SKEW, AUTUMN):
        set_time(moment)
        assert runs.run().report.success
    assert "had a clock" not in caplog.text
