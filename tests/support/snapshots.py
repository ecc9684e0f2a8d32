"""Snapshots as one struct: as version 0.1.0 wrote them, and as tests look at them."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import field
from msgspec.structs import replace
from prometheus_client.metrics_core import Metric

from support.collectors import CROSSPLANE
from xpjob.collect.before import Before
from xpjob.collect.findings import Finding
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.platform import Platform
from xpjob.collectors.crossplane.reader.extension import CrossplaneExtension
from xpjob.collectors.crossplane.reader.view import Bookkeeping
from xpjob.collectors.crossplane.records import (
    Claim,
    CompositeResource,
    ManagedResource,
    Record,
)
from xpjob.collectors.crossplane.state import Shown, TimeToReady
from xpjob.metrics.cumulative import Count, Counters
from xpjob.publish import exposition
from xpjob.reader.table import Stamp
from xpjob.run.job import Result
from xpjob.snapshot import documents, next_run, sections
from xpjob.snapshot.documents import Document, Head, RunInfo, Snapshot

D = TypeVar("D", bound=Document)


class Snapshot010(Document, rename="camel", kw_only=True):
    """All keys that a snapshot of version 0.1.0 has."""

    generated_at: str
    cluster: str
    run: RunInfo
    targets: list[TargetOutcome]
    counters: Counters | None = None
    time_to_ready: list[TimeToReady] | None = None
    namespace_configs: Count = 0
    claims: list[Claim]
    xrs: list[CompositeResource]
    mrs: list[ManagedResource] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    platform: Platform = Platform()
    shown: Shown = Shown()

    @property
    def records(self) -> list[Record]:
        """Return the records of all classes."""
        return [*self.claims, *self.xrs, *self.mrs]


def typed(made: Result | Snapshot | bytes) -> Snapshot010:
    """Return a snapshot with typed records: a run's, or a stored one."""
    if isinstance(made, Result):
        assert made.snapshot is not None
        made = made.snapshot
    body = documents.encode(made) if isinstance(made, Snapshot) else made
    return msgspec.json.decode(body, type=Snapshot010)


def head_of(made: Snapshot010 | Snapshot) -> Head:
    """Return the head of a snapshot, with its metrics."""
    if isinstance(made, Snapshot):
        return made.head
    raw = documents.decode_raw(documents.encode(made), "a snapshot")
    return sections.upgraded(raw, CROSSPLANE, "a snapshot")


def with_head(made: Snapshot, **changes: Any) -> Snapshot:
    """Return a snapshot whose head is another one."""
    return replace(made, head=msgspec.structs.replace(made.head, **changes))


def before(made: Snapshot010, max_age: float = 3600) -> Before:
    """Return what the next run gets of a snapshot, through the store and back; some list failed.

    The rows are those of the first line.
    """
    (crossplane,) = CROSSPLANE
    body = documents.encode(made)
    records = {spec.key: getattr(made, spec.key) for spec in crossplane.tables}
    part = next_run.encode(records, CROSSPLANE)
    rows = next_run.decode(b'{"nextRun":' + part + b",\n", CROSSPLANE)
    assert rows is not None
    document = documents.decode(body, sections.previous_type(CROSSPLANE), "here")
    raw = documents.decode_raw(body, "here")
    return Before(
        started_at=document.run.started_at,
        generated_at=document.generated_at,
        state=sections.state_from(crossplane, document),
        findings=document.findings,
        rows=rows,
        whole={spec.key: raw.rows(spec.key) for spec in crossplane.tables},
        max_age=max_age,
    )


def view_of(body: bytes) -> Bookkeeping:
    """Return what the reader makes of a stored snapshot's records."""
    raw = documents.decode_raw(body, "a snapshot")
    return CrossplaneExtension().view(raw, Stamp("tag", "", raw.head.generated_at, 0))


def inventory(made: Snapshot010 | Snapshot) -> list[Metric]:
    """Return the families of a snapshot."""
    return exposition.inventory(head_of(made))
