"""The history of each object: since when it is not ready, not synced, or being deleted.

A condition's ``lastTransitionTime`` changes with its message, its reason and the object's
generation, so it is only a lower bound of the state's age. The times that earlier runs observed are
therefore kept as long as the state lasts; without one, the condition's own time is the earliest
that is certain. All times are RFC 3339, empty for none, and ``now`` is a parameter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import lru_cache
from operator import itemgetter
from sys import intern
from typing import NamedTuple, cast

from msgspec import Struct, structs

from xpjob.base import times
from xpjob.collect.before import Before, Rows
from xpjob.collect.findings import Ref
from xpjob.collectors.crossplane.classes import CLAIM, COMPOSITE, MANAGED
from xpjob.collectors.crossplane.records import Past, Record
from xpjob.collectors.crossplane.state import TimeToReady

# A condition this soon after the creation of the object is assumed to be its first.
_AT_ONCE = timedelta(minutes=1)
_CLASSES = {"claims": CLAIM, "xrs": COMPOSITE, "mrs": MANAGED}
# The reason of the Synced condition of a paused object.
_PAUSED = "ReconcilePaused"


class _Healthy(Struct, frozen=True, gc=False):
    """The compact history of a healthy object, as most are."""

    first_seen_at: str
    first_ready_at: str

    def expand(self) -> Past:
        """Return the equivalent full history."""
        return Past(
            ready=True,
            synced=True,
            was_ready=True,
            first_seen_at=self.first_seen_at,
            first_ready_at=self.first_ready_at,
        )


class Timeline:
    """The history of all records. ``previous_start``: when the previous run started.

    ``counts`` has the number of previous records by class, group and kind.
    """

    def __init__(self, before: Before | None = None) -> None:
        """Extract the history from the previous section, which is not kept."""
        self.previous_start = before.started_at if before else ""
        self._times = (before and before.state and before.state.time_to_ready) or ()
        self._past: dict[str | Ref, Record | Past | _Healthy] = {}
        self.counts: Counter[tuple[str, str, str]] = Counter()
        for key, rows in (before.rows if before else {}).items():
            uids, pasts = _columns(rows)
            known = [_slim(past) for past in pasts]
            for uid, position in uids:
                self._past[uid or pasts[position].ref] = known[position]
            for position, count in Counter(map(itemgetter(1), uids)).items():
                past = pasts[position]
                self.counts[_CLASSES[key], intern(past.group), intern(past.kind)] += count

    def complete(self, records: Iterable[Record], now: str) -> None:
        """Fill in the history of records. Carried records keep theirs."""
        for record in records:
            if record.carried_since:
                continue
            known = self._past.get(record.uid or record.ref)
            if isinstance(known, _Healthy):
                if record.ready and record.synced and not (record.paused or record.deleting):
                    record.first_seen_at = min(known.first_seen_at, now)
                    record.first_ready_at, record.was_ready = known.first_ready_at, True
                    continue
                known = known.expand()
            _remember(record, known, self.previous_start, now)

    def times_to_ready(self, records: Iterable[Record]) -> list[TimeToReady]:
        """Return the previous histograms, with the records that became ready in this run."""
        histograms = {time.key: time.usable() for time in self._times}
        for record in self._newly_ready(records):
            key = (record.class_, record.group, record.kind, record.composition)
            if key not in histograms:
                histograms[key] = TimeToReady.of(*key)
            histograms[key].histogram.observe(
                times.seconds_between(record.created_at, record.first_ready_at)
            )
        return [histograms[key] for key in sorted(histograms)]

    def _newly_ready(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield records whose first Ready was observed in this run."""
        for record in records:
            if record.first_ready_at:
                known = self._past.get(record.uid or record.ref)
                if not (known and known.first_ready_at):
                    yield record


def past_of(record: Record | Past) -> Record | Past:
    """Return what the next run reads of a record, the same object for many healthy ones."""
    if _is_healthy(record) and record.uid:
        return _healthy(record.group, record.kind, record.first_seen_at, record.first_ready_at)
    return record


