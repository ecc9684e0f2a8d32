"""The deadline of a run: no wait takes longer than the time that is left.

The current deadline is a context variable: every wait reads it (``threads.within``,
``retry.call``), so no caller has to pass it on, and none can forget to. Outside a run there is
none, and only the timeouts of each wait apply.
"""

from __future__ import annotations

import contextlib
import math
import queue
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from msgspec import Struct

from xpjob.base.errors import DeadlineError

T = TypeVar("T")

GRACE = 4.0
"""Seconds left to store and publish after a signal."""


class Deadline:
    """The time at which a run must end. A signal shortens it and wakes every wait at once."""

    def __init__(self, seconds: float, grace: float = GRACE) -> None:
        """Start the time. ``grace``: seconds that are left after a signal."""
        self._seconds, self._grace = seconds, grace
        self.ends = time.monotonic() + seconds
        self.stopped_at = -math.inf
        self._waiting: set[queue.SimpleQueue[None]] = set()
        self.signal = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Make this the current deadline within a block."""
        with _limited(_Limit(self)):
            yield

    def left(self) -> float:
        """Return the seconds left; negative after the deadline."""
        return self.ends - time.monotonic()

    def stop(self, number: int) -> None:
        """Shorten the deadline because of a signal. Safe in signal handlers: takes no locks."""
        self.stopped_at = time.monotonic()  # first: another signal may come at once
        self.signal = number
        self.ends = min(self.ends, self.stopped_at + self._grace)
        self.wake()

    def end(self) -> None:
        """Let the deadline pass now. Safe in any thread."""
        self.ends = min(self.ends, time.monotonic())
        self.wake()

    def wake(self) -> None:
        """Make every wait check the time left."""
        for waiting in list(self._waiting):
            waiting.put(None)

    def why(self) -> str:
        """Return the reason for which no time is left, for errors."""
        if self.signal:
            return f"the run was interrupted by {signal.Signals(self.signal).name}"
        return f"deadline exceeded (RUN_DEADLINE_SECONDS is {self._seconds:g})"

    @contextmanager
    def listening(self, answers: queue.SimpleQueue[T]) -> Iterator[None]:
        """Register a queue into which ``wake`` puts None."""
        waiting: queue.SimpleQueue[None] = answers  # type: ignore[assignment]
        self._waiting.add(waiting)
        try:
            yield
        finally:
            self._waiting.discard(waiting)


class _Limit(Struct, frozen=True):
    """A deadline, or a part of the time of an outer limit. ``until_stopped``: ends on a signal."""

    deadline: Deadline
    within: _Limit | None = None
    part: float = 1.0
    started: float = 0.0
    until_stopped: bool = False

    def left(self) -> float:
        if self.until_stopped and self.deadline.signal:
            return 0.0
        return self._ends() - time.monotonic()

    def _ends(self) -> float:
        if self.within is None:
            return self.deadline.ends
        # After a signal less time is left: the part applies to that, not to the original time.
        started = max(self.started, self.deadline.stopped_at)
        return started + max(0.0, self.within._ends() - started) * self.part


_current: ContextVar[_Limit | None] = ContextVar("xpjob-deadline", default=None)


@contextmanager
def _limited(limit: _Limit) -> Iterator[None]:
    token = _current.set(limit)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def share(part: float, *, until_stopped: bool = False) -> Iterator[None]:
    """Limit a block to a part (0 to 1) of the time left, so that later steps have time too."""
    limit = _current.get()
    if limit is None:
        yield
        return
    until_stopped = until_stopped or limit.until_stopped
    with _limited(_Limit(limit.deadline, limit, part, time.monotonic(), until_stopped)):
        yield


@contextmanager
def whole(*, until_stopped: bool = False) -> Iterator[None]:
    """Limit a block by the run's deadline alone: what it makes is for others too."""
    limit = _current.get()
    if limit is None:
        yield
        return
    with _limited(_Limit(limit.deadline, until_stopped=until_stopped)):
        yield


@contextmanager
def equal_share(number: int, count: int) -> Iterator[None]:
    """Limit block ``number`` (from 0) of ``count`` to an equal share of the time left."""
    with share(1 / (count - number)):
        yield


def left() -> float:
    """Return the seconds left to the caller; infinite without a deadline."""
    limit = _current.get()
    return math.inf if limit is None else limit.left()


def stopped() -> bool:
    """Return whether a signal has interrupted the run."""
    limit = _current.get()
    return limit is not None and bool(limit.deadline.signal)


def check() -> None:
    """Raise ``DeadlineError`` if no time is left."""
    limit = _current.get()
    if limit is not None and limit.left() <= 0:
        raise DeadlineError(f"{limit.deadline.why()}; the next run continues")


def steps(rows: Sequence[T], size: int = 4096) -> Iterator[Sequence[T]]:
    """Yield slices of a sequence. Raises ``DeadlineError`` before one if no time is left."""
    for start in range(0, len(rows), size):
        check()
        yield rows[start : start + size]


def receive(answers: queue.SimpleQueue[T], seconds: float) -> T:
    """Return the next answer from a queue; answers must not be None.

    Raises ``TimeoutError`` after ``seconds``, or ``DeadlineError`` when the deadline passes first.
    """
    limit = _current.get()
    ends = time.monotonic() + seconds
    with limit.deadline.listening(answers) if limit else contextlib.nullcontext():
        while True:
            check()
            timeout = ends - time.monotonic()
            if timeout <= 0:
                raise TimeoutError
            with contextlib.suppress(queue.Empty):
                # Neither may be finite, and no platform waits for ever.
                most = min(timeout, left(), threading.TIMEOUT_MAX)
                answer = answers.get(timeout=max(0.0, most))
                if answer is not None:
                    return answer


def sleep(seconds: float) -> None:
    """Sleep. Raises ``DeadlineError`` as soon as the deadline passes."""
    with contextlib.suppress(TimeoutError):
        receive(queue.SimpleQueue(), seconds)
