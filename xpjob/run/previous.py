"""What a run remembers of those before it, and how it commits its own snapshot.

The snapshot is the commit point: it is written on condition that nobody else has written since
it was read, so that a slow run never replaces a newer one.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from xpjob.base.errors import BadAnswerError, ConflictError, SupersededError, XpjobError
from xpjob.collectors.crossplane.records import Placed
from xpjob.collectors.crossplane.timeline import History
from xpjob.config.settings import Settings
from xpjob.metrics.cumulative import Counters
from xpjob.snapshot import documents
from xpjob.snapshot.documents import (
    NewerSchemaError,
    PastSnapshot,
    RawSnapshot,
    RunInfo,
    RunReport,
    Snapshot,
    moment,
)
from xpjob.store.base import REPORT, SNAPSHOT, Store, Stored
from xpjob.store.base import key as store_key

_COMMIT_ATTEMPTS = 12  # more runs than ever are under way at once

D = TypeVar("D", Snapshot, PastSnapshot, RawSnapshot, RunReport)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known from before: the previous snapshot and report, each with its etag, if any.

    The snapshot has no records: what is worth remembering of them is the history.
    """

    snapshot: PastSnapshot | None = None
    history: History = field(default_factory=History, repr=False)
    snapshot_etag: str = ""
    report: RunReport | None = None
    report_etag: str = ""

    @property
    def last_success_at(self) -> str:
        """Return when a run last ended without an error, empty where that is not known."""
        return self.report.last_success_at if self.report else ""

    @property
    def dated(self) -> int:
        """Return how many dated snapshots there were when a run last looked."""
        return self.report.history if self.report else 0

    @property
    def groups(self) -> frozenset[str] | None:
        """Return the API groups that the run before had to do with; None where nothing is known.

        A list that failed had to do with its group, also where nothing is kept of it any more.
        """
        known = [document for document in (self.snapshot, self.report) if document]
        targets = [target for document in known for target in document.targets]
        if not targets and not self.snapshot:
            return None
        mattered = (t.group for t in targets if t.records or (t.error and not t.gone))
        return self.history.groups.union(mattered)

    def counters(self) -> Counters:
        """Return a copy of the counters to go on from: those that the later run has written.

        The report is written after the snapshot, and by failed runs too, so it knows more.
        """
        latest: Snapshot | RunReport | None = self.report
        if self.snapshot and (
            latest is None or moment(latest.run.started_at) < moment(self.snapshot.run.started_at)
        ):
            latest = self.snapshot
        counters = latest.counters if latest else None
        return copy.deepcopy(counters or Counters()).usable()


def remember(store: Store, settings: Settings, run: RunInfo) -> Memory:
    """Read what the run before has left.

    Raises the store's errors, ``NewerSchemaError``, and ``SupersededError`` when a run that
    started after this one has finished already.
    """
    snapshot, held = _read(store, settings, SNAPSHOT, PastSnapshot)
    if snapshot:
        _check_order(snapshot.run, run, store.where(store_key(settings, SNAPSHOT)))
    report, left = _read(store, settings, REPORT, RunReport)
    history = History(snapshot)
    if snapshot:
        snapshot.claims, snapshot.xrs, snapshot.mrs = [], [], []
    etags = [stored.etag if stored else "" for stored in (held, left)]
    return Memory(snapshot, history, etags[0], report, etags[1])


def read_records(
    store: Store, settings: Settings, wanted: Callable[[Placed, str], bool]
) -> Snapshot | None:
    """Return the previous snapshot with the records that are wanted: only failed lists need any.

    One that cannot be read is kept aside, and counts as none. Raises the store's errors.
    """
    key = store_key(settings, SNAPSHOT)
    snapshot, _ = _read(store, settings, SNAPSHOT, RawSnapshot)
    try:
        return snapshot and snapshot.with_records(wanted, store.where(key))
    except BadAnswerError as error:
        _keep_aside(store, key, error)
        return None


def merged_before(
    store: Store, settings: Settings, memory: Memory, run: RunInfo
) -> tuple[Snapshot, str] | None:
    """Return the snapshot and its etag where another pod has merged the shards of this very run.

    None where it has not. Raises the store's errors.
    """
    if not memory.snapshot or memory.snapshot.run.id != run.id:
        return None
    snapshot, held = _read(store, settings, SNAPSHOT, Snapshot)
    return (snapshot, held.etag) if snapshot and held and snapshot.run.id == run.id else None


