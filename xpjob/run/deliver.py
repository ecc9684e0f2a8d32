"""Let collectors deliver what was committed, and remember what was acknowledged."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from msgspec import Raw, Struct

from xpjob.base.errors import BadAnswerError, XpjobError
from xpjob.collect.attempt import Attempt
from xpjob.collect.contract import Collector, Section
from xpjob.collect.deliver import Committed, Delivered, Delivering
from xpjob.config.option import Config
from xpjob.metrics import stored
from xpjob.metrics.stored import MetricTable
from xpjob.net.deadline import equal_share
from xpjob.run.acknowledged import Acknowledged, decoded, key_for
from xpjob.run.plan import Gathered
from xpjob.run.previous_documents import keep_aside
from xpjob.snapshot import documents
from xpjob.snapshot.documents import Head, NewerSchemaError, RunInfo, Snapshot
from xpjob.store.base import Store

_CORE = ("xpjob_", "xp_tracker_")
"""Prefixes of the families that every outcome has."""


class StoredOutbox:
    """What was acknowledged to a collector, in the store. Implements ``Outbox``."""

    def __init__(self, store: Store, run: RunInfo, cluster: str, collector: Delivering) -> None:
        self._store, self._run, self._cluster = store, run, cluster
        self._kind = collector.delivery
        self._key = key_for(cluster, collector.name)
        self._etag = ""
        self._known: Struct | None = None

    @property
    def acknowledged(self) -> Any:
        """Return what was acknowledged. A document that cannot be read is copied, and replaced."""
        if self._known is None:
            self._known = self._read()
        return self._known

    def _read(self) -> Struct:
        found = self._store.get(self._key)
        if found is None:
            return self._kind()
        self._etag = found.etag
        where = self._store.where(self._key)
        try:
            return decoded(found.body, self._kind, where, self._cluster)
        except NewerSchemaError:
            raise
        except BadAnswerError as error:
            keep_aside(self._store, self._key, error)
        return self._kind()

    def remember(self, acknowledged: Struct) -> None:
        """Store what has been acknowledged so far."""
        _ = self.acknowledged  # It is replaced only by someone who has read it.
        document = Acknowledged(
            run=self._run,
            cluster=self._cluster,
            acknowledged=Raw(msgspec.json.encode(acknowledged)),
        )
        body = documents.storable(document, self._store.where(self._key))
        self._etag = self._store.put(self._key, body, replacing=self._etag)
        self._known = acknowledged


def deliver_all(
    store: Store, gathered: Gathered, snapshot: Snapshot, config: Config, max_series: int
) -> tuple[list[MetricTable], list[Attempt]]:
    """Let each collector deliver its section, which is stored.

    Returns the metric tables of the deliveries, and how each went: one that fails, whatever the
    reason, does not affect the others.
    """
    collectors = [item.collector for item in gathered if isinstance(item.collector, Delivering)]
    tables: list[MetricTable] = []
    attempts: list[Attempt] = []
    for number, collector in enumerate(collectors):
        attempt = Attempt(collector.name)
        with equal_share(number, len(collectors)):
            action = partial(_deliver, store, collector, snapshot, config, max_series)
            made, error = attempt.run("deliver", action) or ([], None)
        if error:
            attempt.fail("deliver", error)
        tables += made
        attempts.append(attempt)
    return tables, attempts


def _deliver(
    store: Store, collector: Any, snapshot: Snapshot, config: Config, max_series: int
) -> tuple[list[MetricTable], XpjobError | None]:
    head = snapshot.head
    committed = Committed(
        section=_section(collector, snapshot),
        complete=_complete(collector, head),
        at=head.generated_at,
        cluster=head.cluster,
        config=config,
    )
    done = collector.deliver(committed, StoredOutbox(store, head.run, head.cluster, collector))
    if not isinstance(done, Delivered):
        raise TypeError(f"{collector.name}.deliver returned {done!r}")
    tables = stored.store(collector.name, done.metrics, max_series)
    for family in (family for table in tables for family in table.families):
        if family.name.startswith(_CORE):
            raise ValueError(f"metric family {family.name!r} belongs to the job itself")
    return tables, done.error


def _section(collector: Collector, snapshot: Snapshot) -> Section:
    """Return a section as it was stored. Rows that were kept, or merged by another pod, are raw."""
    tables = {
        spec.key: [
            msgspec.json.decode(row, type=spec.record) if isinstance(row, Raw) else row
            for row in snapshot.rows.get(spec.key, ())
        ]
        for spec in collector.tables
    }
    findings = [each for each in snapshot.head.findings if each.collector == collector.name]
    return Section(tables, findings)


def _complete(collector: Collector, head: Head) -> bool:
    """Return whether a section was made of this run's lists, and of all of them."""
    outcomes = [each for each in head.collectors or () if each.collector == collector.name]
    lists = [target for target in head.targets if target.collector == collector.name]
    return (
        bool(outcomes)
        and all(each.success and not each.carried_since for each in outcomes)
        and not any(target.error or target.unconfirmed for target in lists)
    )
