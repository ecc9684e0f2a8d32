"""Dashboard, alerts and scrape configuration against a real Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.dashboards import check_layout
from support.monitored import (
    RULES,
    Monitored,
    monitored,
    operator_jobs,
    shipped_jobs,
)
from support.paths import COMPONENTS
from support.processes import text

DASHBOARD: dict[str, Any] = json.loads((COMPONENTS / "dashboard" / "xpjob.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [
    pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
    for panel in PANELS
    for target in panel["targets"]
]
SELECTORS = sorted(
    {
        selector
        for group in yaml.safe_load(RULES.read_text())["groups"]
        for rule in group["rules"]
        for selector in re.findall(r"\b[a-z0-9_]+\{[^}]*\}", rule["expr"])
    }
)


@pytest.fixture(scope="module", params=["scrape configuration", "ServiceMonitor"])
def prometheus(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Monitored]:
    """A Prometheus that scrapes in each of the ways that are shipped."""
    jobs = shipped_jobs() if request.param == "scrape configuration" else operator_jobs()
    with monitored(tmp_path_factory.mktemp("monitored"), jobs) as made:
        yield made


@pytest.fixture(scope="module")
def without_honour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    """The same with honor_labels off."""
    jobs = [{**job, "honor_labels": False} for job in operator_jobs()]
    with monitored(tmp_path_factory.mktemp("off"), jobs) as made:
        yield made


def as_grafana_asks(expr: str) -> str:
    """Return a query with Grafana's variables filled in: all clusters, the last hour."""
    values = {
        "$__rate_interval": "1m",
        "$__range_s": "3600",
        "$__range": "1h",
        "$cluster": ".*",
    }
    for name, value in values.items():
        expr = expr.replace(name, value)
    assert "$" not in expr
    return expr


@pytest.mark.parametrize("expr", QUERIES)
def test_every_query_of_the_dashboard_returns_data(prometheus: Monitored, expr: str) -> None:
    """Numbers, over several real runs of which the last ones were partial."""
    assert prometheus.ask(as_grafana_asks(expr))


@pytest.mark.parametrize("selector", SELECTORS)
def test_every_series_of_an_alert_exists(prometheus: Monitored, selector: str) -> None:
    """Under this name and with these labels; but for answers that no push has got."""
    if "code=" in selector:
        selector = selector.replace("4..|5..", "2..")
    assert prometheus.ask(selector)


def test_every_rule_can_be_evaluated(prometheus: Monitored) -> None:
    """By a real Prometheus over real series: none is in error, whatever the labels."""
    groups = json.loads(text(f"{prometheus.url}/api/v1/rules"))["data"]["groups"]
    health = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
    assert set(health.values()) <= {"ok", "unknown"}, health
    assert "ok" in health.values()


def test_no_push_was_cut_off(prometheus: Monitored) -> None:
    """The alert on missing series finds none in what was pushed and scraped for real."""
    rules = [r for g in yaml.safe_load(RULES.read_text())["groups"] for r in g["rules"]]
    (missing,) = [rule["expr"] for rule in rules if rule["alert"] == "XpjobSeriesMissing"]
    assert prometheus.ask(missing) == []
    # It would: a family is declared with more than there is.
    declared = 'xpjob_inventory_series{job="xpjob", family=~"crossplane_.+"}'
    assert prometheus.ask(missing.replace(declared, f"({declared} + 1)", 1))


def test_pushed_labels_are_kept(prometheus: Monitored) -> None:
    """Namespaces are the tenants', jobs are ours, and nothing is renamed."""
    namespaces = prometheus.ask("count by (namespace) (crossplane_claims_total)")
    assert {sample["metric"]["namespace"] for sample in namespaces} & {"team-data", "data"}
    assert prometheus.ask('crossplane_claims_total{job="xpjob"}')
    assert prometheus.ask('{__name__=~"crossplane.+", exported_namespace!=""}') == []


def test_cluster_scoped_xrs_have_no_namespace(prometheus: Monitored) -> None:
    """They do not get the gateway's own, which was pushed as empty."""
    (sample,) = prometheus.ask('count by (namespace) (crossplane_xr_total{kind="Network"})')
    assert sample["metric"] == {}


def test_without_honor_labels_it_breaks(without_honour: Monitored) -> None:
    """Every claim would live in the gateway's namespace, and every panel and alert be empty."""
    ask = without_honour.ask
    namespaces = ask("count by (namespace) (crossplane_claims_total)")
    assert [sample["metric"] for sample in namespaces] == [{"namespace": "crossplane-system"}]
    assert ask('count by (exported_namespace) (crossplane_claims_total{exported_job="xpjob"})')
    claims = next(panel for panel in PANELS if panel["title"] == "Claims")
    assert ask(as_grafana_asks(claims["targets"][0]["expr"])) == []
    assert ask('absent(push_time_seconds{job="xpjob"})')  # XpjobGatewayEmpty would tell


def test_what_is_shipped_honours_labels() -> None:
    """On the gateway's endpoint, in both ways of scraping."""
    for jobs in (shipped_jobs(), operator_jobs()):
        gateway = jobs[0]
        assert gateway["static_configs"][0]["labels"]["endpoint"] == "metrics"
        assert gateway["honor_labels"] is True


def test_the_dashboard_is_complete() -> None:
    """Panels have a title, a description and no overlap; leads come before operators."""
    assert DASHBOARD["uid"] == "xpjob"
    check_layout(DASHBOARD)
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    first = next(n for n, title in enumerate(rows) if title.startswith("For operators"))
    assert first == 5
    assert all(title.startswith("For operators") for title in rows[first:])


def test_the_dashboard_names_no_data_source() -> None:
    """It can be imported anywhere: the data source is a variable."""
    for panel in PANELS:
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}", panel["title"]


def test_the_dashboard_is_found_by_its_label() -> None:
    """By Grafana's sidecar, in its usual configuration."""
    text_ = Path(COMPONENTS / "dashboard" / "kustomization.yaml").read_text()
    (generator,) = yaml.safe_load(text_)["configMapGenerator"]
    assert generator["options"]["labels"]["grafana_dashboard"] == "1"
