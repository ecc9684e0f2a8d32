"""Which snapshot is named: "newest", a time, a time ago, a key of the store, a file."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

from xpjob.base import times
from xpjob.base.errors import NotFoundError, XpjobError
from xpjob.collect.contract import Collectors
from xpjob.config.option import Config
from xpjob.snapshot import archive, documents, sections
from xpjob.snapshot.documents import RawSnapshot
from xpjob.store import bodies
from xpjob.store.base import SNAPSHOT, Store, key_of
from xpjob.store.open import open_reader_store
from xpjob.store.options import StoreOptions

NEWEST = "newest"
NO_HISTORY = "set HISTORY_KEEP for the job, so that it keeps dated snapshots"


def open_named(config: Config, text: str, now: datetime) -> RawSnapshot:
    """Return the snapshot that a text names.

    Raises ``SettingsError`` where a store is needed and there is none, ``NotFoundError`` where
    there is no such snapshot, the store's errors, and ``BadAnswerError`` for what is not one.
    """
    path = Path(text)
    if path.is_file():
        try:
            with path.open("rb") as file:
                return documents.decode_raw(bodies.whole(file, path.stat().st_size), text)
        except OSError as error:
            raise XpjobError(f"reading {text}: {error.strerror}; name a snapshot") from error
    store, cluster = open_reader_store(config), config[StoreOptions].cluster_name
    if moment := _moment(text, now):
        entry = archive.at(archive.entries(store, cluster), moment)
        if entry is None:
            where = store.where(key_of(cluster, "history"))
            raise NotFoundError(f"there are no dated snapshots at {where}; {NO_HISTORY}")
        return load(store, entry.key)
    return load(store, key_of(cluster, SNAPSHOT if text == NEWEST else text))


def open_described(config: Config, text: str, now: datetime, collectors: Collectors) -> RawSnapshot:
    """Return the snapshot that a text names; one of an old version is described now."""
    raw = open_named(config, text, now)
    return RawSnapshot(sections.upgraded(raw, collectors, text), raw.keys)


def load(store: Store, name: str) -> RawSnapshot:
    """Return a stored snapshot. Raises as ``open_named`` does."""
    stored = store.get(name)
    if stored is None:
        raise NotFoundError(
            f"there is no snapshot at {store.where(name)}; name a file, a key of the store, a time "
            f"such as 1d or 2026-08-21T09:00:00Z, or {NEWEST}"
        )
    return documents.decode_raw(stored.body, store.where(name))


def _moment(text: str, now: datetime) -> datetime | None:
    """Return the time that a text says, None where it says none."""
    if re.fullmatch(r"[0-9]{1,9}[smhdw]", text):
        return now - timedelta(seconds=min(times.duration(text), 10**9))
    try:
        return times.parse(text)
    except ValueError:
        return None
