"""A tab of the page for every table, also one that only the snapshot describes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import expect

import xpjob.reader
from support.site import Site, rows
from support.toy_site import both, many, taken
from support.toy_tables import NODES, USERS, Node, failed_list, nodes
from xpjob.collect.tables import TableDescription
from xpjob.reader import snapshots

pytestmark = pytest.mark.process  # Playwright starts its own


def test_the_core_page_knows_no_collector() -> None:
    """Nor does anything else of the reader's code."""
    folder = Path(xpjob.reader.__file__).parent
    files = [file for file in folder.rglob("*") if file.suffix in {".py", ".js", ".css", ".html"}]
    assert len(files) > 30
    told = [f.name for f in files if re.search("crossplane|claim", f.read_text(), re.IGNORECASE)]
    assert told == []


def test_a_view_comes_first_and_its_tables_have_no_tabs(site: Site) -> None:
    """The tab is in the address; each keeps what it was asked for; back goes back."""
    site.put(both())
    page = site.open("?ready=all")
    tabs = page.get_by_role("tab")
    expect(tabs).to_have_text(["Crossplane", "Nodes4", re.compile("^Licences3!")])
    expect(page.get_by_role("tabpanel", name="Crossplane")).to_be_visible()
    assert site.names() == ["billing", "orders"]
    tabs.nth(1).click()
    expect(page.get_by_role("tabpanel", name="Nodes")).to_be_visible()
    expect(page).to_have_title("Nodes · xpjob")
    expect(page).to_have_url(f"{site.server.url}/?tab=nodes")
    assert site.names() == ["a-1", "a-2", "b-1", "new"]
    page.get_by_role("button", name=re.compile("^gpu ")).click()
    expect(page.locator("#count")).to_have_text(rows(1, 1, 1))
    tabs.nth(0).click()
    expect(page).to_have_url(f"{site.server.url}/?ready=all")
    assert site.names() == ["billing", "orders"]
    tabs.nth(1).click()
    expect(page).to_have_url(f"{site.server.url}/?pool=gpu&tab=nodes")
    assert site.names() == ["b-1"]
    page.go_back()
    expect(page.locator("#tiles")).to_be_visible()
    assert site.names() == ["billing", "orders"]


