"""Newer data: focus, open state and place stay with the record, and nobody's reading is moved."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from support.site import Site, rows
from support.toy_shop import crowd, shop, thing

pytestmark = pytest.mark.process  # Playwright starts its own


def test_the_focus_follows_the_record(site: Site) -> None:
    """Over three refreshes that each put others before it."""
    site.page.clock.install()
    site.put(shop(held=[thing("m"), thing("z")]))
    page = site.open("things?sort=name")
    page.get_by_role("link", name="team-a/m").focus()
    for number, first in enumerate(("c", "b", "a"), 2):
        before = [thing(each) for each in "cba"[: number - 1]]
        site.put(shop(number, held=[*before, thing("m"), thing("z")]))
        site.poll()
        expect(page.locator("#view .name").first).to_have_text(f"team-a/{first}")
        expect(page.get_by_role("link", name="team-a/m")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Thing team-a/m")


def test_an_open_record_holds_newer_data_back(site: Site) -> None:
    """Until it is asked for; then it is still open, at the same record."""
    site.page.clock.install()
    site.put(shop(held=[thing("m"), thing("z")]))
    page = site.open("things?sort=name")
    page.get_by_role("button", name="Open team-a/m here").click()
    expect(page.locator("tr.detail .facts")).to_contain_text("uid-m")
    site.put(shop(2, held=[thing("a"), thing("m"), thing("z")]))
    site.poll()
    assert site.names() == ["team-a/m", "team-a/z"]
    expect(page.locator("#notices")).to_contain_text("There is newer data.")
    page.get_by_role("button", name="Show it").click()
    assert site.names() == ["team-a/a", "team-a/m", "team-a/z"]
    expect(page.locator("tbody tr").nth(2)).to_contain_text("uid-m")
    expect(page.locator("#notices")).to_be_empty()


def test_reading_below_the_top_is_not_moved(site: Site) -> None:
    """Neither on the first page nor on a later one."""
    site.page.clock.install()
    site.put(shop(held=crowd()))
    page = site.open("things")
    page.evaluate("scrollTo(0, 600)")
    before = page.evaluate("scrollY")
    site.put(shop(2, held=crowd(110)))
    site.poll()
    expect(page.locator("#count")).to_have_text(rows(1, 50, 120))
    assert page.evaluate("scrollY") == before
    expect(page.get_by_role("button", name="Show it")).to_be_in_viewport()
    page.get_by_role("button", name="Show it").click()
    expect(page.locator("#count")).to_have_text(rows(1, 50, 110))
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#count")).to_have_text(rows(51, 100, 110))
    site.put(shop(3, held=crowd(100)))
    site.poll()
    expect(page.locator("#count")).to_have_text(rows(51, 100, 110))


def test_at_the_top_newer_data_is_shown_at_once(site: Site) -> None:
    """Nobody is asked."""
    site.page.clock.install()
    site.put(shop(held=crowd(30)))
    page = site.open("things")
    site.put(shop(2, held=crowd(20)))
    site.poll()
    expect(page.locator("#count")).to_have_text(rows(1, 20, 20))
    expect(page.locator("#notices")).to_be_empty()


def test_the_live_region_speaks_once_a_minute(site: Site) -> None:
    """Of several messages, the last."""
    site.page.clock.install()
    site.put(shop(held=[thing("m")]))
    page = site.open("things?sort=name")
    page.get_by_role("button", name="Open team-a/m here").click()
    page.evaluate(
        "window.said = []; const live = document.querySelector('#live');"
        "new MutationObserver(() => said.push(live.textContent)).observe(live, { childList: true })"
    )
    for number in range(2, 6):
        site.put(shop(number, held=[thing(f"n-{number}"), thing("m")]))
        site.poll()
    assert len(page.evaluate("window.said")) <= 1
    assert page.locator("[aria-live], [role=status], [role=alert]").count() == 1
