"""Fixtures of the contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.scenes import fill_pods
from support.capacity import POD
from support.pods import TOKEN, Pods
from xpjob.demo.api import Server, create_app
from xpjob.demo.cluster import Cluster


@pytest.fixture
def pods(tmp_path: Path) -> Iterator[Pods]:
    """A cluster with pods."""
    cluster = Cluster((POD,), token=TOKEN)
    fill_pods(cluster)
    with Server(create_app(cluster)) as server:
        yield Pods(tmp_path, server.url, cluster)
