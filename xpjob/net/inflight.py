"""A budget of bytes for answers that are in memory at the same time.

Concurrent readers take from it as their answers arrive. What does not fit waits, and with it the
sender. One reader at a time may go on beyond what all share, so that they never wait for each
other: when it has finished, the next one may. That is never one of an answer that nobody waits for
yet: it is held until others, which wait for room, have been used.
"""

from __future__ import annotations

import threading

from xpjob.base import memory

_TOTAL = 32 << 20
_LEAST = 8 << 20
_PART = 16
"""The budget is this part of the memory limit: decoded objects take several times as much."""


class Budget:
    """Bytes that concurrent answers may take up. Thread-safe.

    ``page`` is the size that one page may have, ``single`` that of the answer with one object. Hold
    ``turn`` to decode an answer and to use the objects, which can take many times as much memory as
    its bytes. The interpreter decodes one at a time anyway.
    """

    def __init__(self, total: int) -> None:
        self.page = total // 4
        self.single = total // 2
        self.turn = threading.Lock()
        self._shared = total - self.single
        self._used = 0
        self._beyond: Room | None = None
        self._changed = threading.Condition()

    @classmethod
    def of_memory(cls) -> Budget:
        """Return the budget for the memory limit of this process."""
        limit = memory.limit()
        return cls(_TOTAL if limit is None else min(_TOTAL, max(_LEAST, limit // _PART)))

    def has_room(self, size: int) -> bool:
        """Return whether an answer of this size would not have to wait now. Takes nothing."""
        with self._changed:
            return self._beyond is None and self._used + size <= self._shared


class Room:
    """What one answer, of at most ``Budget.single`` bytes, takes up until it is closed.

    ``ahead``: nobody waits for the answer yet.
    """

    def __init__(self, budget: Budget, *, ahead: bool = False) -> None:
        self._budget = budget
        self._ahead = ahead
        self._taken = 0
        self._closed = False

    def grow(self, size: int) -> None:
        """Take more bytes, waiting until there are. Raises ``OSError`` once the room is closed."""
        budget = self._budget
        with budget._changed:
            while not self._closed and budget._beyond is not self:
                if budget._used + size <= budget._shared:
                    budget._used += size
                    self._taken += size
                    return
                if budget._beyond is None and not self._ahead:
                    budget._beyond = self
                    return
                budget._changed.wait()
            if self._closed:
                raise OSError("the request was given up")

    def wanted(self) -> None:
        """Note that somebody waits for the answer now."""
        with self._budget._changed:
            self._ahead = False
            self._budget._changed.notify_all()

    def close(self) -> None:
        """Give all bytes back."""
        budget = self._budget
        with budget._changed:
            self._closed = True
            budget._used -= self._taken
            self._taken = 0
            if budget._beyond is self:
                budget._beyond = None
            budget._changed.notify_all()


class Lanes:
    """Counts requests in flight, so that what is asked for early takes only what is left over."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._taken = 0

    def take(self, *, only_if_free: bool = False) -> bool:
        """Count a request, and return True; ``only_if_free``: not beyond the most, then False."""
        with self._lock:
            if only_if_free and self._taken >= self._most:
                return False
            self._taken += 1
            return True

    def leave(self) -> None:
        """Count a request as ended."""
        with self._lock:
            self._taken -= 1