def commit(
    store: Store, settings: Settings, memory: Memory, build: Callable[[Memory], Snapshot]
) -> tuple[Snapshot, str]:
    """Store the snapshot that ``build`` makes, and return it with its etag.

    Where another run has written meanwhile, an older run's snapshot becomes the new memory and
    ``build`` is called again; one of this very run, merged by another pod, is what is returned.
    Raises ``SupersededError`` when the other run is newer, ``ConflictError`` when the others do not
    stop, ``XpjobError`` when nobody would read it, and the store's errors.
    """
    key = store_key(settings, SNAPSHOT)
    for _ in range(_COMMIT_ATTEMPTS):
        snapshot = build(memory)
        run = snapshot.run
        try:
            etag = store.put(
                key,
                documents.storable(snapshot, store.where(key)),
                replacing=memory.snapshot_etag,
            )
            return snapshot, etag
        except ConflictError as conflict:
            last = conflict
        memory = remember(store, settings, run)
        theirs = memory.snapshot
        if theirs and (theirs.run.id, theirs.generated_at) == (run.id, snapshot.generated_at):
            # A write that timed out had been carried out all the same.
            return snapshot, memory.snapshot_etag
        if merged := merged_before(store, settings, memory, run):
            return merged
    raise ConflictError(f"gave up after {_COMMIT_ATTEMPTS} conflicts: {last}; see who else writes")


def leave_report(store: Store, settings: Settings, memory: Memory, report: RunReport) -> str:
    """Store how a run ended, and return the etag of that.

    Raises ``SupersededError`` when a run that started later has left its report meanwhile, and
    the store's errors.
    """
    key = store_key(settings, REPORT)
    etag = memory.report_etag
    for _ in range(_COMMIT_ATTEMPTS):
        try:
            return store.put(key, documents.encode(report), replacing=etag)
        except ConflictError as conflict:
            last = conflict
        theirs, held = _read(store, settings, REPORT, RunReport)
        etag = held.etag if held else ""
        # Shards of one run have its id in common.
        if theirs and (theirs.run.id, theirs.finished_at) == (report.run.id, report.finished_at):
            return etag
        if theirs:
            _check_order(theirs.run, report.run, store.where(key))
    raise ConflictError(f"gave up after {_COMMIT_ATTEMPTS} conflicts: {last}; see who else writes")


def publish_newest(
    store: Store, settings: Settings, document: D, etag: str, publish: Callable[[D], None]
) -> D:
    """Publish a document that was stored with that etag, and what has replaced it meanwhile.

    Pushes of two runs may arrive in either order. Whoever pushes last looks at the store after
    that, so what stands on the gateway in the end is what stands in the store. Returns what was
    published last.
    """
    key = store_key(settings, SNAPSHOT if isinstance(document, Snapshot) else REPORT)
    while True:
        publish(document)
        try:
            held = store.get(key, etag) if etag else None
            if held is None or held.unchanged or held.etag == etag:
                return document
            newer = documents.decode(held.body, type(document), store.where(key))
            if newer.cluster != document.cluster:
                return document
            document, etag = newer, held.etag
        except XpjobError as error:
            _log.warning(
                "it is not known whether a newer run was overtaken while this one published",
                extra={"error": str(error)},
            )
            return document


def _read(
    store: Store, settings: Settings, name: str, kind: type[D]
) -> tuple[D | None, Stored | None]:
    """Return a document, and as it is stored.

    One that cannot be read is kept aside, and counts as none.
    """
    key = store_key(settings, name)
    held = store.get(key)
    if held is None:
        return None, None
    try:
        return documents.decode_own(held.body, kind, store.where(key), settings.cluster_name), held
    except NewerSchemaError:
        raise
    except BadAnswerError as error:
        _keep_aside(store, key, error)
        return None, held


def _keep_aside(store: Store, key: str, error: BadAnswerError) -> None:
    aside = f"{key}.unreadable"
    _log.warning(
        "going on as if this document were not there; it is kept aside",
        extra={"error": str(error), "kept": store.where(aside)},
    )
    store.copy(key, aside)


def _check_order(theirs: RunInfo, ours: RunInfo, where: str) -> None:
    if theirs.id == ours.id or moment(theirs.started_at) <= moment(ours.started_at):
        return
    if moment(theirs.started_at) > documents.now():
        _log.warning(
            "the previous run's start lies in the future: one of the two clocks is wrong",
            extra={"previous_started_at": theirs.started_at, "object": where},
        )
        return
    raise SupersededError(
        f"superseded: run {theirs.id}, started {theirs.started_at}, has already stored {where}; "
        f"this run started {ours.started_at} and leaves it alone"
    )
