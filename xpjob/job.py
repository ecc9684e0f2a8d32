"""One run, told in order: remember, discover, list, store, publish, report."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from xpjob.collector import COLLECTORS
from xpjob.crossplane.collector import split
from xpjob.crossplane.targets import Plan
from xpjob.errors import SupersededError, XpjobError
from xpjob.journal import Journal
from xpjob.kube.api import Api, connect
from xpjob.kube.discovery import discover
from xpjob.listing import Listed, View, list_targets, raise_if_nothing
from xpjob.publish import exposition
from xpjob.publish.publisher import Publisher, publishers
from xpjob.settings import Settings
from xpjob.snapshot import model
from xpjob.snapshot.carry import carry
from xpjob.snapshot.memory import Memory, commit, remember
from xpjob.snapshot.model import RunReport, Snapshot
from xpjob.snapshot.store import REPORT, MemoryStore, Store, key, open_store
from xpjob.transport import Timeouts

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run. ``errors`` is empty where all went well; partial is no error."""

    report: RunReport
    snapshot: Snapshot | None
    errors: Sequence[XpjobError]


def run(settings: Settings, view: View, *, dry_run: bool = False) -> Result:
    """Do one run. Errors of ours end up in the result, others are raised.

    A dry run lists everything, and reads and writes neither store nor publisher.
    """
    journal = Journal(settings.cluster_name, model.now())
    sinks = () if dry_run else publishers(settings)
    store: Store = MemoryStore()
    memory = snapshot = None
    try:
        with journal.phase("remember"), journal.tolerating():
            store = store if dry_run else open_store(settings)
            memory = remember(store, settings, journal.run)
            journal.report.last_success_at = memory.last_success_at
            journal.report.counters = copy.deepcopy(memory.counters)
        with journal.phase("discover"):
            api, plans = _discover(settings)
        with journal.phase("list"):
            listed = list_targets(list(zip(COLLECTORS, plans, strict=True)), api, settings, view)
        _note(journal, plans, listed)
        raise_if_nothing(listed)
        with journal.phase("store"):
            snapshot = _store(journal, store, settings, memory, listed)
        with journal.phase("publish"):
            for sink in sinks:
                with journal.tolerating():
                    sink.publish_inventory(exposition.registry(exposition.inventory(snapshot)))
    except XpjobError as error:
        journal.fail(error)
    report = journal.close(model.now())
    if not any(isinstance(error, SupersededError) for error in journal.errors):
        _report(journal, store, settings, sinks)
    return Result(report, snapshot, journal.errors)


def plan_targets(settings: Settings) -> Plan:
    """Return what a run would list. Raises what stands in the way of finding out."""
    _, plans = _discover(settings)
    return Plan(
        tuple(target for plan in plans for target in plan.targets),
        tuple(item for plan in plans for item in plan.unlistable),
        sum(plan.namespace_configs for plan in plans),
        sum(plan.malformed_configs for plan in plans),
    )


def _discover(settings: Settings) -> tuple[Api, list[Plan]]:
    timeouts = Timeouts(settings.connect_timeout_seconds, settings.request_timeout_seconds)
    api = connect(settings.kubeconfig, settings.context, timeouts, settings.concurrency)
    catalogue = discover(api, settings.concurrency)
    return api, [collector.plan(api, settings, catalogue) for collector in COLLECTORS]


def _note(journal: Journal, plans: Sequence[Plan], listed: Sequence[Listed]) -> None:
    """Put what was listed into the report, and count it."""
    report = journal.report
    report.targets = [item.outcome for item in listed]
    report.partial = any(item.error for item in listed)
    report.namespace_configs = sum(plan.namespace_configs for plan in plans)
    report.malformed_configs = sum(plan.malformed_configs for plan in plans)
    if counters := report.counters:
        counters.poll_duration.observe(report.phases["discover"] + report.phases["list"])
        for item in listed:
            if item.error:
                gvr = item.outcome.gvr
                counters.poll_errors[gvr] = counters.poll_errors.get(gvr, 0) + 1


def _store(
    journal: Journal,
    store: Store,
    settings: Settings,
    memory: Memory | None,
    listed: Sequence[Listed],
) -> Snapshot:
    """Make the snapshot and store it: from then on it is what the cluster is known to hold.

    Where there is no memory the store could not be read, so it must not be written either.
    """

    def build(memory: Memory | None) -> Snapshot:
        return _build(journal, settings, memory, listed)

    if memory is None:
        return build(None)
    started = time.monotonic()
    with journal.tolerating():
        snapshot = commit(store, settings, memory, build)
        if journal.report.counters and not isinstance(store, MemoryStore):
            journal.report.counters.persist_duration.observe(time.monotonic() - started)
        return snapshot
    return build(memory)


def _build(
    journal: Journal, settings: Settings, memory: Memory | None, listed: Sequence[Listed]
) -> Snapshot:
    report = journal.report
    records = [record for item in listed for record in item.records]
    if memory and memory.snapshot:
        records += carry(memory.snapshot, report.targets)
    for collector in COLLECTORS:
        records = collector.link(records)
    claims, xrs = split(records)
    return Snapshot(
        generated_at=model.rfc3339(model.now()),
        cluster=settings.cluster_name,
        run=journal.run,
        targets=report.targets,
        counters=copy.deepcopy(report.counters),
        namespace_configs=report.namespace_configs,
        claims=claims,
        xrs=xrs,
    )


def _report(journal: Journal, store: Store, settings: Settings, sinks: Sequence[Publisher]) -> None:
    """Leave the outcome of the run, also of a failed one, where people look for it."""
    report = journal.report
    for sink in sinks:
        with journal.tolerating():
            sink.publish_outcome(exposition.registry(exposition.outcome(report)))
    try:
        store.put(key(settings, REPORT), model.encode(report), replacing=None)
    except XpjobError as error:
        # The snapshot is what counts; without this the counters have missed one run.
        _log.warning("the run's report was not stored", extra={"error": str(error)})
