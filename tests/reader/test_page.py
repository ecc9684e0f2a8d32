"""The page, in a real browser: what people see, press and type."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from support.forest import FAILED, finding, forest, mr, xr_ref
from support.reader_sample import claim, failed_target, report, snapshot, xr
from support.site import Site, rows
from xpjob.base import times
from xpjob.base.errors import TransientError
from xpjob.reader import snapshots

pytestmark = pytest.mark.process  # Playwright starts its own


def test_the_first_look(site: Site) -> None:
    """Totals, and what is not ready, the worst first, with why and for how long."""
    site.save()
    page = site.open()
    expect(page.locator("#age-text")).to_contain_text("ago")
    expect(page.locator("#tiles")).to_contain_text("50.0\u00a0%")
    expect(page.locator("#panel-team")).to_contain_text("checkout")
    assert site.names() == ["new-x3", "billing-x2", "billing"]
    expect(page.locator("#body tr").first).to_contain_text("No condition yet")
    expect(page.locator("#body tr").nth(2)).to_contain_text("quota exceeded")


def test_filters_live_in_the_address(site: Site) -> None:
    """Pressing narrows down, a link shows the same again, and back goes back."""
    site.save(many=6)
    page = site.open()
    page.get_by_role("button", name=re.compile("^checkout ")).click()
    expect(page.locator("#count")).to_have_text(rows(1, 1, 1))
    assert "team=checkout" in page.url
    assert site.names() == ["billing"]
    page.get_by_role("group", name="Readiness").get_by_role("button", name="All").click()
    page.get_by_role("button", name="Remove filter team checkout").click()
    expect(page.locator("#count")).to_have_text(rows(1, 12, 12))
    page.get_by_role("group", name="Class").get_by_role("button", name="XRs", exact=True).click()
    expect(page.locator("#count")).to_have_text(rows(1, 3, 3))
    page.go_back()
    expect(page.locator("#count")).to_have_text(rows(1, 12, 12))
    linked = site.open("?ready=all&namespace=team-b")
    assert site.names() == ["billing"]
    json_link = linked.locator("#as-json").get_attribute("href") or ""
    answer = linked.request.get(f"{site.server.url}/{json_link}")
    assert [item["name"] for item in answer.json()["claims"]] == ["billing"]


def test_search_sort_and_pages(site: Site) -> None:
    """Typing searches, headers sort, and pages hold fifty."""
    site.save(many=120)
    page = site.open("?ready=all")
    expect(page.locator("#count")).to_have_text(rows(1, 50, 126))
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#count")).to_have_text(rows(51, 100, 126))
    page.get_by_role("button", name="Previous").click()
    expect(page.locator("#count")).to_have_text(rows(1, 50, 126))
    page.get_by_role("button", name="Name").click()
    expect(page.locator("th").first).to_have_attribute("aria-sort", "descending")
    expect(page.locator("#body .name").first).to_have_text("orders-x1")
    page.keyboard.press("/")
    page.keyboard.type("extra-11")
    expect(page.locator("#count")).to_have_text(rows(1, 10, 10))
    assert "q=extra-11" in page.url
    expect(page.locator("#q")).to_be_focused()


def test_news_come_without_losing_focus_or_place(site: Site) -> None:
    """A newer snapshot changes the rows, and nothing that somebody is at."""
    site.save(many=120)
    page = site.open()
    page.clock.install()
    button = page.locator("#body .name").nth(30)
    button.scroll_into_view_if_needed()
    button.click()
    expect(page.locator("#body .detail")).to_contain_text("kubectl describe")
    before = page.evaluate("scrollY")
    assert before > 300
    site.save(2, many=130)
    page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")
    expect(page.locator("#count")).to_contain_text("of 89")
    assert page.evaluate("scrollY") == before
    assert page.evaluate("document.activeElement.dataset.open") is not None
    expect(page.locator("#body .detail")).to_have_count(1)


def test_an_open_record_shows_its_tree(site: Site) -> None:
    """What blocks it first, in words; then the tree, which folds and stays so when news come."""
    site.put(forest(generated_at=times.rfc3339(times.now())))
    page = site.open("?class=claim")
    page.get_by_role("button", name="shop").click()
    tree = page.locator(".tree")
    expect(page.locator(".explains")).to_contain_text("what blocks it: Instance shop-instance")
    expect(tree.locator(".node")).to_have_count(5)
    expect(tree.locator(".node").nth(2)).to_contain_text("quota exceeded")
    expect(tree.locator(".mark")).to_have_text(["this one", "blocks"])
    expect(tree).not_to_contain_text("false")
    tree.get_by_role("button", name="What XDatabase shop-net has made").click()
    expect(tree.locator(".node")).to_have_count(4)
    site.put(forest(generated_at=times.rfc3339(times.now())))
    page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")
    site.settled()
    expect(tree.locator(".node")).to_have_count(4)
    tree.get_by_role("link", name="Instance shop-instance").click()
    expect(page.locator("#count")).to_have_text(rows(1, 1, 1))
    expect(page.locator("#body .detail")).to_contain_text("ClusterProviderConfig / default")
    expect(page.locator(".tree .here")).to_have_count(1)


def test_managed_resources_are_on_the_page(site: Site) -> None:
    """Counted, filtered by class, and broken down by provider."""
    site.put(forest(generated_at=times.rfc3339(times.now())))
    page = site.open("?ready=all")
    expect(page.locator("#tiles")).to_contain_text("Managed resources4")
    page.get_by_role("group", name="Class").get_by_role("button", name="Managed").click()
    expect(page.locator("#count")).to_have_text(rows(1, 4, 4))
    page.locator("#panel-provider").get_by_role("button", name="provider-aws-s3").click()
    assert site.names() == ["alone"]


def test_findings_are_told_with_a_link(site: Site) -> None:
    """In plain words; what tenants wrote is text; none, no panel."""
    taken = times.rfc3339(times.now())
    found = [finding("shop-instance"), finding("shop-vpc", confirmed=False)]
    site.put(forest(findings=found, generated_at=taken))
    page = site.open()
    panel = page.locator("#findings")
    expect(panel.locator("li")).to_have_count(1)
    expect(panel).to_contain_text("Same external name as another")
    expect(panel).to_contain_text("<b>called</b>")
    panel.get_by_role("link", name="Instance shop-instance").click()
    expect(page.locator(".tree .here")).to_have_count(1)
    site.open("?team=checkout&ready=all")
    expect(panel).to_be_hidden()


def test_the_last_day_is_told(site: Site) -> None:
    """What changed, came and went, with links; what tenants wrote is text; a filter narrows."""
    moment = times.now()
    day, taken = (times.rfc3339(moment - timedelta(hours=h)) for h in (25, 0))
    gone = [claim("<b>gone</b>", team="checkout"), *(claim(f"gone-{n}") for n in range(9))]
    well = claim("billing", team="checkout", namespace="team-b")
    site.store.keep(snapshot(1, generated_at=day, claims=[snapshot().claims[0], well, *gone]))
    site.store.save(report(history=1))
    site.save(2, generated_at=taken)
    page = site.open()
    panel = page.locator("#changes")
    expect(panel).to_contain_text("In the last day: 1 came, 10 went, 1 changed state")
    expect(panel.locator("li")).to_have_count(5)
    expect(panel.locator("li").first).to_contain_text("ready → not ready (Creating), not synced")
    expect(panel).to_contain_text("5 of 12; all of them")
    panel.get_by_role("link", name="Database team-b/billing").click()
    expect(page.locator("#body .name")).to_have_text(["billing"])
    expect(panel).to_contain_text("0 came, 0 went, 1 changed state")
    site.open("?team=checkout&ready=all")
    expect(panel).to_contain_text("<b>gone</b>")
    site.open("?team=checkout&namespace=team-a&ready=all")
    expect(panel).to_contain_text("1 went")
    site.open("?class=composite&ready=all")
    expect(panel).to_contain_text("In the last day: nothing came, went or changed state")


def test_without_history_nothing_is_asked_or_told(site: Site) -> None:
    """Nor where a run counted dated snapshots that are there no more."""
    site.save()
    site.store.save(report())
    page = site.open()
    expect(page.locator("#changes")).to_be_hidden()
    assert not any("diff" in url for url in site.requests)
    site.store.save(report(history=3))
    site.app.state.snapshots.refresh()
    with page.expect_response("**/bookkeeping/diff?*") as answer:
        site.open()
    assert answer.value.status == 404
    expect(page.locator("#changes")).to_be_hidden()
    assert all("404" in trouble for trouble in site.troubles)
    site.troubles.clear()


def test_a_large_family_says_what_is_left_out(site: Site) -> None:
    """And several blockers are listed."""
    many = [mr(f"n-{n:04d}", xr_ref("top"), **(FAILED if n < 12 else {})) for n in range(300)]
    broken = {**FAILED, "synced": True, "synced_status": "True"}
    taken = times.rfc3339(times.now())
    site.put(forest(claims=[], xrs=[xr("top", **broken)], mrs=many, generated_at=taken))
    page = site.open("?class=composite&name=top")
    expect(page.locator(".blockers li")).to_have_count(11)
    expect(page.locator(".blockers")).to_contain_text("and 2 more")
    expect(page.locator(".tree")).to_contain_text("and 200 more that are not shown")


def test_what_tenants_wrote_is_text(site: Site) -> None:
    """Markup in a message is shown and not obeyed."""
    site.save()
    page = site.open("?ready=all&team=&class=claim")
    page.locator("#body .name").click()
    expect(page.locator("#body .detail")).to_contain_text("<img src=x>")
    assert page.locator("#body img").count() == 0


def test_states_are_clear(site: Site) -> None:
    """None yet, failed, empty, all well, stale, partial, refused, unreachable store."""
    page = site.open()
    expect(page.locator("#notices")).to_contain_text("There is no snapshot yet")
    site.store.save(report(success=False, phase="list", error="403 Forbidden"))
    site.app.state.snapshots.refresh()
    site.open()
    expect(page.locator("#notices")).to_contain_text("The last run failed")
    expect(page.locator("#notices")).to_contain_text("403 Forbidden")
    site.store.save(report())
    site.save(1, claims=[], xrs=[])
    site.open()
    expect(page.locator("#nothing")).to_contain_text("no claims, XRs or MRs yet")
    site.save(2, xrs=[], claims=[snapshot().claims[0]])
    site.open()
    expect(page.locator("#nothing")).to_contain_text("Everything is ready")
    site.save(3, generated_at="2026-01-01T00:00:00Z", targets=[failed_target()])
    site.open()
    expect(page.locator("#notices")).to_contain_text("This is out of date")
    expect(page.locator("#notices")).to_contain_text("One list failed in this run")
    expect(page.locator("#age")).to_have_class("age warn")
    site.store.error = TransientError("refused")
    site.app.state.snapshots.refresh()
    site.open()
    expect(page.locator("#notices")).to_contain_text("store does not answer")


def test_a_link_to_what_is_gone_says_so(site: Site) -> None:
    """The filter that fits nothing is named, with a way out."""
    site.save()
    page = site.open("?team=gone")
    expect(page.locator("#notices")).to_contain_text("there is no team 'gone'")
    expect(page.locator("#notices")).to_contain_text("checkout")
    page.get_by_role("button", name="Clear the filters").click()
    expect(page.locator("#count")).to_have_text(rows(1, 3, 3))
    # The browser itself tells of the 400 on its console.
    assert all("400" in trouble for trouble in site.troubles)
    site.troubles.clear()


def test_several_clusters_can_be_chosen(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The choice is in the address."""
    # The thread that refreshes may look for clusters when only the first is there.
    monkeypatch.setattr(snapshots, "RELIST_SECONDS", 0.0)
    taken = times.rfc3339(times.now())
    for name, many in (("east", 0), ("west", 9)):
        site.store.save(snapshot(1, name, many, generated_at=taken), name)
    site.app.state.snapshots.refresh()
    page = site.open()
    expect(page.locator("#cluster")).to_have_value("east")
    page.locator("#cluster").select_option("west")
    expect(page.locator("#count")).to_have_text(rows(1, 9, 9))
    assert "cluster=west" in page.url


