"""Fixtures: a stand-in API with a small cluster, and real servers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from processes import pushgateway
from runs import Runs
from sharding import Shards
from stand_in import KINDS, TOKEN, StandIn, fill

from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import Cluster
from xpjob.net import retry

# The same examples each time: a test that fails here fails everywhere. See fuzzing.py.
hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch that writes golden files anew."""
    parser.addoption("--update-golden", action="store_true", help="write golden files anew")


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
