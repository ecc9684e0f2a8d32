"""Processes of others, such as credential plugins, that do not outlive this one.

They are kept in the module, where the end of the process finds them without locks, whoever has
started them.
"""

from __future__ import annotations

import atexit
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

_START_SECONDS = 1.0
"""How long the end of this process waits for one that is just being started."""

_starting: set[object] = set()
_running: dict[subprocess.Popen[bytes], bool] = {}
_over: list[bool] = []


@contextmanager
def child(
    start: Callable[[], subprocess.Popen[bytes]], *, group: bool
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process, and wait for its end after the block.

    It is ended if this process ends before; with what it has started, if it leads a ``group``.
    Raises ``OSError`` if this process is ending, beside the errors of ``start``.
    """
    atexit.unregister(end_all)  # it is registered once
    atexit.register(end_all)
    mark = object()
    _starting.add(mark)
    try:
        if _over:
            raise OSError("nothing is started any more, as the program ends")
        process = start()
        _running[process] = group
    finally:
        _starting.discard(mark)
    try:
        with process:
            yield process
    finally:
        _running.pop(process, None)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started here. Takes no locks."""
    group = _running.get(process)
    if group is None or process.returncode is not None:  # its id may be another's by now
        return
    with suppress(ProcessLookupError):
        if group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def end_all() -> None:
    """End all of them, and let no more be started. Takes no locks."""
    _over.append(True)
    give_up_at = time.monotonic() + _START_SECONDS
    while True:
        starting = bool(_starting)
        for process in list(_running):
            end(process)
        if not starting or time.monotonic() > give_up_at:
            return
        time.sleep(0.01)
