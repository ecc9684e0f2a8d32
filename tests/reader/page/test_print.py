"""What is printed."""

from __future__ import annotations

import re

import pytest

from support.site import Site
from support.toy_shop import crowd, shop, thing, things

pytestmark = pytest.mark.process  # Playwright starts its own


def _pages(site: Site) -> int:
    """Return the number of A4 pages."""
    return len(
        re.findall(rb"/Type\s*/Page\b", site.page.pdf(format="A4", prefer_css_page_size=True))
    )


def test_a_team_is_one_or_two_pages(site: Site) -> None:
    """Without controls, and with what it is and as of when on top."""
    many = [thing(f"n-{n:03d}", pods=n) for n in range(60)]
    site.put(shop(held=[*things(), *many]))
    page = site.open("teams/payments")
    page.emulate_media(media="print")
    assert page.locator("header").is_hidden()
    assert page.get_by_role("button", name="Print").is_hidden()
    assert page.locator(".printed").is_visible()
    assert page.locator(".printed").inner_text().startswith("Team payments, as of 20")
    assert 1 <= _pages(site) <= 2


def test_a_table_is_printed_whole(site: Site) -> None:
    """All rows up to 500, with the filters in force, and without controls."""
    site.put(shop(held=crowd()))
    page = site.open("things?state=Available")
    page.evaluate(
        "void (window.printed = new Promise((done) => { window.print = () =>"
        " done(document.querySelectorAll('tr[data-row]').length); }))"
    )
    page.get_by_role("button", name="Print").click()
    assert page.evaluate("window.printed") == 120
    site.settled()
    page.emulate_media(media="print")
    for each in ("header", "#facets", ".pager", ".links"):
        assert page.locator(each).first.is_hidden()
    assert "state=Available" in page.locator(".printed").inner_text()
    assert (
        page.locator("thead").evaluate("(each) => getComputedStyle(each).display")
        == "table-header-group"
    )
