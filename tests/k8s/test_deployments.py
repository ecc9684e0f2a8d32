"""Queries and dashboard of the collector deployments, asked of a real Prometheus."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.asking import Asking
from support.dashboards import check_data, check_layout
from support.docs_pages import section
from support.github import ORG, github
from support.github import TOKEN as GITHUB_TOKEN
from support.paths import COMPONENTS
from support.processes import prometheus, pushgateway, scraping
from support.workloads import KINDS, POD, A, B, deployment, fill_workloads, pod
from support.workloads import NAMESPACE as SHOP
from xpjob.collectors.deployments.collector import Deployments
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import Cluster
from xpjob.run import job
from xpjob.terminal.progress import Silent

TOKEN = "deployments-token"
DASHBOARD: dict[str, Any] = json.loads((COMPONENTS / "dashboard/deployments.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """Two runs over workloads of all sorts, recorded with GitHub; one is scaled to zero between."""
    path = tmp_path_factory.mktemp("deployments")
    cluster = Cluster(KINDS, token=TOKEN)
    fill_workloads(cluster)
    _, owner = deployment(cluster, "night")
    cluster.apply(POD, pod("night-1", owner, "ghcr.io/shop/web:v1"))
    with (
        pushgateway(path) as gateway,
        Server(create_app(cluster)) as server,
        github(unknown={A}) as (_, served),
    ):
        given = {
            "kubeconfig": str(write_kubeconfig(path / "k", server.url, TOKEN)),
            "store_backend": "directory",
            "store_dir": str(path / "store"),
            "pushgateway_url": gateway,
            "digest_metrics": "true",
            "github_org": ORG,
            "base_url": served.url,
            "logical_environment": "production",
            "github_cluster": "moda-1",
        }
        config = load(given, {"API_TOKEN": GITHUB_TOKEN}, GROUPS)
        assert job.run(config, (Deployments(),), Silent()).errors == []
        cluster.delete(POD, SHOP, "night-1")
        assert job.run(config, (Deployments(),), Silent()).errors == []
        with prometheus(path, **scraping(gateway)) as url:
            asking = Asking(url)
            deadline = time.monotonic() + 30
            # Two scrapes of the outcome, without which there is no increase.
            while not asking("increase(deployment_records_accepted[1h])"):
                assert time.monotonic() < deadline, "nothing was scraped"
                time.sleep(0.1)
            yield asking


EXPECTED: dict[str, Any] = {
    "Containers by registry": {
        ("docker.io",): 2,
        ("ghcr.io",): 3,
        ("registry.example.org:5000",): 1,
    },
    "Share of containers that are pinned to a digest": {(): pytest.approx(1 / 6)},
    "Containers with tag latest, or without a tag": {(SHOP,): 2},
    "Containers without a registry digest, by reason": {("configId",): 1},
    "Workload containers that are scaled to zero": {(SHOP,): 1},
    "Findings by kind": {("LatestOrNoTag",): 2, ("NoRegistryDigest",): 1, ("NotPinned",): 1},
    "Pods by digest": {(A, "shop/web", "v1"): 2, (B, "shop/web", "v2"): 1},
    "Containers that run two images: a rollout": {("app", SHOP, "web"): 2},
    "Deployed within the last hour": {(): 6},
    "Records that GitHub has": {(): 2},
    "Containers whose record GitHub rejects, by cause": {("not_found",): 2, ("unauthorized",): 0},
    "Changes that GitHub has not acknowledged": {(): 0},
}


def documented() -> dict[str, str]:
    """Return the queries of the documentation's table."""
    text = section("deployments", "## Queries")
    rows = re.findall(r"^\| ([^|]+) \| `([^`]+)` \|$", text, re.MULTILINE)
    return {question.strip(): query for question, query in rows}


@pytest.mark.parametrize("question", EXPECTED)
def test_the_documented_queries_give_the_right_numbers(ask: Asking, question: str) -> None:
    """Over workloads whose numbers are known."""
    assert ask(documented()[question]) == EXPECTED[question]


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
