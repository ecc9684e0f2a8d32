"""Commit the snapshot, store the report, and publish the newest stored document.

The snapshot is the commit point: it is written only if no other run has written since the previous
one was read, so that a slow run never replaces a newer snapshot.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from xpjob.base.errors import ConflictError, SupersededError, XpjobError
from xpjob.collect.contract import Collectors
from xpjob.net.clock import Clock
from xpjob.run.assemble import Facts, NothingError, assemble
from xpjob.run.counting import is_usage, usage_metrics
from xpjob.run.identity import ADVICE, Identified, SharedNameError
from xpjob.run.journal import Journal
from xpjob.run.plan import Gathered
from xpjob.run.previous import Previous, recall
from xpjob.run.previous_documents import Whole, check_order, read
from xpjob.snapshot import documents, next_run, sections
from xpjob.snapshot.documents import Head, RunInfo, RunReport, Snapshot
from xpjob.store.base import REPORT, SNAPSHOT, Store, key_of
from xpjob.usage.state import UsageState

_ATTEMPTS = 12  # more than the number of concurrent runs

D = TypeVar("D", Head, RunReport)

_log = logging.getLogger(__name__)


class NotStoredError(XpjobError):
    """The snapshot could not be stored; ``snapshot`` is that snapshot.

    Its counters of usage are those that are stored: the next run goes on from them, and a counter
    that falls is counted twice.
    """

    def __init__(self, error: XpjobError, snapshot: Snapshot, previous: Previous) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code
        self.snapshot = snapshot
        own = [table for table in snapshot.head.metrics or () if not is_usage(table)]
        if snapshot.head.metrics and len(own) < len(snapshot.head.metrics):
            own += usage_metrics(previous.usage or UsageState())
        snapshot.head.metrics, snapshot.usage = own, previous.usage


def build(
    store: Store,
    journal: Journal,
    gathered: Gathered,
    previous: Previous | None,
    facts: Facts,
    *,
    verify: bool = False,
) -> Snapshot:
    """Assemble the snapshot. Reads the previous one completely if something failed."""
    counters = journal.counters(previous)
    known = previous is not None and previous.head is not None
    whole = Whole(store, facts.cluster, known=known)
    try:
        snapshot = assemble(gathered, previous, whole, facts, counters, verify=verify)
    except NothingError as error:
        journal.collectors(error.outcomes)
        raise
    journal.report.counters = counters
    journal.targets(snapshot.head.targets)
    journal.collectors(snapshot.head.collectors or ())
    return snapshot


def commit(
    store: Store,
    journal: Journal,
    gathered: Gathered,
    previous: Previous,
    facts: Facts,
    collectors: Collectors,
    identified: Identified | None = None,
) -> tuple[Snapshot, str]:
    """Assemble and store the snapshot; return it with its etag.

    If another run has written in the meantime: the snapshot of an older run becomes the previous
    one, and the snapshot is assembled again; a snapshot of this same run, merged by another pod, is
    returned. Raises ``SupersededError`` if the other run is newer, ``SharedNameError`` if it is of
    another cluster, ``NotStoredError`` if storing failed, and other ``XpjobError``s if assembling
    failed.
    """
    key = key_of(facts.cluster, SNAPSHOT)
    attempts = {collected.collector.name: collected.attempt for collected in gathered}
    last: XpjobError | None = None
    verify = False
    for _ in range(_ATTEMPTS):
        snapshot = build(store, journal, gathered, previous, facts, verify=verify)
        try:
            snapshot.next_run = next_run.encode(snapshot.rows, collectors)
            body = documents.storable(snapshot, store.where(key))
            return snapshot, store.put(key, body, replacing=previous.etag)
        except (TypeError, ValueError, RecursionError):
            if verify:
                raise
            # Some collector's part cannot be encoded: that one fails, and the others do not.
            verify = True
            continue
        except ConflictError as conflict:
            last = conflict
        except XpjobError as error:
            raise NotStoredError(error, snapshot, previous) from error
        try:
            previous = recall(
                store,
                facts.cluster,
                facts.run,
                collectors,
                attempts,
                max_age=facts.max_age,
                clock=facts.clock,
            )
            if identified:
                previous = identified.own_of(previous, store, facts.cluster)
            theirs = previous.head
            if theirs and (theirs.run.id, theirs.generated_at) == (
                facts.run.id,
                snapshot.head.generated_at,
            ):
                # An earlier write timed out, but was carried out.
                return snapshot, previous.etag
            if merged := merged_before(store, previous, facts.run, facts.cluster):
                journal.adopt(merged[0].head, merged[0].head.counters)
                return merged
        except (SupersededError, SharedNameError):
            raise
        except XpjobError as error:
            raise NotStoredError(error, snapshot, previous) from error
    raise NotStoredError(_gave_up(last), snapshot, previous)


def merged_before(
    store: Store, previous: Previous, run: RunInfo, cluster: str
) -> tuple[Snapshot, str] | None:
    """Return snapshot and etag if another pod has merged the shards of this run, else None.

    Raises the store's errors.
    """
    if not previous.head or previous.head.run.id != run.id:
        return None
    key = key_of(cluster, SNAPSHOT)
    stored = store.get(key)
    if stored is None:
        return None
    raw = documents.decode_raw(stored.body, store.where(key))
    if raw.head.run.id != run.id:
        return None
    keys = [table.key for table in raw.head.tables or ()]
    return Snapshot(raw.head, sections.undecoded(raw, keys, store.where(key))), stored.etag


def leave_report(
    store: Store,
    cluster: str,
    previous: Previous,
    report: RunReport,
    clock: Clock | None = None,
) -> str:
    """Store the report of a run, and return its etag.

    Raises ``SupersededError`` if a run that started later has stored its report in the meantime,
    and the store's errors.
    """
    key = key_of(cluster, REPORT)
    etag = previous.report_etag
    for _ in range(_ATTEMPTS):
        try:
            return store.put(key, documents.encode(report), replacing=etag)
        except ConflictError as conflict:
            last = conflict
        theirs, stored = read(store, cluster, REPORT, RunReport)
        etag = stored.etag if stored else ""
        if theirs and report.identity and report.identity.differs(theirs.identity):
            raise SharedNameError(
                f"{store.where(key)} now belongs to the cluster {theirs.identity}, and this is "
                f"{report.identity}; {ADVICE}{theirs.identity}"
            )
        # Shards of one run share its id.
        if theirs and (theirs.run.id, theirs.finished_at) == (report.run.id, report.finished_at):
            return etag
        if theirs:
            now = (clock or Clock()).now()
            check_order(theirs.run, report.run, store.where(key), now)
    raise _gave_up(last)


def _gave_up(last: XpjobError | None) -> ConflictError:
    return ConflictError(
        f"gave up after {_ATTEMPTS} conflicts: {last}; find out what else writes there"
    )


def publish_newest(
    store: Store,
    document: D,
    etag: str,
    publish: Callable[[D], None],
    read_newer: Callable[[bytes, str], D],
) -> D:
    """Publish a document that is stored with this etag, and any newer one that replaced it.

    Pushes of two runs may arrive in either order. Each run checks the store after its push, so the
    gateway ends up with the stored document. ``read_newer`` decodes a document of the same type.
    Returns the document that was published last.
    """
    key = key_of(document.cluster, SNAPSHOT if isinstance(document, Head) else REPORT)
    while True:
        publish(document)
        try:
            stored = store.get(key, etag) if etag else None
            if stored is None or stored.unchanged or stored.etag == etag:
                return document
            newer = read_newer(stored.body, store.where(key))
            if newer.cluster != document.cluster:
                return document
            document, etag = newer, stored.etag
        except XpjobError as error:
            _log.warning(
                "store not checked after publishing: a newer run may have been replaced",
                extra={"error": str(error)},
            )
            return document


def head_reader(collectors: Collectors) -> Callable[[bytes, str], Head]:
    """Return a decoder of the heads of snapshots, including version 0.1.0."""

    def read_head(body: bytes, where: str) -> Head:
        return sections.upgraded(documents.decode_raw(body, where), collectors, where)

    return read_head


def read_report(body: bytes, where: str) -> RunReport:
    """Decode a report."""
    return documents.decode(body, RunReport, where)
