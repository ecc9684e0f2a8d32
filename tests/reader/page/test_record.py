"""One record: a page of its own, and in place below its row."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from support.site import Site
from support.toy_shop import part, parts, shop, thing, things, worry

pytestmark = pytest.mark.process  # Playwright starts its own


def test_a_record_has_a_page(site: Site) -> None:
    """Why it is as it is, its tree, its findings, its history and its facts."""
    site.put(shop(findings=[worry("long", team="payments")]))
    page = site.open("parts/uid-long-1")
    expect(page.get_by_role("heading", level=1)).to_have_text("Part long-1")
    expect(page).to_have_title("Part long-1 · xpjob")
    expect(page.locator(".explains")).to_contain_text("image not found")
    tree = page.get_by_role("region", name="Its tree")
    expect(tree.locator(".node")).to_have_count(3)
    expect(tree.locator(".node").first).to_contain_text("Thing team-a/long")
    expect(tree.locator("[aria-current]")).to_have_text("Part long-1")
    tree.get_by_role("link", name="Thing team-a/long").click()
    expect(page).to_have_url(f"{site.server.url}/things/uid-long")
    expect(page.get_by_role("region", name="Findings")).to_contain_text("Too full")
    expect(page.get_by_role("region", name="History")).to_contain_text("ago")


def test_related_rows_are_links(site: Site) -> None:
    """Out of a record, and into it, with how many there are."""
    site.put(shop())
    page = site.open("things/uid-whole")
    related = page.get_by_role("region", name="Related")
    related.get_by_role("link", name="a-1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("a-1")
    expect(related).to_contain_text("1 row")
    related.get_by_role("link", name="Things").click()
    assert site.names() == ["team-a/whole"]


def test_what_is_gone_is_said(site: Site) -> None:
    """With status 404, since when it is not there, and when it was there last."""
    site.put(shop())
    page = site.open("things/uid-late")
    expect(page.get_by_role("heading", level=1)).to_have_text("Thing team-a/late")
    site.put(shop(2, held=[each for each in things() if each.name != "late"]))
    site.open("things/uid-late")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not in the snapshot")
    expect(page.locator("#view")).to_contain_text("not in the snapshot")
    site.forgive(404)


def test_a_record_opens_in_place(site: Site) -> None:
    """Below its row, with its own address one link away; Enter closes it again."""
    site.put(shop())
    page = site.open("things")
    page.get_by_role("button", name="Open team-a/long here").click()
    detail = page.locator("tr.detail")
    expect(detail.locator(".node")).to_have_count(3)
    expect(detail.locator(".facts")).to_contain_text("uid-long")
    page.keyboard.press("Enter")
    expect(detail).to_have_count(0)
    page.keyboard.press("Enter")
    detail.get_by_role("link", name="Page of its own").click()
    expect(page).to_have_url(f"{site.server.url}/things/uid-long")
    page.go_back()
    site.settled()
    assert len(site.names()) == 5


def test_who_goes_back_before_a_record_is_there_sees_the_table(site: Site) -> None:
    """What had been asked for is asked for by its own address, and not shown."""
    site.put(shop())
    page = site.open("things")
    held: list[Route] = []
    page.route("**/views/record.js", lambda asked: held.append(asked))
    page.get_by_role("button", name="Open team-a/long here").click()
    page.locator("tr.detail").get_by_role("link", name="Page of its own").click()
    expect(page).to_have_url(f"{site.server.url}/things/uid-long")
    page.go_back()
    expect(page).to_have_url(f"{site.server.url}/things")
    site.settled()
    with page.expect_response("**/rows/*") as late:
        held.pop().continue_()
    assert late.value.url.endswith("/rows/uid-long")
    assert len(site.names()) == 5


def test_the_command_can_be_copied(site: Site) -> None:
    """It is the one that looks closer at this object."""
    site.save()
    page = site.open("claims/uid-billing")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.server.url)
    command = page.locator(".command code")
    expect(command).to_contain_text("kubectl ")
    page.get_by_role("button", name="Copy the command").click()
    expect(page.get_by_role("button", name="Copy the command")).to_have_text("copied")
    assert page.evaluate("navigator.clipboard.readText()") == command.inner_text()


def test_a_large_tree_says_what_is_left_out(site: Site) -> None:
    """The page draws what the reader sends of it."""
    many = [part(f"p-{n:03d}", "whole") for n in range(600)]
    site.put(shop(rows={"things": [thing("whole")], "parts": [*parts(), *many]}))
    page = site.open("things/uid-whole")
    expect(page.get_by_role("region", name="Its tree")).to_contain_text("more that are not shown")
