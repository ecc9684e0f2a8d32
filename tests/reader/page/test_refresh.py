"""Newer data: focus, open state and place stay with the record, and nobody's reading is moved."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from support.reader_sample import report
from support.site import Site, rows
from support.toy_shop import ago, crowd, shop, thing
from xpjob.base.errors import TransientError
from xpjob.snapshot.documents import RunInfo

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


def test_what_is_open_is_of_the_snapshot_that_is_shown(site: Site) -> None:
    """Not of the one in which it was opened."""
    site.page.clock.install()
    broken = {
        "ready": False,
        "state": "Broken",
        "message": "was broken",
        "not_ready_since": ago(days=1),
    }
    site.put(shop(held=[thing("m", **broken)]))
    page = site.open("things")
    page.get_by_role("button", name="Open team-a/m here").click()
    expect(page.locator("tr.detail")).to_contain_text("was broken")
    site.put(shop(2, held=[thing("m", message="is well")]))
    site.poll()
    expect(page.locator("tr.detail")).to_contain_text("was broken")
    page.get_by_role("button", name="Show it").click()
    expect(page.locator("tr.detail")).to_contain_text("is well")
    site.settled()
    expect(page.locator("tr.detail")).not_to_contain_text("was broken")


def test_a_run_that_fails_is_on_the_page_of_the_last_run(site: Site) -> None:
    """The view is refreshed although no newer snapshot has been stored."""
    site.page.clock.install()
    site.store.save(report())
    site.put(shop())
    page = site.open("runs")
    expect(page.locator("#view .headline")).to_contain_text("complete")
    later = RunInfo(id="e" * 32, version="0", started_at=ago(seconds=1))
    site.store.save(report(run=later, success=False, error="S3 is away"))
    site.refresh()
    site.poll()
    expect(page.locator("#view .headline")).to_contain_text("failed")
    expect(page.locator("#view")).to_contain_text("S3 is away")


def test_home_says_that_its_snapshot_has_become_stale(site: Site) -> None:
    """It needs a human, and everything is not ok any more."""
    site.page.clock.install()
    site.put(shop(held=[thing("calm")]))
    page = site.open()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing needs you")
    site.store.error = TransientError("refused")
    site.refresh()
    site.poll()
    expect(page.get_by_role("heading", level=1)).to_have_text("1 thing needs a human")
    expect(page.locator(".entries > li")).to_contain_text("Snapshot is stale")


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
