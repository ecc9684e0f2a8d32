"""Push to a Pushgateway: one gzipped request a group.

A group is PUT: that replaces the whole of it at once, so label sets that are gone from the cluster
are gone from the gateway. Only an outcome that does not know all its families (the last success,
when the store is away) is POSTed, so that those it leaves out stay as they were.
gzip, because some gateways take a plain body that was cut off for a whole one.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, push_to_gateway, pushadd_to_gateway

from xpjob.config.settings import Settings
from xpjob.publish.began import Began
from xpjob.publish.gateway import Gateway, Group


class Pushgateway:
    """Pushes groups of one job, and of one cluster where it has a name."""

    def __init__(self, gateway: Gateway, settings: Settings) -> None:
        self.gateway = gateway
        self._job = settings.pushgateway_job
        self._grouping_key = {"cluster": settings.cluster_name} if settings.cluster_name else {}

    def __str__(self) -> str:
        return str(self.gateway)

    def publish_inventory(self, registry: CollectorRegistry) -> None:
        """Replace the inventory. Raises an ``XpjobError`` with the gateway's own words."""
        self._push(push_to_gateway, self._job, registry)

    def publish_outcome(self, registry: CollectorRegistry, *, whole: bool) -> None:
        """Replace the run's outcome, leaving the inventory alone. Raises likewise."""
        push = push_to_gateway if whole else pushadd_to_gateway
        self._push(push, f"{self._job}-run", registry)

    def began(self) -> Began:
        """Return when the runs began whose groups it has. Raises an ``XpjobError``."""
        inventory, outcome = self.held()
        return Began(
            inventory.inventory_at if inventory else 0.0,
            outcome.run_at - outcome.run_seconds if outcome else 0.0,
        )

    def held(self) -> tuple[Group | None, Group | None]:
        """Return the groups of inventory and outcome as they are. Raises an ``XpjobError``."""
        found = {tuple(sorted(group.labels.items())): group for group in self.gateway.groups()}

        def group(job: str) -> Group | None:
            return found.get(tuple(sorted({"job": job, **self._grouping_key}.items())))

        return group(self._job), group(f"{self._job}-run")

    def _push(self, push: Callable[..., None], job: str, registry: CollectorRegistry) -> None:
        push(
            self.gateway.url,
            job=job,
            registry=registry,
            grouping_key=self._grouping_key,
            handler=self._handler,
            compression="gzip",
        )

    def _handler(
        self,
        url: str,
        method: str,
        timeout: float | None,
        headers: list[tuple[str, str]],
        data: bytes,
    ) -> Callable[[], None]:
        """Take the place of prometheus_client's sender, which hides what the gateway says."""
        return lambda: self.gateway.send(method, url, dict(headers), data)
