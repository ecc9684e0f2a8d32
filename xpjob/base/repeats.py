"""Log lines that anybody can cause as often as they like: alike ones are logged once a minute."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

SECONDS = 60.0
_KINDS = 1000


class Repeats(logging.Filter):
    """Passes the first of the records that are alike, and then counts.

    Records are alike if logger, level, and the first line of the message before its arguments
    are; what clients send does not tell them apart. The count is ``repeated`` of the next record.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, int, str], tuple[float, int, logging.LogRecord]] = {}

    def watch(self, names: Iterable[str]) -> None:
        """Filter what these loggers are given."""
        for name in names:
            logging.getLogger(name).addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is logged."""
        if hasattr(record, "repeated"):
            return True  # one of ``flush``
        key = (record.name, record.levelno, str(record.msg).partition("\n")[0])
        now = self._clock()
        with self._lock:
            began, count, _ = self._seen.get(key, (-SECONDS, 0, record))
            if now - began < SECONDS:
                self._seen[key] = (began, count + 1, record)
                return False
            if len(self._seen) >= _KINDS:
                self._seen.clear()
            self._seen[key] = (now, 0, record)
        if count:
            record.repeated = count
        return True

    def flush(self, *, all_: bool = False) -> None:
        """Log the last of each kind with its count, where a minute has passed, or of all kinds."""
        now = self._clock()
        with self._lock:
            due = {
                key: (count, record)
                for key, (began, count, record) in self._seen.items()
                if all_ or now - began >= SECONDS
            }
            for key in due:
                del self._seen[key]
        for count, record in due.values():
            if count:
                record.repeated = count
                logging.getLogger(record.name).handle(record)
