"""Usage files that whole runs write: once, after the commit, and by the next run if need be."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from support.runs import Runs
from support.usage_files import table
from xpjob.run import job

EVENING = int(datetime(2026, 10, 5, 23, 59, tzinfo=timezone.utc).timestamp())
FILE = "usage/year=2026/month=10/day=05/default.csv.gz"
SetTime = Callable[[int], None]


def over_midnight(runs: Runs, set_time: SetTime) -> int:
    """Do two runs before midnight; return a time after it."""
    for moment in (EVENING, EVENING + 30):
        set_time(moment)
        assert runs.run().report.success
    return EVENING + 90


def pending(runs: Runs) -> list[str]:
    """Return the days that are pending in the snapshot."""
    return [day["day"] for day in runs.snapshot()["usage"]["pending"]]


def files(runs: Runs) -> list[str]:
    """Return the usage files in the store."""
    folder = Path(runs.directory)
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.csv.gz"))


def test_a_day_that_is_over_becomes_a_file(runs: Runs, set_time: SetTime) -> None:
    """With the seconds of all that was listed; the snapshot after it forgets the day."""
    after = over_midnight(runs, set_time)
    assert files(runs) == []
    set_time(after)
    done = runs.run()
    assert (done.report.success, done.report.partial) == (True, False)
    assert pending(runs) == ["2026-10-05"]
    assert files(runs) == [FILE]
    rows = table((runs.directory / FILE).read_bytes())
    claims = [row for row in rows if row["x_Class"] == "claim" and row["x_Meter"] == "objects"]
    assert sum(int(row["ConsumedQuantity"]) for row in claims) == 60 * len(runs.names())
    assert {row["ConsumedQuantity"] for row in rows if row["x_Meter"] == "observed"} == {"60"}
    set_time(after + 30)
    runs.run()
    assert pending(runs) == []
    assert files(runs) == [FILE]


def test_a_run_that_dies_after_the_commit_is_made_up_for(
    runs: Runs, set_time: SetTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the next one."""
    set_time(over_midnight(runs, set_time))

    def die(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(job, "write_all", die)
        with pytest.raises(SystemExit):
            runs.run()
    assert (pending(runs), files(runs)) == (["2026-10-05"], [])
    set_time(EVENING + 120)
    runs.run()
    assert files(runs) == [FILE]


def test_a_run_that_dies_after_the_file_is_made_up_for(runs: Runs, set_time: SetTime) -> None:
    """The snapshot does not say that it was written, and the same bytes are no conflict."""
    after = over_midnight(runs, set_time)
    set_time(after)
    runs.run()
    body = (runs.directory / FILE).read_bytes()
    (runs.directory / "run.json").unlink()
    set_time(after + 30)
    assert not runs.run().report.partial
    assert pending(runs) == ["2026-10-05"]
    set_time(after + 60)
    runs.run()
    assert pending(runs) == []
    assert (runs.directory / FILE).read_bytes() == body
    assert runs.value("xpjob_usage_file_conflicts_total", "xpjob-run") == 0


def test_a_file_that_cannot_be_written_makes_the_run_partial(runs: Runs, set_time: SetTime) -> None:
    """As a delivery that fails; the snapshot is stored, and every run tries again."""
    after = over_midnight(runs, set_time)
    obstacle = runs.directory / "usage"
    obstacle.write_text("in the way")
    for moment in (after, after + 30):
        set_time(moment)
        done = runs.run()
        assert (done.report.success, done.report.partial) == (True, True)
        assert runs.value("xpjob_last_run_partial", "xpjob-run") == 1
    obstacle.unlink()
    set_time(after + 60)
    assert not runs.run().report.partial
    assert files(runs) == [FILE]


def test_another_file_stays_and_is_counted(runs: Runs, set_time: SetTime) -> None:
    """The day is pending no more."""
    after = over_midnight(runs, set_time)
    (runs.directory / FILE).parent.mkdir(parents=True)
    (runs.directory / FILE).write_bytes(b"theirs")
    for moment in (after, after + 30, after + 60):
        set_time(moment)
        assert not runs.run().report.partial
    assert pending(runs) == []
    assert (runs.directory / FILE).read_bytes() == b"theirs"
    assert runs.value("xpjob_usage_file_conflicts_total", "xpjob-run") == 1


def test_a_gap_of_three_days_closes_three_files(runs: Runs, set_time: SetTime) -> None:
    """In the run after it."""
    set_time(EVENING)
    runs.run()
    set_time(EVENING + 3 * 86_400)
    runs.run()
    assert [name.partition("day=")[2][:2] for name in files(runs)] == ["05", "06", "07"]


def test_ten_racing_runs_write_one_file(runs: Runs, set_time: SetTime) -> None:
    """The time of all of them is counted once."""
    after = over_midnight(runs, set_time)
    set_time(after)
    threads = [threading.Thread(target=runs.run) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    set_time(after + 30)
    runs.run()
    assert files(runs) == [FILE]
    rows = table((runs.directory / FILE).read_bytes())
    claims = [row for row in rows if row["x_Class"] == "claim" and row["x_Meter"] == "objects"]
    assert sum(int(row["ConsumedQuantity"]) for row in claims) == 60 * len(runs.names())


def test_a_dry_run_and_a_run_without_a_store_write_none(runs: Runs, set_time: SetTime) -> None:
    """There is no commit to write from."""
    set_time(over_midnight(runs, set_time))
    runs.run(dry_run=True)
    assert files(runs) == []


def test_switched_off_what_is_pending_is_still_written(runs: Runs, set_time: SetTime) -> None:
    """USAGE=off stops the counting, not the files of what was counted before."""
    after = over_midnight(runs, set_time)
    (runs.directory / "usage").write_text("in the way")
    set_time(after)
    runs.run()
    (runs.directory / "usage").unlink()
    set_time(after + 30)
    runs.run(usage="off")
    assert files(runs) == [FILE]
