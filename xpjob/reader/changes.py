"""What changed between a dated snapshot and the one that is served.

The one thing that asks the store during a request: dated snapshots are many, and seldom wanted. So
one comparison is made at a time, each within its own deadline and never while a newer snapshot
comes in, few wait for their turn, and the result is kept for whoever asks next.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from xpjob import __version__
from xpjob.base import times
from xpjob.base.errors import (
    BadAnswerError,
    DeadlineError,
    NotFoundError,
    TransientError,
    XpjobError,
)
from xpjob.collect.contract import Collectors
from xpjob.net import deadline
from xpjob.reader import loading, parameters
from xpjob.reader.changes_document import Compared, L, Lists
from xpjob.reader.flights import UnavailableError
from xpjob.reader.loaded import Loaded
from xpjob.reader.parameters import Params, QueryError, one
from xpjob.reader.patience import PatientStore
from xpjob.reader.snapshots import Snapshots
from xpjob.reader.table import give_back_memory
from xpjob.reader.workshop import Workshop
from xpjob.snapshot import archive
from xpjob.snapshot.archive import Entry
from xpjob.snapshot.documents import UNREADABLE, RawSnapshot, unreadable
from xpjob.snapshot.resolve import NO_HISTORY

_SECONDS = 30.0
"""Time for one comparison, the store's answers included."""
_WAITING = 16
_LOOK_SECONDS = 0.2
_LIST_SECONDS = 30.0
"""How long a list of dated snapshots is good: a run adds one."""
_HELD = 50_000
"""Changes that are held for whoever asks next: some 30 MB."""
_log = logging.getLogger(__name__)


class Changes:
    """Compares stored snapshots. ``now`` is the clock; tests bring their own."""

    def __init__(
        self,
        store: PatientStore,
        snapshots: Snapshots,
        collectors: Collectors,
        workshop: Workshop,
        now: Callable[[], datetime],
    ) -> None:
        self._store, self._snapshots, self._now = store, snapshots, now
        self._collectors, self._workshop = collectors, workshop
        self._waiting = 0
        # Only the one worker looks into these.
        self._listed: dict[str, tuple[datetime, list[Entry]]] = {}
        self._held: OrderedDict[tuple[str, str], Compared[Any]] = OrderedDict()

    async def between(
        self,
        served: Loaded,
        params: Params,
        name: str,
        compare: Callable[[RawSnapshot, RawSnapshot], L],
    ) -> Compared[L]:
        """Return what changed between the two snapshots that the parameters name.

        ``name`` is that of the comparison. Raises ``QueryError`` where there are no such two, and
        ``UnavailableError`` where too many ask, or the store does not give them.
        """
        moments = _Moments.of(params, self._now())
        if self._waiting >= _WAITING:
            raise UnavailableError("busy", "too many comparisons are being made; ask again", 5)
        self._waiting += 1
        try:
            return await self._workshop.work(
                lambda: self._within(served, moments, name, compare),
                lane="compare",
                seconds=_SECONDS,
                wait=_SECONDS,
            )
        except NotFoundError as error:
            text = f"there are no dated snapshots; {NO_HISTORY}"
            raise QueryError("no-history", text, status=404) from error
        except UnavailableError:
            raise
        except XpjobError as error:
            _log.warning("snapshots could not be compared", extra={"error": str(error)})
            bad = isinstance(error, BadAnswerError)
            what = "a dated snapshot cannot be read" if bad else "the store does not answer"
            raise UnavailableError(
                "store-away", f"{what}; the reader's log says more", 30
            ) from error
        finally:
            self._waiting -= 1

    def _within(
        self,
        served: Loaded,
        moments: _Moments,
        name: str,
        compare: Callable[[RawSnapshot, RawSnapshot], L],
    ) -> Compared[L]:
        try:
            try:
                return self._compared(served, moments, name, compare)
            except NotFoundError:
                # A run has removed it since these were listed.
                self._listed.pop(served.stamp.cluster, None)
                return self._compared(served, moments, name, compare)
        except DeadlineError as error:
            text = f"the store did not give the dated snapshots within {_SECONDS:g} s"
            raise TransientError(text) from error

    def _compared(
        self,
        served: Loaded,
        moments: _Moments,
        name: str,
        compare: Callable[[RawSnapshot, RawSnapshot], L],
    ) -> Compared[L]:
        began = time.monotonic()
        entries = self._entries(served.stamp.cluster)
        old = archive.at(entries, moments.begin)
        if old is None:
            raise NotFoundError(NO_HISTORY)
        new = archive.at(entries, moments.end) if moments.end else None
        tag = f"{__version__} {old.key} {new.key if new else served.stamp.tag}"
        held: Compared[L] | None = self._held.get((tag, name))
        if held is None:
            keys = (old.key, new.key) if new else (old.key,)
            bodies = {key: self._body(key) for key in dict.fromkeys(keys)}
            with self._alone():
                sides = {
                    key: loading.read(bodies.pop(key), self._store.where(key), self._collectors)
                    for key in list(bodies)
                }
                first, second = sides[old.key], sides[new.key] if new else served.raw
                try:
                    lists = compare(first, second)
                    now = time.monotonic()
                    held = Compared(tag, first.head, second.head, lists, now, now - began)
                except UNREADABLE as error:
                    raise unreadable(self._store.where(old.key), error) from error
                sides.clear()
                give_back_memory()
            self._hold((tag, name), held)
        self._held.move_to_end((tag, name))
        return held

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no snapshot is being loaded, which may take longer than an answer may."""
        lock = self._snapshots.alone
        while not lock.acquire(timeout=_LOOK_SECONDS):
            if deadline.left() <= 0:
                raise UnavailableError("busy", "a snapshot is being loaded; ask again", 5)
        try:
            yield
        finally:
            lock.release()

    def _body(self, name: str) -> bytes:
        if (stored := self._store.get(name)) is None:
            raise NotFoundError(f"there is no {self._store.where(name)} any more")
        return stored.body

    def _entries(self, cluster: str) -> list[Entry]:
        listed_at, found = self._listed.get(cluster, (None, []))
        now = self._now()
        if listed_at is None or (now - listed_at).total_seconds() > _LIST_SECONDS:
            found = archive.entries(self._store, cluster)
            self._listed[cluster] = (now, found)
        return found

    def _hold(self, key: tuple[str, str], found: Compared[Any]) -> None:
        self._held[key] = found
        # The newest stays, whatever its size: it is asked for again and again.
        while len(self._held) > 1 and sum(map(_size, self._held.values())) > _HELD:
            self._held.popitem(last=False)


def _size(found: Compared[Lists]) -> int:
    lists = found.lists
    return 100 + len(lists.came) + len(lists.went) + len(lists.changed)


class _Moments(NamedTuple):
    """What is to be compared, as moments; ``end`` is None for what is served."""

    begin: datetime
    end: datetime | None

    @classmethod
    def of(cls, params: Params, now: datetime) -> _Moments:
        since, begin, end = (one(params, name) for name in ("since", "from", "to"))
        if since and begin:
            raise QueryError("bad-value", "since: give since or from, not both")
        seconds = min(times.duration(since or "1d"), 10**9)
        start = _moment("from", begin) or now - timedelta(seconds=seconds)
        return cls(start, _moment("to", end))


def _moment(name: str, text: str) -> datetime | None:
    try:
        return times.parse(text) if text else None
    except ValueError:
        raise QueryError(
            "bad-value", f"{name}: {parameters.shown(text)} is no time such as {parameters.MOMENT}"
        ) from None
