"""Run the services collector over the objects of a cluster in memory, without a server."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from prometheus_client import generate_latest

from support.services import KINDS, Json
from xpjob.base.errors import NotFoundError, XpjobError
from xpjob.collect.before import Before
from xpjob.collect.contract import Listed, ListReader, Section, Subscription
from xpjob.collect.fetch import outcome_of
from xpjob.collectors.services.collector import ServicesCollector
from xpjob.collectors.services.options import ServiceOptions
from xpjob.config.option import load
from xpjob.demo import selectors
from xpjob.demo.cluster import Cluster
from xpjob.kube.decode import decoder
from xpjob.kube.discovery import Kind
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey, WholeList
from xpjob.kube.version import Version
from xpjob.metrics import stored
from xpjob.publish import exposition

AT = "2026-08-21T09:00:00.000000Z"
LATER = "2026-08-21T09:01:00.000000Z"
MAX_AGE = 3600.0

Failing = Callable[[ListKey], bool]


@dataclass(frozen=True)
class Lists:
    """What a collector asks a cluster for; implements ``World``. ``refused`` lists fail."""

    cluster: Cluster
    options: ServiceOptions
    minor: str = "36"
    refused: Failing = lambda _: False
    asked: list[ListKey] = field(default_factory=list)
    catalogue: Any = None
    net: Any = None
    max_series: int = 10_000

    def read(self, key: ListKey, wire: type[Any]) -> WholeList[Any]:
        """Return the objects of a list. Raises ``XpjobError``."""
        self.asked.append(key)
        if self.refused(key):
            raise XpjobError(f"GET {key.path()}: refused")
        kind = self.cluster.find(key.gvr)
        if kind is None:
            raise NotFoundError(f"GET {key.path()}: not found")
        by_label = selectors.labels(key.label_selector)
        by_field = selectors.fields(key.field_selector, kind.resource)
        items = [
            {"metadata": item["metadata"]} if key.metadata_only else item
            for item in self.cluster.objects(kind, key.namespace)
            if by_label(item) and by_field(item)
        ]
        page = decoder(wire)(json.dumps({"items": items}).encode())
        return WholeList(objects=len(items), malformed=page.malformed, items=page.items)

    def count(self, key: ListKey) -> Any:
        """Count nothing: the collector does not ask for numbers."""
        raise NotImplementedError

    def core_kinds(self) -> Any:
        """Discover nothing: the collector does not ask for core kinds."""
        raise NotImplementedError

    def fold(self, key: ListKey, wire: type[Any], reader: Callable[[], ListReader]) -> Any:
        """Fold nothing: the collector does not plan by long lists."""
        raise NotImplementedError

    def read_each(self, lists: Sequence[tuple[ListKey, type[Any]]]) -> Sequence[Any]:
        """Return several lists, with an error in place of one that failed."""
        return [self._one(*each) for each in lists]

    def get_each(self, gvr: Gvr, names: Sequence[str], wire: type[Any]) -> Sequence[Any]:
        """Get nothing: the collector does not ask for single objects."""
        raise NotImplementedError

    def server_version(self) -> Version:
        """Return the version."""
        if not self.minor:
            raise XpjobError("GET /version: refused")
        return Version("1", self.minor, f"v1.{self.minor}.0")

    def _one(self, key: ListKey, wire: type[Any]) -> Any:
        try:
            return self.read(key, wire)
        except XpjobError as error:
            return error


@dataclass(frozen=True)
class Made:
    """A section as it is stored, its metrics, and how its lists went."""

    section: Section
    text: str
    listed: Sequence[Listed]
    at: str

    @property
    def rows(self) -> list[Json]:
        """Return the rows as JSON has them."""
        rows: list[Json] = msgspec.to_builtins(self.section.tables["podServices"])
        return rows

    def row(self, name: str, kind: str = "Pod") -> Json:
        """Return the row of an object."""
        (row,) = [each for each in self.rows if (each["name"], each["kind"]) == (name, kind)]
        return row

    @property
    def states(self) -> dict[tuple[str, str], str]:
        """Return the state of each row, by kind and name."""
        return {(row["kind"], row["name"]): row["state"] for row in self.rows}

    @property
    def findings(self) -> list[tuple[str, str]]:
        """Return finding and object of each finding."""
        return [(each.finding, each.name) for each in self.section.findings]

    def value(self, series: str) -> float | None:
        """Return the value of a series, None if it does not exist."""
        lines = (line.rpartition(" ") for line in self.text.splitlines())
        return next((float(value) for name, _, value in lines if name == series), None)

    @property
    def churn(self) -> Mapping[str, int]:
        """Return the counters that are not 0."""
        services: Any = self.section.state
        counts: dict[str, int] = msgspec.to_builtins(services.services.churn)
        return {name: count for name, count in counts.items() if count}


def cluster_of(objects: Mapping[Kind, Sequence[Json]]) -> Cluster:
    """Return a cluster with these objects."""
    cluster = Cluster(KINDS, token="t")
    for kind, items in objects.items():
        for item in items:
            cluster.apply(kind, item)
    return cluster


def make(
    cluster: Cluster,
    before: Made | None = None,
    *,
    at: str = AT,
    minor: str = "36",
    failing: Failing = lambda _: False,
    unplanned: Failing = lambda _: False,
    **options: Any,
) -> Made:
    """Return what the collector makes of a cluster, after a run that made ``before``.

    ``failing`` are lists that fail, ``unplanned`` those that fail while it plans.
    """
    collector = ServicesCollector()
    own = load(options, {}, (ServiceOptions,))[ServiceOptions]
    planning = Lists(cluster, own, minor, unplanned)
    plan = collector.plan(planning)
    lists = Lists(cluster, own, minor, failing)
    listed = [_listed(collector, each, lists) for each in plan.subscriptions]
    section = collector.finish(plan, listed, _before(collector, before), at)
    tables = stored.store("services", collector.metrics(section, at), 10_000)
    text = generate_latest(exposition.registry(f for t in tables for f in t.metrics())).decode()
    return Made(section, text, listed, at)


def planned(cluster: Cluster, **more: Any) -> tuple[Sequence[ListKey], Sequence[str]]:
    """Return the lists that a run would make, and the remarks."""
    refused = more.pop("refused", lambda _: False)
    own = load(more, {}, (ServiceOptions,))[ServiceOptions]
    plan = ServicesCollector().plan(Lists(cluster, own, refused=refused))
    return [each.key for each in plan.subscriptions], plan.remarks


def _listed(collector: ServicesCollector, subscription: Subscription, lists: Lists) -> Listed:
    outcome = outcome_of(subscription)
    reader = collector.reader(subscription)
    try:
        # In pages of one object.
        for item in lists.read(subscription.key, subscription.wire).items:
            reader.page([item])
    except XpjobError as error:
        outcome.error = str(error)
        return Listed(subscription, outcome, error=error)
    # As shards exchange it.
    _, type_ = collector.results[subscription.role]
    result = msgspec.json.decode(msgspec.json.encode(reader.result()), type=type_)
    return Listed(subscription, outcome, result)


def _before(collector: ServicesCollector, made: Made | None) -> Before:
    if made is None:
        return Before("", "")
    (spec,) = collector.tables
    rows = msgspec.json.decode(
        msgspec.json.encode(made.section.tables[spec.key]),
        type=list[spec.previous],  # type: ignore[name-defined]
    )
    state = msgspec.json.decode(
        msgspec.json.encode(made.section.state), type=type(made.section.state)
    )
    before = Before(made.at, made.at, state, rows={spec.key: rows}, max_age=MAX_AGE)
    return Before(*(made.at, made.at, state), recalled=collector.recall(before), max_age=MAX_AGE)
