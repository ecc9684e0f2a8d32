"""Fixtures: servers that all faults share, and all runs of the matrix, several at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from faults.done import Done
from faults.rows import HEEDLESS, ROWS, Row
from faults.world import Faults, World, snapshot_before
from support.processes import pushgateway
from support.s3_server import S3, serve_s3
from xpjob.net import retry
from xpjob.snapshot.documents import Snapshot

WORKERS = 6
"""Runs at the same time: most of them wait for something that does not come."""


@pytest.fixture(scope="package")
def shared_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One real Pushgateway for all: each run has a group of its own there."""
    with pushgateway(tmp_path_factory.mktemp("gateway")) as url:
        yield url


@pytest.fixture(scope="package")
def faults() -> Faults:
    """What S3 answers instead, by cluster."""
    return {}


@pytest.fixture(scope="package")
def shared_s3(tmp_path_factory: pytest.TempPathFactory, faults: Faults) -> Iterator[S3]:
    """One S3 for all: each run has a prefix of its own there.

    moto has one set of buckets in a process: no test of this package may serve another S3.
    """

    def fault(method: str, path: str, headers: dict[str, str]) -> tuple[int, str] | None:
        if "x_around" in headers or "Credential=reader/" in headers.get("authorization", ""):
            return None
        conditional = "?" if {"if_match", "if_none_match"} & headers.keys() else ""
        parts = path.split("/")
        answer = faults.get(parts[3]) if len(parts) > 3 else None
        return answer(method + conditional, path) if answer else None

    with serve_s3(tmp_path_factory.mktemp("s3")) as served:
        served.fault = fault
        served.heedless = lambda path: HEEDLESS.replace(" ", "-") in path
        yield served


@pytest.fixture(scope="package")
def before(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """What a run has found before."""
    return snapshot_before(tmp_path_factory.mktemp("before"))


@pytest.fixture
def world(
    tmp_path: Path, shared_gateway: str, shared_s3: S3, before: Snapshot, faults: Faults
) -> Iterator[World]:
    """A world whose next run is well."""
    retry.set_testing(True)
    name = tmp_path.name.replace("_", "-")
    with World.of(name, tmp_path, shared_gateway, shared_s3, before, faults) as made:
        yield made


@pytest.fixture(scope="package")
def runs(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    shared_gateway: str,
    shared_s3: S3,
    before: Snapshot,
    faults: Faults,
) -> Iterator[dict[str, Future[Done]]]:
    """All rows that were chosen, running."""
    directory = tmp_path_factory.mktemp("rows")

    def one(row: Row) -> Done:
        where: Path = directory / row.id
        with World.of(row.id, where, shared_gateway, shared_s3, before, faults) as world:
            row.setup(world)
            ran = world.run()
            return Done(world, ran, row)

    chosen = {
        item.callspec.params["row"].id
        for item in request.session.items
        if hasattr(item, "callspec") and isinstance(item.callspec.params.get("row"), Row)
    }
    retry.set_testing(True)
    pool = ThreadPoolExecutor(WORKERS)
    yield {row.id: pool.submit(one, row) for row in ROWS if row.id in chosen}
    pool.shutdown(wait=True, cancel_futures=True)
