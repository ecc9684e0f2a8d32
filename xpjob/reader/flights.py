"""Answers in flight: how much memory they hold together, and which are cut off for others.

Clients decide how many answers there are and how long each takes to send, so what counts is bytes.
An answer that does not fit waits for a short time; one that is not read makes room for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

from xpjob.base import memory
from xpjob.base.errors import XpjobError

SEND_SECONDS = 60.0
"""Time to send one answer: a client that reads slower is cut off."""
STALL_SECONDS = 10.0
"""Time to send one piece of it."""
_STOP_SECONDS = 3.0
"""Time to send what is open when the reader stops; uvicorn would cancel it after 5."""
_WAIT_SECONDS = 5.0
_WAITING = 64
_STALLED_SECONDS = 1.0
_LONG_SHARE, _WAITING_SHARE = 0.75, 0.25
_LEAST, _DEFAULT, _MOST = 4 << 20, 64 << 20, 256 << 20


class UnavailableError(XpjobError):
    """503: the same question may be answered later; ``retry_after`` in seconds."""

    def __init__(self, code: str, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.code, self.retry_after = code, retry_after


def budget(configured: int) -> int:
    """Return the bytes that answers in flight may hold: an eighth of the memory limit by default.

    ``configured`` is 0 where nothing is.
    """
    limit = memory.limit()
    by_default = _DEFAULT if limit is None else min(limit // 8, _MOST)
    return max(_LEAST, configured or by_default)


@dataclass(eq=False, slots=True)
class Flight:
    """One answer that is being sent. ``tags`` are those of the rows that it holds."""

    size: int
    long: bool
    tags: frozenset[str]
    limit: asyncio.Timeout
    piece_since: float | None = None

    def stalled(self) -> bool:
        """Tell whether its client has not read for a second. For the event loop only."""
        now = asyncio.get_running_loop().time()
        return self.piece_since is not None and now - self.piece_since > _STALLED_SECONDS

    def cut(self) -> None:
        """End it: its client is disconnected."""
        if not self.limit.expired():  # it may be ending already
            self.limit.reschedule(0)


class Flights:
    """All answers in flight. For the event loop only, but for ``keep_only``."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._flying: set[Flight] = set()
        self._waiting = self._waiting_bytes = 0
        self._landed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def used(self) -> int:
        """Return the bytes that are held."""
        return sum(flight.size for flight in self._flying)

    @asynccontextmanager
    async def flight(
        self, size: int, tags: Collection[str], *, long: bool
    ) -> AsyncIterator[Flight]:
        """Hold this many bytes within a block. Long answers leave a part to short ones.

        Short ones are whole while they wait, so few bytes of them may. Raises
        ``UnavailableError`` where the memory is not there in time, and ``TimeoutError`` in the
        block when the client has had its time.
        """
        self._loop = asyncio.get_running_loop()
        room = int(self._total * _LONG_SHARE) if long else self._total
        size = min(size, room)
        if not self._fits(size, room, long=long):
            await self._wait(size, room, long=long)
        async with asyncio.timeout(SEND_SECONDS) as limit:
            flight = Flight(size, long, frozenset(tags), limit)
            self._flying.add(flight)
            try:
                yield flight
            finally:
                self._flying.discard(flight)
                self._landed.set()

    def keep_only(self, tags: Collection[str]) -> None:
        """Cut off the answers that hold rows other than these. Safe in any thread."""
        self._cut(lambda flight: not flight.tags.issubset(tags))

    def release(self, tags: Collection[str]) -> None:
        """Cut off those of them that are not read. Safe in any thread."""
        self._cut(lambda f: not f.tags.issubset(tags) and f.stalled())

    def stop(self) -> None:
        """Cut off, in a moment, the answers that are not complete by then. Safe in any thread."""
        self._cut(lambda _flight: True, after=_STOP_SECONDS)

    def _cut(self, which: Callable[[Flight], bool], after: float = 0) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return

        def cut() -> None:
            for flight in filter(which, self._flying):
                flight.cut()

        loop.call_soon_threadsafe(loop.call_later, after, cut)

    def _fits(self, size: int, room: int, *, long: bool) -> bool:
        if long:
            return sum(f.size for f in self._flying if f.long) + size <= room and self._free(size)
        return self._free(size)

    def _free(self, size: int) -> bool:
        return self.used + size <= self._total

    async def _wait(self, size: int, room: int, *, long: bool) -> None:
        busy = UnavailableError("busy", "too many answers are being sent; ask again", 5)
        bytes_ = 0 if long else size
        if self._waiting >= _WAITING or (
            self._waiting_bytes and self._waiting_bytes + bytes_ > self._total * _WAITING_SHARE
        ):
            raise busy
        self._waiting += 1
        self._waiting_bytes += bytes_
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                while not self._fits(size, room, long=long):
                    self._cut_stalled()
                    self._landed.clear()
                    try:
                        async with asyncio.timeout(_STALLED_SECONDS / 4):
                            await self._landed.wait()
                    except TimeoutError:
                        continue  # by now others may have stalled
        except TimeoutError:
            raise busy from None
        finally:
            self._waiting -= 1
            self._waiting_bytes -= bytes_

    def _cut_stalled(self) -> None:
        for flight in self._flying:
            if flight.stalled():
                flight.cut()
