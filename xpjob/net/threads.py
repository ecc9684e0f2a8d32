"""What threads are needed for: a deadline that holds, and doing several things at once."""

from __future__ import annotations

import contextvars
import math
import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from xpjob.net import deadline

T = TypeVar("T")
R = TypeVar("R")


def within(seconds: float, action: Callable[[], T]) -> T:
    """Return what ``action`` returns, or raise ``TimeoutError`` when it takes too long.

    Raises ``DeadlineError`` when the run's own time is up before.

    Time-outs of sockets are per operation: a peer that sends a byte now and then, or a name
    server that is silent, would hold a request for ever. What overruns is left behind in a
    thread that nobody waits for.
    """
    deadline.check()
    answers: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put((action(), None))
        except BaseException as error:  # noqa: BLE001 - raised again below, where it belongs
            answers.put((None, error))

    threading.Thread(target=work, daemon=True).start()
    answer, error = deadline.receive(answers, seconds)
    if error is not None:
        raise error
    return answer  # type: ignore[return-value]


def by_deadline(action: Callable[[], T]) -> T:
    """Return what ``action`` returns. Raises ``DeadlineError`` when the run's time is up before.

    For what has no time-out of its own, as a file system that does not answer. Outside a run it
    takes as long as it takes.
    """
    if deadline.left() == math.inf:
        return action()
    context = contextvars.copy_context()  # what waits in there, for a lock, ends in time too
    return within(math.inf, lambda: context.run(action))


def begin(action: Callable[[], T]) -> Callable[[], T]:
    """Start ``action``, and return what waits for it: it returns or raises what that does.

    The deadline in force goes with it. Whoever ends without waiting leaves it behind.
    """
    future: Future[T] = Future()
    context = contextvars.copy_context()

    def work() -> None:
        try:
            future.set_result(context.run(action))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future.result


def each(function: Callable[[T], R], items: Iterable[T], workers: int) -> list[R]:
    """Return ``function`` of each item, in order, some at the same time.

    When a signal ends this, nobody waits for those that are still on the wire.
    """
    work = [(contextvars.copy_context(), item) for item in items]  # the deadline is in there
    pool = ThreadPoolExecutor(workers)
    try:
        return list(pool.map(lambda one: one[0].run(function, one[1]), work))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
