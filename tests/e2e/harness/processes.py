"""Servers in the background: started with a log, ended exactly, never mistaken for others."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TAIL_LINES = 20
POLL_SECONDS = 0.05


class ServerError(Exception):
    """A server did not start, or did not do what was waited for."""


@dataclass(frozen=True)
class Process:
    """A process that we started. `started` tells it from a later one with the same pid."""

    name: str
    pid: int
    started: str

    def alive(self) -> bool:
        """Whether this very process still runs."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)  # a child of ours that has ended is reaped
        return _start_time(self.pid) == self.started

    def stop(self, patience: float = 15.0) -> None:
        """End it: asked to first, forced when it has not ended in time."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + patience
            if self.alive():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, number)
            while self.alive():
                if time.monotonic() > deadline:
                    break
                time.sleep(POLL_SECONDS)
            else:
                return
        raise ServerError(f"{self.name} (pid {self.pid}) could not be ended")


def start(
    name: str,
    command: Sequence[str | Path],
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> Process:
    """Start a server in the background, in a session of its own, its output in `log`."""
    with log.open("ab") as output:
        # Its own session: an interrupt at the terminal reaches the tests, which end it in order.
        child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    child.returncode = 0  # Process reaps it; Popen must not complain that it still runs
    return Process(name, child.pid, _start_time(child.pid) or "")


def wait_until(what: str, probe: Callable[[], bool], timeout: float = 30.0) -> None:
    """Ask `probe` until it says yes. Raises ServerError when it has not within `timeout` seconds.

    Errors of the network count as no: what is waited for may not answer yet.
    """
    deadline = time.monotonic() + timeout
    last = ""
    while time.monotonic() < deadline:
        try:
            if probe():
                return
        except OSError as error:
            last = f" (last: {error})"
        time.sleep(POLL_SECONDS)
    raise ServerError(f"waited {timeout:.0f} s in vain: {what}{last}")


def wait_for_server(
    process: Process, log: Path, probe: Callable[[], bool], timeout: float = 60.0
) -> None:
    """Wait until a server answers; when it ends or never does, show the end of its log."""

    def answers() -> bool:
        if not process.alive():
            raise ServerError(f"{process.name} ended while it started")
        return probe()

    try:
        wait_until(f"{process.name} is ready", answers, timeout)
    except ServerError as error:
        raise ServerError(f"{error}; the end of {log}:\n{tail(log)}") from None


def tail(log: Path) -> str:
    """The last lines of a log."""
    lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
    return "\n".join(line[:500] for line in lines)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that are free now, all different."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _start_time(pid: int) -> str | None:
    """When a process started, in the system's own form; None when it runs no more."""
    try:
        # After the name, which is in brackets and may hold anything: state is first, start 20th.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        if Path("/proc/self/stat").exists():
            return None
        done = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True
        )
        return done.stdout.strip() or None
    return None if fields[0] == "Z" else fields[19]
