"""One run, told in order: discover and list, remember, store, publish, report."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xpjob.collector import COLLECTORS
from xpjob.crossplane.platform import Platform
from xpjob.crossplane.records import Inventory
from xpjob.crossplane.targets import Plan, Unlistable
from xpjob.deadline import Deadline, share
from xpjob.errors import SupersededError, XpjobError
from xpjob.journal import Journal
from xpjob.kube.api import Api, connect
from xpjob.kube.discovery import discover
from xpjob.listing import Listed, View, list_targets, raise_if_nothing, unlisted
from xpjob.publish import exposition
from xpjob.publish.publisher import Publisher, publishers, refuse_older
from xpjob.series import Shown
from xpjob.settings import Settings
from xpjob.snapshot import archive, model
from xpjob.snapshot.carry import carry, matters
from xpjob.snapshot.history import History
from xpjob.snapshot.memory import Memory, commit, leave_report, publish_newest, read_whole, remember
from xpjob.snapshot.model import RunInfo, RunReport, Snapshot
from xpjob.snapshot.store import MemoryStore, Store
from xpjob.snapshot.stores import open_store
from xpjob.threads import begin
from xpjob.transport import Timeouts

# Parts of the time that is left when a phase begins: what comes after it needs some too.
_REMEMBERING, _PLANNING, _LISTING = 1 / 4, 1 / 3, 3 / 4
_STORING, _PUBLISHING, _ARCHIVING, _REPORTING = 1 / 2, 2 / 3, 1 / 3, 1 / 2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run. ``errors`` is empty where all went well; partial is no error."""

    report: RunReport
    snapshot: Snapshot | None
    errors: Sequence[XpjobError]


def run(
    settings: Settings,
    view: View,
    *,
    journal: Journal | None = None,
    dry_run: bool = False,
    deadline: Deadline | None = None,
) -> Result:
    """Do one run. Errors of ours end up in the result, but for ``SettingsError`` at the start.

    A dry run lists everything, and reads and writes neither store nor publisher. When the time of
    the deadline is nearly up, or a signal comes, what is unfinished is carried over, and what is
    there is stored and published.
    """
    deadline = deadline or Deadline(settings.run_deadline_seconds)
    with deadline.running():
        return _run(settings, view, journal or Journal(settings.cluster_name), dry_run=dry_run)


class _Found(NamedTuple):
    plans: Sequence[Plan]
    platform: Platform
    listed: list[Listed]


def _run(settings: Settings, view: View, journal: Journal, *, dry_run: bool) -> Result:
    api = _connect(settings)
    sinks = () if dry_run else publishers(settings)
    store: Store = MemoryStore()
    memory = found = snapshot = None
    _warn_of_gaps(settings, dry_run=dry_run)
    # The store answers while the API server does.
    recalled = begin(lambda: _recall(settings, journal.run, dry_run=dry_run))
    try:
        with journal.tolerating():
            found = _look(journal, api, settings, view)
        with journal.phase("remember"), journal.tolerating():
            store, memory = recalled()
            journal.report.last_success_at = memory.last_success_at
            journal.report.history = memory.dated
        if found:
            _note(journal, found, memory)
            with journal.phase("store"), share(_STORING):
                snapshot, etag = _store(journal, store, settings, memory, found)
            if memory is None and journal.report.partial:
                _log.warning(
                    "inventory not published: lists failed, and what they had is not known"
                )
            elif sinks:
                with journal.phase("publish"), share(_PUBLISHING):
                    if not etag:
                        refuse_older(sinks, journal.run)
                    _publish(journal, store, settings, snapshot, etag, sinks)
            if settings.history_keep and etag:
                with journal.phase("history"), share(_ARCHIVING, until_stopped=True):
                    kept = archive.keep(store, settings, snapshot, etag)
                    journal.report.history = kept or journal.report.history
    except XpjobError as error:
        journal.fail(error)
    if not journal.superseded:
        _report(journal, store, settings, memory, sinks)
    return Result(journal.close(), snapshot, journal.errors)


