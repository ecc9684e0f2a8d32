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
from support.hub import insist, stop, wait_for, wait_for_the_end
from support.processes import text
from support.stand_in import CLAIM, StandIn
from xpjob.net import deadline
from xpjob.terminal import shutdown

# What is ended only when the time after a signal is over is not ended within a minute.
_GRACE = """
from xpjob.net.deadline import Deadline
Deadline.__init__.__defaults__ = (60.0,)
"""
_RUN = """
import runpy
runpy.run_module("xpjob", run_name="__main__")
"""
# The kernel gives the signal to the only thread that takes it, so that it interrupts no wait of the
# main thread: as when it comes between the last instruction of Python and the wait.
_UNNOTICED = """
import signal, sys, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
from xpjob.cli import main
main()
"""


@contextmanager
def hanging_run(
    environ: dict[str, str], stand_in: StandIn, program: str = _RUN
) -> Iterator[subprocess.Popen[str]]:
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
        [sys.executable, "-c", program, "run", "--concurrency", "1"],
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


@contextmanager
def silent_gateway(environ: dict[str, str]) -> Iterator[socket.socket]:
    """Have a gateway that takes connections, and answers nothing; yield what listens."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        environ["PUSHGATEWAY_URL"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        yield silent


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stores_and_publishes_what_is_there(
    environ: dict[str, str], stand_in: StandIn, gateway: str, number: signal.Signals, code: int
) -> None:
    """In time, also while a list hangs; what that list had is carried over."""
    environ["PUSHGATEWAY_URL"] = gateway
    assert xpjob("run", **environ).returncode == 0
    stand_in.cluster.delete(CLAIM, "team-c", "db-4")
    with hanging_run(environ, stand_in) as process:
        process.send_signal(number)
        _, log = process.communicate(timeout=20)  # before the list is released
    assert process.returncode == code
    told = termination(environ)
    assert (told["exitCode"], told["claims"], told["failed"]) == (code, 4, 1)
    assert number.name in told["error"]
    assert "the phase did not end" not in told["error"]
    assert f"the run was interrupted by {number.name}" in log
    stored = json.loads(Path(environ["STORE_DIR"], "snapshot.json").read_text())
    assert {xr["kind"] for xr in stored["xrs"] if xr["carriedSince"]} == {"Network"}
    assert not any(record["carriedSince"] for key in ("claims", "mrs") for record in stored[key])
    page = text(f"{gateway}/metrics")
    assert 'xp_tracker_store_claims{instance="",job="xpjob"} 4' in page
    assert 'xpjob_last_run_partial{instance="",job="xpjob-run"} 1' in page


def test_a_run_takes_no_more_than_five_seconds_after_a_signal() -> None:
    """As the README says, and k8s/base."""
    assert deadline.GRACE + shutdown._OVERDUE < 5


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
    """Whatever it is doing, here writing to a gateway that gives no answer."""
    with (
        silent_gateway(environ) as silent,
        hanging_run(environ, stand_in, _GRACE + _RUN) as process,
    ):
        process.send_signal(signal.SIGTERM)
        connection, _ = silent.accept()
        insist(process)
        connection.close()
    assert process.returncode == 143
    assert termination(environ)["error"] == "ended by a second signal"


def test_signals_at_the_same_time_are_one(environ: dict[str, str], stand_in: StandIn) -> None:
    """As of a program that signals a process, and then all of its group."""
    with hanging_run(environ, stand_in) as process:
        stop(process.pid)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCONT):
            process.send_signal(number)
        process.communicate(timeout=20)
    assert process.returncode in (143, 130)
    told = termination(environ)
    assert told["claims"] == 5
    assert "the run was interrupted" in told["error"]
    assert Path(environ["STORE_DIR"], "snapshot.json").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_what_the_main_thread_does_not_notice_ends_any_command(
    environ: dict[str, str], number: signal.Signals, code: int
) -> None:
    """However long it would wait."""
    environ |= {"REQUEST_TIMEOUT_SECONDS": "300", "PUSH_TIMEOUT_SECONDS": "300"}
    with silent_gateway(environ) as silent:
        command = [sys.executable, "-c", _UNNOTICED, "prune", "--older-than", "1d"]
        process = subprocess.Popen(command, env={**ENV, **environ}, stderr=subprocess.DEVNULL)
        try:
            connection, _ = silent.accept()
            process.send_signal(number)
            assert process.wait(20) == code
            connection.close()
        finally:
            process.kill()
            process.wait()


def test_a_signal_does_not_wait_for_a_sink_that_hangs(
    environ: dict[str, str], stand_in: StandIn
) -> None:
    """The push is given up because of the signal alone, and the snapshot has been stored."""
    environ |= {"PUSH_TIMEOUT_SECONDS": "300", "RUN_DEADLINE_SECONDS": "600"}
    with silent_gateway(environ), hanging_run(environ, stand_in) as process:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 143
    told = termination(environ)
    assert (told["phase"], told["claims"]) == ("publish", 5)
    assert "pushing" in told["error"]
    assert "the run was interrupted by SIGTERM" in told["error"]
    assert "the phase did not end" not in told["error"]
    assert Path(environ["STORE_DIR"], "snapshot.json").exists()


def test_a_run_ends_at_its_deadline_with_what_it_has(
    environ: dict[str, str], stand_in: StandIn
) -> None:
    """The list that hangs is carried; that is partial, and no error."""
    assert xpjob("run", **environ).returncode == 0
    environ["RUN_DEADLINE_SECONDS"] = "10"
    with hanging_run(environ, stand_in) as process:
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "deadline exceeded (RUN_DEADLINE_SECONDS is 10)" in log
    assert (termination(environ)["failed"], termination(environ)["carried"]) == (1, 1)


def test_what_no_deadline_can_end_is_ended_all_the_same(environ: dict[str, str]) -> None:
    """A mistake of ours, here a phase that computes without end."""
    hanging = """
