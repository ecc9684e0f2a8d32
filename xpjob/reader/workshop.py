"""Work that takes long: off the event loop, a few at a time, and never longer than it may.

Python threads share the interpreter, so the work itself looks at its deadline every few thousand
rows (``deadline.check``): only so can it be given up.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from anyio import CapacityLimiter, to_thread

from xpjob.base.errors import DeadlineError
from xpjob.net.deadline import Deadline
from xpjob.reader.flights import Flights, UnavailableError

SECONDS = 5.0
"""Time for the computing of one answer."""
_WAIT_SECONDS = 5.0
"""Time to wait for a turn."""
_CACHED = 8 << 20

Lane = Literal["short", "facets", "long", "table", "compare", "usage", "pieces"]
"""What queues together: one at a time in each, so that long work holds up only its like."""

T = TypeVar("T")


class Workshop:
    """Makes bodies off the event loop, each once: by their strong ETag, which names their bytes."""

    def __init__(self, flights: Flights) -> None:
        self.flights = flights
        self._made: OrderedDict[str, bytes] = OrderedDict()
        self._flying: dict[str, asyncio.Task[Any]] = {}
        self._turns: dict[Lane, asyncio.Semaphore] = {}
        self._threads: CapacityLimiter | None = None
        self._running: set[Deadline] = set()
        self._stopped = False

    def held(self, etag: str) -> bytes | None:
        """Return a body that was made before."""
        if (body := self._made.get(etag)) is not None:
            self._made.move_to_end(etag)
        return body

    def keep(self, etag: str, body: bytes) -> None:
        """Hold a body for whoever asks for it next; the oldest go first."""
        if len(body) <= _CACHED:
            self._made[etag] = body
            while sum(map(len, self._made.values())) > _CACHED or len(self._made) > 256:
                self._made.popitem(last=False)

    async def whole(self, etag: str, make: Callable[[], bytes], lane: Lane = "short") -> bytes:
        """Return a body, waiting for it where it is being made already."""
        if (body := self.held(etag)) is not None:
            return body
        return await self.once(etag, make, lambda made: self.keep(etag, made), lane=lane)

    async def once(
        self,
        name: str,
        make: Callable[[], T],
        keep: Callable[[T], None] = lambda _made: None,
        *,
        lane: Lane = "short",
        seconds: float = SECONDS,
    ) -> T:
        """Run something that takes long, once for all who want what goes by this name."""
        task = self._flying.get(name)
        if task is None:
            task = asyncio.ensure_future(self.work(make, lane, seconds))
            self._flying[name] = task
            task.add_done_callback(lambda done: self._landed(name, done, keep))
        # One client that goes away must not take the others' answer with it.
        return await asyncio.shield(task)

    async def work(
        self,
        make: Callable[[], T],
        lane: Lane = "short",
        seconds: float = SECONDS,
        wait: float = _WAIT_SECONDS,
    ) -> T:
        """Run something that takes long. Raises ``UnavailableError`` where it takes too long."""
        turn = self._turns.setdefault(lane, asyncio.Semaphore(1))
        try:
            async with asyncio.timeout(wait):
                await turn.acquire()
        except TimeoutError:
            raise UnavailableError(
                "busy", "too many answers are being made; ask again", 5
            ) from None
        try:
            return await self._run(make, seconds)
        finally:
            turn.release()

    async def piece(self, make: Callable[[], T]) -> T:
        """Make a piece of an answer that is being sent."""
        turn = self._turns.setdefault("pieces", asyncio.Semaphore(1))
        async with turn:
            return await self._run(make, SECONDS)

    def start(self) -> None:
        """Take on work, on the event loop that runs now."""
        self._turns, self._threads, self._stopped = {}, None, False

    def stop(self) -> None:
        """Give up everything at once, and whatever is still asked for."""
        self._stopped = True
        for deadline in list(self._running):
            deadline.end()
        self.flights.stop()

    async def _run(self, make: Callable[[], T], seconds: float) -> T:
        if self._threads is None:
            self._threads = CapacityLimiter(16)
        deadline = Deadline(0 if self._stopped else seconds)
        self._running.add(deadline)

        def run() -> T:
            with deadline.running():
                return make()

        try:
            return await to_thread.run_sync(run, limiter=self._threads)
        except DeadlineError:
            text = (
                "the reader is stopping"
                if self._stopped
                else f"the answer takes more than {seconds:g} s to compute; narrow the question"
            )
            raise UnavailableError("too-long", text, 5) from None
        finally:
            self._running.discard(deadline)

    def _landed(self, name: str, task: asyncio.Task[T], keep: Callable[[T], None]) -> None:
        self._flying.pop(name, None)
        if not task.cancelled() and task.exception() is None:
            keep(task.result())
