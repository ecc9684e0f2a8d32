"""The deployments collector: subscriptions, rows, section and metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from xpjob.collect.before import Before
from xpjob.collect.carry import Gaps, carry
from xpjob.collect.contract import Listed, ListReader, Plan, Section, Subscription, World
from xpjob.collect.deliver import Committed, Delivered, Outbox
from xpjob.collect.findings import Finding
from xpjob.collect.outcome import TargetOutcome
from xpjob.collect.tables import TableSpec
from xpjob.collectors.deployments import findings, metrics, wire
from xpjob.collectors.deployments.fold import FoldedPods, PodReader
from xpjob.collectors.deployments.github.deliver import Work, deliver
from xpjob.collectors.deployments.github.state import Acknowledged, Answers
from xpjob.collectors.deployments.github.wanted import collisions
from xpjob.collectors.deployments.higher import Higher, read_higher
from xpjob.collectors.deployments.inventory import rows_of
from xpjob.collectors.deployments.options import DeploymentOptions
from xpjob.collectors.deployments.owners import LISTED, Owned, OwnerReader, Owners
from xpjob.collectors.deployments.packed import Rows, State, pack
from xpjob.collectors.deployments.rows import DEPLOYMENTS, Deployment, with_others
from xpjob.collectors.deployments.since import Memory, mark_absent
from xpjob.collectors.deployments.tables import TABLES
from xpjob.config.option import Group
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey
from xpjob.metrics.table import Table
from xpjob.net.options import NetOptions

POD, OWNER = "pod", "owner"
"""Roles of lists."""
_PODS = Gvr("", "v1", "pods")


class _Notes(NamedTuple):
    """What planning found out."""

    options: DeploymentOptions
    higher: Higher


class Deployments:
    """Which image runs where, and since when."""

    name = "deployments"
    options: type[Group] = DeploymentOptions
    tables: Sequence[TableSpec] = TABLES
    carry: Literal["list", "section"] = "list"
    state: type[Struct] | None = State
    delivery: type[Struct] = Acknowledged
    recalled: type[Struct] | None = Answers
    results: Mapping[str, tuple[str, Any]] = {
        POD: ("foldedPods", list[FoldedPods]),
        OWNER: ("owners", list[Owned]),
    }

    def plan(self, world: World) -> Plan:
        """Decide which lists to request, and read the metadata of higher owners."""
        options: DeploymentOptions = world.options
        subscriptions = []
        for namespace in options.namespace or ("",):
            key = ListKey(_PODS, namespace)
            subscriptions.append(Subscription(key, wire.Pod, kind="Pod", role=POD, context=options))
            for (group, kind), resource in LISTED.items():
                key = ListKey(Gvr(group, "v1", resource), namespace, metadata_only=True)
                subscriptions.append(
                    Subscription(key, wire.Owner, kind=kind, role=OWNER, context=options)
                )
        higher = read_higher(world, options)
        return Plan(subscriptions, _Notes(options, higher), remarks=higher.remarks)

    def reader(self, subscription: Subscription) -> ListReader:
        """Return a new reader of one list."""
        options: DeploymentOptions = subscription.context
        excluded, key = options.exclude_namespaces, options.github_repository_annotation
        if subscription.role == POD:
            return PodReader(excluded, key)
        return OwnerReader((subscription.key.gvr.group, subscription.kind), excluded, key)

    def recall(self, before: Before) -> Memory:
        """Return the rows of the previous run; where it has none in short, they are read whole."""
        answers: Answers = before.delivered or Answers()
        attested = {digest: each.known for digest, each in answers.attested.items()}
        rows = _rows(before.state)
        return Memory(rows, attested, known=rows is not None or not before.generated_at)

    def finish(
        self, plan: Plan, listed: Sequence[Listed], before: Before | None, at: str
    ) -> Section:
        """Return the section: what runs, what no longer does, and since when."""
        notes: _Notes = plan.notes
        options, higher = notes.options, notes.higher
        memory: Memory = (before and before.recalled) or Memory()
        if before and before.whole and not memory.known:
            stored = before.read(DEPLOYMENTS, Deployment, lambda _: True)
            memory = memory.of(sorted(stored, key=attrgetter("order")))
        owners = _owners(listed, higher, memory)
        pods = [item for each in listed if _role(each) == POD for item in each.result or ()]
        rows = rows_of(pods, owners, memory, options.github_repository_annotation)
        absent = memory.complete(rows, at)
        outcomes = [each.outcome for each in listed]
        missing: list[Deployment] = []
        kept: list[tuple[Deployment, TargetOutcome | None]] = []
        unknown = _Unknown(outcomes, higher.failed)
        for row in absent:
            if row.namespace in options.exclude_namespaces:
                continue
            if reason := unknown.reason(row):
                kept.append((row, reason))
            elif unknown.pods.listed(row):
                missing.append(row)
        if before:
            rows = with_others(rows, carry(before, kept, [*outcomes, *higher.failed], at))
        gone = mark_absent(missing, rows, owners.exists, at, options.gone_keep_seconds)
        rows = with_others(rows, gone)
        memory.attest(rows, asked=options.asks_for_attestations)
        return Section(
            {DEPLOYMENTS: rows},
            [*findings.find(rows), *_collisions(rows, options)],
            State(pack(rows)),
            shown={"digestMetrics": options.digest_metrics},
            kept=higher.failed,
            lacks_rows=not memory.known,
        )

    def metrics(self, section: Section, at: str) -> Iterator[Table]:
        """Yield the metric tables of the rows."""
        digests = bool(section.shown.get("digestMetrics"))
        yield from metrics.tables(section.tables[DEPLOYMENTS], digests=digests)

    def deliver(self, committed: Committed, outbox: Outbox) -> Delivered:
        """Record with GitHub what is stored."""
        options = committed.config[DeploymentOptions]
        rows = committed.section.tables[DEPLOYMENTS]
        work = Work(rows, committed.complete, committed.at, committed.cluster, options.covers)
        done = deliver(work, options, committed.config[NetOptions], outbox)
        return Delivered(done.tables, done.error)


def _rows(state: State | None) -> Rows | None:
    """Return the rows of a previous state, None if they are not there or cannot be read."""
    packed = state.deployment_memory if state else None
    try:
        return Rows(packed) if packed else None
    except ValueError:
        return None


def _collisions(rows: Sequence[Deployment], options: DeploymentOptions) -> list[Finding]:
    found = collisions(rows, options.dn_template) if options.github_org else ()
    return list(islice(found, findings.MAX_FINDINGS))


class _Unknown:
    """The lists that failed: what they do not show may still run."""

    def __init__(self, outcomes: Sequence[TargetOutcome], higher: Sequence[TargetOutcome]) -> None:
        self.pods = Gaps(each for each in outcomes if each.class_ == POD)
        failed = (each for each in outcomes if each.class_ == OWNER and each.error)
        self._owners = [*failed, *higher]

    def reason(self, row: Deployment) -> TargetOutcome | None:
        """Return the list whose failure leaves open whether a row still runs."""
        if reason := self.pods.reason(row):
            return reason
        # Its pods may be attributed to a lower owner.
        here = (each for each in self._owners if each.namespace in ("", row.namespace))
        return next(here, None) if self.pods.listed(row) else None


def _owners(listed: Sequence[Listed], higher: Higher, memory: Memory) -> Owners:
    of_owners = [each for each in listed if _role(each) == OWNER]
    objects = [item for each in of_owners for item in each.result or ()]
    read = {(each.outcome.group, each.outcome.kind) for each in of_owners if not each.outcome.error}
    return Owners(
        [*higher.objects, *objects],
        read | higher.read,
        {*LISTED, *higher.expected},
        memory.workload,
    )


def _role(listed: Listed) -> str:
    return listed.outcome.class_
