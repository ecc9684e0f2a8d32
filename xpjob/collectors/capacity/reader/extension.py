"""The page's overview, and what the binpacking exporter has live: its age, and ``/sync``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from starlette.requests import Request
from starlette.responses import Response

from xpjob.collectors.capacity.binpacking import AGE
from xpjob.collectors.capacity.reader import synced
from xpjob.collectors.capacity.reader.synced import NAME, Synced
from xpjob.reader.extension import Comparison, Documented, Endpoint
from xpjob.reader.openapi import get, json_of, object_of
from xpjob.reader.parameters import ONLY_CLUSTER, QueryError
from xpjob.reader.render import Json
from xpjob.reader.service import Service
from xpjob.snapshot.documents import RawSnapshot


class CapacityExtension:
    """An overview, the age of the section at ``/metrics/inventory``, and ``/sync``."""

    name = NAME
    title = "Capacity"
    listing = None
    explainer = None
    view = staticmethod(synced.make)

    def routes(self, service: Service) -> Mapping[str, Endpoint]:
        """Return the endpoint."""

        async def sync(request: Request) -> Response:
            """Answer as the binpacking exporter does about its caches."""
            _, served = service.ask(request, ONLY_CLUSTER)
            found: Synced | None = served.view_of(NAME)
            if found is None:
                text = "the snapshot has no capacity: add capacity to COLLECTORS"
                raise QueryError("no-such-collector", text, status=404)
            document = {
                "last_sync": found.made_at,
                "sync_age_seconds": found.age(served.now),
                "resync_period": _duration(service.snapshots.poll_interval_seconds),
                "node_synced": found.nodes,
                "pod_synced": found.pods,
            }
            return await service.json(
                request, msgspec.json.encode(document) + b"\n", served.headers
            )

        return {"/sync": sync}

    def documented(self) -> Documented:
        """Return what the OpenAPI document says of it."""
        text: Json = {"type": "string"}
        schema = object_of(
            {
                "last_sync": {**text, "format": "date-time"},
                "sync_age_seconds": {"type": "number"},
                "resync_period": text,
                "node_synced": {"type": "boolean"},
                "pod_synced": {"type": "boolean"},
            }
        )
        path = get(
            "When nodes and pods were listed, as the binpacking exporter says it",
            ONLY_CLUSTER,
            json_of("Sync"),
            (400, 404, 413, 414, 503),
        )
        return Documented({"/sync": path}, {"Sync": schema})

    def cluster(self, view: Synced | None) -> Json:
        """Return nothing: ``/clusters`` has the number of rows of each table."""
        return {}

    def records(self, view: Synced | None) -> Mapping[str, int]:
        """Return none."""
        return {}

    def live(self, view: Synced | None, now: int) -> Iterator[Metric]:
        """Yield the age of the section, which a push would leave standing still."""
        if view is not None:
            text = "Time since nodes and pods were listed, in seconds."
            yield GaugeMetricFamily(f"{view.prefix}{AGE}", text, value=view.age(now))

    def known(self, view: Synced | None, table: str, number: int) -> None:
        """Return none: its rows say what there is to say."""

    def tags(self, view: Synced | None) -> Sequence[str]:
        """Return none: it has no rows to select."""
        return ()

    def compare(self, old: RawSnapshot, new: RawSnapshot) -> Comparison | None:
        """Return none: its tables are compared as all others are."""
        return None


def _duration(seconds: float) -> str:
    """Return a duration as Go writes it: ``1h30m0s``."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{text}{rest:g}s"
