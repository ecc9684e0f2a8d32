"""A run that is told to end, or that ends at its deadline: real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.command import ENV, termination, xpjob
from support.processes import text
from support.stand_in import CLAIM, StandIn


@contextmanager
def hanging_run(environ: dict[str, str], stand_in: StandIn) -> Iterator[subprocess.Popen[str]]:
    """Start a run whose last list, that of networks, hangs, and yield it when it does.

    The shortest one comes last.
    """
    hanging, release = threading.Event(), threading.Event()

    def hang(path: str, _query: dict[str, str]) -> None:
        if path.endswith("/networks"):
            hanging.set()
            release.wait(30)

    stand_in.cluster.fault = hang
    process = subprocess.Popen(
        [sys.executable, "-m", "xpjob", "run", "--concurrency", "1"],
        env={**ENV, **environ},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert hanging.wait(30)
        yield process
    finally:
        release.set()
        process.kill()
        process.wait()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stores_and_publishes_what_is_there(
    environ: dict[str, str], stand_in: StandIn, gateway: str, number: signal.Signals, code: int
) -> None:
    """Within 5 s, also while a list hangs; what that list had is carried over."""
    environ["PUSHGATEWAY_URL"] = gateway
    assert xpjob("run", **environ).returncode == 0
    stand_in.cluster.delete(CLAIM, "team-c", "db-4")
    with hanging_run(environ, stand_in) as process:
        process.send_signal(number)
        _, log = process.communicate(timeout=5)
    assert process.returncode == code
    told = termination(environ)
    assert (told["exitCode"], told["claims"], told["failed"]) == (code, 4, 1)
    assert number.name in told["error"]
    assert f"the run was interrupted by {number.name}" in log
    stored = json.loads(Path(environ["STORE_DIR"], "snapshot.json").read_text())
    assert {xr["kind"] for xr in stored["xrs"] if xr["carriedSince"]} == {"Network"}
    assert not any(record["carriedSince"] for key in ("claims", "mrs") for record in stored[key])
    page = text(f"{gateway}/metrics")
    assert 'xp_tracker_store_claims{instance="",job="xpjob"} 4' in page
    assert 'xpjob_last_run_partial{instance="",job="xpjob-run"} 1' in page


def test_a_signal_while_the_program_is_loaded_is_heeded() -> None:
    """With a handler of its own: without one, PID 1 would not end at all."""
    loading = """
import os, runpy, signal, sys

class Signalling:
    @staticmethod
    def find_spec(name, *_):
        if name == "xpjob.cli":
            os.kill(os.getpid(), signal.SIGTERM)

sys.meta_path.insert(0, Signalling)
runpy.run_module("xpjob", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", loading], capture_output=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (143, b"", b"")


def test_a_second_signal_ends_a_run_at_once(environ: dict[str, str], stand_in: StandIn) -> None:
    """Whatever it is doing, here writing to a gateway that takes no answer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environ["PUSHGATEWAY_URL"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with hanging_run(environ, stand_in) as process:
            process.send_signal(signal.SIGTERM)
            connection, _ = silent.accept()
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=2)
            connection.close()
    assert process.returncode == 143
    assert termination(environ)["error"] == "ended by a second signal"


def test_a_signal_does_not_wait_for_a_sink_that_hangs(
    environ: dict[str, str], stand_in: StandIn
) -> None:
    """It is given up in time, and the snapshot is there."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environ["PUSHGATEWAY_URL"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with hanging_run(environ, stand_in) as process:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=5)
    assert process.returncode == 143
    assert "pushing" in termination(environ)["error"]
    assert Path(environ["STORE_DIR"], "snapshot.json").exists()


def test_a_run_ends_at_its_deadline_with_what_it_has(
    environ: dict[str, str], stand_in: StandIn
) -> None:
    """The list that hangs is carried; that is partial, and no error."""
    assert xpjob("run", **environ).returncode == 0
    environ["RUN_DEADLINE_SECONDS"] = "2"
    with hanging_run(environ, stand_in) as process:
        _, log = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "deadline exceeded (RUN_DEADLINE_SECONDS is 2)" in log
    assert (termination(environ)["failed"], termination(environ)["carried"]) == (1, 1)


def test_what_no_deadline_can_end_is_ended_all_the_same(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """Credentials that can be read once and never again: here a pipe that is written to once."""
    token = tmp_path / "token"
    os.mkfifo(token)
    threading.Thread(target=token.write_text, args=("token",), daemon=True).start()
    given = {"PUSHGATEWAY_URL": "http://127.0.0.1:9", "PUSHGATEWAY_TOKEN_FILE": str(token)}
    done = xpjob("run", "--run-deadline-seconds", "3", **environ, **given)
    assert done.returncode == 1
    assert termination(environ)["phase"] == "publish"
    assert "the phase did not end" in termination(environ)["error"]
