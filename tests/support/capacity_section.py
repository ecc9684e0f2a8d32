"""Run the capacity collector over objects, without a server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from prometheus_client import generate_latest

from support.capacity import Json
from xpjob.collect.contract import Listed, Plan, Section, Subscription, World
from xpjob.collect.fetch import outcome_of
from xpjob.collectors.capacity.collector import CapacityCollector
from xpjob.collectors.capacity.options import CapacityOptions
from xpjob.config.option import load
from xpjob.kube.version import Version
from xpjob.metrics import stored
from xpjob.publish import exposition

AT = "2026-08-21T09:00:00Z"


@dataclass(frozen=True)
class Server:
    """The part of ``World`` that the collector uses: its options and the server's version."""

    options: CapacityOptions
    minor: str = "36"

    def server_version(self) -> Version:
        """Return the version."""
        return Version("1", self.minor, f"v1.{self.minor}.0")


@dataclass(frozen=True)
class Made:
    """A section, and the metrics of it."""

    section: Section
    text: str

    def rows(self, key: str) -> list[Any]:
        """Return the rows of a table as JSON has them."""
        rows: list[Any] = msgspec.to_builtins(self.section.tables[key])
        return rows

    def row(self, key: str, **expected: object) -> Any:
        """Return the only row with these values."""
        (row,) = [
            row for row in self.rows(key) if all(row[name] == v for name, v in expected.items())
        ]
        return row

    def value(self, series: str) -> float | None:
        """Return the value of a series, None if it does not exist."""
        lines = (line.rpartition(" ") for line in self.text.splitlines())
        return next((float(value) for name, _, value in lines if name == series), None)

    @property
    def findings(self) -> list[tuple[str, str]]:
        """Return finding and object of each finding."""
        return [(item.finding, item.name) for item in self.section.findings]

    def message(self, finding: str) -> str:
        """Return the message of the only finding of this name."""
        (message,) = [f.message for f in self.section.findings if f.finding == finding]
        return message


def make(
    nodes: Sequence[Json],
    pods: Sequence[Json],
    namespaces: Sequence[Json] = (),
    *,
    minor: str = "36",
    page: int = 500,
    max_series: int = 10_000,
    **options: str,
) -> Made:
    """Return what the collector makes of these objects, which it gets in pages."""
    collector = CapacityCollector()
    world: World = Server(load(options, {}, (CapacityOptions,))[CapacityOptions], minor)  # type: ignore[assignment]
    plan = collector.plan(world)
    lists = {"nodes": nodes, "pods": pods, "namespaces": namespaces}
    listed = [read(collector, each, lists[each.role], page) for each in plan.subscriptions]
    section = collector.finish(plan, listed, None, AT)
    tables = stored.store("capacity", collector.metrics(section, AT), max_series)
    text = generate_latest(exposition.registry(f for t in tables for f in t.metrics())).decode()
    return Made(section, text)


def read(
    collector: CapacityCollector, subscription: Subscription, objects: Iterable[Json], page: int
) -> Listed:
    """Return the outcome of a list of these objects."""
    reader, items = collector.reader(subscription), list(objects)
    for start in range(0, len(items), page):
        body = msgspec.json.encode(items[start : start + page])
        reader.page(msgspec.json.decode(body, type=list[subscription.wire]))  # type: ignore[name-defined]
    return Listed(subscription, outcome_of(subscription), reader.result())


def planned(minor: str = "36", **options: str) -> Plan:
    """Return the collector's plan."""
    world: Any = Server(load(options, {}, (CapacityOptions,))[CapacityOptions], minor)
    return CapacityCollector().plan(world)
