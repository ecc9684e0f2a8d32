"""Queries and dashboard of the collector services, asked of a real Prometheus."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import ANY

import pytest

from support.asking import Asking
from support.dashboards import check_data, check_layout
from support.docs_pages import section
from support.paths import COMPONENTS
from support.processes import prometheus, pushgateway, scraping
from support.services import KINDS, NAMESPACE, POD, SERVICE, fill_services, pod, service
from xpjob.collectors.services.collector import ServicesCollector
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import Cluster
from xpjob.run import job
from xpjob.terminal.progress import Silent

TOKEN = "services-token"
DASHBOARD: dict[str, Any] = json.loads((COMPONENTS / "dashboard/services.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """Two runs over pods of every state; a pod and a Service come between their scrapes."""
    path = tmp_path_factory.mktemp("services")
    cluster = Cluster(KINDS, token=TOKEN)
    fill_services(cluster)
    with pushgateway(path) as gateway, Server(create_app(cluster)) as server:
        given = {
            "kubeconfig": str(write_kubeconfig(path / "k", server.url, TOKEN)),
            "store_backend": "directory",
            "store_dir": str(path / "store"),
            "pushgateway_url": gateway,
            "service_operator": "infra/headless",
            "pod_service_metrics": "true",
        }
        config = load(given, {}, GROUPS)
        assert job.run(config, (ServicesCollector(),), Silent()).errors == []
        with prometheus(path, **scraping(gateway)) as url:
            asking = Asking(url)
            events = "k8s_headless_service_operator_pod_events_total"
            _wait(asking, f'increase({events}{{event_type="add"}}[1h])')
            cluster.apply(POD, pod("late", "10.0.0.50"))
            cluster.apply(SERVICE, service("late"))
            assert job.run(config, (ServicesCollector(),), Silent()).errors == []
            _wait(asking, f'increase({events}{{event_type="add"}}[1h]) > 0')
            yield asking


def _wait(asking: Asking, query: str) -> None:
    deadline = time.monotonic() + 30
    while not asking(query):
        assert time.monotonic() < deadline, f"{query} gives nothing"
        time.sleep(0.1)


EXPECTED: dict[str, Any] = {
    "Services by namespace": {("infra",): 1, (NAMESPACE,): 8},
    "Rows by state": {
        (state,): 2 if state == "noAddress" else 1
        for state in (
            *("foreign", "missing", "noAddress", "wrongAddress", "stale", "orphan", "impossible"),
            *("suspicious", "familyMissing", "noGoverningService", "redundant", "hostNetwork"),
            *("waiting", "served"),
        )
    },
    "Share of live pods that are served": {(): pytest.approx(3 / 9)},
    "Namespaces with something bad for over an hour": {(NAMESPACE,): ANY},
    "Services created within the last hour": {(): ANY},
    "Pods that came within the last hour": {(): ANY},
    "Whether the operator is available": {(): 1},
    "Single pods that are not served": {
        (name, NAMESPACE, state): 1
        for name, state in (
            *(("lacks", "missing"), ("silent", "noAddress"), ("late", "noAddress")),
            ("wrong", "wrongAddress"),
        )
    },
}


def documented() -> dict[str, str]:
    """Return the queries of the documentation's table."""
    text = section("services", "## Queries")
    rows = re.findall(r"^\| ([^|]+) \| `([^`]+)` \|$", text, re.MULTILINE)
    return {question.strip(): query.replace(r"\|", "|") for question, query in rows}


@pytest.mark.parametrize("question", EXPECTED)
def test_the_documented_queries_give_the_right_numbers(ask: Asking, question: str) -> None:
    """Over pods whose states are known."""
    assert ask(documented()[question]) == EXPECTED[question]


@pytest.mark.parametrize(
    "question", ["Services created within the last hour", "Pods that came within the last hour"]
)
def test_what_came_between_two_runs_is_an_increase(ask: Asking, question: str) -> None:
    """Of one, extrapolated by Prometheus."""
    (value,) = ask(documented()[question]).values()
    assert value > 0


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
