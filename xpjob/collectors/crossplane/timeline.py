"""What is known of each object's past: since when it is not ready, not synced, or being deleted.

A condition's ``lastTransitionTime`` moves whenever its message, its reason or the object's
generation does, so it says "like this at least since", and no more. What is remembered of the
run before is therefore kept for as long as the state lasts; where nothing is remembered, the
condition's own time is the earliest that is certain. All times are RFC 3339, empty for none, and
``now`` is passed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import lru_cache
from sys import intern
from typing import NamedTuple

from msgspec import Struct

from xpjob.base import times
from xpjob.collectors.crossplane.records import Past, Record
from xpjob.metrics.cumulative import TimeToReady
from xpjob.snapshot.documents import PastSnapshot, Snapshot, rfc3339

# A condition that was written this soon after the object is the first that it ever had.
_AT_ONCE = timedelta(minutes=1)
# The reason of Synced by which a controller says that it leaves an object alone.
_PAUSED = "ReconcilePaused"


class _Settled(Struct, frozen=True, gc=False):
    """The past of an object with which all is well: of most, so it is kept small."""

    first_seen_at: str
    first_ready_at: str

    def told(self) -> Past:
        """Return the same in full."""
        return Past(
            ready=True,
            synced=True,
            was_ready=True,
            first_seen_at=self.first_seen_at,
            first_ready_at=self.first_ready_at,
        )


class History:
    """What is remembered of the run before. ``looked_at`` is when it started looking."""

    def __init__(self, previous: Snapshot | PastSnapshot | None = None) -> None:
        """Take what is worth remembering; nothing else of the snapshot is kept."""
        self.looked_at = previous.run.started_at if previous else ""
        records = previous.records if previous else []
        self.groups = frozenset(record.group for record in records)
        """The API groups that had records."""
        self._times = (previous and previous.time_to_ready) or ()
        self._past = {record.uid or record.ref: _slim(record) for record in records}

    def complete(self, records: Iterable[Record], now: str) -> None:
        """Give records their history. What is carried keeps the one it had."""
        for record in records:
            if not record.carried_since:
                self._complete(record, now)

    def times_to_ready(self, records: Iterable[Record]) -> list[TimeToReady]:
        """Return the histograms of the run before, with what got ready in this one."""
        found = {time.key: time.usable() for time in self._times}
        for record in self._newly_ready(records):
            key = (record.class_, record.group, record.kind, record.composition)
            if key not in found:
                found[key] = TimeToReady.of(*key)
            found[key].histogram.observe(
                times.seconds_between(record.created_at, record.first_ready_at)
            )
        return [found[key] for key in sorted(found)]

    def _newly_ready(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield those whose first time of being ready was seen in this run."""
        for record in records:
            if record.first_ready_at:
                known = self._past.get(record.uid or record.ref)
                if not (known and known.first_ready_at):
                    yield record

    def _complete(self, record: Record, now: str) -> None:
        known = self._past.get(record.uid or record.ref)
        if isinstance(known, _Settled):
            if record.ready and record.synced and not (record.paused or record.deleting):
                record.first_seen_at = min(known.first_seen_at, now)
                record.first_ready_at, record.was_ready = known.first_ready_at, True
                return
            known = known.told()
        _remember(record, known, self.looked_at, now)


def _slim(record: Record | Past) -> Record | Past | _Settled:
    first_seen, first_ready = intern(record.first_seen_at), record.first_ready_at
    well = record.ready and record.synced and record.was_ready
    more = record.carried_since or record.paused or record.deleting_since
    if well and not more and _is_ours(first_seen):
        return _Settled(first_seen, first_ready)
    return record


@lru_cache(maxsize=1024)
def _is_ours(text: str) -> bool:
    """Tell whether a time is as runs write it: then the lesser text is the earlier time."""
    moment = times.read(text)
    return moment is not None and rfc3339(moment) == text


class _State(NamedTuple):
    """One condition: whether it is True, what it says, its own time, and what is remembered."""

    good: bool
    status: str
    changed: str
    since: str


def _ready(record: Record | Past) -> _State:
    return _State(record.ready, record.ready_status, record.ready_since, record.not_ready_since)


def _synced(record: Record | Past) -> _State:
    return _State(record.synced, record.synced_status, record.synced_since, record.not_synced_since)


def _remember(record: Record, before: Record | Past | None, looked_at: str, now: str) -> None:
    observed = (before.carried_since or looked_at) if before else ""
    record.first_ready_at, record.was_ready = _first_ready(record, before, looked_at, observed, now)
    # A snapshot of an older version does not say; its own time is the earliest known.
    record.first_seen_at = _earliest((before and before.first_seen_at) or observed, now)
    record.not_ready_since = record.not_synced_since = record.deleting_since = ""
    if not record.ready:
        known = _ready(before) if before else None
        record.not_ready_since = _bad_since(_ready(record), known, record.created_at, observed, now)
    if not record.synced:
        known = _synced(before) if before else None
        record.not_synced_since = _bad_since(
            _synced(record), known, record.created_at, observed, now
        )
    if record.deleting:
        since = before.deleting_since if before else ""
        record.deleting_since = _earliest(since, record.deleted_at, now)
    record.paused_since = _paused_since(record, before, now)


def _paused_since(record: Record, before: Record | Past | None, now: str) -> str:
    if not record.paused:
        return ""
    known = before.paused_since if before and before.paused else ""
    said = record.synced_since if record.synced_reason == _PAUSED else ""
    return _earliest(known, said, now)


def _bad_since(state: _State, before: _State | None, created: str, observed: str, now: str) -> str:
    """Return the earliest time from which it is certain that a condition is not True.

    ``observed`` is when ``before`` was seen.
    """
    if before is None:
        # What has no condition yet has had none since it was made.
        since = _earliest(state.changed if state.status else created, now)
    elif before.good:
        since = _latest(observed, _earliest(state.changed, now))
    else:
        since = _earliest(before.since, before.changed, observed, state.changed, now)
    return _latest(since, created)


def _first_ready(
    record: Record, before: Record | Past | None, looked_at: str, observed: str, now: str
) -> tuple[str, bool]:
    """Return when it first got ready, if that was seen, and whether it may ever have been."""
    if before is None or not before.first_seen_at:
        appeared = bool(looked_at) and _appeared_since(record, looked_at)
        if not record.ready:
            return "", not (appeared or _first_condition(record))
        seen_since, unseen = record.created_at, not appeared
    else:
        if not record.ready or before.was_ready:
            return before.first_ready_at, before.was_ready
        seen_since, unseen = observed, False
    if unseen:
        return "", True
    return _latest(seen_since, _earliest(record.ready_since, now)), True


def _appeared_since(record: Record, moment: str) -> bool:
    created, then = times.read(record.created_at), times.read(moment)
    return created is not None and then is not None and created >= then


def _first_condition(record: Record) -> bool:
    """Tell whether it cannot have been ready before it got the condition that it has."""
    created, changed = times.read(record.created_at), times.read(record.ready_since)
    if not record.ready_status:
        return True
    return created is not None and changed is not None and changed - created <= _AT_ONCE


def _earliest(*texts: str) -> str:
    known = [(moment, text) for text in texts if (moment := times.read(text)) is not None]
    return min(known)[1] if known else ""


def _latest(*texts: str) -> str:
    known = [(moment, text) for text in texts if (moment := times.read(text)) is not None]
    return max(known)[1] if known else ""
