"""Wait for a file system for a limited time, where no deadline holds yet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

SECONDS = 1.0
"""Seconds for checking a file when a command starts."""


def within(seconds: float, action: Callable[[], T]) -> T:
    """Return the result of ``action``. One that takes longer is left: raises ``TimeoutError``."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(action())
        except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future.result(seconds)
