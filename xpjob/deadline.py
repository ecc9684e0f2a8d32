"""How long a run may take: whatever waits, waits no longer than what is left of that.

The deadline in force belongs to the context, as a database's transaction does: every wait looks
it up (``threads.within``, ``retry.call``), so nothing has to hand it down, and nothing can forget
it. Outside a run there is none, and waits have their own time-outs only.
"""

from __future__ import annotations

import contextlib
import math
import queue
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from xpjob.errors import DeadlineError

T = TypeVar("T")

GRACE = 4.0
"""Seconds that are left to store and publish once a signal has told the run to end."""


class Deadline:
    """When a run must have ended. A signal moves it nearer; all who wait hear of that at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends = time.monotonic() + seconds
        self._waiting: set[queue.SimpleQueue[None]] = set()
        self.signal = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Put this deadline in force within a block."""
        token = _current.set(_Limit(self, math.inf))
        try:
            yield
        finally:
            _current.reset(token)

    def left(self) -> float:
        """Return the seconds that are left; negative when it is over."""
        return self._ends - time.monotonic()

    def stop(self, number: int) -> None:
        """End it early, because of that signal. May be called by a signal's handler: no locks."""
        self.signal = number
        self._ends = min(self._ends, time.monotonic() + GRACE)
        self.wake()

    def wake(self) -> None:
        """Let everybody who waits look at the clock again."""
        for waiting in list(self._waiting):
            waiting.put(None)

    def why(self) -> str:
        """Return why there is no time left."""
        if self.signal:
            return f"the run was told to end ({signal.Signals(self.signal).name})"
        return f"the time for this was up (RUN_DEADLINE_SECONDS is {self._seconds:g})"

    @contextmanager
    def listening(self, answers: queue.SimpleQueue[T]) -> Iterator[None]:
        """Let ``wake`` put a None into that queue."""
        waiting: queue.SimpleQueue[None] = answers  # type: ignore[assignment]
        self._waiting.add(waiting)
        try:
            yield
        finally:
            self._waiting.discard(waiting)


@dataclass(frozen=True, slots=True)
class _Limit:
    """A part of a deadline. ``until_stopped``: a signal ends it at once."""

    deadline: Deadline
    ends: float
    until_stopped: bool = False

    def left(self) -> float:
        if self.until_stopped and self.deadline.signal:
            return 0.0
        return min(self.deadline.left(), self.ends - time.monotonic())


_current: ContextVar[_Limit | None] = ContextVar("xpjob-deadline", default=None)


@contextmanager
def share(part: float, *, until_stopped: bool = False) -> Iterator[None]:
    """Leave a block no more than that part (0 to 1) of what is left: others need time too."""
    limit = _current.get()
    if limit is None:
        yield
        return
    ends = time.monotonic() + max(0.0, limit.left()) * part
    token = _current.set(_Limit(limit.deadline, ends, limit.until_stopped or until_stopped))
    try:
        yield
    finally:
        _current.reset(token)


def left() -> float:
    """Return the seconds that are left to whoever asks; infinite where there is no deadline."""
    limit = _current.get()
    return math.inf if limit is None else limit.left()


def check() -> None:
    """Raise ``DeadlineError`` when no time is left."""
    limit = _current.get()
    if limit is not None and limit.left() <= 0:
        raise DeadlineError(f"{limit.deadline.why()}; what was unfinished is for the next run")


def receive(answers: queue.SimpleQueue[T], seconds: float) -> T:
    """Return the next answer, which must not be None.

    Raises ``TimeoutError`` when it takes longer than that, and ``DeadlineError`` when no time is
    left before.
    """
    limit = _current.get()
    ends = time.monotonic() + seconds
    with limit.deadline.listening(answers) if limit else contextlib.nullcontext():
        while True:
            check()
            patience = ends - time.monotonic()
            if patience <= 0:
                raise TimeoutError
            with contextlib.suppress(queue.Empty):
                answer = answers.get(timeout=max(0.0, min(patience, left())))
                if answer is not None:
                    return answer


def sleep(seconds: float) -> None:
    """Wait that long. Raises ``DeadlineError`` as soon as no time is left."""
    with contextlib.suppress(TimeoutError):
        receive(queue.SimpleQueue(), seconds)
