"""Views over all tables: teams, search, findings, changes and the last run."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from support.reader_sample import report
from support.site import Site, rows
from support.toy_shop import shop, thing, things, worry
from support.toy_tables import NODES, failed_list
from xpjob.base import times
from xpjob.collect.description import Column, TableDescription
from xpjob.reader import snapshots

pytestmark = pytest.mark.process  # Playwright starts its own


def test_teams_are_counted(site: Site) -> None:
    """Every number leads to the rows that it counts; a team without a name is shown as such."""
    site.put(shop())
    page = site.open("teams/")
    assert site.names() == ["(no team)", "checkout", "payments"]
    row = page.locator("tr[data-row]", has_text="payments")
    number = row.get_by_role("link").nth(1)
    expect(number).to_have_text("4")
    number.click()
    expect(page.locator("#count")).to_have_text(rows(1, 4, 4))
    page.go_back()
    page.get_by_role("columnheader", name="Late").get_by_role("button").click()
    assert site.names()[0] == "payments"
    page.get_by_role("link", name="(no team)").click()
    expect(page).to_have_url(f"{site.server.url}/teams/?name=")
    expect(page.get_by_role("heading", level=1)).to_have_text("Without a team")


def test_a_team_has_a_page(site: Site) -> None:
    """A sentence, what is amiss, and a section for each table with its states and first rows."""
    site.put(shop(findings=[worry("long", team="payments")]))
    page = site.open("teams/payments")
    expect(page.get_by_role("heading", level=1)).to_have_text("payments")
    expect(page.locator(".lead")).to_contain_text("payments has things: 4")
    expect(page.locator(".entries li").first).to_contain_text("Thing team-a/long")
    section = page.locator("section.part", has=page.get_by_role("heading", name="Things"))
    expect(section.locator("tr[data-row]").first).to_contain_text("team-a/long")
    expect(section).to_contain_text("2 late")
    section.get_by_role("link", name="3 Creating").click()
    expect(page.locator("#count")).to_have_text(rows(1, 3, 3))
    expect(page.locator("#view")).not_to_contain_text("left out")


def test_a_section_leads_to_the_rows_of_the_teams_namespaces(site: Site) -> None:
    """Where a table has no teams, by the filters that the reader names."""
    owners = TableDescription(
        key="rooms", collector="shop", title="Rooms", columns=(Column("namespace"), Column("team")),
        identity=("namespace",), filters=("namespace", "team"), shown=("namespace", "team"),
        name=("namespace",),
    )  # fmt: skip
    images = TableDescription(
        key="images", collector="shop", title="Images",
        columns=(Column("namespace"), Column("image"), Column("well", "state")),
        identity=("image",), filters=("namespace", "well"), shown=("image", "well"),
        name=("image",),
    )  # fmt: skip
    held = {
        "rooms": [{"namespace": n, "team": t} for n, t in (("a", "x"), ("b", "x"), ("c", "y"))],
        "images": [{"namespace": n, "image": f"i-{n}", "well": "yes"} for n in "abc"],
        "nodes": [],
    }
    site.put(shop(rows=held, tables=[owners, images, NODES], findings=[]))
    for link in ("Images", "2 yes"):
        page = site.open("teams/x")
        section = page.locator("section.part", has=page.get_by_role("heading", name="Images"))
        section.get_by_role("link", name=link).click()
        expect(page.locator("#count")).to_have_text(rows(1, 2, 2))
        assert site.names() == ["i-a", "i-b"]


@pytest.mark.parametrize("name", ["a/b", ".", "..", "~", "%2F", "<img src=x>", "a b&c=d#e?"])
def test_a_team_has_any_name(site: Site, name: str) -> None:
    """Its address holds it, from a link and on its own."""
    site.put(shop(held=[thing("own", team=name)]))
    page = site.open("teams/")
    page.locator("#view").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    assert page.locator("#view img").count() == 0


def test_search_finds_everything(site: Site) -> None:
    """Exact hits first, then five of each table with the total; from every view."""
    site.put(shop())
    page = site.open("parts")
    page.keyboard.press("/")
    page.keyboard.type("long")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site.server.url}/search?q=long")
    expect(page.get_by_role("heading", level=1)).to_have_text("Search: long")
    expect(page.locator(".hits .name").first).to_have_text("team-a/long")
    parts = page.locator("section", has=page.get_by_role("heading", name="Parts"))
    expect(parts.get_by_role("heading")).to_have_text("Parts 2")
    parts.get_by_role("link", name="Parts").click()
    expect(page.locator("#count")).to_have_text(rows(1, 2, 2))
    site.open("search?q=nowhere-at-all")
    expect(page.locator(".nothing")).to_contain_text("No row of any table has these words.")


def test_search_over_all_clusters(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each hit says its cluster, and leads into it."""
    monkeypatch.setattr(snapshots, "RELIST_SECONDS", 0.0)
    for name in ("east", "west"):
        site.store.save(shop(cluster=name), name)
    site.refresh()
    page = site.open("search?q=uid-late&cluster=*")
    expect(page.locator(".hits li")).to_have_count(2)
    page.locator(".hits li", has_text="west").get_by_role("link").first.click()
    expect(page).to_have_url(f"{site.server.url}/things/uid-late?cluster=west")
    expect(page.locator("#cluster")).to_have_value("west")


