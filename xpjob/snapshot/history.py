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
from typing import NamedTuple

import msgspec

from xpjob import times
from xpjob.crossplane.records import Past, Record, Ref
from xpjob.snapshot.counters import TimeToReady
from xpjob.snapshot.model import Snapshot

# A condition that was written this soon after the object is the first that it ever had.
_AT_ONCE = timedelta(minutes=1)
# The reason of Synced by which a controller says that it leaves an object alone.
_PAUSED = "ReconcilePaused"


def remembered(records: Iterable[Record], previous: Snapshot | None, now: str) -> list[Record]:
    """Return the same records with their history. What is carried keeps the one it had."""
    before = _by_identity(previous)
    return [
        record
        if record.carried_since
        else _with_history(record, before.get(_identity(record)), previous, now)
        for record in records
    ]


def newly_ready(records: Iterable[Record], previous: Snapshot | None) -> Iterator[Record]:
    """Yield those whose first time of being ready was seen in this run."""
    before = _by_identity(previous)
    for record in records:
        known = before.get(_identity(record))
        if record.first_ready_at and not (known and known.first_ready_at):
            yield record


def times_to_ready(records: Iterable[Record], previous: Snapshot | None) -> list[TimeToReady]:
    """Return the histograms of the run before, with what got ready in this one."""
    kept = (previous and previous.time_to_ready) or ()
    found = {time.key: time.usable() for time in kept}
    for record in newly_ready(records, previous):
        key = (record.class_, record.group, record.kind, record.composition)
        if key not in found:
            found[key] = TimeToReady.of(*key)
        found[key].histogram.observe(
            times.seconds_between(record.created_at, record.first_ready_at)
        )
    return [found[key] for key in sorted(found)]


def _identity(record: Record | Past) -> str | Ref:
    return record.uid or record.ref


def _by_identity(previous: Snapshot | None) -> dict[str | Ref, Record | Past]:
    return {_identity(record): record for record in previous.records} if previous else {}


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


def _with_history(
    record: Record, before: Record | Past | None, previous: Snapshot | None, now: str
) -> Record:
    observed = ""
    if before and previous:
        observed = before.carried_since or previous.run.started_at
    first_ready_at, was_ready = _first_ready(record, before, previous, observed, now)
    deleting_since = ""
    if record.deleting:
        known = before.deleting_since if before else ""
        deleting_since = _earliest(known, record.deleted_at, now)
    return msgspec.structs.replace(
        record,
        # A snapshot of an older version does not say; its own time is the earliest known.
        first_seen_at=_earliest((before and before.first_seen_at) or observed, now),
        first_ready_at=first_ready_at,
        was_ready=was_ready,
        not_ready_since=""
        if record.ready
        else _bad_since(
            _ready(record), _ready(before) if before else None, record.created_at, observed, now
        ),
        not_synced_since=""
        if record.synced
        else _bad_since(
            _synced(record), _synced(before) if before else None, record.created_at, observed, now
        ),
        deleting_since=deleting_since,
        paused_since=_paused_since(record, before, now),
    )


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
    record: Record, before: Record | Past | None, previous: Snapshot | None, observed: str, now: str
) -> tuple[str, bool]:
    """Return when it first got ready, if that was seen, and whether it may ever have been."""
    if before is None or not before.first_seen_at:
        appeared = previous is not None and _appeared_since(record, previous.run.started_at)
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
