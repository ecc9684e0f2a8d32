"""Queries and dashboard of the collector clusters, asked of a real Prometheus."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.asking import Asking
from support.certificates import issue
from support.clusters import KINDS, fill_clusters
from support.dashboards import check_data, check_layout
from support.docs_pages import section
from support.paths import COMPONENTS
from support.processes import prometheus, pushgateway, scraping
from support.scripted import Asked, Told, scripted
from xpjob.collectors.clusters.collector import Clusters
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import Cluster
from xpjob.run import job
from xpjob.terminal.progress import Silent

TOKEN = "clusters-token"
DASHBOARD: dict[str, Any] = json.loads((COMPONENTS / "dashboard/clusters.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def images(asked: Asked) -> Told:
    """Answer as a registry that is open to nobody but has a catalog for all."""
    if asked.path.startswith("/v2/_catalog"):
        return Told(200, {}, b'{"repositories": ["a", "b"]}')
    wanted = {"WWW-Authenticate": 'Basic realm="r"'}
    return Told(200, {}, b"{}") if asked.headers.get("x") else Told(401, wanted, b"{}")


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """One run over nodes and operators of all sorts, and three registries, pushed and scraped."""
    path = tmp_path_factory.mktemp("clusters")
    cluster = Cluster(KINDS, token=TOKEN)
    fill_clusters(cluster)
    made = issue(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    with (
        pushgateway(path) as gateway,
        Server(create_app(cluster)) as server,
        scripted(images, context) as closed,
        scripted(lambda asked: images(Asked("GET", asked.path, {"x": "1"}, b""))) as public,
    ):
        given = {
            "kubeconfig": str(write_kubeconfig(path / "k", server.url, TOKEN)),
            "pushgateway_url": gateway,
            "registries_file": str(registries(path, closed.url, made.authority, public.url)),
        }
        assert job.run(load(given, {}, GROUPS), (Clusters(),), Silent()).errors == []
        with prometheus(path, **scraping(gateway)) as url:
            asking = Asking(url)
            deadline = time.monotonic() + 30
            while not asking("clusterpulse_cluster_nodes_total"):
                assert time.monotonic() < deadline, "nothing was scraped"
                time.sleep(0.1)
            yield asking


def registries(directory: Path, closed: str, authority: Path, public: str) -> Path:
    """Write a file with a registry that refuses its credentials, an open one, and none."""
    credentials = directory / "credentials"
    credentials.write_text("robot:wrong")
    entries = [
        {
            "name": "closed",
            "endpoint": closed,
            "caFile": str(authority),
            "credentialsFile": str(credentials),
        },
        {"name": "public", "endpoint": public, "maxRepositories": 10},
        {"name": "away", "endpoint": "http://127.0.0.1:1"},
    ]
    path = directory / "registries.json"
    path.write_text(json.dumps({"registries": entries}))
    return path


EXPECTED: dict[str, Any] = {
    "Nodes that are not ready": {("node-4",): -1},
    "Requested cpu of the cluster, as a ratio": {(): pytest.approx(3.65 / 25.93)},
    "Fullest nodes by requests": {
        ("node-0",): 15,
        ("node-1",): 15,
        ("node-5",): pytest.approx(100 * 2.1 / 1.93),
    },
    "Operators that have not succeeded": {
        ("kyverno-system", "kyverno"): 1,
        ("logging", "logging"): 1,
        ("operators", "broken"): 1,
    },
    "Upgrades that wait for approval": {("metallb", "metallb"): 1},
    "ClusterOperators that forbid updates": {(): 1},
    "Clusters by version": {("v1.36.0",): 1},
    "Registries that do not answer": {(): 1},
    "Registries whose credentials are wrong": {(): 1},
    "Days until certificates expire": None,
}


def documented() -> dict[str, str]:
    """Return the queries of the documentation's table."""
    text = section("clusters", "## Queries")
    rows = re.findall(r"^\| ([^|]+) \| `([^`]+)` \|$", text, re.MULTILINE)
    return {question.strip(): query for question, query in rows}


@pytest.mark.parametrize("question", EXPECTED)
def test_the_documented_queries_give_the_right_numbers(ask: Asking, question: str) -> None:
    """Over a cluster whose numbers are known; when a certificate ends is up to its maker."""
    found = ask(documented()[question])
    if EXPECTED[question] is None:
        ((registry, days),) = found.items()
        assert registry == ("closed",)
        assert days > 0
    else:
        assert found == EXPECTED[question]


def test_every_documented_query_has_a_known_answer() -> None:
    """None is only for show."""
    assert set(documented()) == set(EXPECTED)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_panel_returns_data(ask: Asking, panel: dict[str, Any]) -> None:
    """With all clusters chosen; its data source is a variable."""
    check_data(panel, ask)


def test_the_dashboard_is_complete() -> None:
    """Panels have a title and a description, and do not overlap."""
    check_layout(DASHBOARD)
