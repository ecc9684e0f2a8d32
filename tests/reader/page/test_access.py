"""Everybody can use every view."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from support.reader_sample import report
from support.site import Site
from support.toy_shop import crowd, shop, thing, things
from support.toy_tables import failed_list
from xpjob.base import times

pytestmark = pytest.mark.process  # Playwright starts its own

VIEWS = (
    *("", "things?lateness=*", "parts?by=tree", "things/uid-whole", "parts/uid-long-1", "nowhere"),
    *("teams/", "teams/payments", "search?q=long", "search", "findings", "changes", "runs"),
)
SMALL = """() => [...document.querySelectorAll("button, select, input, summary, nav a")]
    .filter((each) => each.checkVisibility() && !each.closest(".check"))
    .filter((each) => Math.min(each.offsetWidth, each.offsetHeight) < 24)
    .map((each) => each.outerHTML.slice(0, 120))"""


def _fill(site: Site) -> None:
    day = times.rfc3339(times.now() - timedelta(hours=25))
    site.store.keep(shop(1, held=[thing("late"), thing("gone")], generated_at=day))
    site.store.save(report(history=1))
    site.put(shop(2, held=[*things(), *crowd(60)], targets=[failed_list()]))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_axe_finds_nothing(site: Site, scheme: Any, width: int) -> None:
    """On any view; nor is there sideways scrolling, nor a target that is too small."""
    _fill(site)
    site.page.emulate_media(color_scheme=scheme)
    site.page.set_viewport_size({"width": width, "height": 900})
    for address in VIEWS:
        page = site.open(address)
        page.wait_for_load_state("networkidle")
        if address.startswith("things?"):
            page.get_by_role("button", name="Open team-a/late here").click()
            page.locator(".opened .facts").wait_for()
            if width < 1000:
                page.get_by_text("Filters", exact=True).click()
        assert (address, site.violations()) == (address, [])
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        assert (address, page.evaluate(SMALL)) == (address, [])
    site.forgive(404)


def test_a_narrow_window_needs_no_sideways_scrolling(site: Site) -> None:
    """Not at 320 pixels, which is 400 % of 1280."""
    _fill(site)
    site.page.set_viewport_size({"width": 320, "height": 640})
    for address in VIEWS:
        page = site.open(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, address
    site.forgive(404)


def test_nothing_jumps(site: Site) -> None:
    """What is loaded has its place at once."""
    _fill(site)
    for address in ("", "things", "things/uid-whole", "teams/payments"):
        site.open(address)
        assert site.shift() < 0.1, address


def test_colours_that_the_system_forces(site: Site) -> None:
    """Dots and bars stand out from their background."""
    _fill(site)
    site.page.emulate_media(forced_colors="active", reduced_motion="reduce")
    page = site.open("things?lateness=*&name=late&name=whole&cols=state,use")
    border = page.locator(".badge").first.evaluate(
        "(each) => getComputedStyle(each, '::before').borderTopWidth"
    )
    assert border == "1px"
    assert (
        page.locator("td .bar").first.evaluate("(each) => getComputedStyle(each).borderTopWidth")
        == "1px"
    )
    assert (
        page.locator(".tab").first.evaluate("(each) => getComputedStyle(each).transitionDuration")
        == "0s"
    )
