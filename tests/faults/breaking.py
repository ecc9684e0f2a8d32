"""What all faults are made of: a function that sets up a world."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from faults.world import World

Setup = Callable[[World], None]
ALWAYS = 10**9
PATIENT = {
    "RUN_DEADLINE_SECONDS": "30",
    "REQUEST_TIMEOUT_SECONDS": "30",
    "PUSH_TIMEOUT_SECONDS": "30",
}


def nothing(_world: World) -> None:
    """Break nothing."""


def many(*setups: Setup, **environ: str) -> Setup:
    """Set up several things, and variables of the run."""

    def setup(world: World) -> None:
        for one in setups:
            one(world)
        world.environ |= environ

    return setup


def in_shell(script: str) -> Setup:
    """Start the run from a shell: "$@" is its command."""

    def setup(world: World) -> None:
        world.prefix = ("sh", "-c", script, "sh")

    return setup


def when(world: World, number: signal.Signals, *, again: bool = False) -> threading.Event:
    """Send the run a signal once the event that is returned is set; ``again``: until it has ended.

    Of all that come before it can heed one, the system makes one.
    """
    reached = threading.Event()

    def act(process: subprocess.Popen[bytes]) -> None:
        assert reached.wait(30)
        process.send_signal(number)
        ends = time.monotonic() + 30
        while again and time.monotonic() < ends:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
                break
            process.send_signal(number)

    world.act = act
    world.environ |= PATIENT
    return reached
