"""Let every collector plan, and request the planned lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from xpjob.base.errors import BadAnswerError, XpjobError
from xpjob.collect.attempt import Attempt
from xpjob.collect.contract import Collector, Collectors, Listed, ListReader, Plan
from xpjob.collect.fetch import Progress, fetch
from xpjob.collect.shared import Wish
from xpjob.config.option import Config
from xpjob.kube.api import Api
from xpjob.kube.connect import connect
from xpjob.kube.count import count
from xpjob.kube.decode import decoder, document
from xpjob.kube.discovery import Catalogue, discover, discover_core
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import Listing, ListKey, WholeList, list_all, read_pages
from xpjob.kube.mend import UNREADABLE
from xpjob.kube.options import KubeOptions
from xpjob.kube.version import Version, server_version
from xpjob.metrics.table import MAX_SERIES
from xpjob.net import deadline
from xpjob.net.clock import Clock
from xpjob.net.http import Timeouts
from xpjob.net.options import NetOptions
from xpjob.net.threads import each
from xpjob.publish.options import PublishOptions
from xpjob.run import budget
from xpjob.run.previous import Sizes

S = TypeVar("S", bound=Struct)

_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
"""Not the whole object: a CRD's schemas can have a megabyte."""


class Collected(Struct, frozen=True):
    """The plan of a collector, and the outcomes of its lists."""

    collector: Collector
    attempt: Attempt
    catalogue: Catalogue = Catalogue(())
    plan: Plan = Plan()
    listed: Sequence[Listed] = ()


Gathered = Sequence[Collected]
"""The plans and outcomes of all collectors, in the order of the registry."""


class PlanningWorld(Struct, frozen=True):
    """The I/O that a collector may do while it plans. Implements ``World``."""

    api: Api
    catalogue: Catalogue
    options: Any
    page_size: int
    concurrency: int
    net: NetOptions = field(default_factory=NetOptions)
    max_series: int = MAX_SERIES

    def read(self, key: ListKey, wire: type[S]) -> WholeList[S]:
        """Read a small list. Raises the errors of ``Api.get``, and ``BadAnswerError``."""
        return list_all(self.api, key, decoder(wire), page_size=self.page_size)

    def fold(
        self, key: ListKey, wire: type[S], reader: Callable[[], ListReader]
    ) -> tuple[Any, Listing]:
        """Return what a reader makes of a list, and how the list went. Raises as ``read`` does."""
        made: list[ListReader] = []

        def restart() -> Callable[[Sequence[S]], None]:
            made[:] = [reader()]
            return made[0].page

        decode = decoder(wire)
        listing = read_pages(self.api, key, decode, restart, page_size=self.page_size)
        return made[0].result(), listing

    def count(self, key: ListKey) -> int:
        """Return the number of objects of a list, mostly with one request. Raises as ``read``."""
        return count(self.api, key, page_size=self.page_size)

    def read_each(
        self, lists: Sequence[tuple[ListKey, type[S]]]
    ) -> Sequence[WholeList[S] | XpjobError]:
        """Read several small lists concurrently; a failed list is an error in its place."""

        def one(item: tuple[ListKey, type[S]]) -> WholeList[S] | XpjobError:
            try:
                return self.read(*item)
            except XpjobError as error:
                return error

        return each(one, lists, self.concurrency)

    def get_each(self, gvr: Gvr, names: Sequence[str], wire: type[S]) -> Sequence[S | XpjobError]:
        """Get the metadata of cluster-scoped objects; a failure is an error in its place."""

        def one(name: str) -> S | XpjobError:
            path = f"{gvr.path()}/{name}"
            try:
                return document(self.api.get(path, {}, accept=_METADATA).body, wire)[0]
            except XpjobError as error:
                return error
            except UNREADABLE as error:
                return BadAnswerError(f"GET {path}: the answer is not an object ({error})")

        return each(one, names, self.concurrency)

    def core_kinds(self) -> Catalogue:
        """Discover the kinds without a group, such as pods. A failure makes it incomplete."""
        return discover_core(self.api, self.concurrency)

    def server_version(self) -> Version:
        """GET the version of the server. Raises the errors of ``Api.get``, ``BadAnswerError``."""
        return server_version(self.api)


def attempts_of(collectors: Collectors) -> dict[str, Attempt]:
    """Return a new attempt for each collector."""
    return {collector.name: Attempt(collector.name) for collector in collectors}


def connected(config: Config, clock: Clock | None = None) -> Api:
    """Return the configured API, without sending requests. ``clock`` is compared with its own."""
    kube, net = config[KubeOptions], config[NetOptions]
    return connect(
        kube.kubeconfig,
        kube.context,
        Timeouts(net.connect_timeout_seconds, net.request_timeout_seconds),
        kube.concurrency,
        allow_insecure=net.allow_insecure_credentials,
        clock=clock,
    )


def plan_all(
    api: Api, config: Config, collectors: Collectors, attempts: Mapping[str, Attempt]
) -> Gathered:
    """Return the plan of each collector. Raises the errors of discovery."""
    kube = config[KubeOptions]
    catalogue = discover(api, kube.concurrency)
    planned = []
    with budget.phase("plan"):
        for number, collector in enumerate(collectors):
            attempt = attempts[collector.name]
            options = config[collector.options]
            world = PlanningWorld(
                *(api, catalogue, options, kube.page_size, kube.concurrency),
                config[NetOptions],
                config[PublishOptions].max_series,
            )
            with deadline.equal_share(number, len(collectors)):
                plan = attempt.run("plan", partial(_plan, collector, world))
            planned.append(Collected(collector, attempt, catalogue, plan or Plan()))
    return planned


def _plan(collector: Collector, world: PlanningWorld) -> Plan:
    plan = collector.plan(world)
    if not isinstance(plan, Plan):
        raise TypeError(f"{collector.name}.plan returned {plan!r}")
    return plan


def list_planned(
    planned: Gathered, api: Api, config: Config, progress: Progress, sizes: Sizes
) -> Gathered:
    """Request the lists of all plans, each once, and return the plans with the outcomes."""
    kube = config[KubeOptions]
    wishes = [
        Wish(item.collector, item.attempt, subscription)
        for item in planned
        for subscription in item.plan.subscriptions
        if subscription.error is None
    ]
    listed = fetch(
        wishes, api, progress, page_size=kube.page_size, concurrency=kube.concurrency, sizes=sizes
    )
    outcomes = iter(listed)
    return [
        replace(
            item,
            listed=[next(outcomes) for each_ in item.plan.subscriptions if each_.error is None],
        )
        for item in planned
    ]
