"""The publisher protocol, and the configured publishers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Protocol

from prometheus_client import CollectorRegistry

from xpjob.base import times
from xpjob.base.errors import SupersededError, XpjobError
from xpjob.config.option import Config
from xpjob.net.clock import Clock
from xpjob.net.deadline import equal_share
from xpjob.net.options import NetOptions
from xpjob.publish.gateway import Gateway
from xpjob.publish.options import PublishOptions
from xpjob.publish.pushgateway import Pushgateway
from xpjob.publish.start_times import TOLERANCE, StartTimes
from xpjob.publish.textfile import Textfile
from xpjob.snapshot.documents import RunInfo
from xpjob.store.options import StoreOptions

_log = logging.getLogger(__name__)


class Publisher(Protocol):
    """Publishes the two groups of a run. All methods raise ``XpjobError``."""

    def start_times(self) -> StartTimes:
        """Return the start times of the runs whose groups are published."""

    def publish_inventory(self, registry: CollectorRegistry) -> None:
        """Replace the inventory."""

    def publish_outcome(self, registry: CollectorRegistry, *, whole: bool) -> None:
        """Replace the outcome of the last run, or only the families it has if not ``whole``."""


def pushgateways(config: Config) -> tuple[Pushgateway, ...]:
    """Return a publisher for each gateway, without connecting."""
    options, cluster = config[PublishOptions], config[StoreOptions].cluster_name
    gateways = (Gateway(url, options, config[NetOptions]) for url in options.pushgateway_url)
    return tuple(Pushgateway(gateway, options.pushgateway_job, cluster) for gateway in gateways)


def publishers(config: Config) -> tuple[Publisher, ...]:
    """Return the configured publishers, without connecting."""
    path = config[PublishOptions].publish
    return (*pushgateways(config), *([Textfile(path)] if path else ()))


def refuse_older(
    sinks: Sequence[Publisher],
    run: RunInfo,
    what: Literal["inventory", "outcome"],
    clock: Clock | None = None,
    check: Callable[[Publisher, StartTimes], None] = lambda _sink, _published: None,
) -> None:
    """Raise ``SupersededError`` if a publisher has a group of a run that started later.

    For runs without a store, where the check is cheaper. ``check`` is called with what is
    published, and may raise its own errors.
    """
    started = times.parse(run.started_at).timestamp() + TOLERANCE
    now = (clock or Clock()).now().timestamp()  # what is later had a wrong clock
    for sink, published in published_by(sinks):
        check(sink, published)
        if started < getattr(published, what) <= now:
            raise SupersededError(
                f"superseded: {sink} has the {what} of a run that started later than this "
                f"one ({run.started_at}), so it was not replaced"
            )


def published_by(sinks: Sequence[Publisher]) -> Iterator[tuple[Publisher, StartTimes]]:
    """Yield what each publisher has. A gateway can only return all of its groups.

    One that does not answer is skipped; the push itself will report it.
    """
    for number, sink in enumerate(sinks):
        try:
            with equal_share(number, len(sinks)):
                published = sink.start_times()
        except XpjobError as error:
            facts = {"publisher": str(sink), "error": str(error)}
            _log.info("published run not checked", extra=facts)
            continue
        yield sink, published
