"""Push to a Pushgateway: one gzipped request a group.

A group is PUT: that replaces the whole of it at once, so label sets that are gone from the cluster
are gone from the gateway. Only an outcome that does not know all its families (the last success,
when the store is away) is POSTed, so that those it leaves out stay as they were.
gzip, because some gateways take a plain body that was cut off for a whole one.
"""

from __future__ import annotations

from collections.abc import Callable

import urllib3
from prometheus_client import CollectorRegistry, push_to_gateway, pushadd_to_gateway

from xpjob import retry, transport
from xpjob.errors import DeadlineError, NotFoundError, RefusedError, TransientError, XpjobError
from xpjob.settings import Settings
from xpjob.transport import Response, Timeouts

_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_ADVICE = {
    400: "its words say what is wrong: a metric that contradicts others, or http for https",
    401: "the gateway wants credentials, and xpjob has none to give it",
    403: "the gateway refuses this client",
    404: "check the path of PUSHGATEWAY_URL: give it without /metrics",
    413: "raise the body limit of the proxy before the gateway",
}


class Pushgateway:
    """Pushes groups of one job, and of one cluster where it has a name."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.pushgateway_url
        self._job = settings.pushgateway_job
        self._grouping_key = {"cluster": settings.cluster_name} if settings.cluster_name else {}
        self._timeouts = Timeouts(settings.connect_timeout_seconds, settings.push_timeout_seconds)
        self._pool = urllib3.PoolManager()

    def __str__(self) -> str:
        return f"Pushgateway {self._url}"

    def publish_inventory(self, registry: CollectorRegistry) -> None:
        """Replace the inventory. Raises an ``XpjobError`` with the gateway's own words."""
        self._push(push_to_gateway, self._job, registry)

    def publish_outcome(self, registry: CollectorRegistry, *, whole: bool) -> None:
        """Replace the run's outcome, leaving the inventory alone. Raises likewise."""
        push = push_to_gateway if whole else pushadd_to_gateway
        self._push(push, f"{self._job}-run", registry)

    def _push(self, push: Callable[..., None], job: str, registry: CollectorRegistry) -> None:
        push(
            self._url,
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

        def attempt() -> None:
            what = f"pushing {len(data)} bytes to {url}"
            try:
                answer = transport.request(
                    self._pool,
                    method,
                    url,
                    headers=dict(headers),
                    body=data,
                    timeouts=self._timeouts,
                )
            except TransientError as error:
                raise TransientError(
                    f"{what}: {error}; check PUSHGATEWAY_URL and that the gateway is up"
                ) from error
            except DeadlineError as error:
                raise DeadlineError(f"{what}: {error}") from error
            if answer.status not in (200, 202):
                raise _refusal(what, answer)

        return lambda: retry.call(attempt)


def _refusal(what: str, answer: Response) -> XpjobError:
    message = f"{what}: {answer.status}: {answer.excerpt()}"
    if advice := _ADVICE.get(answer.status):
        message += f"; {advice}"
    if answer.status in _TRANSIENT:
        return TransientError(message, answer.retry_after())
    if answer.status in (401, 403):
        return RefusedError(message)
    if answer.status == 404:
        return NotFoundError(message)
    return XpjobError(message)
