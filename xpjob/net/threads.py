"""Threads: enforce time limits, and do several things at once."""

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

FILE_SECONDS = 30.0
"""Seconds that a file system has to answer, outside a run."""


def within(seconds: float, action: Callable[[], T]) -> T:
    """Return the result of ``action``, or raise ``TimeoutError`` if it takes too long.

    Raises ``DeadlineError`` if the run's deadline passes first, which applies to waits in it too.

    Socket timeouts are per operation: a peer that sends a byte now and then, or a silent name
    server, could block a request forever. An action that overruns is abandoned in its thread.
    """
    deadline.check()
    answers: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()
    context = contextvars.copy_context()

    def work() -> None:
        try:
            answers.put((context.run(action), None))
        except BaseException as error:  # noqa: BLE001 - raised again in the calling thread
            answers.put((None, error))

    threading.Thread(target=work, daemon=True).start()
    answer, error = deadline.receive(answers, seconds)
    if error is not None:
        raise error
    return answer  # type: ignore[return-value]


def by_deadline(action: Callable[[], T]) -> T:
    """Return the result of ``action``. Raises ``DeadlineError`` if the run's deadline passes first.

    For file system calls, which have no timeout of their own. Outside a run, ``TimeoutError`` is
    raised after ``FILE_SECONDS``.
    """
    seconds = FILE_SECONDS if deadline.left() == math.inf else math.inf
    try:
        return within(seconds, action)
    except TimeoutError as error:
        raise TimeoutError(str(error) or f"no answer within {seconds:g} s") from error


def begin(action: Callable[[], T]) -> Callable[[], T]:
    """Start ``action`` in a thread; return a function that waits for its result or error.

    The current deadline applies to it, and that of whoever waits to the wait: it may raise
    ``DeadlineError``. A caller that does not wait abandons it.
    """
    future: Future[T] = Future()
    context = contextvars.copy_context()

    def work() -> None:
        try:
            future.set_result(context.run(action))
        except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread
            future.set_exception(error)

    def wait() -> T:
        ended: queue.SimpleQueue[bool] = queue.SimpleQueue()
        future.add_done_callback(lambda _: ended.put(True))
        deadline.receive(ended, math.inf)
        return future.result()

    threading.Thread(target=work, daemon=True).start()
    return wait


def each(function: Callable[[T], R], items: Iterable[T], workers: int) -> list[R]:
    """Apply ``function`` to each item, several at a time; return the results in order.

    If a signal ends this, requests in flight are abandoned.
    """
    work = [(contextvars.copy_context(), item) for item in items]  # carries the deadline
    pool = ThreadPoolExecutor(workers)
    try:
        return list(pool.map(lambda one: one[0].run(function, one[1]), work))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
