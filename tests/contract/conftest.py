"""Fixtures of the contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.cells import TOKEN, Cell
from contract.scenes import SCENES, Scene, fill_pods
from support.capacity import POD
from support.pods import TOKEN as PODS_TOKEN
from support.pods import Pods
from xpjob.demo.api import Server, create_app
from xpjob.demo.cluster import Cluster


@pytest.fixture
def pods(tmp_path: Path) -> Iterator[Pods]:
    """A cluster with pods."""
    cluster = Cluster((POD,), token=PODS_TOKEN)
    fill_pods(cluster)
    with Server(create_app(cluster)) as server:
        yield Pods(tmp_path, server.url, cluster)


@pytest.fixture(params=SCENES, ids=[scene.name for scene in SCENES])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cell]:
    """A cluster that has the kinds and no objects."""
    scene: Scene = request.param
    cluster = Cluster(tuple(scene.kinds), token=TOKEN)
    with Server(create_app(cluster)) as server:
        yield Cell(scene, tmp_path, server.url, cluster)


@pytest.fixture
def cell(empty: Cell) -> Cell:
    """A cluster that the collector has something to say about."""
    empty.scene.fill(empty.cluster)
    return empty
