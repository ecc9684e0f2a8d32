"""``/bookkeeping/diff``: what changed between a dated snapshot and the one that is served.

The one endpoint that asks the store when it is asked: dated snapshots are many, and seldom wanted.
So one comparison is made at a time, each within its own deadline and never while a newer snapshot
comes in, few wait for their turn, and what was found is held for whoever asks next.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from xpjob import __version__
from xpjob.base.errors import (
    BadAnswerError,
    DeadlineError,
    NotFoundError,
    TransientError,
    XpjobError,
)
from xpjob.collectors.crossplane.targets import CLAIM, COMPOSITE
from xpjob.net.deadline import Deadline
from xpjob.reader import parameters
from xpjob.reader.parameters import Given, QuestionError, one
from xpjob.reader.problem import UnavailableError
from xpjob.reader.responses import Workshop
from xpjob.reader.snapshots import Snapshots
from xpjob.reader.table import View, give_back_memory
from xpjob.snapshot import archive, documents
from xpjob.snapshot.archive import Entry
from xpjob.snapshot.diff import Change, Diff, Seen, Slim, diff
from xpjob.snapshot.resolve import NO_HISTORY
from xpjob.store.base import Store

LISTS = ("came", "went", "changed")
DEFAULT_LIMIT = 100
_SECONDS = 30.0
"""Time for one comparison, the store's answers included."""
_WAITING = 16
_LIST_SECONDS = 30.0
"""How long a list of dated snapshots is good: a run adds one."""
_HELD = 50_000
"""Changes that are held for whoever asks next: some 30 MB."""
_log = logging.getLogger(__name__)
_decoder = msgspec.json.Decoder(Seen)


class Found(NamedTuple):
    """What changed. ``tag`` stands for the two snapshots."""

    tag: str
    diff: Diff


class Changes:
    """Compares stored snapshots. ``now`` is the clock; tests bring their own."""

    def __init__(self, store: Store, snapshots: Snapshots, now: Callable[[], datetime]) -> None:
        self._store, self._snapshots, self._now = store, snapshots, now
        self._workshop = Workshop(workers=1)
        self._waiting = 0
        # Only the one worker looks into these.
        self._listed: dict[str, tuple[datetime, list[Entry]]] = {}
        self._held: OrderedDict[str, Diff] = OrderedDict()

    async def between(self, view: View, given: Given) -> Found:
        """Return what changed between the two snapshots that are meant.

        Raises ``QuestionError`` where there are no such two, and ``UnavailableError`` where too
        many ask, or the store does not give them.
        """
        sides = _Sides.of(given, self._now())
        if self._waiting >= _WAITING:
            raise UnavailableError("busy", "too many comparisons are being made; ask again", 5)
        self._waiting += 1
        try:
            return await self._workshop.work(lambda: self._found(view, sides))
        except NotFoundError as error:
            told = f"there are no dated snapshots; {NO_HISTORY}"
            raise QuestionError("no-history", told, status=404) from error
        except XpjobError as error:
            _log.warning("snapshots could not be compared", extra={"error": str(error)})
            bad = isinstance(error, BadAnswerError)
            what = "a dated snapshot cannot be read" if bad else "the store does not answer"
            raise UnavailableError(
                "store-away", f"{what}; the reader's log says more", 30
            ) from error
        finally:
            self._waiting -= 1

    def _found(self, view: View, sides: _Sides) -> Found:
        try:
            with Deadline(_SECONDS).running():
                try:
                    return self._compared(view, sides)
                except NotFoundError:
                    # A run has removed it since these were listed.
                    self._listed.pop(view.cluster, None)
                    return self._compared(view, sides)
        except DeadlineError as error:
            told = f"the store did not give the dated snapshots within {_SECONDS:g} s"
            raise TransientError(told) from error

    def _compared(self, view: View, sides: _Sides) -> Found:
        entries = self._entries(view.cluster)
        old = archive.at(entries, sides.begin)
        if old is None:
            raise NotFoundError(NO_HISTORY)
        new = archive.at(entries, sides.end) if sides.end else None
        tag = f"{__version__} {old.key} {new.key if new else view.tag}"
        if (held := self._held.get(tag)) is None:
            wanted = (old.key, new.key) if new else (old.key,)
            bodies = {name: self._body(name) for name in wanted}
            with self._snapshots.alone:
                stored = [
                    documents.decode(bodies[name], Slim, self._store.where(name)) for name in wanted
                ]
                bodies.clear()
                held = diff(stored[0], stored[1] if new else _slim(view))
                stored.clear()
                give_back_memory()
            self._hold(tag, held)
        self._held.move_to_end(tag)
        return Found(tag, held)

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

    def _hold(self, tag: str, found: Diff) -> None:
        self._held[tag] = found
        # The newest stays, whatever its size: it is asked for again and again.
        while len(self._held) > 1 and sum(map(_size, self._held.values())) > _HELD:
            self._held.popitem(last=False)


def _size(found: Diff) -> int:
    return 100 + sum(len(getattr(found, name)) for name in LISTS)


class _Sides(NamedTuple):
    """What is to be compared, as moments; ``end`` is None for what is served."""

    begin: datetime
    end: datetime | None

    @classmethod
    def of(cls, given: Given, now: datetime) -> _Sides:
        since, begin, end = (one(given, name) for name in ("since", "from", "to"))
        if since and begin:
            raise QuestionError("bad-value", "since: give since or from, not both")
        seconds = min(parameters.duration(since or "1d"), 10**9)
        start = _moment("from", begin) or now - timedelta(seconds=seconds)
        return cls(start, _moment("to", end))


def document(found: Diff, given: Given) -> bytes:
    """Return the changes that are asked for as JSON, with how many there are of them."""
    lists = {name: _chosen(getattr(found, name), given) for name in LISTS}
    limit = int(one(given, "limit", str(DEFAULT_LIMIT)))
    facts = {
        "cluster": found.cluster,
        "from": found.from_,
        "to": found.to,
        **{f"{name}Count": len(changes) for name, changes in lists.items()},
        **{name: changes[:limit] for name, changes in lists.items()},
        "unknown": found.unknown,
    }
    return msgspec.json.encode(facts) + b"\n"


def _chosen(changes: list[Change], given: Given) -> list[Change]:
    for name in parameters.CHANGED_BY:
        if values := given.get(name):
            attribute = "class_" if name == "class" else name
            changes = [change for change in changes if getattr(change, attribute) in values]
    return changes


def _slim(view: View) -> Slim:
    """Return what is served, slim: it is here already, and need not be fetched."""
    rows = [_decoder.decode(view.row(index, 0)) for index in range(len(view))]
    claims = view.total[CLAIM]
    xrs = claims + view.total[COMPOSITE]
    return Slim(
        generated_at=view.generated_at,
        cluster=view.cluster,
        run=view.run,
        targets=view.targets,
        claims=rows[:claims],
        xrs=rows[claims:xrs],
        mrs=rows[xrs:],
    )


def _moment(name: str, text: str) -> datetime | None:
    try:
        return documents.moment(text) if text else None
    except ValueError:
        raise QuestionError(
            "bad-value", f"{name}: {parameters.shown(text)} is no time such as {parameters.MOMENT}"
        ) from None