def test_findings_of_all_collectors(site: Site) -> None:
    """The gravest first, with filters beside them, and each with its object."""
    found = [
        worry(),
        worry("late", severity="warning", finding="Odd", team="payments", dependants=0),
    ]
    site.put(shop(findings=found))
    page = site.open("findings")
    assert site.names() == ["Thing team-a/whole", "Thing team-a/late"]
    page.locator(".facet", has_text="Severity").get_by_role("button", name="warning").click()
    expect(page.locator("#count")).to_have_text(rows(1, 1, 1))
    assert site.names() == ["Thing team-a/late"]
    page.get_by_role("link", name="Thing team-a/late").click()
    expect(page).to_have_url(f"{site.server.url}/things/uid-late")


def test_changes_of_all_tables(site: Site) -> None:
    """What broke, went and came, with links, for the time that is chosen."""
    day = times.rfc3339(times.now() - timedelta(hours=25))
    before = [thing("late"), thing("gone"), *(each for each in things() if each.name != "late")]
    site.store.keep(shop(1, held=before, generated_at=day))
    site.put(shop(2))
    page = site.open("changes")
    section = page.locator("section", has=page.get_by_role("heading", name="Things"))
    expect(section).to_contain_text("1 broke, 1 went")
    expect(section.locator("li").nth(0)).to_contain_text("broke team-a/late")
    expect(section.locator("li").nth(1)).to_contain_text("went team-a/gone")
    page.get_by_role("link", name="a week").click()
    assert "since=7d" in page.url
    expect(section).to_contain_text("1 broke, 1 went")


def test_changes_without_dated_snapshots(site: Site) -> None:
    """It says how to get them, and nothing fails."""
    site.store.save(report())
    site.put(shop())
    page = site.open("changes")
    expect(page.get_by_role("heading", level=1)).to_have_text("Changes")
    expect(page.locator("#view")).to_contain_text("HISTORY_KEEP")
    assert not any("changes" in each for each in site.asked)


def test_the_last_run(site: Site) -> None:
    """How it ended, each collector, and each list with what failed first."""
    site.store.save(report(targets=[failed_list()]))
    site.put(shop(targets=[failed_list()]))
    page = site.open("runs")
    expect(page.get_by_role("heading", level=1)).to_have_text("Last run")
    expect(page.locator("#view")).to_contain_text("1 has failed")
    expect(page.locator("tr[data-row]", has_text="v1/nodes")).to_contain_text("503")
    expect(page.locator("#notices")).to_contain_text("1 list failed in this run.")
