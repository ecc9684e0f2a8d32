"""What a publisher is, and those that the settings ask for."""

from __future__ import annotations

from typing import Protocol

from prometheus_client import CollectorRegistry

from xpjob.publish.gateway import Gateway
from xpjob.publish.pushgateway import Pushgateway
from xpjob.publish.textfile import Textfile
from xpjob.settings import Settings


class Publisher(Protocol):
    """Takes the two groups of a run. Both methods raise ``XpjobError``."""

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
