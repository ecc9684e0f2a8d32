"""Home: what needs a human, what has changed, and how collectors and clusters are."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from support.reader_sample import report
from support.site import Site
from support.toy_shop import ago, shop, thing, worry
from xpjob.base import times
from xpjob.collect.outcome import CollectorOutcome
from xpjob.reader import snapshots

pytestmark = pytest.mark.process  # Playwright starts its own


@pytest.mark.parametrize(("width", "height"), [(1400, 900), (390, 844)])
def test_the_first_screen_says_what_needs_a_human(site: Site, width: int, height: int) -> None:
    """The gravest first, each with what, whose, since when and why, and a link."""
    site.put(shop())
    site.page.set_viewport_size({"width": width, "height": height})
    page = site.open()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        re.compile("^[0-9]+ things? needs? a human$")
    )
    entries = page.locator(".entries > li")
    first, second = entries.nth(0), entries.nth(1)
    expect(first).to_contain_text("critical")
    expect(first.get_by_role("link").first).to_have_text("Thing team-a/whole")
    for said in ("uses more than it has", "checkout", "5h", "3 others affected"):
        expect(first).to_contain_text(said)
    expect(second).to_contain_text("Thing team-a/long")
    assert entries.count() == 3
    for entry in (first, second):
        box = entry.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= height
    first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thing team-a/whole")


def test_nothing_needs_anybody(site: Site) -> None:
    """It says so, with how much was looked at."""
    site.put(shop(held=[thing("calm")]))
    page = site.open()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing needs you")
    expect(page.locator(".needs")).to_contain_text("Everything is ok.")
    expect(page.locator(".needs")).to_contain_text("Looked at 3 rows in 3 tables of 2 collectors.")


def test_numbers_lead_to_the_rows_that_they_count(site: Site) -> None:
    """Also those that a table leaves out by default."""
    site.put(shop())
    page = site.open()
    for label in ("Things", "Things late"):
        card = page.locator(".card", has=page.get_by_role("heading", name="Shop"))
        number = card.locator(
            ".numbers > div", has=page.locator("dt", has_text=re.compile(f"^{label}$"))
        )
        said = number.locator("dd").inner_text()
        number.get_by_role("link").click()
        expect(page.locator("#count")).to_contain_text(f"of {said}")
        assert len(site.names()) == int(said)
        page.go_back()
        site.settled()


def test_one_line_says_how_fresh_it_is(site: Site) -> None:
    """A collector that failed is named, with since when its rows are kept and why."""
    site.put(shop())
    page = site.open()
    expect(page.locator("#fresh")).to_contain_text(re.compile("^All 2 collectors fresh, .* ago$"))
    carried = CollectorOutcome(
        collector="shop", success=False, error="pods refused", carried_since=ago(hours=2, minutes=5)
    )
    site.put(shop(2, collectors=[carried, CollectorOutcome(collector="capacity")]))
    site.open()
    expect(page.locator("#fresh")).to_contain_text(
        re.compile(
            "^1 of 2 collectors fresh, .* ago; Shop carried since 2 hours ago: pods refused$"
        )
    )
    expect(page.locator("#tabs").get_by_role("link", name="Shop")).to_contain_text(
        "not from this run"
    )


def test_the_last_day_is_shown(site: Site) -> None:
    """What broke first, with links; asked for apart, and only where there are dated snapshots."""
    day = times.rfc3339(times.now() - timedelta(hours=25))
    before = [thing("long"), thing("gone"), thing("whole")]
    site.store.keep(shop(1, held=before, generated_at=day))
    site.put(shop(2))
    page = site.open()
    assert not [url for url in site.asked if "changes" in url]
    site.store.save(report(history=1))
    site.refresh()
    site.open()
    panel = page.locator(".panel.since")
    expect(panel).to_contain_text("1 broke")
    expect(panel).to_contain_text("1 went")
    expect(panel.locator(".changes li").first).to_contain_text("broke")
    panel.get_by_role("link", name="Since yesterday").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Changes")


def test_all_clusters_are_one_line_each(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Home shows all of them unless one is chosen, and each leads to its own."""
    monkeypatch.setattr(snapshots, "RELIST_SECONDS", 0.0)
    for name in ("east", "west"):
        held = None if name == "east" else [thing("calm")]
        site.store.save(shop(cluster=name, held=held), name)
    site.refresh()
    page = site.open()
    lines = page.locator(".clusters li")
    expect(lines).to_have_count(2)
    expect(lines.nth(0)).to_contain_text("critical")
    expect(lines.nth(1)).to_contain_text("ok")
    expect(page.locator(".entries > li").first).to_contain_text("Thing team-a/whole")
    # What is counted over all of them is nowhere in one place.
    assert page.locator(".card dd").count() > 0
    assert page.locator(".card dd a").count() == 0
    lines.nth(1).get_by_role("link").click()
    expect(page).to_have_url(f"{site.server.url}/?cluster=west")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing needs you")
    assert page.locator(".card dd a").count() == page.locator(".card dd").count()
    site.forgive(400)


def test_findings_join_the_entry_of_their_tree(site: Site) -> None:
    """One entry for what hangs together, and it counts what is below."""
    site.put(shop(findings=[worry("long", team="payments", dependants=0)]))
    page = site.open()
    expect(page.locator(".entries > li", has_text="team-a/long")).to_have_count(1)