def _recall(settings: Settings, run: RunInfo, *, dry_run: bool) -> tuple[Store, Memory]:
    with share(_REMEMBERING, until_stopped=True):
        store = MemoryStore() if dry_run else open_store(settings)
        return store, remember(store, settings, run)


def _look(journal: Journal, api: Api, settings: Settings, view: View) -> _Found:
    with share(_LISTING, until_stopped=True):
        with journal.phase("discover"):
            plans, platform = _plans(api, settings)
        with journal.phase("list"):
            work = list(zip(COLLECTORS, plans, strict=True))
            return _Found(plans, platform, list_targets(work, api, settings, view))


def _note(journal: Journal, found: _Found, memory: Memory | None) -> None:
    """Note what was found. Raises an ``XpjobError`` where that is nothing: all lists failed."""
    groups = memory.history.groups if memory and memory.snapshot else None
    found.listed.extend(unlisted(item) for plan in found.plans for item in _mattering(plan, groups))
    journal.listed(found.listed)
    journal.report.namespace_configs = sum(plan.namespace_configs for plan in found.plans)
    journal.report.malformed_configs = sum(plan.malformed_configs for plan in found.plans)
    raise_if_nothing(found.listed, known_before=bool(memory and memory.snapshot))


def _mattering(plan: Plan, groups: Collection[str] | None) -> Iterator[Unlistable]:
    for item in plan.unlistable:
        if matters(item.gvr, groups, len(plan.targets)):
            yield item


def plan_targets(settings: Settings) -> Plan:
    """Return what a run would list. Raises what stands in the way of finding out."""
    api = _connect(settings)
    catalogue = discover(api, settings.concurrency)
    plans = [collector.plan(api, settings, catalogue) for collector in COLLECTORS]
    return Plan(
        tuple(target for plan in plans for target in plan.targets),
        tuple(item for plan in plans for item in _mattering(plan, None)),
        sum(plan.namespace_configs for plan in plans),
        sum(plan.malformed_configs for plan in plans),
    )


def _connect(settings: Settings) -> Api:
    timeouts = Timeouts(settings.connect_timeout_seconds, settings.request_timeout_seconds)
    return connect(settings.kubeconfig, settings.context, timeouts, settings.concurrency)


def _warn_of_gaps(settings: Settings, *, dry_run: bool) -> None:
    if dry_run or settings.store_backend != "memory":
        return
    if settings.s3_bucket or settings.store_dir or settings.history_keep:
        _log.warning("S3_BUCKET, STORE_DIR and HISTORY_KEEP need another STORE_BACKEND than memory")
    if not (settings.pushgateway_url or settings.publish):
        _log.warning("nothing is kept: set PUSHGATEWAY_URL, or STORE_BACKEND, or use --dry-run")


def _plans(api: Api, settings: Settings) -> tuple[list[Plan], Platform]:
    catalogue = discover(api, settings.concurrency)
    with share(_PLANNING):
        plans = [collector.plan(api, settings, catalogue) for collector in COLLECTORS]
    with share(_PLANNING):
        platform = Platform.joined(
            collector.platform(api, settings, catalogue, plan)
            for collector, plan in zip(COLLECTORS, plans, strict=True)
        )
    return plans, platform


def _store(
    journal: Journal,
    store: Store,
    settings: Settings,
    memory: Memory | None,
    found: _Found,
) -> tuple[Snapshot, str]:
    """Make the snapshot and store it: from then on it is what the cluster is known to hold.

    Returns it with its etag, "" where it is not stored.
    Where there is no memory the store could not be read, so it must not be written either.
    """

    def build(memory: Memory | None) -> Snapshot:
        journal.report.counters = journal.counters(memory)
        past = None
        if memory and memory.snapshot and journal.report.partial:
            past = read_whole(store, settings)
        return _build(journal, settings, memory, past, found)

    if memory is None:
        return build(None), ""
    started = time.monotonic()
    with journal.tolerating():
        stored = commit(store, settings, memory, build)
        if journal.report.counters and not isinstance(store, MemoryStore):
            journal.report.counters.persist_duration.observe(time.monotonic() - started)
        return stored
    return build(memory), ""


