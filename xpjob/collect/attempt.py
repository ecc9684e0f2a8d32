"""Run the steps of a collector: measure their time and catch their errors."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from typing import TypeVar

from xpjob.base.errors import XpjobError
from xpjob.collect.outcome import CollectorOutcome

T = TypeVar("T")

_log = logging.getLogger(__name__)


class CollectorError(XpjobError):
    """A collector failed. The exit code is that of the cause."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Attempt:
    """The progress of a collector in one run: the time of its steps, and its first error.

    ``step`` is the one that failed, empty if none did.

    Thread-safe: a collector's readers run concurrently.
    """

    def __init__(self, collector: str) -> None:
        self.collector = collector
        self.error: CollectorError | None = None
        self.step = ""
        self._seconds = 0.0
        self._lock = threading.Lock()

    @property
    def failed(self) -> bool:
        """Return whether a step has failed; no further steps run then."""
        return self.error is not None

    def run(self, step: str, action: Callable[[], T]) -> T | None:
        """Run a step and return its result, or None if it fails (see ``error``)."""
        started = time.monotonic()
        try:
            return action()
        except Exception as error:  # noqa: BLE001 - a failed collector must not affect others
            self.fail(step, error)
            return None
        finally:
            with self._lock:
                self._seconds += time.monotonic() - started

    def fail(self, step: str, error: Exception) -> None:
        """Fail the collector in a step, unless it has failed before."""
        if isinstance(error, XpjobError):
            text = str(error).removeprefix(f"collector {self.collector}: ")
            code = error.exit_code
        else:
            # The text of a foreign error may quote anything, including secrets.
            text, code = f"internal error ({type(error).__name__}) in {step}; report this bug", 1
        with self._lock:
            if self.failed:
                return
            self.error = CollectorError(f"collector {self.collector}: {text}", code)
            self.step = step
        facts = {"collector": self.collector, "step": step, "error": text}
        _log.error("collector failed", extra=facts)
        _log.debug("%s", "".join(traceback.format_exception(error)))

    def fork(self) -> Attempt:
        """Return a copy to continue with, for steps that may be repeated."""
        copied = Attempt(self.collector)
        copied.error, copied.step, copied._seconds = self.error, self.step, self._seconds
        return copied

    def outcome(self, carried_since: str = "") -> CollectorOutcome:
        """Return the outcome. ``carried_since``: when the carried section was generated."""
        return CollectorOutcome(
            collector=self.collector,
            success=not self.failed,
            error=str(self.error) if self.error else "",
            step=self.step,
            seconds=self._seconds,
            carried_since=carried_since,
        )
