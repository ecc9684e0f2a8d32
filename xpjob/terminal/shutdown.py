"""The end of the process: its message, the termination message for the kubelet, and forced exits.

After a signal (SIGTERM, SIGINT) the deadline makes a run store and publish what it has. If that
hangs despite the deadline, this module ends the process. Nothing that it writes at the end can
change the exit code or hold up the exit.
"""

from __future__ import annotations

import _thread
import atexit
import json
import logging
import os
import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click
from msgspec import Struct

from xpjob.base import children
from xpjob.base.files import open_regular
from xpjob.net.deadline import Deadline
from xpjob.terminal import log, output
from xpjob.terminal.options import OutputOptions
from xpjob.terminal.streams import Streams

if TYPE_CHECKING:
    from xpjob.snapshot.documents import RunReport

_MESSAGE_LIMIT = 4096  # bytes the kubelet reads of a termination message
_OVERDUE = 0.7  # seconds past the deadline before a forced exit
_PATIENCE = 1.0  # seconds for what is written at the end
_AT_ONCE = 1.0  # seconds in which two signals are one: sent to a process and to its group
_UNNOTICED = 0.1  # seconds in which the main thread notices a signal, if it does
_log = logging.getLogger(__name__)


class Ending(Struct):
    """Data for the termination message if the process ends before its command.

    ``results_count``: the command has failed if its results cannot be written to stdout.
    ``before`` is called before an exit at once; it may take no locks.
    """

    termination_log: Path
    streams: Streams | None = None
    report: RunReport | None = None
    results_count: bool = True
    before: Callable[[], None] = lambda: None


def current() -> Ending:
    """Return the ``Ending`` of the running command, from click's context."""
    ending = click.get_current_context().find_object(Ending)
    return ending or Ending(OutputOptions().termination_log)


class Terminated(BaseException):
    """SIGTERM was received. Not an Exception, so that no handler catches it."""


def terminate(_signal: int, _frame: FrameType | None) -> None:
    """Handle SIGTERM, which Python as PID 1 ignores without a handler."""
    raise Terminated


def heed() -> None:
    """Have the main thread notice every signal, whatever it waits for.

    Python runs a handler in the main thread. A signal that comes just before that begins to wait
    does not interrupt the wait, and would be noticed when that is over. So each one is followed by
    another one, to that thread, for which nothing is to be done.
    """
    signal.signal(signal.SIGURG, lambda *_: None)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    threading.Thread(target=_follow, args=(reading,), daemon=True).start()


def _follow(reading: int) -> None:
    main = threading.main_thread().ident
    with open(reading, "rb", buffering=0) as signals:
        while number := signals.read(1):
            if main is not None and number[0] != signal.SIGURG:
                time.sleep(_UNNOTICED)
                signal.pthread_kill(main, signal.SIGURG)


@contextmanager
def orderly(ending: Ending, deadline: Deadline) -> Iterator[None]:
    """Shorten the deadline at the first signal; exit at the second, or if the run is overdue."""

    def stop(number: int, _frame: FrameType | None) -> None:
        if not deadline.signal:
            deadline.stop(number)
        elif time.monotonic() - deadline.stopped_at > _AT_ONCE:
            at_once(ending, 128 + number, "ended by a second signal")

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
        output.echo(f"xpjob: {message}", err=True)
    else:
        log.configure("info", text=False)
        _log.error(message)
    if debug:
        output.echo(traceback.format_exc(), err=True)


def leave(ending: Ending, code: int, error: str = "") -> NoReturn:
    """Exit without waiting for threads with requests in flight, or for what nobody reads.

    ``error`` is for the termination message; without one it has been written already.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # the code is settled, and the end is near
    log.finish()
    if ending.streams:
        ending.streams.flush()
        if failure := ending.streams.failure():
            text = f"writing to stdout: {failure.strerror}; the output is incomplete"
            say(text, debug=False)
            if ending.results_count and code == 0:
                code, error = 1, text
    cleaning = threading.Thread(target=_clean_up, daemon=True)
    cleaning.start()
    cleaning.join(_PATIENCE)
    if error:
        at_once(ending, code, error)
    _exit(ending, code)


def _clean_up() -> None:
    """Do what is registered for the exit, such as removing temporary files with credentials."""
    with suppress(Exception):
        atexit._run_exitfuncs()


def at_once(ending: Ending, code: int, error: str) -> NoReturn:
    """Exit now, from any thread or signal handler; takes no locks that others hold."""
    ending.before()
    phase = ending.report.phase if ending.report else ""
    facts = {"exitCode": code, "phase": phase, "error": error}
    write_termination_log(ending.termination_log, facts)
    _exit(ending, code)


def _exit(ending: Ending, code: int) -> NoReturn:
    children.end_all()
    if ending.streams:
        ending.streams.logs.drain(_PATIENCE)
    os._exit(code)


def write_termination_log(path: Path, facts: Mapping[str, object]) -> None:
    """Write one line of JSON for the kubelet, if it has created the file. Best effort.

    Only a regular file is written to. A file system that is full or hangs changes nothing.
    """
    line = json.dumps(facts)
    if len(line) > _MESSAGE_LIMIT:
        error = str(facts["error"])
        line = json.dumps({**facts, "error": error[: _MESSAGE_LIMIT // 12] + " (cut)"})
    # Not a Thread, which takes locks that the code under a signal handler may hold.
    over = _thread.allocate_lock()
    over.acquire()
    with suppress(RuntimeError):  # no thread can be started
        _thread.start_new_thread(_write, (path, f"{line}\n".encode(), over))
        over.acquire(timeout=_PATIENCE)


def _write(path: Path, line: bytes, over: _thread.LockType) -> None:
    try:
        descriptor = open_regular(path, os.O_WRONLY)
        # The kubelet's file has one name; through another one, a link would overwrite something.
        if os.fstat(descriptor).st_nlink == 1:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, line)
        os.close(descriptor)  # a network file system may report a full disk only here
    except OSError:
        pass  # not in a pod
    finally:
        over.release()
