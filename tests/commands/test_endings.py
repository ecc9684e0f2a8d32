"""How a command ends, whatever becomes of its output: processes with broken streams."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from support.command import ENV, termination, xpjob
from support.outputs import CLOSED, FULL, LEFT, STREAMS, UNREAD, started
from support.processes import free_port
from support.stand_in import StandIn, config_map
from xpjob.demo.cluster import CONFIGMAP

RUN = ("run",)
DRY = ("run", "--dry-run")
CODES: dict[int, dict[str, str]] = {
    0: {},
    1: {"PUSHGATEWAY_URL": "http://127.0.0.1:{port}"},
    2: {"RUN_DEADLINE_SECONDS": "soon"},
    4: {"token": "expired"},
}


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the exit code, and what was written to the streams that are pipes."""
    output, errors = process.communicate(timeout=30)
    return process.returncode, (output or "") + (errors or "")


@pytest.mark.parametrize(
    ("code", "form"), [(0, "json"), (0, "text"), (1, "json"), (2, "text"), (4, "json")]
)
@pytest.mark.parametrize("kind", STREAMS)
def test_no_stream_changes_the_code_of_a_run(
    environ: dict[str, str], stand_in: StandIn, code: int, kind: str, form: str
) -> None:
    """Both of them, of any kind, in both formats; the termination message says the same."""
    for name, value in CODES[code].items():
        if name == "token":
            stand_in.cluster.token = value
        else:
            environ[name] = value.format(port=free_port())
    environ["LOG_FORMAT"] = form
    with started(RUN, environ, stdout=kind, stderr=kind) as process:
        assert ended(process) == (code, "")
    assert termination(environ)["exitCode"] == code
    assert Path(environ["STORE_DIR"], "snapshot.json").exists() == (code < 2)


@pytest.mark.parametrize("kind", STREAMS)
def test_no_stream_changes_the_code_of_a_signal(
    environ: dict[str, str], stand_in: StandIn, kind: str
) -> None:
    """What was listed is stored."""
    hanging, release = threading.Event(), threading.Event()

    def hang(path: str, _query: dict[str, str]) -> None:
        if path.endswith("/networks"):
            hanging.set()
            release.wait(30)

    stand_in.cluster.fault = hang
    environ["CONCURRENCY"] = "1"
    with started(RUN, environ, stdout=kind, stderr=kind) as process:
        assert hanging.wait(30)
        process.send_signal(signal.SIGTERM)
        code, _ = ended(process)
        release.set()
    assert code == termination(environ)["exitCode"] == 143
    assert Path(environ["STORE_DIR"], "snapshot.json").exists()


@pytest.mark.parametrize("kind", [CLOSED, LEFT, FULL])
def test_a_dry_run_keeps_its_code_too(environ: dict[str, str], kind: str) -> None:
    """A full disk is an error in its log; a reader that has left is none."""
    with started(DRY, environ, stdout=kind) as process:
        code, log = ended(process)
    assert code == 0
    assert ("writing to stdout: No space left on device" in log) == (kind == FULL)
    assert "Traceback" not in log


PRINTING = (
    ("show",),
    ("show", "claims", "--output", "csv"),
    ("targets",),
    ("targets", "--output", "json"),
    ("diff", "{store}/snapshot.json", "{store}/snapshot.json"),
    ("doctor",),
    ("--version",),
    ("show", "--help"),
    ("completion", "bash"),
)


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_what_prints_to_nobody_ends_quietly(
    environ: dict[str, str], arguments: tuple[str, ...]
) -> None:
    """With its own code, whether stdout was closed or its reader has left."""
    assert xpjob("run", **environ).returncode == 0
    arguments = tuple(each.format(store=environ["STORE_DIR"]) for each in arguments)
    well = xpjob(*arguments, **environ)
    assert well.stdout
    for kind in (CLOSED, LEFT):
        with started(arguments, environ, stdout=kind) as process:
            assert ended(process) == (well.returncode, well.stderr)


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_what_is_printed_to_a_full_disk_is_an_error(
    environ: dict[str, str], arguments: tuple[str, ...]
) -> None:
    """It would be taken for complete; a code that says more stays."""
    assert xpjob("run", **environ).returncode == 0
    arguments = tuple(each.format(store=environ["STORE_DIR"]) for each in arguments)
    well = xpjob(*arguments, **environ)
    with started(arguments, environ, stdout=FULL) as process:
        code, log = ended(process)
    assert code == (well.returncode or 1)
    assert "writing to stdout: No space left on device; the output is incomplete" in log
    assert "Traceback" not in log


def test_results_wait_for_a_slow_reader(environ: dict[str, str]) -> None:
    """They are not a log: nothing of them is dropped."""
    with started(DRY, environ) as process:
        assert process.stdout is not None
        first = process.stdout.read(1)
        code, rest = ended(process)
    assert code == 0
    assert (first + rest).rstrip().count("\n") > 100


@pytest.mark.parametrize("kind", [UNREAD, LEFT, FULL])
def test_a_log_that_cannot_be_written_holds_up_nothing(environ: dict[str, str], kind: str) -> None:
    """However long it is: here at debug level, of a run whose deadline is not far."""
    environ |= {"LOG_LEVEL": "debug", "RUN_DEADLINE_SECONDS": "20"}
    with started(RUN, environ, stderr=kind) as process:
        assert ended(process)[0] == 0
    assert termination(environ)["phase"] == "store"


@pytest.mark.parametrize("what", ["/dev/full", "fifo", "directory", "link", "socket"])
def test_a_termination_log_that_cannot_be_written_changes_nothing(
    environ: dict[str, str], tmp_path: Path, what: str
) -> None:
    """Only a regular file is written to, and a link is not followed."""
    path, target = tmp_path / "odd", tmp_path / "target"
    target.write_text("as before")
    if what == "fifo":
        os.mkfifo(path)
    elif what == "directory":
        path.mkdir()
    elif what == "link":
        path.symlink_to(target)
    elif what == "socket":
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(str(path))
    else:
        path = Path(what)
    environ["TERMINATION_LOG"] = str(path)
    assert xpjob("run", **environ).returncode == 0
    refused = xpjob("run", "--page-size", "0", **environ)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert target.read_text() == "as before"


def test_a_full_disk_under_the_termination_log_changes_nothing(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """The file is there, and takes no byte, as a limit on the size of files has it."""
    done = subprocess.run(
        ["prlimit", "--fsize=0", sys.executable, "-m", "xpjob", "run"],
        env={**ENV, **environ, "STORE_BACKEND": "memory"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_messages_that_are_alike_are_counted(environ: dict[str, str], stand_in: StandIn) -> None:
    """One for each of a thousand mistakes of tenants: a few are logged, and how many more."""
    for number in range(1000):
        odd = config_map(f"team-{number}", CLAIM_GVRS="not a gvr")
        stand_in.cluster.apply(CONFIGMAP, odd)
    done = xpjob("run", **environ)
    assert done.returncode == 0
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert len(lines) < 20
    (counted,) = [line for line in lines if "similar_to" in line]
    alike = [line for line in lines if line["message"] == counted["similar_to"]]
    assert len(alike) + counted["count"] == 1000
    everything = xpjob("run", "--log-level", "debug", **environ)
    assert everything.stderr.count(counted["similar_to"]) == 1000
