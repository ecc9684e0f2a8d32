"""Runs of the delivery to GitHub: rows, a store that remembers, and a clock that tests move."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
from msgspec import Struct

from support.github import ORG, TOKEN, GitHub, github
from support.scripted import Scripted
from xpjob.base import times
from xpjob.base.errors import ConflictError
from xpjob.collectors.deployments.github.budget import Clock
from xpjob.collectors.deployments.github.deliver import Outcome, Work, deliver
from xpjob.collectors.deployments.github.state import Acknowledged, Kept
from xpjob.collectors.deployments.options import DeploymentOptions
from xpjob.config.option import load
from xpjob.metrics.cumulative import HistogramTable
from xpjob.net.options import NetOptions


class Row(Struct, kw_only=True):
    """A row of the table, as far as it is read."""

    namespace: str = "shop"
    workload_group: str = "apps"
    workload_kind: str = "Deployment"
    workload: str = "web"
    container: str = "app"
    container_kind: str = "container"
    image: str = "ghcr.io/octo/web:v1"
    tag: str = "v1"
    digest: str = ""
    pods: int = 1
    since: str = "2026-08-01T00:00:00Z"
    until: str = ""
    tags: dict[str, str] = {}
    risks: tuple[str, ...] = ()
    github_repository: str = ""
    scaled_to_zero: bool = False
    carried_since: str = ""


def digest(number: int = 1) -> str:
    """Return a digest."""
    return f"sha256:{number:064x}"


def row(number: int = 1, **changes: Any) -> Row:
    """Return a row that runs a digest."""
    return Row(**{"digest": digest(number), **changes})


class StandingClock(Clock):
    """A clock that only pauses and the test move. ``seconds`` are left to each run."""

    def __init__(self, seconds: float = 20.0) -> None:
        self.moment = datetime(2026, 8, 21, 9, tzinfo=timezone.utc)
        self.seconds = self._left = seconds
        self.pauses: list[float] = []

    def now(self) -> datetime:
        """Return the time."""
        return self.moment

    def left(self) -> float:
        """Return what the pauses have left."""
        return self._left

    def sleep(self, seconds: float) -> None:
        """Move on."""
        assert seconds < self._left or math.isinf(self._left)
        self.pauses.append(seconds)
        self._left -= seconds
        self.moment += timedelta(seconds=seconds)

    def next_run(self, seconds: float) -> None:
        """Move to the next run."""
        self.moment += timedelta(seconds=seconds)
        self._left = self.seconds


@dataclass
class Store:
    """What is remembered: as text, so that nothing else is. ``fails_at`` kills at that write."""

    body: bytes = b""
    writes: int = 0
    fails_at: int = 0

    def load(self) -> Acknowledged:
        """Return what is remembered."""
        return msgspec.json.decode(self.body, type=Acknowledged) if self.body else Acknowledged()


class KilledError(BaseException):
    """The run was killed."""


class StoredOutbox:
    """The outbox of one run: conditional, as that of the store."""

    def __init__(self, store: Store) -> None:
        self._store, self._seen = store, store.body
        self.acknowledged = store.load()

    def remember(self, acknowledged: Struct) -> None:
        """Store, unless another run has."""
        self._store.writes += 1
        if self._store.writes == self._store.fails_at:
            raise KilledError
        if self._store.body != self._seen:
            raise ConflictError("another run has stored meanwhile")
        self._store.body = self._seen = msgspec.json.encode(acknowledged)


@dataclass
class Runs:
    """Runs against one GitHub."""

    api: GitHub
    served: Scripted
    clock: StandingClock = field(default_factory=StandingClock)
    store: Store = field(default_factory=Store)
    environ: dict[str, str] = field(default_factory=dict)
    every: float = 300.0

    def options(self) -> tuple[DeploymentOptions, NetOptions]:
        """Return the options: as few as there must be, and those of ``environ``."""
        default = {
            "GITHUB_ORG": ORG,
            "BASE_URL": self.served.url,
            "LOGICAL_ENVIRONMENT": "production",
            "REQUEST_TIMEOUT_SECONDS": "5",
            **({} if "GH_APP_ID" in self.environ else {"API_TOKEN": TOKEN}),
        }
        config = load({}, {**default, **self.environ}, (DeploymentOptions, NetOptions))
        return config[DeploymentOptions], config[NetOptions]

    def run(self, *rows: Row, complete: bool = True, covers: Any = lambda _: True) -> Outcome:
        """Run once, and move on to the next run."""
        options, net = self.options()
        at = times.rfc3339(self.clock.now())
        work = Work(rows, complete, at, "moda-1", covers)
        try:
            return deliver(work, options, net, StoredOutbox(self.store), self.clock)
        finally:
            self.clock.next_run(self.every)

    def kept(self) -> Kept:
        """Return what is remembered of the current place."""
        return self.store.load().places[0]

    def posts(self) -> list[str]:
        """Return the last part of the path of each POST with records."""
        return [
            asked.path.rpartition("/")[2]
            for asked in self.served.asked
            if asked.method == "POST" and "deployment-record" in asked.path
        ]


@contextmanager
def runs(**settings: Any) -> Iterator[Runs]:
    """Serve a GitHub, and return a way to run against it."""
    with github(**settings) as (api, served):
        yield Runs(api, served)


def values(outcome: Outcome) -> dict[str, float]:
    """Return the values of all gauges, as name or name{label}."""
    found: dict[str, float] = {}
    for table in outcome.tables:
        if isinstance(table, HistogramTable):
            continue
        for key, numbers in table.rows.items():
            for column, number in zip(table.columns, numbers, strict=True):
                name = column.name + (f"{{{','.join(key)}}}" if key else "")
                assert name not in found
                found[name] = number
    return found


def many(count: int) -> Iterable[Row]:
    """Return rows of as many workloads, each with a digest of its own."""
    return [row(number, workload=f"web-{number}") for number in range(1, count + 1)]
