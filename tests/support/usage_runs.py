"""Runs of a collector with meters, which commit to a real store: no API server is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal

import msgspec
from msgspec import Struct

from support.toy import ToyOptions
from support.usage import METERS, RULES, Thing
from xpjob.base import times
from xpjob.base.errors import XpjobError
from xpjob.collect.attempt import Attempt
from xpjob.collect.before import Before
from xpjob.collect.contract import Listed, ListReader, Plan, Section, Subscription, World
from xpjob.collect.fetch import outcome_of
from xpjob.collect.meters import Meter, Reading
from xpjob.collect.tables import TableSpec
from xpjob.config.option import Group
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import NEVER, ListKey, Moment
from xpjob.metrics.table import Table
from xpjob.net.clock import Clock
from xpjob.run import commit as commits
from xpjob.run.assemble import Facts
from xpjob.run.journal import Journal
from xpjob.run.plan import Collected
from xpjob.run.previous import Previous, recall
from xpjob.snapshot.documents import Snapshot
from xpjob.store.base import Store
from xpjob.usage.rules import Rules
from xpjob.usage.state import UsageState

CLUSTER = "prod"


class Things:
    """Has a list for each resource, and nothing but meters."""

    name = "things"
    options: type[Group] = ToyOptions
    tables: Sequence[TableSpec] = ()
    carry: Literal["list", "section"] = "list"
    state: type[Struct] | None = None
    results: Mapping[str, tuple[str, Any]] = {}
    meters: Sequence[Meter] = METERS

    def __init__(self, *, fails: bool = False) -> None:
        self._fails = fails

    def plan(self, world: World) -> Plan:
        """Plan nothing: lists are given."""
        return Plan()

    def reader(self, subscription: Subscription) -> ListReader:
        """Read nothing."""
        raise NotImplementedError

    def recall(self, before: Before) -> None:
        """Remember nothing."""

    def finish(
        self, plan: Plan, listed: Sequence[Listed], before: Before | None, at: str
    ) -> Section:
        """Return an empty section."""
        if self._fails:
            raise ValueError("a mistake")
        return Section({})

    def metrics(self, section: Section, at: str) -> Iterator[Table]:
        """Yield nothing."""
        return iter(())

    def readings(
        self, plan: Plan, listed: Sequence[Listed], section: Section, since: int
    ) -> Iterable[Reading]:
        """Yield the things of all lists, clipped as they may be."""
        for number, item in enumerate(listed):
            for thing in item.result or ():
                yield Reading(number, thing.key, thing.amount, max(thing.begin, since), thing.end)


class FixedClock(Clock):
    """A clock that stands still."""

    def __init__(self, moment: int) -> None:
        super().__init__()
        self._moment = moment

    def now(self) -> datetime:
        """Return its time."""
        return datetime.fromtimestamp(self._moment, timezone.utc)


@dataclass
class Run:
    """A run at a time: it has recalled the previous one, and can commit."""

    store: Store
    now: int
    rules: Rules = RULES
    id: str = ""
    fails: bool = False

    def __post_init__(self) -> None:
        """Recall the previous run."""
        self.clock = FixedClock(self.now)
        self.journal = Journal(CLUSTER)
        self.journal.run.id = self.id or f"run-{self.now}"
        self.journal.run.started_at = times.rfc3339(self.clock.now())
        self.collector = Things(fails=self.fails)
        self.attempt = Attempt(self.collector.name)
        self.previous = self._recalled()

    def _recalled(self) -> Previous:
        attempts = {self.collector.name: self.attempt}
        return recall(
            *(self.store, CLUSTER, self.journal.run, (self.collector,), attempts),
            max_age=86_400,
            clock=self.clock,
        )

    def gathered(
        self, listed: Mapping[str, Sequence[Thing] | None], at: int | None = None
    ) -> list[Collected]:
        """Return these lists, made ``at`` a time, as gathered."""
        made = []
        for resource, things in listed.items():
            key = ListKey(Gvr("example.org", "v1", resource))
            subscription = Subscription(key, msgspec.Struct, kind="Thing", role="one")
            error = XpjobError("403") if things is None else None
            outcome = outcome_of(subscription, self.collector.name)
            outcome.error = str(error or "")
            moment = NEVER if error else Moment(self.now if at is None else at)
            made.append(Listed(subscription, outcome, things, error, moment))
        return [Collected(self.collector, self.attempt, listed=made)]

    def commit(
        self, listed: Mapping[str, Sequence[Thing] | None], at: int | None = None
    ) -> Snapshot:
        """Commit what it has listed."""
        gathered = self.gathered(listed, at)
        targets = [each.outcome for each in gathered[0].listed]
        facts = Facts(
            *(self.journal.run, CLUSTER, targets, 10_000, 86_400, self.clock), usage=self.rules
        )
        made, _ = commits.commit(
            self.store, self.journal, gathered, self.previous, facts, (self.collector,)
        )
        return made


def stored_state(store: Store) -> UsageState:
    """Return the state that is stored."""
    found = store.get(f"{CLUSTER}/snapshot.json")
    assert found is not None
    document = msgspec.json.decode(found.body, type=dict[str, msgspec.Raw])
    return msgspec.json.decode(document["usage"], type=UsageState)
