"""Fixtures: a served cluster without objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.inventories import Inventory
from support.pods import TOKEN
from support.workloads import KINDS
from xpjob.demo.api import Server, create_app
from xpjob.demo.cluster import Cluster


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Inventory]:
    """A cluster with the kinds of workloads, and no objects."""
    cluster = Cluster(KINDS, token=TOKEN)
    with Server(create_app(cluster)) as server:
        yield Inventory(tmp_path, server.url, cluster)
