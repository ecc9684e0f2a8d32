"""Read the previous snapshot and report, as far as this run needs them."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from xpjob.base import times
from xpjob.base.errors import XpjobError
from xpjob.base.future import set_back
from xpjob.collect.attempt import Attempt
from xpjob.collect.before import Before, Rows
from xpjob.collect.contract import Collector, Collectors
from xpjob.collect.deliver import Delivering
from xpjob.metrics.cumulative import Counters
from xpjob.net.clock import Clock
from xpjob.run.acknowledged import decoded, key_for
from xpjob.run.previous_documents import check_order, is_misdated, keep_aside, read, read_snapshot
from xpjob.snapshot import documents, sections
from xpjob.snapshot.documents import (
    Head,
    RunInfo,
    RunReport,
)
from xpjob.store.base import REPORT, SNAPSHOT, Store, key_of
from xpjob.usage.state import UsageState, acknowledged

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
    head, stored_head = read_snapshot(store, cluster, collectors)
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
