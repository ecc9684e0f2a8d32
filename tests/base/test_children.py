"""Processes that do not outlive this one."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest

from support.hub import wait_for, wait_for_the_end
from xpjob.base import children

pytestmark = pytest.mark.process


@pytest.fixture(autouse=True)
def _going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tests that follow start processes."""
    monkeypatch.setattr(children, "_over", [])


def sleeping(pids: Path) -> subprocess.Popen[bytes]:
    """Start a process that starts another one, and wait for the file with both ids."""
    script = f"sleep 120 & echo $$ $! > {pids}.new; mv {pids}.new {pids}; wait"
    process = subprocess.Popen(["sh", "-c", script], start_new_session=True)
    wait_for("the processes", pids.exists)
    return process


def test_all_are_ended_with_what_they_have_started(tmp_path: Path) -> None:
    """Those that run, and one that is just being started; none is started after that."""
    beginning = threading.Event()

    def start(number: int) -> subprocess.Popen[bytes]:
        if number:
            beginning.set()
            wait_for("the end of all", lambda: bool(children._over))
        return sleeping(tmp_path / str(number))

    def run(number: int) -> None:
        with children.child(lambda: start(number), group=True) as process:
            process.wait()

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(2)]
    threads[0].start()
    wait_for("the first one", (tmp_path / "0").exists)
    threads[1].start()
    assert beginning.wait(30)
    children.end_all()
    for number, thread in enumerate(threads):
        thread.join(30)
        for pid in map(int, (tmp_path / str(number)).read_text().split()):
            wait_for_the_end(pid)
    with (
        pytest.raises(OSError, match="the program ends"),
        children.child(lambda: pytest.fail("it was started"), group=True),
    ):
        pass


def test_one_that_has_ended_is_not_ended_again() -> None:
    """Its id may be that of another process by then."""
    with children.child(lambda: subprocess.Popen(["true"]), group=False) as process:
        assert process.wait(30) == 0
        children.end(process)
    children.end(process)
    children.end_all()
    assert process.returncode == 0