import xpjob.run.job as job
from xpjob.cli import main

def for_ever(*_):
    while True:
        pass

job._commit = for_ever
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", hanging, "run", "--run-deadline-seconds", "10"],
        env={**ENV, **environ},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert termination(environ)["phase"] == "store"
    assert "the phase did not end" in termination(environ)["error"]


HANGING = {
    "PUSHGATEWAY_TOKEN_FILE": "credentials",
    "PUSHGATEWAY_PASSWORD_FILE": "credentials",
    "PUSHGATEWAY_CA_FILE": "certificates",
}


@pytest.mark.parametrize("variable", HANGING)
def test_a_file_of_the_gateway_that_hangs_costs_the_push_only(
    environ: dict[str, str], tmp_path: Path, variable: str
) -> None:
    """Which is told; the run ends in time, and what it has is stored."""
    os.mkfifo(tmp_path / "fifo")
    environ |= {variable: str(tmp_path / "fifo"), "PUSHGATEWAY_URL": "http://127.0.0.1:9"}
    if variable == "PUSHGATEWAY_PASSWORD_FILE":
        environ["PUSHGATEWAY_USERNAME"] = "me"
    done = xpjob("run", "--run-deadline-seconds", "9", **environ)
    assert done.returncode == 1
    told = termination(environ)
    assert (told["phase"], told["claims"]) == ("publish", 5)
    assert f"reading the files with the {HANGING[variable]} for" in told["error"]
    assert "the phase did not end" not in told["error"]
    assert Path(environ["STORE_DIR"], "snapshot.json").exists()


