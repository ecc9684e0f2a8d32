"""What a collector adds to the reader: endpoints, files, and its part of what all share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from support.reader_sample import Clock, FakeStore
from support.toy_tables import toy_snapshot
from xpjob.config.option import Config
from xpjob.reader.app import create_app
from xpjob.reader.extension import Comparison, Documented, Endpoint, Known
from xpjob.reader.openapi import get, json_of
from xpjob.reader.parameters import ONLY_CLUSTER
from xpjob.reader.render import Json
from xpjob.reader.service import Service
from xpjob.reader.table import Stamp
from xpjob.snapshot.documents import RawSnapshot


class Pools:
    """Counts nodes for an endpoint of its own."""

    name = "capacity"
    title = "Capacity"
    listing = None
    explainer = None

    def view(self, raw: RawSnapshot, stamp: Stamp) -> int:
        """Return the number of nodes. A broken snapshot has 13."""
        count = len(raw.rows("nodes"))
        if count == 13:
            raise ValueError("13 nodes")
        return count

    def routes(self, service: Service) -> Mapping[str, Endpoint]:
        """Return one endpoint."""

        async def pools(request: Request) -> Response:
            _, served = service.ask(request, ONLY_CLUSTER)
            return await service.json(request, b"%d" % served.view_of(self.name), served.headers)

        return {"/pools": pools}

    def documented(self) -> Documented:
        """Return what the OpenAPI document says of it."""
        path = get("How many nodes", ONLY_CLUSTER, json_of("Pools"), (400, 503))
        return Documented({"/pools": path}, {"Pools": {"type": "integer"}})

    def cluster(self, view: int | None) -> Json:
        """Return the number of nodes."""
        return {"nodes": view or 0}

    def records(self, view: int) -> Mapping[str, int]:
        """Return the number of nodes as a class."""
        return {"node": view}

    def live(self, view: int, now: int) -> Sequence[Metric]:
        """Return the time of the scrape."""
        return [GaugeMetricFamily("pools_now", "Time of the scrape.", value=now)]

    def known(self, view: int, table: str, number: int) -> Known | None:
        """Return how many nodes there are, of the first one."""
        return Known(sentence=f"One of {view}.", notes=["a note"]) if number == 0 else None

    def tags(self, view: int) -> Sequence[str]:
        """Return none: it has no rows to select."""
        return ()

    def compare(self, old: RawSnapshot, new: RawSnapshot) -> Comparison:
        """Compare nothing."""
        raise NotImplementedError


@pytest.fixture
def store() -> FakeStore:
    """Return a store with a snapshot."""
    made = FakeStore()
    made.save(toy_snapshot())
    return made


@pytest.fixture
def client(store: FakeStore) -> TestClient:
    """Return a reader with no other extension."""
    app = create_app(store, Config(), (), (Pools(),), Clock())
    app.state.snapshots.refresh()
    return TestClient(app, "http://localhost")


def test_an_extension_has_endpoints(client: TestClient) -> None:
    """And nothing is there of those that were not passed in."""
    assert client.get("/pools").json() == 4
    assert client.get("/bookkeeping").status_code == 404
    assert client.get("/schema.json").json()["views"] == [
        {"name": "capacity", "title": "Capacity", "paths": ["/pools"]}
    ]
    document = client.get("/openapi.json").json()
    assert "/pools" in document["paths"]
    assert document["components"]["schemas"]["Pools"] == {"type": "integer"}


def test_an_extension_tells_of_clusters_and_counts(client: TestClient) -> None:
    """Each in its own words."""
    (cluster,) = client.get("/clusters").json()["clusters"]
    assert cluster["nodes"] == 4
    families = text_string_to_metric_families(client.get("/metrics").text)
    records = [s for f in families for s in f.samples if s.name == "xpjob_reader_records"]
    assert [(sample.labels["class"], sample.value) for sample in records] == [("node", 4)]


def test_an_extension_knows_more_of_a_row(client: TestClient) -> None:
    """Of others, their table says what there is to say."""
    first = client.get("/tables/nodes/rows/a-1").json()
    assert (first["sentence"], first["notes"]) == ("One of 4.", ["a note"])
    assert client.get("/tables/nodes/rows/a-2").json()["notes"] == []
    assert client.get("/tables/licences/rows/east").json()["notes"] == []


def test_a_snapshot_that_an_extension_cannot_read_is_rejected(
    store: FakeStore, client: TestClient
) -> None:
    """As any that is corrupt: the one before is served on."""
    rows = {"nodes": [{"name": str(number)} for number in range(13)]}
    store.save(toy_snapshot(2, rows=rows))
    client.app.state.snapshots.refresh()  # type: ignore[attr-defined]
    answer = client.get("/pools")
    assert answer.json() == 4
    assert answer.headers["xpjob-stale-reasons"] == "corrupt"


def test_live_families_are_of_the_time_of_the_scrape(store: FakeStore) -> None:
    """Beside those of the snapshot, and never answered from a cache."""
    clock = Clock()
    app = create_app(store, Config(), (), (Pools(),), clock)
    app.state.snapshots.refresh()
    client = TestClient(app, base_url="http://localhost")
    first = client.get("/metrics/inventory")
    assert float(first.text.rpartition("pools_now ")[2]) == int(clock().timestamp())
    clock.forward(seconds=1)
    cached = {
        "If-None-Match": first.headers["etag"],
        "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT",
    }
    second = client.get("/metrics/inventory", headers=cached)
    assert second.status_code == 200
    assert float(second.text.rpartition("pools_now ")[2]) == int(clock().timestamp())
