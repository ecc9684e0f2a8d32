"""The queries of the documentation, asked of a real Prometheus that scraped a real Pushgateway."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import ANY

import pytest

from support.asking import Asking
from support.collectors import CROSSPLANE
from support.docs_pages import section
from support.processes import prometheus, pushgateway, scraping
from support.stand_in import StandIn, fill
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import Cluster
from xpjob.run import job
from xpjob.terminal.progress import Silent


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """One run over the small platform, pushed and scraped."""
    from support.stand_in import KINDS, TOKEN

    path = tmp_path_factory.mktemp("queries")
    cluster = Cluster(KINDS, token=TOKEN)
    fill(cluster)
    with pushgateway(path) as gateway, Server(create_app(cluster)) as server:
        stand_in = StandIn(cluster, server.url, write_kubeconfig(path / "k", server.url, TOKEN))
        given = {
            "kubeconfig": str(stand_in.kubeconfig),
            "creator_annotation_key": "example.org/creator",
            "team_annotation_key": "example.org/team",
            "pushgateway_url": gateway,
        }
        config = load(given, {}, GROUPS)
        assert job.run(config, CROSSPLANE, Silent()).errors == []
        with prometheus(path, **scraping(gateway)) as url:
            asking = Asking(url)
            deadline = time.monotonic() + 30
            while not asking("crossplane_claims_total"):
                assert time.monotonic() < deadline, "nothing was scraped"
                time.sleep(0.1)
            yield asking


EXPECTED: dict[str, Any] = {
    "Claims by namespace": {("team-a",): 2, ("team-b",): 2, ("team-c",): 1},
    "Ready claims by composition": {("pg.aws",): 1, ("pg.gcp",): 2},
    "Claims by creator": {("person-0",): 3, ("person-1",): 2},
    "Readiness ratio of claims by namespace": {("team-a",): 0.5, ("team-b",): 1, ("team-c",): 0},
    "Readiness ratio of XRs by composition": {
        ("apps.aws",): pytest.approx(2 / 3),
        ("net.aws",): 1,
        ("pg.aws",): 1,
        ("pg.gcp",): 1,
    },
    "Claims that are not ready": {("team-a",): 1, ("team-c",): 1},
    "Managed resources by provider": {("provider-aws-s3",): 4, ("provider-nop",): 5},
    "Ready, but its latest state is not applied": {},
    "Reasons for not being ready": {
        ("claim", "Waiting"): 2,
        ("composite", "Waiting"): 1,
        ("managed", "Waiting"): 2,
    },
    # They are not ready since a time long past, so these are no fixed numbers.
    "Teams with something not ready for over an hour": {("a",): ANY, ("c",): ANY, (): ANY},
    "Kinds with something not synced for over an hour": {},
    "Deletions that are stuck for over an hour": {},
    "Time within which 90 % of a kind's claims become ready": {},
    "Readiness ratio by composition revision": {
        ("apps.aws",): pytest.approx(2 / 3),
        ("net.aws",): 1,
        ("pg.aws",): 1,
        ("pg.gcp",): 1,
    },
    "Families that were cut at the series limit": {},
    "XRs by kind": {("App",): 3, ("Network",): 1, ("XPostgreSQLInstance",): 5},
}


def documented() -> dict[str, str]:
    """Return the queries of the documentation's table."""
    text = section("crossplane", "## Queries")
    rows = re.findall(r"^\| ([^|]+) \| `([^`]+)` \|$", text, re.MULTILINE)
    return {question.strip(): query for question, query in rows}


@pytest.mark.parametrize("question", EXPECTED)
def test_the_documented_queries_give_the_right_numbers(ask: Asking, question: str) -> None:
    """Over the small platform whose numbers are known."""
    assert ask(documented()[question]) == EXPECTED[question]


def test_every_documented_query_has_a_known_answer() -> None:
    """None is only for show."""
    assert set(documented()) == set(EXPECTED)


def test_a_cluster_scoped_xr_does_not_get_the_gateways_namespace(ask: Asking) -> None:
    """An empty label stays empty, although the gateway's target has one."""
    namespaces = ask('count by (namespace) (crossplane_xr_total{kind="Network"})')
    assert namespaces == {(): 1}


def test_a_cut_off_push_can_be_seen(ask: Asking) -> None:
    """The declared number of series is the number that is there."""
    found = ask('count({__name__=~"crossplane_claims_total"})')
    declared = ask('xpjob_inventory_series{family="crossplane_claims_total"}')
    assert list(found.values()) == list(declared.values())
