"""The page without a mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from support.site import Site, rows
from support.toy_shop import crowd, shop

pytestmark = pytest.mark.process  # Playwright starts its own


def test_a_walk_with_keys_only(site: Site) -> None:
    """From home to a record, its table, another page, the filters, the search and back."""
    site.put(shop(held=crowd()))
    page = site.open()
    press = page.keyboard.press
    press("Tab")
    expect(page.locator("#skip")).to_be_focused()
    press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.locator("#tabs").get_by_role("link", name="Shop").focus()
    press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Things")
    press("j")
    press("j")
    press("k")
    expect(page.locator("#view .name").nth(0)).to_be_focused()
    press("j")
    press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Thing team-a/n-001")
    press("Escape")
    expect(page.get_by_role("heading", level=1)).to_have_text("Things")
    press("]")
    expect(page.locator("#count")).to_have_text(rows(51, 100, 120))
    press("[")
    expect(page.locator("#count")).to_have_text(rows(1, 50, 120))
    press("w")
    expect(page.get_by_role("button", name="Wide")).to_have_attribute("aria-pressed", "true")
    press("f")
    assert page.evaluate("document.activeElement.closest('#facets') !== null")
    page.locator(".facet .value").first.focus()
    press("Enter")
    expect(page.locator("#count")).to_have_text(rows(1, 4, 4))
    press("g")
    press("t")
    expect(page.get_by_role("heading", level=1)).to_have_text("Teams")
    press("g")
    press("h")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing needs you")
    press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("n-00")
    press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Search: n-00")


def test_a_row_opens_in_a_new_tab(site: Site) -> None:
    """With ``o``, at its own address."""
    site.put(shop())
    page = site.open("things")
    page.keyboard.press("j")
    with page.context.expect_page() as opened:
        page.keyboard.press("o")
    opened.value.wait_for_load_state()
    assert re.search("/things/uid-", opened.value.url)
    opened.value.close()


def test_single_keys_can_be_switched_off(site: Site) -> None:
    """On this device, from the help; they are off in fields and with modifiers anyway."""
    site.put(shop())
    page = site.open("things")
    page.locator("#q").focus()
    page.keyboard.type("j?/")
    expect(page.locator("#q")).to_have_value("j?/")
    expect(page.locator("#help")).to_be_hidden()
    page.locator("#q").fill("")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+j")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.get_by_role("checkbox", name="Single-key shortcuts on this device").uncheck()
    page.get_by_role("button", name="Close").click()
    for _ in range(2):
        for key in ("?", "/", "j", "w", "f"):
            page.keyboard.press(key)
        expect(page.locator("#help")).to_be_hidden()
        assert page.evaluate("!document.activeElement.closest('#search, #facets, [data-row]')")
        page = site.open("things")
    page.locator("#keys").click()
    expect(
        page.get_by_role("checkbox", name="Single-key shortcuts on this device")
    ).not_to_be_checked()
