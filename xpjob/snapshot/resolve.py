"""Which snapshot somebody means: "newest", a time, a time ago, a key of the store, a file."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

from xpjob.base.errors import NotFoundError, XpjobError
from xpjob.config import parsers
from xpjob.config.settings import Settings
from xpjob.snapshot import archive, documents
from xpjob.snapshot.diff import Slim
from xpjob.store.base import SNAPSHOT, Store, key
from xpjob.store.open import open_reader_store

NEWEST = "newest"
NO_HISTORY = "set HISTORY_KEEP for the job, so that it keeps dated snapshots"


def open_meant(settings: Settings, text: str, now: datetime) -> Slim:
    """Return the snapshot that a text means.

    Raises ``SettingsError`` where a store is needed and there is none, ``NotFoundError`` where
    there is no such snapshot, the store's errors, and ``BadAnswerError`` for what is none.
    """
    path = Path(text)
    if path.is_file():
        try:
            return documents.decode(path.read_bytes(), Slim, text)
        except OSError as error:
            raise XpjobError(f"reading {text}: {error.strerror}; name a snapshot") from error
    store = open_reader_store(settings)
    if moment := _moment(text, now):
        entry = archive.at(archive.entries(store, settings.cluster_name), moment)
        if entry is None:
            where = store.where(key(settings, "history"))
            raise NotFoundError(f"there are no dated snapshots at {where}; {NO_HISTORY}")
        return load(store, entry.key)
    return load(store, key(settings, SNAPSHOT if text == NEWEST else text))


def load(store: Store, name: str) -> Slim:
    """Return a stored snapshot. Raises as ``open_meant`` does."""
    stored = store.get(name)
    if stored is None:
        raise NotFoundError(
            f"there is no snapshot at {store.where(name)}; name a file, a key of the store, a time "
            f"such as 1d or 2026-08-21T09:00:00Z, or {NEWEST}"
        )
    return documents.decode(stored.body, Slim, store.where(name))


def _moment(text: str, now: datetime) -> datetime | None:
    """Return the time that a text says, None where it says none."""
    if re.fullmatch(r"[0-9]{1,9}[smhdw]", text):
        return now - timedelta(seconds=min(parsers.duration(text), 10**9))
    try:
        return documents.moment(text)
    except ValueError:
        return None