def test_a_fifo_in_the_place_of_a_text_file_hangs_nothing(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """It is set aside, also without a store, when the file is read first."""
    os.mkfifo(tmp_path / "x.prom")
    environ |= {"PUBLISH": f"textfile:{tmp_path / 'x.prom'}", "STORE_BACKEND": "memory"}
    done = xpjob("run", "--run-deadline-seconds", "9", **environ)
    assert done.returncode == 0
    assert (tmp_path / "x.prom.unreadable").is_fifo()
    assert "xp_tracker_store_claims 5" in (tmp_path / "x.prom").read_text()


def kubeconfig(environ: dict[str, str], user: dict[str, object]) -> None:
    """Change the user of the kubeconfig."""
    path = Path(environ["KUBECONFIG"])
    config = json.loads(path.read_text())
    config["users"][0]["user"] = user
    path.write_text(json.dumps(config))


def exec_plugin(*command: str) -> dict[str, object]:
    """Return a user with a credential plugin."""
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": command[0], "args": command[1:]}}


@pytest.mark.parametrize("what", ["kubeconfig", "plugin", "token file"])
def test_a_kubeconfig_that_hangs_is_no_mistake(
    environ: dict[str, str], gateway: str, tmp_path: Path, what: str
) -> None:
    """The code says that it may pass, the error what hangs; the outcome is pushed."""
    os.mkfifo(tmp_path / "fifo")
    if what == "kubeconfig":
        environ["KUBECONFIG"] = str(tmp_path / "fifo")
        said = f"reading {tmp_path / 'fifo'}: "
    elif what == "plugin":
        kubeconfig(environ, exec_plugin("sleep", "60"))
        said = "the credential plugin sleep of the kubeconfig gave no credentials within 1 s"
    else:
        kubeconfig(environ, {"tokenFile": str(tmp_path / "fifo")})
        said = f"getting the credentials of {environ['KUBECONFIG']}: "
    environ |= {"PUSHGATEWAY_URL": gateway, "REQUEST_TIMEOUT_SECONDS": "1"}
    done = xpjob("run", "--run-deadline-seconds", "20", **environ)
    assert done.returncode == 1, done.stderr
    told = termination(environ)
    assert told["phase"] == "discover"
    assert said in told["error"]
    assert "mistake" not in told["error"]
    assert 'xpjob_last_run_success{instance="",job="xpjob-run"} 0' in text(f"{gateway}/metrics")


def hanging_plugin(environ: dict[str, str], tmp_path: Path) -> Path:
    """Have a plugin that starts a process and waits for it; return the file with both ids."""
    pids = tmp_path / "pids"
    script = f"sleep 120 & echo $$ $! > {pids}.new; mv {pids}.new {pids}; wait"
    kubeconfig(environ, exec_plugin("sh", "-c", script))
    return pids


def test_a_plugin_that_hangs_does_not_outlive_the_deadline(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """Nor does what it has started."""
    pids = hanging_plugin(environ, tmp_path)
    environ["REQUEST_TIMEOUT_SECONDS"] = "300"
    done = xpjob("run", "--run-deadline-seconds", "10", **environ)
    assert done.returncode == 1, done.stderr
    for pid in map(int, pids.read_text().split()):
        wait_for_the_end(pid)


@pytest.mark.parametrize("program", [_RUN, _UNNOTICED], ids=["", "unnoticed"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_plugin_that_hangs_ends_at_a_signal(
    environ: dict[str, str],
    tmp_path: Path,
    program: str,
    number: signal.Signals,
    code: int,
) -> None:
    """At once, so that nothing is left if a second signal ends the run."""
    pids = hanging_plugin(environ, tmp_path)
    environ["REQUEST_TIMEOUT_SECONDS"] = "300"
    command = [sys.executable, "-c", _GRACE + program, "run", "--run-deadline-seconds", "600"]
    process = subprocess.Popen(command, env={**ENV, **environ}, stderr=subprocess.DEVNULL)
    try:
        wait_for("the plugin", pids.exists)
        started = [int(pid) for pid in pids.read_text().split()]
        process.send_signal(number)
        for pid in started:
            wait_for_the_end(pid)
        assert process.wait(30) == code
    finally:
        process.kill()
        process.wait()


def test_a_plugin_does_not_outlive_its_process(environ: dict[str, str], tmp_path: Path) -> None:
    """One that has no deadline ends it when it exits."""
    pids = hanging_plugin(environ, tmp_path)
    script = (
        "import sys, threading, time, pathlib\n"
        "from xpjob.kube.plugin import Plugin\n"
        "from kubernetes.config.kube_config import ConfigNode\n"
        "import json\n"
        f"user = json.load(open({environ['KUBECONFIG']!r}))['users'][0]['user']['exec']\n"
        "plugin = Plugin(ConfigNode('exec', user), '/')\n"
        "threading.Thread(target=plugin.run, daemon=True).start()\n"
        f"while not pathlib.Path({str(pids)!r}).exists(): time.sleep(0.02)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], env=ENV, timeout=30, check=False)
    assert done.returncode == 0
    for pid in map(int, pids.read_text().split()):
        wait_for_the_end(pid)


def test_a_plugin_that_hangs_at_a_renewal_costs_its_lists(
    environ: dict[str, str], gateway: str, tmp_path: Path
) -> None:
    """They are carried, and the rest of the time suffices to store and to push."""
    assert xpjob("run", **environ).returncode == 0
    status = {"token": "stand-in-token", "expirationTimestamp": "2026-01-01T00:00:00Z"}
    version = "client.authentication.k8s.io/v1"
    answer = {"apiVersion": version, "kind": "ExecCredential", "status": status}
    (tmp_path / "answer").write_text(json.dumps(answer))
    # It answers when the run connects and for discovery, and hangs from the third time on.
    script = f"cd {tmp_path}; echo x >> asked; [ $(wc -l < asked) -gt 2 ] && sleep 60; cat answer"
    kubeconfig(environ, exec_plugin("sh", "-c", script))
    environ |= {"PUSHGATEWAY_URL": gateway, "REQUEST_TIMEOUT_SECONDS": "2"}
    done = xpjob("run", "--run-deadline-seconds", "12", **environ)
    assert "credential plugin sh" in done.stderr
    told = termination(environ)
    assert "the phase did not end" not in told["error"]
    assert (done.returncode, told["exitCode"]) == (1, 1)
    assert 'xpjob_last_run_success{instance="",job="xpjob-run"} 0' in text(f"{gateway}/metrics")


def test_a_plugin_prints_no_more_than_credentials(environ: dict[str, str]) -> None:
    """What goes on printing is ended, and has failed."""
    kubeconfig(environ, exec_plugin("yes"))
    done = xpjob("run", **environ)
    assert done.returncode == 1
    assert "the credential plugin yes of the kubeconfig failed" in termination(environ)["error"]


@pytest.mark.parametrize("file", ["KUBECONFIG", "PUSHGATEWAY_TOKEN_FILE", "PUSHGATEWAY_CA_FILE"])
def test_a_file_without_end_is_a_mistake(environ: dict[str, str], file: str) -> None:
    """It is read up to a bound."""
    environ[file] = "/dev/zero"
    done = xpjob("run", **environ)
    assert done.returncode == 2
    assert "too large" in done.stderr
