"""Dated snapshots, beside the newest one: ``history/YYYY/MM/DD/<time>-<run>.json``.

The job keeps the newest HISTORY_KEEP of them. Only keys of exactly that form are ever removed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from xpjob.base.errors import XpjobError
from xpjob.config.settings import Settings
from xpjob.snapshot import documents
from xpjob.snapshot.documents import Snapshot
from xpjob.store.base import HISTORY, SNAPSHOT, Store, key, key_of

_KEY = re.compile(
    rf"{HISTORY}/\d{{4}}/\d\d/\d\d/(\d{{8}}T\d{{6}}\.\d{{6}})Z-([0-9a-f]{{32}})\.json", re.ASCII
)
_TIME = "%Y%m%dT%H%M%S.%f"
_LISTED = 20_000
"""Keys that are looked at: twice as many as HISTORY_KEEP can be."""
_REMOVED = 50
"""Snapshots removed by one run, at most: after HISTORY_KEEP was lowered, the next runs go on."""

_log = logging.getLogger(__name__)


class Entry(NamedTuple):
    """One dated snapshot: when it was taken, and its key. The earlier one is the lesser."""

    taken: datetime
    key: str


def entries(store: Store, cluster: str) -> list[Entry]:
    """Return the dated snapshots of a cluster, the oldest first. Raises the store's errors."""
    keys = store.keys(key_of(cluster, f"{HISTORY}/"), _LISTED)
    return sorted(entry for name in keys if (entry := _entry(name, cluster)))


def at(found: Sequence[Entry], moment: datetime) -> Entry | None:
    """Return the newest that was taken by that time; where all are younger, the oldest."""
    before = [entry for entry in found if entry.taken <= moment]
    return before[-1] if before else next(iter(found), None)


def keep(store: Store, settings: Settings, snapshot: Snapshot, etag: str) -> int:
    """Keep the snapshot that is stored with that etag, and remove the oldest above HISTORY_KEEP.

    Returns how many there are now, 0 where that is not known. What goes wrong is a warning: the
    newest snapshot is what counts.
    """
    taken = documents.moment(snapshot.generated_at)
    own = Entry(taken, key(settings, _name(taken, snapshot.run.id)))
    try:
        found = entries(store, settings.cluster_name)
        if _due(found, taken, settings.history_every_seconds):
            store.copy(key(settings, SNAPSHOT), own.key, having=etag)
            found = sorted({*found, own})  # a run that is published again has its own already
        surplus = found[: max(0, len(found) - settings.history_keep)][:_REMOVED]
        for entry in surplus:
            store.remove(entry.key)
        return len(found) - len(surplus)
    except XpjobError as error:
        _log.warning("dated snapshots are not as they should be", extra={"error": str(error)})
        return 0


def _due(found: Sequence[Entry], taken: datetime, every: float) -> bool:
    """Tell whether nothing was kept yet in the stretch of time that this one falls into."""
    if not every:
        return True
    stretch = taken.timestamp() // every
    return all(entry.taken.timestamp() // every != stretch for entry in found)


def _name(taken: datetime, run: str) -> str:
    taken = taken.astimezone(timezone.utc)
    return f"{HISTORY}/{taken:%Y/%m/%d}/{taken:{_TIME}}Z-{run}.json"


def _entry(name: str, cluster: str) -> Entry | None:
    own = name.removeprefix(key_of(cluster, ""))
    if not (found := _KEY.fullmatch(own)):
        return None
    try:
        taken = datetime.strptime(found[1], _TIME).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return Entry(taken, name) if _name(taken, found[2]) == own else None
