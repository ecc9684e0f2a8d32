"""The reader in process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
from starlette.testclient import TestClient

from support.reader_sample import Clock, FakeStore
from xpjob.collect.contract import Collectors
from xpjob.collectors import COLLECTORS
from xpjob.collectors.extensions import EXTENSIONS
from xpjob.config.option import Config
from xpjob.reader.app import create_app
from xpjob.reader.snapshots import Snapshots
from xpjob.snapshot.documents import Snapshot
from xpjob.store.options import StoreOptions


@dataclass
class Reader:
    """The service in process, with its store and its clock in hand."""

    store: FakeStore
    clock: Clock
    client: TestClient
    snapshots: Snapshots

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask for a path; identity encoding unless told otherwise."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(path, headers={"Accept-Encoding": "identity", **named})

    def json(self, path: str) -> Any:
        """Ask for a path, and expect JSON."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path: str, status: int, code: str) -> Any:
        """Ask for a path, and expect a problem."""
        answer = self.get(path)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["type"] == f"urn:xpjob:problem:{code}"
        assert problem["status"] == status
        return problem


def make_reader(
    store: FakeStore, config: Config | None = None, collectors: Collectors | None = None
) -> Reader:
    """Return the service on a store. It asks the store only when a test says so."""
    clock = Clock()
    app = create_app(
        store,
        config or Config.of(StoreOptions(store_backend="s3", s3_bucket="b")),
        collectors or COLLECTORS,
        EXTENSIONS,
        clock,
    )
    return Reader(store, clock, TestClient(app, "http://localhost"), app.state.snapshots)


def loaded(*snapshots: Snapshot) -> Reader:
    """Return a reader of these snapshots."""
    store = FakeStore()
    for each in snapshots:
        store.save(each, each.head.cluster)
    reader = make_reader(store)
    assert reader.snapshots.refresh()
    return reader
