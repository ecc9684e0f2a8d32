"""Dated snapshots, in addition to the newest one: ``history/YYYY/MM/DD/<time>-<run>.json``.

The job keeps the newest HISTORY_KEEP of them. It removes only keys of exactly this form.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import NamedTuple, Protocol

from xpjob.base import times
from xpjob.base.errors import XpjobError
from xpjob.base.future import is_ahead
from xpjob.net.clock import Clock
from xpjob.snapshot.documents import Head
from xpjob.store.base import HISTORY, SNAPSHOT, Store, key_of
from xpjob.store.options import StoreOptions

_KEY = re.compile(
    rf"{HISTORY}/\d{{4}}/\d\d/\d\d/(\d{{8}}T\d{{6}}\.\d{{6}})Z-([0-9a-f]{{32}})\.json", re.ASCII
)
_TIME = "%Y%m%dT%H%M%S.%f"
_MAX_LISTED = 20_000
"""Keys that are listed: twice the maximum of HISTORY_KEEP."""
_MAX_REMOVED = 50
"""Snapshots removed by one run: after HISTORY_KEEP was lowered, the next runs continue."""

_log = logging.getLogger(__name__)


class Entry(NamedTuple):
    """A dated snapshot: its time and key, ordered by time."""

    taken: datetime
    key: str


class Listed(Protocol):
    """The part of a store that finds what there is."""

    def keys(self, prefix: str, most: int) -> list[str]:
        """Return the first ``most`` keys with this prefix, sorted."""


def entries(store: Listed, cluster: str) -> list[Entry]:
    """Return the dated snapshots of a cluster, oldest first. Raises the store's errors."""
    keys = store.keys(key_of(cluster, f"{HISTORY}/"), _MAX_LISTED)
    return sorted(entry for name in keys if (entry := _entry(name, cluster)))


def at(archived: Sequence[Entry], moment: datetime) -> Entry | None:
    """Return the newest snapshot taken by that time, or the oldest if all are later."""
    before = [entry for entry in archived if entry.taken <= moment]
    return before[-1] if before else next(iter(archived), None)


def keep(
    store: Store, options: StoreOptions, head: Head, etag: str, clock: Clock | None = None
) -> int:
    """Archive the snapshot that is stored with this etag, and remove the oldest above HISTORY_KEEP.

    If a clock was compared with a server's, those dated in the future by it are the first to go: a
    wrong clock has left them, and they must not outlast those of all later runs.

    Returns the number of dated snapshots, 0 if not known. A failure is a warning only: the newest
    snapshot is stored already.
    """
    taken = times.parse(head.generated_at)
    own = Entry(taken, key_of(options.cluster_name, _name(taken, head.run.id)))
    try:
        archived = entries(store, options.cluster_name)
        if _due(archived, taken, options.history_every_seconds):
            store.copy(key_of(options.cluster_name, SNAPSHOT), own.key, having=etag)
            archived = sorted({*archived, own})  # a republished run may be archived already
        if clock and clock.compared:
            now = clock.now()
            archived.sort(key=lambda entry: (not is_ahead(entry.taken, now), entry))
        surplus = archived[: max(0, len(archived) - options.history_keep)][:_MAX_REMOVED]
        for entry in surplus:
            store.remove(entry.key)
        return len(archived) - len(surplus)
    except XpjobError as error:
        _log.warning("snapshot history not updated", extra={"error": str(error)})
        return 0


def _due(archived: Sequence[Entry], taken: datetime, every: float) -> bool:
    """Return whether no snapshot has been archived yet in the interval of this one."""
    if not every:
        return True
    interval = taken.timestamp() // every
    return all(entry.taken.timestamp() // every != interval for entry in archived)


def _name(taken: datetime, run: str) -> str:
    taken = taken.astimezone(timezone.utc)
    return f"{HISTORY}/{taken:%Y/%m/%d}/{taken:{_TIME}}Z-{run}.json"


def _entry(name: str, cluster: str) -> Entry | None:
    own = name.removeprefix(key_of(cluster, ""))
    if not (match := _KEY.fullmatch(own)):
        return None
    try:
        taken = datetime.strptime(match[1], _TIME).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return Entry(taken, name) if _name(taken, match[2]) == own else None
