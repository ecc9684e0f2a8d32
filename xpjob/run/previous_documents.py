"""Read the documents of the previous run, and say which run is the newer one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from xpjob.base import times
from xpjob.base.errors import BadAnswerError, SupersededError, XpjobError
from xpjob.base.future import is_ahead
from xpjob.collect.contract import Collectors
from xpjob.snapshot import documents, next_run, sections
from xpjob.snapshot.documents import (
    AnotherClusterError,
    Head,
    NewerSchemaError,
    RawSnapshot,
    RunInfo,
    RunReport,
)
from xpjob.store.base import SNAPSHOT, NotAFileError, Store, Stored, key_of

_log = logging.getLogger(__name__)

D = TypeVar("D", bound="Head | RunReport")


class Whole:
    """The previous snapshot with all rows, read when it is first needed: when something failed.

    ``known``: there is one.
    """

    def __init__(self, store: Store, cluster: str, *, known: bool) -> None:
        self._store, self._cluster = store, cluster
        self._pending = known
        self._raw: RawSnapshot | None = None
        self._error: XpjobError | None = None
        self._kept = False

    def read(self) -> RawSnapshot | None:
        """Return it, None if there is none or it is unreadable. Raises the store's errors."""
        if self._pending:
            self._pending = False
            try:
                self._raw = read_whole(self._store, self._cluster)
            except XpjobError as error:
                self._error = error
        if self._error:
            raise self._error
        return self._raw

    @property
    def where(self) -> str:
        """Return where it is, for messages."""
        return self._store.where(key_of(self._cluster, SNAPSHOT))

    def keep_aside(self, error: BadAnswerError) -> None:
        """Keep a copy of it, as a part of it cannot be read."""
        if not self._kept:
            keep_aside(self._store, key_of(self._cluster, SNAPSHOT), error)
            self._kept = True


def read_whole(store: Store, cluster: str) -> RawSnapshot | None:
    """Return the complete previous snapshot, which is needed only if something failed.

    None if there is none, or if it is unreadable, after copying it. Raises the store's errors.
    """
    key = key_of(cluster, SNAPSHOT)
    stored = store.get(key)
    if stored is None:
        return None
    try:
        raw = documents.decode_raw(stored.body, store.where(key))
    except NewerSchemaError:
        raise
    except BadAnswerError as error:
        keep_aside(store, key, error)
        return None
    return raw if raw.head.cluster == cluster else None


def read(store: Store, cluster: str, name: str, kind: type[D]) -> tuple[D | None, Stored | None]:
    """Return a document, decoded and as stored.

    An unreadable document is copied, and then treated as missing; so is what is not a file, which
    the next write renames.
    """
    key = key_of(cluster, name)
    stored = _found(store.get, key)
    return _decoded(store, cluster, key, stored, kind) if stored else None, stored


def _found(get: Callable[[str], Stored | None], key: str) -> Stored | None:
    try:
        return get(key)
    except NotAFileError as error:
        _log.warning("unreadable document ignored", extra={"error": str(error)})
        return None


def _decoded(store: Store, cluster: str, key: str, stored: Stored, kind: type[D]) -> D | None:
    try:
        return documents.decode_own(stored.body, kind, store.where(key), cluster)
    except (NewerSchemaError, AnotherClusterError):
        raise
    except BadAnswerError as error:
        keep_aside(store, key, error)
        return None


def keep_aside(store: Store, key: str, error: BadAnswerError) -> None:
    """Copy an unreadable document before it is replaced."""
    aside = f"{key}.unreadable"
    _log.warning(
        "unreadable document ignored; copy kept",
        extra={"error": str(error), "kept": store.where(aside)},
    )
    store.copy(key, aside)


def is_misdated(head: Head | None, report: RunReport | None, now: datetime) -> bool:
    """Return whether a document of the previous run is from the future."""
    moments = [head.generated_at, head.run.started_at] if head else []
    if report:
        moments += [report.finished_at, report.run.started_at, report.last_success_at]
    return any(is_ahead(moment, now) for moment in moments)


def check_order(theirs: RunInfo, ours: RunInfo, where: str, now: datetime) -> None:
    """Raise ``SupersededError`` if the stored document is of a run that started after ours.

    One that started after ``now`` had a wrong clock, and is not newer.
    """
    if theirs.id == ours.id or times.parse(theirs.started_at) <= times.parse(ours.started_at):
        return
    if times.parse(theirs.started_at) > now:
        _log.warning(
            "previous run started in the future: check the clocks of the nodes",
            extra={"previous_started_at": theirs.started_at, "object": where},
        )
        return
    raise SupersededError(
        f"superseded: run {theirs.id}, started {theirs.started_at}, has already stored {where}; "
        f"this run started {ours.started_at}, and does not replace it"
    )


def read_snapshot(
    store: Store, cluster: str, collectors: Collectors
) -> tuple[Head | None, Stored | None]:
    """Read the previous snapshot with the rows that the collectors need.

    The first line has them, if it is of a version that stores them there. Where a collector's part
    is unreadable, the document is copied, and that collector starts anew; the others keep theirs.
    """
    key, kind = key_of(cluster, SNAPSHOT), sections.previous_type(collectors)
    stored = _found(store.first_line, key)
    if stored is None:
        return None, None
    if head := _of_line(stored, kind, store.where(key), cluster, collectors):
        return head, stored
    stored = _found(store.get, key)
    if stored is None:
        return None, None
    where = store.where(key)
    head = _decoded(store, cluster, key, stored, kind)
    if head:
        return head, stored
    try:
        raw = documents.decode_raw(stored.body, where)
        documents.check_cluster(raw.head, where, cluster)
    except BadAnswerError:
        return None, stored
    return sections.read_what_can_be(raw, collectors), stored


def _of_line(
    stored: Stored, kind: type[Head], where: str, cluster: str, collectors: Collectors
) -> Head | None:
    """Return what the first line of a snapshot has, None if it has not all that is needed."""
    rows = next_run.decode(stored.body, collectors)
    if rows is None:
        return None
    try:
        head = documents.decode_own(next_run.document_of(stored.body), kind, where, cluster)
    except (NewerSchemaError, AnotherClusterError):
        raise
    except BadAnswerError:
        return None
    head.metrics = []  # they are in the second line
    for key, some in rows.items():
        setattr(head, key, some)
    return head