@lru_cache(maxsize=4096)
def _healthy(group: str, kind: str, first_seen_at: str, first_ready_at: str) -> Past:
    healthy = _Healthy(first_seen_at, first_ready_at).expand()
    return structs.replace(healthy, group=group, kind=kind)


def _columns(rows: Sequence[Past]) -> tuple[Sequence[tuple[str, int]], Sequence[Past]]:
    """Return the uid of each row with a position, and the histories that are at these positions."""
    if isinstance(rows, Rows) and tuple(rows.names) == ("uid",):
        return cast("Sequence[tuple[str, int]]", rows.own), cast("Sequence[Past]", rows.shared)
    return [(row.uid, position) for position, row in enumerate(rows)], rows


def _slim(record: Record | Past) -> Record | Past | _Healthy:
    if _is_healthy(record):
        return _Healthy(intern(record.first_seen_at), record.first_ready_at)
    return record


def _is_healthy(record: Record | Past) -> bool:
    return (
        record.ready
        and record.synced
        and record.was_ready
        and not (record.carried_since or record.paused or record.deleting_since)
        and _is_ours(record.first_seen_at)
    )


@lru_cache(maxsize=1024)
def _is_ours(text: str) -> bool:
    """Return whether a time has our own format, in which text order is time order."""
    moment = times.read(text)
    return moment is not None and times.rfc3339(moment) == text


class _State(NamedTuple):
    """A condition: whether it is True, its status, its own time, and the observed time."""

    good: bool
    status: str
    changed: str
    since: str


def _ready(record: Record | Past) -> _State:
    return _State(record.ready, record.ready_status, record.ready_since, record.not_ready_since)


def _synced(record: Record | Past) -> _State:
    return _State(record.synced, record.synced_status, record.synced_since, record.not_synced_since)


def _remember(record: Record, before: Record | Past | None, previous_start: str, now: str) -> None:
    observed = (before.carried_since or previous_start) if before else ""
    record.first_ready_at, record.was_ready = _first_ready(
        record, before, previous_start, observed, now
    )
    # Snapshots of older versions lack it; the time of that snapshot is the earliest known.
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
    reported = record.synced_since if record.synced_reason == _PAUSED else ""
    return _earliest(known, reported, now)


def _bad_since(state: _State, before: _State | None, created: str, observed: str, now: str) -> str:
    """Return the earliest time since which a condition is certainly not True.

    ``observed`` is when ``before`` was observed.
    """
    if before is None:
        # An object without the condition has had none since its creation.
        since = _earliest(state.changed if state.status else created, now)
    elif before.good:
        since = _latest(observed, _earliest(state.changed, now))
    else:
        since = _earliest(before.since, before.changed, observed, state.changed, now)
    return _latest(since, created)


def _first_ready(
    record: Record, before: Record | Past | None, previous_start: str, observed: str, now: str
) -> tuple[str, bool]:
    """Return when a record first became ready, if observed, and whether it may have been ready."""
    if before is None or not before.first_seen_at:
        appeared = bool(previous_start) and _appeared_since(record, previous_start)
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
    created, then = _read(record.created_at), _read(moment)
    return created is not None and then is not None and created >= then


def _first_condition(record: Record) -> bool:
    """Return whether the object cannot have been ready before its current condition."""
    created, changed = _read(record.created_at), _read(record.ready_since)
    if not record.ready_status:
        return True
    return created is not None and changed is not None and changed - created <= _AT_ONCE


def _earliest(*texts: str) -> str:
    known = [(moment, text) for text in texts if (moment := _read(text)) is not None]
    return min(known)[1] if known else ""


def _latest(*texts: str) -> str:
    known = [(moment, text) for text in texts if (moment := _read(text)) is not None]
    return max(known)[1] if known else ""


# Those of runs are the same for many objects.
_read = lru_cache(maxsize=1024)(times.read)
