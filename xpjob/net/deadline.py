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

from xpjob.base.errors import DeadlineError

T = TypeVar("T")

GRACE = 4.0
"""Seconds that are left to store and publish once a signal has told the run to end."""


class Deadline:
    """When a run must have ended. A signal moves it nearer; all who wait hear of that at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.ends = time.monotonic() + seconds
        self.stopped_at = -math.inf
        self._waiting: set[queue.SimpleQueue[None]] = set()
        self.signal = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Put this deadline in force within a block."""
        token = _current.set(_Limit(self))
        try:
            yield
        finally:
            _current.reset(token)

    def left(self) -> float:
        """Return the seconds that are left; negative when it is over."""
        return self.ends - time.monotonic()

    def stop(self, number: int) -> None:
        """End it early, because of that signal. May be called by a signal's handler: no locks."""
        self.signal = number
        self.stopped_at = time.monotonic()
        self.ends = min(self.ends, self.stopped_at + GRACE)
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
    """A deadline, or a part of what another limit leaves. ``until_stopped``: a signal ends it."""

    deadline: Deadline
    within: _Limit | None = None
    part: float = 1.0
    began: float = 0.0
    until_stopped: bool = False

    def left(self) -> float:
        if self.until_stopped and self.deadline.signal:
            return 0.0
        return self._ends() - time.monotonic()

    def _ends(self) -> float:
        if self.within is None:
            return self.deadline.ends
        # A signal leaves less to share, so whoever is at it then must not take all of it.
        began = max(self.began, self.deadline.stopped_at)
        return began + max(0.0, self.within._ends() - began) * self.part


_current: ContextVar[_Limit | None] = ContextVar("xpjob-deadline", default=None)


@contextmanager
def share(part: float, *, until_stopped: bool = False) -> Iterator[None]:
    """Leave a block no more than that part (0 to 1) of what is left: others need time too."""
    limit = _current.get()
    if limit is None:
        yield
        return
    until_stopped = until_stopped or limit.until_stopped
    inner = _Limit(limit.deadline, limit, part, time.monotonic(), until_stopped)
    token = _current.set(inner)
    try:
        yield
    finally:
        _current.reset(token)


def left() -> float:
    """Return the seconds that are left to whoever asks; infinite where there is no deadline."""
    limit = _current.get()
    return math.inf if limit is None else limit.left()


def stopped() -> bool:
    """Tell whether a signal has told the run to end."""
    limit = _current.get()
    return limit is not None and bool(limit.deadline.signal)


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
