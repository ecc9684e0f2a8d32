"""Read the previous snapshot and report, as far as this run needs them."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from xpjob.base import times
from xpjob.base.errors import BadAnswerError, SupersededError, XpjobError
from xpjob.base.future import is_ahead, set_back
from xpjob.collect.attempt import Attempt
from xpjob.collect.before import Before, Rows
from xpjob.collect.contract import Collector, Collectors
from xpjob.collect.deliver import Delivering
from xpjob.metrics.cumulative import Counters
from xpjob.net.clock import Clock
from xpjob.run.acknowledged import decoded, key_for
from xpjob.snapshot import documents, next_run, sections
from xpjob.snapshot.documents import (
    AnotherClusterError,
    Head,
    NewerSchemaError,
    RawSnapshot,
    RunInfo,
    RunReport,
)
from xpjob.store.base import REPORT, SNAPSHOT, NotAFileError, Store, Stored, key_of
from xpjob.usage.state import UsageState, acknowledged

D = TypeVar("D", bound="Head | RunReport")

Sizes = dict[tuple[str, str, str], int]
"""How many objects each list had, by ``TargetOutcome.scope``."""

_log = logging.getLogger(__name__)


class Previous(Struct, frozen=True):
    """Data of previous runs. Etags are empty if the document does not exist.

    ``head`` is None and ``before`` empty if there is no snapshot. ``groups`` has the API groups
    that were relevant in the previous run, None if unknown. ``usage`` is the state of its counting.
    """

    head: Head | None = None
    before: Mapping[str, Before] = {}
    groups: frozenset[str] | None = None
    etag: str = ""
    report: RunReport | None = None
    report_etag: str = ""
    usage: UsageState | None = None

    @property
    def last_success_at(self) -> str:
        """Return when a run last ended without an error; empty if unknown."""
        return self.report.last_success_at if self.report else ""

    @property
    def history(self) -> int:
        """Return the number of dated snapshots after the previous run."""
        return self.report.history if self.report else 0

    def counters(self) -> Counters:
        """Return a copy of the latest counters, to continue from.

        The report is normally the latest: it is written after the snapshot, and by failed runs.
        """
        latest: Head | RunReport | None = self.report
        if self.head and (
            latest is None
            or times.parse(latest.run.started_at) < times.parse(self.head.run.started_at)
        ):
            latest = self.head
        counters = latest.counters if latest else None
        return copy.deepcopy(counters or Counters()).usable()


def recall(
    store: Store,
    cluster: str,
    run: RunInfo,
    collectors: Collectors,
    attempts: Mapping[str, Attempt],
    *,
    max_age: float,
    sizes: Sizes | None = None,
    clock: Clock | None = None,
) -> Previous:
    """Read the previous snapshot and report. ``sizes`` is filled as soon as they are known.

    If a clock was compared with a server's, times that are in the future by it are set back to now:
    those of a run whose clock was wrong.

    Raises the store's errors, ``NewerSchemaError``, ``AnotherClusterError``, and
    ``SupersededError`` if a run that started after this one has already finished.
    """
    clock = clock or Clock()
    report, stored_report = read(store, cluster, REPORT, RunReport)
    if report and sizes is not None:
        for target in report.targets:
            sizes[target.scope] = max(target.records, sizes.get(target.scope, 0))
    head, stored_head = _read_snapshot(store, cluster, collectors)
    before: dict[str, Before] = {}
    groups: set[str] = set()
    usage = _usage(store, cluster, head)
    if head:
        check_order(head.run, run, store.where(key_of(cluster, SNAPSHOT)), clock.now())
    limit = ""
    if clock.compared and is_misdated(head, report, clock.now()):
        limit = times.rfc3339(clock.now())
        head, report = set_back(head, limit), set_back(report, limit)
    if head:
        _warn_of_dropped(head, collectors)
        for collector in collectors:
            made = replace(
                _before(collector, head, max_age),
                limit=limit,
                delivered=_delivered(store, cluster, collector),
            )
            groups.update(*(_groups(rows) for rows in made.rows.values()))
            attempt = attempts[collector.name]
            recalled = attempt.run("recall", partial(collector.recall, made))
            before[collector.name] = replace(made, rows={}, delivered=None, recalled=recalled)
            for spec in collector.tables:
                setattr(head, spec.key, [])
        head.metrics = head.tables = None  # large, and of no use to this run
    return Previous(
        head,
        before,
        _relevant_groups(head, report, groups),
        stored_head.etag if stored_head else "",
        report,
        stored_report.etag if stored_report else "",
        acknowledged(usage, report.usage_files) if usage and report else usage,
    )


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


def _read_snapshot(
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


def _usage(store: Store, cluster: str, head: Head | None) -> UsageState | None:
    """Return the state of the counting of usage. If it cannot be read, counting begins anew."""
    raw: msgspec.Raw = getattr(head, documents.USAGE, msgspec.Raw(b""))
    if not bytes(raw):
        return None
    setattr(head, documents.USAGE, msgspec.Raw(b""))  # it holds the whole document
    try:
        return msgspec.json.decode(raw, type=UsageState)
    except documents.UNREADABLE as error:
        key = key_of(cluster, SNAPSHOT)
        keep_aside(store, key, documents.unreadable(f"usage in {store.where(key)}", error))
        return None


def _before(collector: Collector, head: Head, max_age: float) -> Before:
    since = next(
        (o.carried_since for o in head.collectors or () if o.collector == collector.name), ""
    )
    return Before(
        # Of a section that was kept, the run that made it is what counts.
        started_at=since or head.run.started_at,
        generated_at=since or head.generated_at,
        state=sections.state_from(collector, head),
        findings=sections.findings_of(collector, head),
        rows={spec.key: getattr(head, spec.key) for spec in collector.tables},
        max_age=max_age,
    )


def _delivered(store: Store, cluster: str, collector: Collector) -> Struct | None:
    """Return what a collector recalls of its deliveries.

    If that cannot be read the inventory is made without it; the delivery then fails, and says why.
    """
    if not isinstance(collector, Delivering) or collector.recalled is None:
        return None
    key = key_for(cluster, collector.name)
    try:
        stored = store.get(key)
        if stored is None:
            return None
        return decoded(stored.body, collector.recalled, store.where(key), cluster)
    except XpjobError as error:
        _log.warning("acknowledgements ignored", extra={"error": str(error)})
        return None


def _warn_of_dropped(head: Head, collectors: Collectors) -> None:
    names = {collector.name for collector in collectors}
    dropped = sorted(table.key for table in head.tables or () if table.collector not in names)
    if dropped:
        _log.warning(
            "tables of collectors that no longer run are dropped", extra={"tables": dropped}
        )


def _groups(rows: Any) -> set[str]:
    if not rows or not hasattr(rows[0], "group"):
        return set()
    return rows.values("group") if isinstance(rows, Rows) else {row.group for row in rows}


def _relevant_groups(
    head: Head | None, report: RunReport | None, groups: set[str]
) -> frozenset[str] | None:
    """Return the relevant API groups: those with rows, and those of failed lists.

    The group of a failed list is relevant even if none of its rows are carried over any more.
    """
    targets = [target for document in (head, report) if document for target in document.targets]
    if not targets and not head:
        return None
    return frozenset(groups).union(
        target.group for target in targets if target.records or (target.error and not target.gone)
    )
