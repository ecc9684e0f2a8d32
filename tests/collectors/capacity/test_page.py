"""The tab Capacity of the page, in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from support.capacity import POD
from support.capacity_cluster import CapacityCluster, capacity_cluster
from support.site import AXE, chromium
from xpjob.collectors import COLLECTORS
from xpjob.collectors.extensions import EXTENSIONS
from xpjob.net.serving import Background, listen
from xpjob.reader.app import create_app
from xpjob.store.directory import DirectoryStore

pytestmark = pytest.mark.process  # Playwright starts its own


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser."""
    with chromium() as made:
        yield made


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[CapacityCluster]:
    """A cluster with nodes and pods of every sort, after a run."""
    with capacity_cluster(tmp_path) as made:
        made.run(namespace_team_key="example.org/team", fit_shapes="small=500m,1Gi;huge=64,1Ti")
        yield made


@pytest.fixture
def page(browser: Browser, cluster: CapacityCluster) -> Iterator[Page]:
    """The page, without an error on its console."""
    app = create_app(DirectoryStore(cluster.store), cluster.config(), COLLECTORS, EXTENSIONS)
    with Background(app, listen("127.0.0.1", 0)) as server:
        app.state.snapshots.refresh()
        made = browser.new_page(viewport={"width": 1280, "height": 900})
        troubles: list[str] = []
        made.on("console", lambda message: troubles.append(message.text))
        made.on("pageerror", lambda error: troubles.append(str(error)))
        made.goto(f"{server.url}/?tab=capacity")
        made.wait_for_selector("#main[aria-busy=false]")
        yield made
        made.close()
        assert troubles == []


def panel(page: Page, title: str) -> str:
    """Return the text of a panel."""
    return page.locator("section", has=page.get_by_role("heading", name=title)).inner_text()


def test_how_full_and_what_fits(page: Page) -> None:
    """Of all nodes, by resource, with the largest hole."""
    whole = re.sub(r"\s+", " ", panel(page, "All nodes"))
    assert "cpu 15.5 % 3.4 of 21.93 requested; DaemonSets 300m, free 18.53" in whole
    assert "memory 5.3 % 2.13 GiB of 40 GiB requested" in whole
    fits = re.sub(r"\s+", " ", panel(page, "What still fits"))
    assert "small 12 more" in fits
    assert "huge no more" in fits
    assert "Largest hole node-0 3.4 cpu, 7 GiB memory, 108 pods" in fits


def test_who_requests_most_and_what_is_pending(page: Page) -> None:
    """With links to all of them."""
    most = panel(page, "Who requests most").split("\n")
    assert most[1] == "team-b"
    pending = re.sub(r"\s+", " ", panel(page, "Pending pods"))
    assert "Unschedulable 2" in pending
    assert "team-a/train-0" in pending
    assert "Insufficient cpu (1), untolerated taint (2)" in pending
    page.get_by_role("link", name="All pending pods").click()
    expect(page.get_by_role("tabpanel", name=re.compile("Pending pods"))).to_be_visible()


def test_groups_of_nodes_have_bars(page: Page) -> None:
    """The tables have tabs of their own, except for the one that is shown here."""
    rows = page.locator("section.records tbody tr")
    states = [text for text in rows.all_inner_texts() if "node state" in text]
    assert [text.split("\n")[0] for text in states] == [
        "cordoned",
        "not ready",
        "schedulable",
        "tainted",
        "virtual",
    ]
    assert rows.first.locator("svg").count() == 3
    tabs = page.get_by_role("tab").all_inner_texts()
    assert [re.sub(r"\d|\s", "", text) for text in tabs] == [
        "Capacity",
        "Nodes",
        "Namespaces",
        "Pendingpods",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_screen_reader_can_use_it(page: Page, scheme: Literal["light", "dark"]) -> None:
    """No rule of axe-core is broken, contrast included."""
    assert AXE.exists(), f"scripts/test puts axe-core at {AXE}"
    page.emulate_media(color_scheme=scheme)
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:120]) for each in found] == []


def test_it_fits_a_phone(page: Page) -> None:
    """Nothing makes the page wider than the screen."""
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_nothing_is_pending_and_nobody_requests(browser: Browser, cluster: CapacityCluster) -> None:
    """It says so."""
    for item in cluster.cluster.objects(POD):
        cluster.cluster.delete(POD, item["metadata"]["namespace"], item["metadata"]["name"])
    cluster.run()
    app = create_app(DirectoryStore(cluster.store), cluster.config(), COLLECTORS, EXTENSIONS)
    with Background(app, listen("127.0.0.1", 0)) as server:
        app.state.snapshots.refresh()
        made = browser.new_page()
        made.goto(f"{server.url}/?tab=capacity")
        made.wait_for_selector("#main[aria-busy=false]")
        assert "Every pod has a node." in panel(made, "Pending pods")
        assert "No namespace has pods." in panel(made, "Who requests most")
        made.close()