def test_all_clusters_are_shown_with_what_needs_a_human(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those first that failed, are old or have findings; each leads to its page; accessible."""
    monkeypatch.setattr(snapshots, "RELIST_SECONDS", 0.0)
    taken = times.rfc3339(times.now())
    found = {"findings": [finding("shop-instance")], "generated_at": taken}
    site.store.save(snapshot(1, "east", 0, **found), "east")
    site.store.save(snapshot(1, "west", 9, generated_at=taken, targets=[failed_target()]), "west")
    site.store.save(report(success=False, error="no answer"), "north")
    site.store.save(snapshot(1, "also-well", 0, generated_at=taken), "also-well")
    site.app.state.snapshots.refresh()
    page = site.open("?cluster=east")
    overview = page.locator("#overview")
    expect(overview).to_contain_text("3 of 4 clusters need attention")
    overview.locator("summary").click()
    expect(overview.locator("li")).to_have_count(4)
    expect(overview.locator("li").nth(0)).to_contain_text("1 finding")
    expect(overview.locator("li").nth(1)).to_contain_text("north: its last run failed, no snapshot")
    expect(overview.locator("li").nth(2)).to_contain_text("1 list failed")
    expect(overview.locator("li").nth(3)).to_contain_text("also-well: as of")
    assert site.violations() == []
    overview.get_by_role("link", name="west").click()
    expect(page.locator("#count")).to_have_text(rows(1, 9, 9))
    assert "cluster=west" in page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_everybody_can_use_it(site: Site, scheme: Any, width: int) -> None:
    """axe-core finds nothing; a phone needs no sideways scrolling."""
    claims = [*forest().claims, *snapshot(many=20).claims]
    taken = times.rfc3339(times.now())
    shown = {"findings": [finding("shop-instance")], "generated_at": taken}
    site.store.keep(snapshot(1, generated_at=times.rfc3339(times.now() - timedelta(days=1))))
    site.store.save(report(history=1))
    site.put(forest(claims=claims, targets=[failed_target()], **shown))
    site.page.emulate_media(color_scheme=scheme)
    site.page.set_viewport_size({"width": width, "height": 800})
    page = site.open("?team=payments")
    page.locator("#body .name").first.click()
    expect(page.locator(".tree .node")).to_have_count(5)
    expect(page.locator("#changes")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert site.violations() == []
