"""The usage of days without a file: in the newest snapshots."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import msgspec

from xpjob.base import times
from xpjob.base.errors import BadAnswerError
from xpjob.snapshot import documents
from xpjob.snapshot.documents import UNREADABLE, USAGE, Document
from xpjob.store.base import SNAPSHOT, Store, key_of
from xpjob.usage.columns import DEFAULT_CLUSTER
from xpjob.usage.gather import Current
from xpjob.usage.period import Period
from xpjob.usage.rules import KEEP_PENDING
from xpjob.usage.state import UsageState

_log = logging.getLogger(__name__)


class _Part(Document, rename="camel", kw_only=True):
    """The part of a snapshot that has usage."""

    generated_at: str
    cluster: str = ""
    usage: UsageState | None = None


def may_be_open(period: Period, today: date) -> bool:
    """Return whether days of a period may be without a file, and in the newest snapshot."""
    return period.corrected().end + timedelta(days=2, seconds=KEEP_PENDING) >= today


def of_store(store: Store, clusters: Sequence[str] | None = None) -> list[Current]:
    """Return the usage in the newest snapshots. One that cannot be read is left out.

    Raises the store's errors.
    """
    return list(_read(store, store.clusters() if clusters is None else clusters))


def _read(store: Store, clusters: Sequence[str]) -> Iterator[Current]:
    for cluster in clusters:
        key = key_of(cluster, SNAPSHOT)
        if (stored := store.get(key)) is None:
            continue
        try:
            part = documents.decode(stored.body, _Part, store.where(key))
            taken = times.parse(part.generated_at)
        except (BadAnswerError, ValueError) as error:
            _log.warning("snapshot ignored: its open days are missing", extra={"error": str(error)})
            continue
        if part.usage is not None:
            yield current(cluster, taken, part.usage)


def of_raw(cluster: str, generated_at: str, raw: bytes | msgspec.Raw) -> Current | None:
    """Return the usage in the key of a snapshot; None if it cannot be read."""
    try:
        state = msgspec.json.decode(raw, type=UsageState | None)
    except UNREADABLE as error:
        where = f"the key {USAGE} of the snapshot of {cluster or DEFAULT_CLUSTER}"
        text = str(documents.unreadable(where, error))
        _log.warning("usage of open days ignored", extra={"error": text})
        return None
    return current(cluster, times.parse(generated_at), state) if state else None


def current(cluster: str, taken: datetime, state: UsageState) -> Current:
    """Return the usage of a cluster, by the name that its files have."""
    return Current(cluster or DEFAULT_CLUSTER, taken, state)
