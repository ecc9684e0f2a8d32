"""The end of the process: its message, the termination message for the kubelet, and forced exits.

After a signal (SIGTERM, SIGINT) the deadline makes a run store and publish what it has. If that
hangs despite the deadline, e.g. in reading a credential file, this module ends the process.
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

from xpjob.base.files import open_regular
from xpjob.net.deadline import Deadline
from xpjob.terminal import log
from xpjob.terminal.options import OutputOptions

if TYPE_CHECKING:
    from xpjob.snapshot.documents import RunReport

_MESSAGE_LIMIT = 4096  # bytes the kubelet reads of a termination message
_OVERDUE = 0.7  # seconds past the deadline before a forced exit
_log = logging.getLogger(__name__)


@dataclass
class Ending:
    """Data for the termination message if the process ends before its command."""

    termination_log: Path
    report: RunReport | None = None


def current() -> Ending:
    """Return the ``Ending`` of the running command, from click's context."""
    ending = click.get_current_context().find_object(Ending)
    return ending or Ending(OutputOptions().termination_log)


class Terminated(BaseException):
    """SIGTERM was received. Not an Exception, so that no handler catches it."""


def terminate(_signal: int, _frame: FrameType | None) -> None:
    """Handle SIGTERM, which Python as PID 1 ignores without a handler."""
    raise Terminated


@contextmanager
def orderly(ending: Ending, deadline: Deadline) -> Iterator[None]:
    """Shorten the deadline at the first signal; exit at the second, or if the run is overdue."""

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
            timeout = deadline.left() + _OVERDUE
            if timeout <= 0:
                code = 128 + deadline.signal if deadline.signal else 1
                at_once(ending, code, f"{deadline.why()}, but the phase did not end; see its name")
            with suppress(queue.Empty):
                woken.get(timeout=timeout)


def say(message: str, *, debug: bool) -> None:
    """Print or log the error that ends the command."""
    if log.text_wanted(os.environ.get("LOG_FORMAT", "")):
        click.echo(f"xpjob: {message}", err=True)
    else:
        log.configure("info", text=False, console=Console(stderr=True))
        _log.error(message)
    if debug:
        click.echo(traceback.format_exc(), err=True)


def leave(ending: Ending, code: int, error: str) -> NoReturn:
    """Exit without waiting for threads with requests in flight."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    at_once(ending, code, error)


def at_once(ending: Ending, code: int, error: str) -> NoReturn:
    """Exit now, from any thread or signal handler; takes no locks."""
    phase = ending.report.phase if ending.report else ""
    facts = {"exitCode": code, "phase": phase, "error": error}
    write_termination_log(ending.termination_log, facts)
    os._exit(code)


def write_termination_log(path: Path, facts: Mapping[str, object]) -> None:
    """Write one line of JSON for the kubelet, if it has created the file."""
    line = json.dumps(facts)
    if len(line) > _MESSAGE_LIMIT:
        error = str(facts["error"])
        line = json.dumps({**facts, "error": error[: _MESSAGE_LIMIT // 12] + " (cut)"})
    try:
        # The kubelet's file has one name; through another one, a link would overwrite something.
        descriptor = open_regular(path, os.O_WRONLY)
        if os.fstat(descriptor).st_nlink > 1:
            os.close(descriptor)
            return
        os.ftruncate(descriptor, 0)
    except OSError:
        return  # not in a pod
    with os.fdopen(descriptor, "w") as file:
        file.write(line + "\n")
