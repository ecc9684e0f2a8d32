"""Fixtures: a stand-in API with a small cluster, and real servers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from support.paths import TESTS
from support.processes import pushgateway
from support.runs import Runs
from support.sharding import Shards
from support.stand_in import KINDS, TOKEN, StandIn, fill
from support.tiers import Guard, starts_processes
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import Cluster
from xpjob.net import retry

# The same examples each time: a test that fails here fails everywhere. See support/sampling.py.
# How long one takes, or takes to make, says how busy the machine is.
hypothesis.settings.register_profile(
    "same",
    derandomize=True,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("same")


GUARD = pytest.StashKey[Guard]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switches that write golden files anew, and that choose the fast tier."""
    parser.addoption("--update-golden", action="store_true", help="write golden files anew")
    parser.addoption("--fast", action="store_true", help="only tests that start no process")


def pytest_configure(config: pytest.Config) -> None:
    """Guard the fast tier."""
    config.addinivalue_line("markers", "process: starts a process, or a server that is slow")
    if config.getoption("--fast"):
        config.stash[GUARD] = Guard()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what starts processes, and see that no two tests have one id."""
    tests = [item for item in items if isinstance(item, pytest.Function) and not _end_to_end(item)]
    for item in tests:
        if item.parent and not item.nodeid.endswith(item.name):
            # schemathesis gives all operations one id.
            item._id = type(item.id).parse(f"{item.parent.nodeid}::{item.name}")
        if starts_processes(item):
            item.add_marker("process")
    if config.getoption("--fast"):
        slow = [item for item in items if item not in tests or item.get_closest_marker("process")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
    ids = {item.nodeid for item in items}
    assert len(ids) == len(items), "pytest-xdist runs each id once"


def _end_to_end(item: pytest.Item) -> bool:
    return item.path.is_relative_to(TESTS / "e2e")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let the guard listen while a test and its fixtures run."""
    guard = item.config.stash.get(GUARD, None)
    if guard:
        guard.on, guard.heard = True, ""
    try:
        return (yield)
    finally:
        if guard:
            guard.on = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that the guard has heard of, also where its error was caught."""
    result = yield
    guard = item.config.stash.get(GUARD, None)
    assert not guard or not guard.heard, guard.heard
    return result


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Retries count but do not wait, and this machine's own configuration is not seen."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "S3_", "KUBE", "XPJOB_")) or name in ("CLUSTER_NAME",):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    retry.set_testing(True)
    yield
    retry.set_testing(False)


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    """A stand-in API server with no objects, and a kubeconfig for it."""
    cluster = Cluster(KINDS, token=TOKEN)
    with Server(create_app(cluster)) as server:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server.url, TOKEN)
        yield StandIn(cluster, server.url, kubeconfig)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[str]:
    """A real Pushgateway's URL."""
    with pushgateway(tmp_path) as url:
        yield url


@pytest.fixture
def runs(stand_in: StandIn, tmp_path: Path, gateway: str) -> Runs:
    """A platform and a way to run the job against it."""
    fill(stand_in.cluster)
    return Runs(stand_in, tmp_path / "store", gateway)


@pytest.fixture
def shards(stand_in: StandIn, tmp_path: Path, gateway: str) -> Shards:
    """A platform and a way to run shards against it."""
    fill(stand_in.cluster)
    return Shards(stand_in, tmp_path / "store", gateway)
