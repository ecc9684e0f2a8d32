"""What a publisher is, and those that the settings ask for."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Literal, Protocol

from prometheus_client import CollectorRegistry

from xpjob.base.errors import SupersededError, XpjobError
from xpjob.config.settings import Settings
from xpjob.net.deadline import share
from xpjob.publish.began import SAME, Began
from xpjob.publish.gateway import Gateway
from xpjob.publish.pushgateway import Pushgateway
from xpjob.publish.textfile import Textfile
from xpjob.snapshot.documents import RunInfo, moment, now

_log = logging.getLogger(__name__)


class Publisher(Protocol):
    """Takes the two groups of a run. All methods raise ``XpjobError``."""

    def began(self) -> Began:
        """Return when the runs began whose groups it has."""

    def publish_inventory(self, registry: CollectorRegistry) -> None:
        """Replace the inventory by a newer one."""

    def publish_outcome(self, registry: CollectorRegistry, *, whole: bool) -> None:
        """Replace the outcome of the last run; if not ``whole``, only the families it has."""


def pushgateways(settings: Settings) -> tuple[Pushgateway, ...]:
    """Return one publisher for each gateway. Nothing is contacted yet."""
    return tuple(Pushgateway(Gateway(url, settings), settings) for url in settings.pushgateway_url)


def publishers(settings: Settings) -> tuple[Publisher, ...]:
    """Return the publishers that are configured. Nothing is contacted yet."""
    textfiles = (Textfile(settings.publish),) if settings.publish else ()
    return (*pushgateways(settings), *textfiles)


def refuse_older(
    sinks: Sequence[Publisher], run: RunInfo, what: Literal["inventory", "outcome"]
) -> None:
    """Raise ``SupersededError`` where a sink has that of a run that began later.

    For runs without a store, which knows it more cheaply: a gateway can only tell everything that
    it holds. One that does not answer this is asked no further; the push will tell.
    """
    began = moment(run.started_at).timestamp() + SAME
    for number, sink in enumerate(sinks):
        try:
            with share(1 / (len(sinks) - number)):
                held = sink.began()
        except XpjobError as error:
            told = {"publisher": str(sink), "error": str(error)}
            _log.info("what a publisher holds is not known", extra=told)
            continue
        if began < getattr(held, what) <= now().timestamp():
            raise SupersededError(
                f"superseded: {sink} has the {what} of a run that started later than this "
                f"one ({run.started_at}), and keeps it"
            )