def test_a_table_can_be_had_of_all_clusters(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly what is shown, filters and order included, as CSV."""
    monkeypatch.setattr(snapshots, "RELIST_SECONDS", 0.0)
    for name in ("east", "west"):
        document = taken()
        document.head.cluster = name
        site.store.save(document, name)
    site.app.state.snapshots.refresh()
    page = site.open("?tab=nodes&cluster=east&pool=gpu")
    link = page.get_by_role("link", name="CSV of all clusters")
    with page.expect_download() as downloading:
        link.click()
    head, *lines = Path(downloading.value.path()).read_text().splitlines()
    assert head.startswith("cluster,")
    assert [line.split(",")[:2] for line in lines] == [["east", "b-1"], ["west", "b-1"]]


def test_arrow_keys_move_along_the_tabs(site: Site) -> None:
    """Enter opens; one tab is in the order of the Tab key."""
    site.put(both())
    page = site.open()
    tabs = page.get_by_role("tab")
    tabs.nth(0).focus()
    page.keyboard.press("ArrowRight")
    expect(tabs.nth(1)).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    expect(tabs.nth(0)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(tabs.nth(2)).to_have_attribute("aria-selected", "true")
    expect(tabs.nth(2)).to_be_focused()
    assert [tab.get_attribute("tabindex") for tab in tabs.all()] == ["-1", "-1", "0"]


def test_one_view_has_no_tab_bar(site: Site) -> None:
    """Nor is there one for what does not run."""
    site.save()
    page = site.open()
    expect(page.locator("#tiles")).to_be_visible()
    expect(page.get_by_role("tablist")).to_be_hidden()
    site.put(taken(2))
    site.open()
    expect(page.get_by_role("tab")).to_have_count(2)
    expect(page.locator("#records-title")).to_have_text("Nodes")


def test_cells_are_shown_by_their_type(site: Site) -> None:
    """Numbers to the right, ratios as bars, times as ages; what is unknown is a dash."""
    held = nodes()
    held[1] = msgspec.structs.replace(held[1], pods=12_345, cpu_ratio=1.25)
    site.put(taken(held=held))
    page = site.open("?tab=nodes")
    expect(page.locator("#head th")).to_have_text(
        ["Name↑", "Pool", "Condition", "Pods", "CPU", "CPU ratio", "Memory", "Created"]
    )
    assert page.locator("#head th").nth(1).get_attribute("title") == "Group of nodes."
    assert site.cells(0)[:7] == ["a-1", "workers", "Ready", "9", "3.5", "87.5 %", "8 GiB"]
    assert site.cells(1)[3:7] == ["12,345", "250m", "125 %", "16 GiB"]
    assert site.cells(3) == ["new", *["\N{EN DASH}"] * 7]
    expect(page.locator("#body .badge.good")).to_have_count(2)
    expect(page.locator("#body .badge.bad")).to_have_text("NotReady")
    expect(page.locator("#body .ratioline .over")).to_have_attribute("width", "100")
    expect(page.locator("#body .ratioline .part")).to_have_attribute("width", "87.5")
    assert page.locator("#body time").first.get_attribute("title") == held[0].created_at
    assert page.locator("#body td.num").count() == 4 * 5


def test_filters_are_counted_and_removable(site: Site) -> None:
    """Chips for what is in force; a link opens it; what is the row's own name is no facet."""
    site.put(taken())
    page = site.open("?tab=nodes")
    expect(page.locator(".facet h2")).to_have_text(["Pool", "Condition", "Cordoned"])
    expect(page.locator(".facet").nth(0)).to_contain_text("workers2")
    page.get_by_role("button", name=re.compile("^workers ")).click()
    page.get_by_role("button", name=re.compile("^gpu ")).click()
    expect(page.locator("#count")).to_have_text(rows(1, 3, 3))
    expect(page.locator("#chips .chip")).to_have_count(3)
    page.get_by_role("button", name="Remove filter Pool workers").click()
    assert site.names() == ["b-1"]
    linked = site.open("?tab=nodes&cordoned=true&pool=")
    assert site.names() == ["new"]
    expect(linked.locator("#chips")).to_contain_text("Pool (none)")
    expect(linked.locator("#chips")).to_contain_text("Cordoned yes")
    linked.get_by_role("button", name="Clear all").click()
    expect(linked.locator("#count")).to_have_text(rows(1, 4, 4))
    assert linked.url.endswith("?tab=nodes")


def test_many_values_are_shown_when_asked_for(site: Site) -> None:
    """All of them, in place."""
    site.put(taken(held=many()))
    page = site.open("?tab=nodes")
    facet = page.locator(".facet").first
    expect(facet.get_by_role("listitem")).to_have_count(6)
    facet.get_by_role("button", name="All 9: Pool").click()
    expect(facet.get_by_role("listitem")).to_have_count(9)
    facet.get_by_role("button", name="Show fewer: Pool").click()
    expect(facet.get_by_role("listitem")).to_have_count(6)


def test_search_sort_and_pages(site: Site) -> None:
    """Numbers sort the largest first; a snapshot that changes between pages starts again."""
    site.put(taken(held=many()))
    page = site.open("?tab=nodes")
    expect(page.locator("#count")).to_have_text(rows(1, 50, 120))
    page.get_by_role("button", name="Pods").click()
    expect(page.locator("#body .name").first).to_have_text("n-119")
    expect(page.get_by_role("columnheader", name="Pods")).to_have_attribute(
        "aria-sort", "descending"
    )
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#count")).to_have_text(rows(51, 100, 120))
    expect(page.locator("#records")).to_be_focused()
    site.put(taken(2, held=many()[:100]))
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#count")).to_have_text(rows(1, 50, 100))
    page.keyboard.press("/")
    page.keyboard.type("n-09")
    expect(page.locator("#count")).to_have_text(rows(1, 10, 10))
    assert page.url.endswith("?tab=nodes&sort=-pods&q=n-09")
    page.keyboard.type("x")
    expect(page.locator("#nothing")).to_have_text("Nothing matches these filters.")
    expect(page.locator(".facet").first).to_contain_text("Nothing here.")
    # The browser itself tells of the 410 on its console.
    assert all("410" in trouble for trouble in site.troubles)
    site.troubles.clear()


def test_an_open_row_shows_all_its_columns(site: Site) -> None:
    """In full, with what they mean; news leave it open, and the focus at the same row."""
    site.put(taken())
    page = site.open("?tab=nodes&sort=name")
    page.get_by_role("button", name="a-1", exact=True).click()
    detail = page.locator("#body .detail")
    expect(detail.locator("dt")).to_have_count(12)
    expect(detail.locator("dt").nth(1)).to_have_attribute("title", "Group of nodes.")
    expect(detail).to_contain_text("8 GiB (8,589,934,592 bytes)")
    expect(detail).to_contain_text("zone: b")
    expect(detail.locator("dd").nth(9).locator("li")).to_have_text(["x", "y"])
    site.put(taken(2, [Node(name="a-0"), *nodes()]))
    site.news()
    expect(page.locator("#body .name")).to_have_text(["a-0", "a-1", "a-2", "b-1", "new"])
    expect(page.get_by_role("button", name="a-1", exact=True)).to_be_focused()
    expect(page.locator("#body tr").nth(2)).to_contain_text("zone: b")
    page.keyboard.press("Enter")
    expect(detail).to_have_count(0)


def test_a_table_that_a_user_has_defined(site: Site) -> None:
    """Columns that are called as parameters; text stays text; a section that is not fresh."""
    site.put(taken())
    page = site.open("?tab=licences")
    expect(page.locator("#carried")).to_contain_text("kept from 2026-11-21T11:00:00Z")
    expect(page.locator("#carried")).to_contain_text("ago): no rights")
    assert site.cells(1) == ["<b>west</b>", "7,000"]
    assert page.locator("#body b").count() == 0
    page.get_by_role("button", name=re.compile("^small ")).click()
    expect(page.locator("#count")).to_have_text(rows(1, 2, 2))
    assert page.url.endswith("?tab=licences&column.limit=small")
    page.get_by_role("button", name="q", exact=True).click()
    for kind, first in (("json", '{"rows":[{"host":"<b>west</b>"'), ("csv", "host,q,limit")):
        link = page.locator(f"#as-{kind}").get_attribute("href") or ""
        answer = page.request.get(f"{site.server.url}/{link}")
        assert answer.text().startswith(first)
        assert "far" in answer.text()
        assert "east" not in answer.text()
    page.get_by_role("tab", name="Nodes").click()
    expect(page.locator("#carried")).to_be_empty()


def test_what_is_not_there_is_said(site: Site) -> None:
    """No such tab, no such value, no rows, and a table that comes while one looks."""
    bare = TableDescription(key="tab", columns=(*USERS.columns,), identity=("host",))
    site.put(taken(tables=[NODES, bare], rows={"tab": []}))
    page = site.open("?tab=licences")
    expect(page.locator("#notices")).to_contain_text("no table “licences”")
    expect(page.locator("#records-title")).to_have_text("Nodes")
    page.get_by_role("button", name="Go to the first one").click()
    expect(page.locator("#notices")).to_be_empty()
    page.get_by_role("tab", name="tab").click()
    expect(page.locator("#nothing")).to_have_text("This table has no rows.")
    expect(page.get_by_role("searchbox")).to_have_count(0)
    site.open("?tab=nodes&pool=gone&sort=pods")
    expect(page.locator("#notices")).to_contain_text("there is no pool 'gone'")
    page.get_by_role("button", name="Clear the filters").click()
    expect(page.locator("#count")).to_have_text(rows(1, 4, 4))
    assert page.url.endswith("?tab=nodes&sort=pods")
    site.put(taken(2))
    site.news()
    expect(page.get_by_role("tab")).to_have_count(2)
    expect(page.get_by_role("tab").nth(1)).to_contain_text("Licences")
    assert all("400" in trouble for trouble in site.troubles)
    site.troubles.clear()


def test_a_newer_snapshot_waits_for_who_is_on_a_later_page(site: Site) -> None:
    """And is shown at once on the first."""
    site.page.clock.install()
    site.put(taken(held=many()))
    page = site.open("?tab=nodes")
    site.put(taken(2, held=many()[:110]))
    site.poll()
    expect(page.locator("#count")).to_have_text(rows(1, 50, 110))
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#count")).to_have_text(rows(51, 100, 110))
    site.put(taken(3, held=many()[:100]))
    site.poll()
    page.get_by_role("button", name="Show it, from the first page").click()
    expect(page.locator("#count")).to_have_text(rows(1, 50, 100))
    expect(page.locator("#notices")).to_be_empty()


def test_a_snapshot_without_tables_says_so(site: Site) -> None:
    """And so does a cluster that does not exist, with a way out."""
    site.put(taken(tables=[]))
    page = site.open()
    expect(page.locator("#notices")).to_contain_text("The snapshot has no tables.")
    site.put(taken(2))
    site.open("?tab=licences&cluster=gone")
    expect(page.locator("#notices")).to_contain_text("there is no cluster 'gone'")
    page.get_by_role("button", name="Clear the filters").click()
    expect(page.locator("#count")).to_have_text(rows(1, 3, 3))
    assert page.url.endswith("?tab=licences")
    assert all("400" in trouble for trouble in site.troubles)
    site.troubles.clear()


def test_several_clusters_keep_the_tab(site: Site) -> None:
    """The choice and the tab are both in the address."""
    for name in ("east", "west"):
        site.store.save(taken(cluster=name, held=nodes()[: 1 if name == "west" else 4]), name)
    site.app.state.snapshots.refresh()
    page = site.open("?tab=nodes")
    expect(page.locator("#count")).to_have_text(rows(1, 4, 4))
    page.locator("#cluster").select_option("west")
    expect(page.locator("#count")).to_have_text(rows(1, 1, 1))
    page.get_by_role("tab", name="Licences").click()
    expect(page).to_have_url(f"{site.server.url}/?tab=licences&cluster=west")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_use_it(site: Site, scheme: Any, width: int) -> None:
    """axe-core finds nothing; a phone needs no sideways scrolling; nothing jumps."""
    site.put(taken(targets=[failed_list()]))
    site.page.emulate_media(color_scheme=scheme)
    site.page.set_viewport_size({"width": width, "height": 800})
    for tab, name in (("nodes", "a-1"), ("licences", "east")):
        page = site.open(f"?tab={tab}")
        if width < 1000:
            page.get_by_text("Filters", exact=True).click()
        expect(page.locator(".facet").first).to_be_visible()
        page.get_by_role("button", name=name, exact=True).click()
        if width < 1000:
            expect(page.locator("#sort")).to_have_value("name" if tab == "nodes" else "")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert site.violations() == []
        assert site.shift() < 0.01
