"""Two collectors that nothing else knows: what runs make of them is everywhere.

One folds the pods of a list, the other keeps a row of each. Nothing is registered but the two
objects that are passed to the job: the reader, the page, the terminal and the comparison know of
their tables only what the snapshot says.
"""

from __future__ import annotations

import csv
import io
import json

import pytest
from click.testing import CliRunner, Result
from playwright.sync_api import expect
from starlette.testclient import TestClient

from support.capacity import POD
from support.pods import Pods
from support.site import chromium
from support.toy import PodsByNode
from support.toy_rows import PodList
from xpjob.cli import cli
from xpjob.collect.contract import Section
from xpjob.net.serving import Background, listen
from xpjob.reader.app import create_app
from xpjob.store.open import open_store

TABLES = ["nodePods", "podList"]


@pytest.fixture
def lived(pods: Pods) -> Pods:
    """Two runs, with a pod less and another one moved in between; dated snapshots are kept."""
    pods.run(PodsByNode(), PodList(), history_keep="5")
    pods.cluster.delete(POD, "team-1", "web-1")
    moved = {"metadata": {"name": "web-3", "namespace": "team-1"}, "spec": {"nodeName": "node-9"}}
    pods.cluster.apply(POD, moved)
    pods.run(PodsByNode(), PodList(), history_keep="5")
    return pods


@pytest.fixture
def client(lived: Pods) -> TestClient:
    """A reader without any collector and without any extension."""
    config = lived.config()
    app = create_app(open_store(config), config, (), ())
    assert app.state.snapshots.refresh()
    return TestClient(app, "http://localhost")


def command(pods: Pods, *arguments: str) -> Result:
    """Run a command on the store."""
    store = ["--store-backend", "directory", "--store-dir", str(pods.directory / "store")]
    done = CliRunner().invoke(cli, [*arguments, *store], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def test_both_tables_are_served(client: TestClient) -> None:
    """As JSON, filtered, sorted, searched and counted, as CSV and NDJSON."""
    listed = client.get("/tables").json()["tables"]
    assert [(table["key"], table["collector"]) for table in listed] == [
        ("nodePods", "toy"),
        ("podList", "pods"),
    ]
    nodes = client.get("/tables/nodePods?sort=-pods").json()["rows"]
    assert [row["pods"] for row in nodes] == sorted((row["pods"] for row in nodes), reverse=True)
    assert sum(row["pods"] for row in nodes) == 10
    found = client.get("/tables/podList?node=node-9").json()
    assert [row["name"] for row in found["rows"]] == ["web-3"]
    assert (
        client.get("/tables/podList?q=web-1").json()["total"] == 1
    )  # web-1 is gone, web-10 is not
    sums = client.get("/tables/podList/summary?by=namespace").json()["groups"]
    assert {group["namespace"]: group["total"] for group in sums} == {"team-0": 6, "team-1": 4}
    sheet = list(csv.DictReader(io.StringIO(client.get("/tables/nodePods?format=csv").text)))
    assert {row["node"] for row in sheet} == {row["node"] for row in nodes}
    lines = client.get("/tables/podList?format=ndjson").text.splitlines()
    assert len([json.loads(line) for line in lines]) == 10


def test_both_tables_are_described(client: TestClient) -> None:
    """In the schema, with the help texts of their columns, and in the OpenAPI document."""
    schema = {table["key"]: table for table in client.get("/schema.json").json()["tables"]}
    columns = {column["name"]: column for column in schema["nodePods"]["columns"]}
    assert columns["pods"]["type"] == "count"
    assert columns["node"]["help"] == "Name of the node."
    paths = client.get("/openapi.json").json()["paths"]
    assert {f"/tables/{key}" for key in TABLES} <= paths.keys()


def test_their_metrics_are_exposed(client: TestClient, lived: Pods) -> None:
    """By the reader as they were pushed."""
    text = client.get("/metrics/inventory").text
    assert text == (lived.directory / "xpjob.prom").read_text()
    assert 'toy_pods{node="node-9"} 1.0' in text
    assert 'pod_list_pods{namespace="team-1"} 4.0' in text


def test_what_changed_is_told(client: TestClient, lived: Pods) -> None:
    """By the reader and by the command: a pod went, another one is on another node."""
    found = client.get("/tables/podList/diff?since=1h").json()
    assert [item["row"]["name"] for item in found["went"]] == ["web-1"]
    assert [item["row"]["name"] for item in found["changed"]] == ["web-3"]
    printed = json.loads(command(lived, "diff", "1h", "--output", "json").output)
    tables = {table["key"]: table for table in printed["tables"]}
    assert sorted(tables) == TABLES
    assert [item["row"]["name"] for item in tables["podList"]["went"]] == ["web-1"]


def test_show_prints_both(lived: Pods) -> None:
    """On a terminal, and as JSON and CSV."""
    text = command(lived, "show", "nodePods").output
    assert "node-9" in text
    text = command(lived, "show", "podList", "--filter", "node=node-9", "--output", "json").output
    assert "web-3" in text
    assert 'web-1"' not in text
    sheet = command(lived, "show", "podList", "--output", "csv").output
    assert len(sheet.splitlines()) == 11


@pytest.mark.process
def test_the_page_has_a_tab_for_each(lived: Pods) -> None:
    """In a browser, drawn from their descriptions; home leads to both."""
    config = lived.config()
    app = create_app(open_store(config), config, (), ())
    app.state.snapshots.refresh()
    server = Background(app, listen("127.0.0.1", 0))
    with server, chromium() as browser:
        page = browser.new_page()
        page.goto(f"{server.url}/")
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text("Nothing needs you")
        cards = page.locator(".card h2").get_by_role("link")
        expect(cards).to_have_count(2)
        for number, (title, rows) in enumerate({"Node pods": 5, "Pod list": 10}.items()):
            page.goto(f"{server.url}/")
            cards.nth(number).click()
            expect(heading).to_have_text(title)
            expect(page.locator("tr[data-row]")).to_have_count(rows)


def test_one_that_fails_is_marked_everywhere(lived: Pods) -> None:
    """And only that one."""

    class Broken(PodsByNode):
        def finish(self, *_: object) -> Section:
            raise ZeroDivisionError

    before = lived.stored()
    lived.run(Broken(), PodList())
    config = lived.config()
    app = create_app(open_store(config), config, (), ())
    assert app.state.snapshots.refresh()
    client = TestClient(app, "http://localhost")
    broken, well = client.get("/tables").json()["tables"]
    assert broken["carriedSince"] == before["generatedAt"]
    assert "ZeroDivisionError" in broken["error"]
    assert (well["carriedSince"], well["error"]) == ("", "")
    rows = client.get("/tables/nodePods").json()["rows"]
    assert [{key: row[key] for key in ("node", "pods")} for row in rows] == before["nodePods"]
