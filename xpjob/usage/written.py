"""Write the files of closed days, after the commit, from what was committed.

A file is made once and never changed. Whatever happens between the commit and the file, the next
run writes it, as the day is pending until a run has seen its file.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, timedelta

from msgspec import Struct

from xpjob.base.errors import BadAnswerError, ConflictError, XpjobError
from xpjob.store.base import NotAFileError, Store
from xpjob.usage import files, rows
from xpjob.usage.files import FileKey
from xpjob.usage.rules import KEEP_PENDING
from xpjob.usage.state import Closed

_log = logging.getLogger(__name__)


class Written(Struct):
    """The result: days that are pending no more, conflicts among them, and what failed."""

    acknowledged: list[str] = []
    conflicts: int = 0
    error: XpjobError | None = None


def write_all(store: Store, pending: Sequence[Closed], cluster: str) -> Written:
    """Write the files of pending days, the oldest first.

    The first error ends it: what refuses or delays one file does the same to the others.
    """
    written = Written()
    for closed in sorted(pending, key=lambda each: each.day):
        key = FileKey(date.fromisoformat(closed.day), cluster)
        where = store.where(str(key))
        try:
            if not _write(store, str(key), files.encode(closed, cluster)):
                written.conflicts += 1
                _log.warning(
                    "usage file not written: there is another one for this cluster and day, which "
                    "stays; find out what else writes there (another cluster of the same name, or "
                    "a snapshot that was restored)",
                    extra={"object": where},
                )
        except XpjobError as error:
            until = key.day + timedelta(days=1, seconds=KEEP_PENDING)
            _log.warning(
                f"usage file not written: every run tries it until {until}, then the day is lost",
                extra={"object": where, "error": str(error)},
            )
            written.error = error
            break
        written.acknowledged.append(closed.day)
    return written


def _write(store: Store, key: str, body: bytes) -> bool:
    """Write a file unless there is one; return whether the stored one has this content.

    It is read before: a server that does not heed If-None-Match would replace it.
    """
    if (same := _same(store, key, body)) is not None:
        return same
    try:
        store.put(key, body, replacing="")
    except ConflictError:
        if (same := _same(store, key, body)) is None:
            raise  # removed again
        return same
    return True


def _same(store: Store, key: str, body: bytes) -> bool | None:
    """Return whether a stored file has this content, None if there is none."""
    try:
        stored = store.get(key)
    except NotAFileError:
        return None  # the write renames it, and says so
    if stored is None:
        return None
    return stored.body == body or _content(stored.body) == _content(body)


def _content(body: bytes) -> list[list[str]] | None:
    """Return the rows of a file, whatever compressed it; None if it cannot be read."""
    try:
        return [row for part in rows.read(body, "") for row in part.rows]
    except BadAnswerError:
        return None
