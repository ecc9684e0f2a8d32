"""Push to a Pushgateway: one gzipped request per group.

A PUT replaces a whole group, so label sets that are gone from the cluster are gone from the
gateway. Only an outcome without all of its families (the last success, if the store is not
available) is sent with POST, which keeps the families that it leaves out.
gzip, because some versions of the gateway accept a truncated plain body.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, push_to_gateway, pushadd_to_gateway

from xpjob.publish.gateway import Gateway, Group
from xpjob.publish.start_times import StartTimes
from xpjob.store.gzipped import packed


class Pushgateway:
    """Pushes the groups of one job and one cluster; an empty cluster adds no label."""

    def __init__(self, gateway: Gateway, job: str, cluster: str) -> None:
        self.gateway = gateway
        self._job = job
        self._grouping_key = {"cluster": cluster} if cluster else {}

    def __str__(self) -> str:
        return str(self.gateway)

    def publish_inventory(self, registry: CollectorRegistry) -> None:
        """Replace the inventory. Raises an ``XpjobError`` that quotes the gateway's answer."""
        self._push(push_to_gateway, self._job, registry)

    def publish_outcome(self, registry: CollectorRegistry, *, whole: bool) -> None:
        """Replace the outcome of the run, but not the inventory. Raises an ``XpjobError``."""
        push = push_to_gateway if whole else pushadd_to_gateway
        self._push(push, f"{self._job}-run", registry)

    def publish_hub(self, registry: CollectorRegistry, *, whole: bool) -> None:
        """Replace what a hub says of the cluster. Raises an ``XpjobError``."""
        push = push_to_gateway if whole else pushadd_to_gateway
        self._push(push, f"{self._job}-hub", registry)

    def start_times(self) -> StartTimes:
        """Return the start times of the runs of its groups. Raises an ``XpjobError``."""
        inventory, outcome = self.groups()
        return StartTimes(
            inventory.inventory_at if inventory else 0.0,
            outcome.run_at - outcome.run_seconds if outcome else 0.0,
            inventory.cluster if inventory else "",
        )

    def groups(self) -> tuple[Group | None, Group | None]:
        """Return the current groups of inventory and outcome. Raises an ``XpjobError``."""
        by_key = {tuple(sorted(group.labels.items())): group for group in self.gateway.groups()}

        def group(job: str) -> Group | None:
            return by_key.get(tuple(sorted({"job": job, **self._grouping_key}.items())))

        return group(self._job), group(f"{self._job}-run")

    def _push(self, push: Callable[..., None], job: str, registry: CollectorRegistry) -> None:
        push(
            self.gateway.url,
            job=job,
            registry=registry,
            grouping_key=self._grouping_key,
            handler=self._handler,
        )

    def _handler(
        self,
        url: str,
        method: str,
        timeout: float | None,
        headers: list[tuple[str, str]],
        data: bytes,
    ) -> Callable[[], None]:
        """Replace prometheus_client's handler, which hides the gateway's answer.

        Its compression, too: that is gzip of the highest level, which takes much longer.
        """
        described = {**dict(headers), "Content-Encoding": "gzip"}
        return lambda: self.gateway.send(method, url, described, packed(data))