def _build(
    journal: Journal,
    settings: Settings,
    memory: Memory | None,
    past: Snapshot | None,
    found: _Found,
) -> Snapshot:
    """Make the snapshot. ``past`` is the whole of the previous one, if there is to carry."""
    report = journal.report
    records = [record for item in found.listed for record in item.records]
    generated_at = model.rfc3339(model.now())
    if past:
        records += carry(past, report.targets, generated_at, settings.carry_max_age_seconds)
    for collector in COLLECTORS:
        records = collector.link(records)
    previous, history = (memory.snapshot, memory.history) if memory else (None, History())
    history.complete(records, generated_at)
    known = previous.findings if previous else ()
    findings = [
        finding
        for collector in COLLECTORS
        for finding in collector.findings(records, report.targets, known, generated_at, settings)
    ]
    by_class = Inventory.of(records)
    return Snapshot(
        generated_at=generated_at,
        cluster=settings.cluster_name,
        run=journal.run,
        targets=report.targets,
        counters=copy.deepcopy(report.counters),
        time_to_ready=history.times_to_ready(records) if memory else None,
        namespace_configs=report.namespace_configs,
        claims=by_class.claims,
        xrs=by_class.xrs,
        mrs=by_class.mrs,
        findings=findings,
        platform=found.platform.completed(previous.platform) if previous else found.platform,
        shown=Shown(
            max_series=settings.max_series,
            per_object=settings.per_object_metrics,
            extra_labels=tuple(extra.name for extra in settings.extra_labels),
        ),
    )


def _publish(
    journal: Journal,
    store: Store,
    settings: Settings,
    snapshot: Snapshot,
    etag: str,
    sinks: Sequence[Publisher],
) -> None:
    """Publish the inventory. Raises ``SupersededError`` when a newer run has stored meanwhile."""

    def publish(found: Snapshot) -> None:
        registry = exposition.registry(exposition.inventory(found))
        _to_each(journal, sinks, lambda sink: sink.publish_inventory(registry))

    newest = publish_newest(store, settings, snapshot, etag, publish)
    if newest is not snapshot:
        raise SupersededError(
            f"superseded: run {newest.run.id}, started {newest.run.started_at}, has stored while "
            "this one published; its inventory was published again"
        )


def _to_each(
    journal: Journal, sinks: Sequence[Publisher], action: Callable[[Publisher], None]
) -> None:
    """Let every sink have its part of the time, whatever the others do."""
    for number, sink in enumerate(sinks):
        with journal.tolerating(), share(1 / (len(sinks) - number)):
            action(sink)


def _report(
    journal: Journal,
    store: Store,
    settings: Settings,
    memory: Memory | None,
    sinks: Sequence[Publisher],
) -> None:
    """Leave the outcome of the run, also of a failed one, where people look for it."""
    if journal.report.counters is None:
        journal.report.counters = journal.counters(memory)
    report = journal.close()
    etag = ""
    if memory is not None:
        try:
            with share(_REPORTING):
                etag = leave_report(store, settings, memory, report)
        except SupersededError as error:
            journal.fail(error)
            return
        except XpjobError as error:
            # The snapshot is what counts; without this the counters have missed one run.
            _log.warning("the run's report was not stored", extra={"error": str(error)})

    def publish(found: RunReport) -> None:
        registry = exposition.registry(exposition.outcome(found))
        whole = bool(found.last_success_at and found.counters)
        _to_each(journal, sinks, lambda sink: sink.publish_outcome(registry, whole=whole))

    if sinks:
        publish_newest(store, settings, report, etag, publish)
