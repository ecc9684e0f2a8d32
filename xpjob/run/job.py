"""The sequence of a run: gather, recall the previous run, commit, publish, report."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from xpjob.base.errors import SettingsError, SupersededError, XpjobError
from xpjob.collect.contract import Collectors, check_collectors
from xpjob.collect.deliver import Delivering
from xpjob.collect.fetch import Progress
from xpjob.config.option import Config
from xpjob.kube.api import Api
from xpjob.kube.connect import by_service_account, preload
from xpjob.kube.identity import Identity, identify
from xpjob.kube.options import KubeOptions
from xpjob.net.clock import Clock
from xpjob.net.deadline import Deadline
from xpjob.net.threads import begin
from xpjob.publish.options import PublishOptions
from xpjob.publish.publisher import publishers
from xpjob.run import budget, commit, publish, shards
from xpjob.run.context import Job
from xpjob.run.deliver import deliver_all
from xpjob.run.gather import gather, raise_if_nothing, with_unlistable
from xpjob.run.journal import Journal
from xpjob.run.options import RunOptions, ShardOptions
from xpjob.run.plan import Gathered, attempts_of, connected
from xpjob.run.previous import Previous, Sizes, recall
from xpjob.run.previous_documents import is_misdated
from xpjob.snapshot import archive
from xpjob.snapshot.documents import Head, RunReport, Snapshot
from xpjob.store.base import MemoryStore, Store
from xpjob.store.open import open_store
from xpjob.store.options import StoreOptions
from xpjob.usage.state import UsageState
from xpjob.usage.written import Written, write_all

_log = logging.getLogger(__name__)


class Result(Struct, frozen=True):
    """The result of a run. ``errors`` is empty on success; a partial run is not an error."""

    report: RunReport
    snapshot: Snapshot | None
    errors: Sequence[XpjobError]


def run(
    config: Config,
    collectors: Collectors,
    progress: Progress,
    *,
    journal: Journal | None = None,
    dry_run: bool = False,
    deadline: Deadline | None = None,
) -> Result:
    """Do one run. Errors are in the result, except for a ``SettingsError`` at the start.

    A dry run lists everything, but does not use the store and the publishers. Shortly before the
    deadline, or after a signal, unfinished lists are carried over, and the rest is stored and
    published.
    """
    check_collectors(collectors)
    deadline = deadline or Deadline(config[RunOptions].run_deadline_seconds)
    journal = journal or Journal(config[StoreOptions].cluster_name)
    with deadline.running():
        return _run(config, collectors, progress, journal, dry_run=dry_run)


def _run(
    config: Config, collectors: Collectors, progress: Progress, journal: Journal, *, dry_run: bool
) -> Result:
    sinks = () if dry_run else publishers(config)
    api = _connected(config, journal)
    identified = begin(partial(_identify, api))
    job = Job(config, collectors, attempts_of(collectors), journal, sinks, identified)
    shard = None if dry_run else config[ShardOptions].shard
    if shard:
        journal.run.id = shards.run_id(config)
    _warn_of_gaps(config, dry_run=dry_run)
    sizes: Sizes = {}
    opened = begin(lambda: MemoryStore() if dry_run else _opened(config, journal.clock))
    # The store is read concurrently with the lists. With shards, only the merging one reads it.
    recalling = partial(_recall, job, opened, sizes)
    recalled = recalling if shard else begin(recalling)
    store: Store = MemoryStore()
    gathered = previous = snapshot = None
    try:
        if api is not None:
            with journal.tolerating():
                gathered = gather(
                    journal,
                    api,
                    opened,
                    config,
                    collectors,
                    job.attempts,
                    progress,
                    sizes,
                    dry_run=dry_run,
                )
        if gathered is None and shards.reports_nothing(shard, journal):
            return Result(journal.close(), None, journal.errors)
        with journal.phase("remember"), budget.phase("remember"):
            with journal.tolerating():
                store, previous = _remember(job, recalled, recalling)
            previous = _own(job, store, previous, reached=gathered is not None)
            if previous is not None:
                journal.recalled(previous)
        if shard:
            shards.check_generation(config, journal, previous)
        if gathered is None and shards.merged_elsewhere(shard, journal, previous):
            return Result(journal.close(), None, journal.errors)
        if gathered is not None:
            gathered = _judged(job, gathered, previous)
            with journal.phase("store"), budget.phase("commit"):
                snapshot, etag = _commit(job, store, gathered, previous)
            publish.publish(job, store, previous, snapshot.head, etag)
            _keep_history(job, store, snapshot.head, etag)
            _write_usage(job, store, snapshot, etag)
            _deliver(job, store, gathered, snapshot, etag)
            if shard and etag:
                with budget.phase("remove parts"):
                    shards.remove_older(store, config, journal, previous)
    except XpjobError as error:
        journal.fail(error)
    if not (journal.superseded or journal.shared):
        publish.report(job, store, previous)
    return Result(journal.close(), snapshot, journal.errors)


def _connected(config: Config, journal: Journal) -> Api | None:
    """Return the API, or None if there are no credentials for it now. Raises ``SettingsError``."""
    try:
        if not by_service_account(config[KubeOptions].kubeconfig, config[KubeOptions].context):
            preload()  # not at the expense of what may hang
        with journal.phase("discover"), budget.phase("connect"):
            return connected(config, journal.clock)
    except SettingsError:
        journal.report.phase = ""  # the run has not begun
        raise
    except XpjobError as error:
        journal.fail(error)
        return None


def _identify(api: Api | None) -> Identity:
    if api is None:
        return Identity()
    with budget.phase("identify"):
        return identify(api)


def _opened(config: Config, clock: Clock) -> Store:
    with budget.phase("open"):
        return open_store(config, clock)


def _recall(job: Job, opened: Callable[[], Store], sizes: Sizes) -> tuple[Store, Previous]:
    with budget.phase("recall"):
        store = opened()
        return store, recall(
            store,
            job.cluster,
            job.journal.run,
            job.collectors,
            job.attempts,
            max_age=job.config[RunOptions].carry_max_age_seconds,
            sizes=sizes,
            clock=job.journal.clock,
        )


def _remember(
    job: Job,
    recalled: Callable[[], tuple[Store, Previous]],
    again: Callable[[], tuple[Store, Previous]],
) -> tuple[Store, Previous]:
    """Return what was recalled while the API server answered.

    It is read again if it was compared with a wrong clock, or is misdated itself. Raises as
    ``recall`` does.
    """
    clock = job.journal.clock
    try:
        store, previous = recalled()
    except SupersededError:
        job.journal.settle()
        if not clock.correction:
            raise
        return again()
    job.journal.settle()
    misdated = is_misdated(previous.head, previous.report, clock.now())
    return again() if clock.correction or (misdated and clock.compared) else (store, previous)


def _own(job: Job, store: Store, previous: Previous | None, *, reached: bool) -> Previous | None:
    """Return what is this cluster's of the previous documents, and note which cluster this is.

    An address at which no API was ``reached`` says nothing. Raises ``SharedNameError`` if they are
    of another cluster.
    """
    own, report = job.identify(), job.journal.report
    if not (reached or own.uid):
        return previous
    report.identity = own
    if previous is not None:
        with budget.phase("recall"):
            previous = job.identified.own_of(previous, store, job.cluster)
        known = previous.head or previous.report
        report.identity = own.completed(known.identity if known else None)
    return previous


def _judged(job: Job, gathered: Gathered, previous: Previous | None) -> Gathered:
    """Record the outcomes of lists. Raises an ``XpjobError`` if all lists failed."""
    gathered = with_unlistable(gathered, previous.groups if previous else None)
    job.journal.gathered(gathered)
    raise_if_nothing(gathered, known_before=bool(previous and previous.head))
    return gathered


def _warn_of_gaps(config: Config, *, dry_run: bool) -> None:
    store, sinks = config[StoreOptions], config[PublishOptions]
    if dry_run or store.store_backend != "memory":
        return
    if store.s3_bucket or store.store_dir or store.history_keep:
        _log.warning(
            "store options ignored: STORE_BACKEND is memory, so S3_BUCKET, STORE_DIR and "
            "HISTORY_KEEP have no effect"
        )
    if not (sinks.pushgateway_url or sinks.publish):
        _log.warning(
            "results will be discarded: set PUSHGATEWAY_URL or STORE_BACKEND, or use --dry-run"
        )


def _commit(
    job: Job, store: Store, gathered: Gathered, previous: Previous | None
) -> tuple[Snapshot, str]:
    """Assemble and store the snapshot; return it with its etag, "" if it is not stored.

    If the previous snapshot could not be read, the store must not be written.
    """
    journal, facts = job.journal, job.facts()
    if isinstance(store, MemoryStore):
        facts = replace(facts, usage=None)  # nothing would remember it
    if previous is None:
        return commit.build(store, journal, gathered, None, facts), ""
    if merged := commit.merged_before(store, previous, journal.run, job.cluster):
        journal.adopt(merged[0].head, previous.counters())
        return merged
    started = time.monotonic()
    try:
        committed = commit.commit(
            store, journal, gathered, previous, facts, job.collectors, job.identified
        )
    except commit.NotStoredError as error:
        journal.fail(error)
        return error.snapshot, ""
    if journal.report.counters and not isinstance(store, MemoryStore):
        journal.report.counters.persist_duration.observe(time.monotonic() - started)
    return committed


def _keep_history(job: Job, store: Store, head: Head, etag: str) -> None:
    options = job.config[StoreOptions]
    if options.history_keep and etag:
        with job.journal.phase("history"), budget.phase("keep history"):
            kept = archive.keep(store, options, head, etag, job.journal.clock)
            job.journal.report.history = kept or job.journal.report.history


def _write_usage(job: Job, store: Store, snapshot: Snapshot, etag: str) -> None:
    """Write the files of the closed days that are stored. What fails makes the run partial."""
    pending = snapshot.usage.pending if isinstance(snapshot.usage, UsageState) else ()
    if not etag:
        return
    written = Written()
    if pending:
        with job.journal.phase("write usage"), budget.phase("write usage"):
            written = write_all(store, pending, job.cluster)
    job.journal.usage_written(written)


def _deliver(job: Job, store: Store, gathered: Gathered, snapshot: Snapshot, etag: str) -> None:
    """Let collectors record elsewhere what is stored. What fails makes the run partial."""
    delivering = any(isinstance(collector, Delivering) for collector in job.collectors)
    if delivering and etag and not isinstance(store, MemoryStore):
        with job.journal.phase("deliver"), budget.phase("deliver"):
            tables, attempts = deliver_all(
                store, gathered, snapshot, job.config, job.config[PublishOptions].max_series
            )
        job.journal.delivered(tables, attempts)
