"""The only retry policy: exponential backoff with jitter, limited by attempts, time and deadline.

Only ``TransientError`` is retried: its raiser has decided that the same request may succeed
later. ``Retry-After`` is honoured, up to ``MAX_WAIT``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential_jitter,
)
from tenacity.stop import stop_base

from xpjob.base.errors import TransientError
from xpjob.net import deadline

T = TypeVar("T")

ATTEMPTS = 4
"""Attempts in total, including the first."""
MAX_ELAPSED = 45.0
"""Seconds after which no further attempt is started."""
MAX_WAIT = 10.0
"""Seconds of the longest pause between two attempts."""

_backoff = wait_exponential_jitter(multiplier=0.2, max=MAX_WAIT, jitter=0.2)
_log = logging.getLogger(__name__)
_wait_scale = 1.0


def set_testing(testing: bool) -> None:
    """Disable (or enable again) the pauses between attempts, for tests."""
    global _wait_scale
    _wait_scale = 0.0 if testing else 1.0


def call(attempt: Callable[[], T]) -> T:
    """Call ``attempt`` and return its result, retrying on ``TransientError``.

    Raises the last ``TransientError`` when attempts or time are used up, and any other error at
    once. Does not start a pause that would end after the run's deadline.
    """
    return Retrying(
        stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(MAX_ELAPSED) | _NoTimeLeft(),
        sleep=deadline.sleep,
        wait=_wait,
        retry=retry_if_exception_type(TransientError),
        before_sleep=_log_retry,
        reraise=True,
    )(attempt)


def _wait(state: RetryCallState) -> float:
    requested = getattr(_error(state), "retry_after", 0.0)
    return _wait_scale * max(_backoff(state), min(requested, MAX_WAIT))


class _NoTimeLeft(stop_base):
    """Stops if the run's deadline comes before the next attempt."""

    def __call__(self, state: RetryCallState) -> bool:
        return state.upcoming_sleep >= deadline.left()


def _log_retry(state: RetryCallState) -> None:
    pause = state.next_action.sleep if state.next_action else 0.0
    _log.warning(
        "request failed, retrying",
        extra={
            "attempt": state.attempt_number,
            "wait_seconds": round(pause, 2),
            "error": str(_error(state)),
        },
    )


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
