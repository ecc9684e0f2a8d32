"""A served cluster with six widgets of two namespaces, and two gadgets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.sources import GADGET, KINDS, TOKEN, WIDGET, Site, widget
from xpjob.demo.api import Server, create_app
from xpjob.demo.cluster import Cluster


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Serve the cluster."""
    cluster = Cluster(KINDS, token=TOKEN)
    for number in range(6):
        item = widget(f"team-{number % 2}", f"w{number}", number, app="web" if number else "db")
        cluster.apply(WIDGET, item)
    for name in ("g0", "g1"):
        cluster.apply(GADGET, {"metadata": {"name": name}, "spec": {"size": 7}})
    with Server(create_app(cluster)) as server:
        yield Site(tmp_path, server.url, cluster)
