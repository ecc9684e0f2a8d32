"""One run, told in order: discover and list, remember, store, publish, report."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from xpjob.base.errors import SupersededError, XpjobError
from xpjob.collect.fetch import View, raise_if_nothing, unlisted
from xpjob.config.settings import Settings
from xpjob.net.deadline import Deadline, share
from xpjob.net.threads import begin
from xpjob.publish import exposition
from xpjob.publish.publisher import Publisher, publishers, refuse_older
from xpjob.run import gather, shard_parts
from xpjob.run.assemble import assemble
from xpjob.run.journal import Journal
from xpjob.run.previous import (
    Memory,
    commit,
    leave_report,
    merged_before,
    publish_newest,
    read_records,
    remember,
)
from xpjob.snapshot import archive
from xpjob.snapshot.carry import Gaps
from xpjob.snapshot.documents import RunInfo, RunReport, Snapshot
from xpjob.store.base import MemoryStore, Store
from xpjob.store.open import open_store

# Parts of the time that is left when a phase begins: what comes after it needs some too.
_REMEMBERING, _STORING, _PUBLISHING, _ASKING = 1 / 4, 1 / 2, 2 / 3, 1 / 3
_ARCHIVING, _REMOVING, _REPORTING = 1 / 3, 1 / 3, 1 / 2

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


def _run(settings: Settings, view: View, journal: Journal, *, dry_run: bool) -> Result:
    api = gather.connected(settings)
    sinks = () if dry_run else publishers(settings)
    store: Store = MemoryStore()
    memory = found = snapshot = None
    shard = None if dry_run else settings.shard
    if shard:
        journal.run.id = shard_parts.run_id(settings.shard_generation)
    _warn_of_gaps(settings, dry_run=dry_run)
    opened = begin(lambda: MemoryStore() if dry_run else open_store(settings))
    # The store answers while the API server does. Of shards, only the one that merges asks it.
    remembering = partial(_recall, opened, settings, journal.run)
    recalled = remembering if shard else begin(remembering)
    try:
        with journal.tolerating():
            if shard:
                found = gather.together(journal, api, opened, settings, shard, view)
            else:
                found = gather.alone(journal, api, settings, view)
        # What concerns all shards is for the one that merges them, or else for the first.
        if shard and not found and not (shard.index == 0 and journal.errors):
            return Result(journal.close(), None, journal.errors)
        with journal.phase("remember"), journal.tolerating():
            store, memory = recalled()
            journal.report.last_success_at = memory.last_success_at
            journal.report.history = memory.dated
        merged = memory and memory.snapshot and memory.snapshot.run.id == journal.run.id
        if shard and merged and not found:  # others have told how it went
            return Result(journal.close(), None, journal.errors)
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
                        with share(_ASKING):
                            refuse_older(sinks, journal.run, "inventory")
                    _publish(journal, store, settings, snapshot, etag, sinks)
            if settings.history_keep and etag:
                with journal.phase("history"), share(_ARCHIVING, until_stopped=True):
                    kept = archive.keep(store, settings, snapshot, etag)
                    journal.report.history = kept or journal.report.history
            if shard and etag:
                with share(_REMOVING, until_stopped=True):
                    shard_parts.remove_older(store, settings, journal.run, memory)
    except XpjobError as error:
        journal.fail(error)
    if not journal.superseded:
        _report(journal, store, settings, memory, sinks)
    return Result(journal.close(), snapshot, journal.errors)


def _recall(opened: Callable[[], Store], settings: Settings, run: RunInfo) -> tuple[Store, Memory]:
    with share(_REMEMBERING, until_stopped=True):
        store = opened()
        return store, remember(store, settings, run)


def _note(journal: Journal, found: gather.Found, memory: Memory | None) -> None:
    """Note what was found. Raises an ``XpjobError`` where that is nothing: all lists failed."""
    groups = memory.groups if memory else None
    found.listed.extend(
        unlisted(item) for plan in found.plans for item in gather.mattering(plan, groups)
    )
    journal.listed(found.listed)
    journal.report.namespace_configs = sum(plan.namespace_configs for plan in found.plans)
    journal.report.malformed_configs = sum(plan.malformed_configs for plan in found.plans)
    raise_if_nothing(found.listed, known_before=bool(memory and memory.snapshot))


def _warn_of_gaps(settings: Settings, *, dry_run: bool) -> None:
    if dry_run or settings.store_backend != "memory":
        return
    if settings.s3_bucket or settings.store_dir or settings.history_keep:
        _log.warning("S3_BUCKET, STORE_DIR and HISTORY_KEEP need another STORE_BACKEND than memory")
    if not (settings.pushgateway_url or settings.publish):
        _log.warning("nothing is kept: set PUSHGATEWAY_URL, or STORE_BACKEND, or use --dry-run")


def _store(
    journal: Journal,
    store: Store,
    settings: Settings,
    memory: Memory | None,
    found: gather.Found,
) -> tuple[Snapshot, str]:
    """Make the snapshot and store it: from then on it is what the cluster is known to hold.

    Returns it with its etag, "" where it is not stored.
    Where there is no memory the store could not be read, so it must not be written either.
    """
    built: list[Snapshot] = []

    def build(memory: Memory | None) -> Snapshot:
        journal.report.counters = journal.counters(memory)
        past = None
        if memory and memory.snapshot and journal.report.partial:
            past = read_records(store, settings, Gaps(journal.report.targets).concern)
        built[:] = [assemble(journal, settings, memory, past, found.listed, found.platform)]
        return built[0]

    if memory is None:
        return build(None), ""
    if merged := merged_before(store, settings, memory, journal.run):
        journal.adopt(merged[0], memory.counters())
        return merged
    started = time.monotonic()
    try:
        stored = commit(store, settings, memory, build)
    except SupersededError:
        raise
    except XpjobError as error:
        if not built:
            raise
        journal.fail(error)
        return built[0], ""
    if stored[0].targets is not journal.report.targets:
        journal.adopt(stored[0], stored[0].counters)
    if journal.report.counters and not isinstance(store, MemoryStore):
        journal.report.counters.persist_duration.observe(time.monotonic() - started)
    return stored


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
    try:
        etag = _left(store, settings, memory, report)
        if sinks and not etag:
            with share(_ASKING):
                refuse_older(sinks, journal.run, "outcome")
    except SupersededError as error:
        journal.fail(error)
        return

    def publish(found: RunReport) -> None:
        registry = exposition.registry(exposition.outcome(found))
        whole = bool(found.last_success_at and found.counters)
        _to_each(journal, sinks, lambda sink: sink.publish_outcome(registry, whole=whole))

    if sinks:
        publish_newest(store, settings, report, etag, publish)


def _left(store: Store, settings: Settings, memory: Memory | None, report: RunReport) -> str:
    """Return the etag of the report that was left, "" where none was.

    Raises ``SupersededError`` where a newer run has left its own.
    """
    if memory is None:
        return ""
    try:
        with share(_REPORTING):
            return leave_report(store, settings, memory, report)
    except SupersededError:
        raise
    except XpjobError as error:
        # The snapshot is what counts; without this the counters have missed one run.
        _log.warning("the run's report was not stored", extra={"error": str(error)})
        return ""
