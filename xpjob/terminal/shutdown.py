"""How the process ends: what it says, what it leaves for the kubelet, and at once if it must.

A run that is told to end (SIGTERM, SIGINT) stores and publishes what it has; its deadline sees to
that. What the deadline cannot end, a file of credentials that does not answer, is ended here.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click
from rich.console import Console

from xpjob.config.settings import Settings
from xpjob.net.deadline import Deadline
from xpjob.terminal import log

if TYPE_CHECKING:
    from xpjob.snapshot.documents import RunReport

_MESSAGE_LIMIT = 4096  # bytes the kubelet reads of a termination message
_OVERDUE = 0.7  # seconds past the deadline that nothing should ever need
_log = logging.getLogger(__name__)


@dataclass
class Ending:
    """What must be known when the process ends before its command does."""

    termination_log: Path
    report: RunReport | None = None


def current() -> Ending:
    """Return what the running command leaves; it is handed down with click's context."""
    found = click.get_current_context().find_object(Ending)
    return found or Ending(Settings().termination_log)


class Terminated(BaseException):
    """SIGTERM came. No Exception, so that nothing on the way holds it up."""


def terminate(_signal: int, _frame: FrameType | None) -> None:
    """Handle SIGTERM, which Python as PID 1 ignores without a handler."""
    raise Terminated


@contextmanager
def orderly(ending: Ending, deadline: Deadline) -> Iterator[None]:
    """Let the first signal cut a run short and a second one end it; end it too when overdue."""

    def stop(number: int, _frame: FrameType | None) -> None:
        if deadline.signal:
            at_once(ending, 128 + number, "ended by a second signal")
        deadline.stop(number)

    over = threading.Event()
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [(number, signal.signal(number, stop)) for number in signals]
    threading.Thread(target=_watch, args=(ending, deadline, over), daemon=True).start()
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
        over.set()
        deadline.wake()


def _watch(ending: Ending, deadline: Deadline, over: threading.Event) -> None:
    woken: queue.SimpleQueue[None] = queue.SimpleQueue()
    with deadline.listening(woken):
        while not over.is_set():
            patience = deadline.left() + _OVERDUE
            if patience <= 0:
                code = 128 + deadline.signal if deadline.signal else 1
                at_once(ending, code, f"{deadline.why()}, and something did not end: see the phase")
            with suppress(queue.Empty):
                woken.get(timeout=patience)


def say(message: str, *, debug: bool) -> None:
    """Tell people, or whoever reads the log, why the command ends."""
    if log.text_wanted(os.environ.get("LOG_FORMAT", "")):
        click.echo(f"xpjob: {message}", err=True)
    else:
        log.configure("info", text=False, console=Console(stderr=True))
        _log.error(message)
    if debug:
        click.echo(traceback.format_exc(), err=True)


def leave(ending: Ending, code: int, error: str) -> NoReturn:
    """Exit without waiting for threads that are still on the wire."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    at_once(ending, code, error)


def at_once(ending: Ending, code: int, error: str) -> NoReturn:
    """Exit now, from any thread and from a signal's handler: nothing here waits for a lock."""
    phase = ending.report.phase if ending.report else ""
    facts = {"exitCode": code, "phase": phase, "error": error}
    write_termination_log(ending.termination_log, facts)
    os._exit(code)


def write_termination_log(path: Path, facts: Mapping[str, object]) -> None:
    """Leave one JSON line for the kubelet, where it has made the file."""
    line = json.dumps(facts)
    if len(line) > _MESSAGE_LIMIT:
        error = str(facts["error"])
        line = json.dumps({**facts, "error": error[: _MESSAGE_LIMIT // 12] + " (cut)"})
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    except OSError:
        return  # not in a pod
    with os.fdopen(descriptor, "w") as file:
        file.write(line + "\n")
