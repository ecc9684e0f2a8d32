"""The shell: addresses, history, requests, clusters, and what must be known of the data."""

from __future__ import annotations

from typing import BinaryIO, cast

import pytest
from playwright.sync_api import Browser, expect
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from support.reader_sample import failed_target, report
from support.site import Site, rows
from support.toy_shop import shop, thing
from support.toy_tables import failed_list
from xpjob.base.errors import TransientError
from xpjob.net.serving import Background, configuration, listen
from xpjob.reader import snapshots
from xpjob.reader.loader import Loader, LoadError

pytestmark = pytest.mark.process  # Playwright starts its own

VIEWS = {
    "": "3 things need a human",
    "things": "Things",
    "things/uid-whole": "Thing team-a/whole",
    "teams/": "Teams",
    "teams/payments": "payments",
    "search?q=long": "Search: long",
    "findings": "Findings",
    "runs": "Last run",
}


@pytest.mark.parametrize("address", VIEWS)
def test_a_view_takes_at_most_three_requests(site: Site, address: str) -> None:
    """And has a heading, a title and a marked place in the navigation."""
    site.put(shop())
    page = site.open(address)
    expect(page.get_by_role("heading", level=1)).to_have_text(VIEWS[address])
    expect(page).to_have_title(f"{VIEWS[address]} · xpjob")
    page.wait_for_load_state("networkidle")
    assert 1 <= len(site.asked) <= 3, site.asked


def test_a_quiet_minute_asks_only_whether_there_is_news(site: Site) -> None:
    """Each answer is a 304 without a body."""
    site.put(shop())
    site.page.clock.install()
    page = site.open("things")
    site.poll()
    site.asked.clear()
    statuses: list[int] = []
    page.on("response", lambda response: statuses.append(response.status))
    for _ in range(12):
        site.poll()
    assert site.asked == ["/version"] * len(site.asked)
    assert statuses == [304] * len(statuses)
    assert len(statuses) >= 12


def test_links_are_links(site: Site) -> None:
    """With an address to copy; a click loads no document; back and forward go where they were."""
    site.put(shop(held=[thing(f"n-{n:02d}") for n in range(40)]))
    page = site.open("things")
    page.evaluate("window.same = true")
    link = page.locator("#view .name").nth(30)
    link.scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    assert before > 100
    link.click()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    assert page.evaluate("scrollY") == 0
    page.go_back()
    site.settled()
    expect(page.locator("#view .name").nth(30)).to_be_focused()
    assert page.evaluate("scrollY") == before
    page.go_forward()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thing team-a/n-30")
    assert page.evaluate("window.same") is True
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thing team-a/n-30")


def test_addresses_of_earlier_versions(site: Site) -> None:
    """They become those of tables, in place."""
    site.save()
    url = site.server.url
    for old, new in (
        ("?ready=false&team=checkout", "claims?ready=false&team=checkout"),
        ("?ready=all&class=composite", "xrs"),
        ("?tab=mrs&sort=-name", "mrs?sort=-name"),
        ("?tab=crossplane", ""),
    ):
        page = site.open(old)
        expect(page).to_have_url(f"{url}/{new}")
        expect(page.get_by_role("heading", level=1)).not_to_have_text("Not found")
    assert page.evaluate("history.length") <= 6


def test_it_works_behind_a_path_prefix(browser: Browser, site: Site) -> None:
    """At any depth, from an address and from a click; the skip link stays on its page."""
    site.put(shop())
    prefix = "/a/b"

    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(prefix)
        raw = scope["raw_path"].removeprefix(prefix.encode())
        assert scope["path"] != path, "nothing is asked for outside the prefix"
        await site.app({**scope, "path": path, "raw_path": raw}, receive, send)

    config = configuration(cast("Starlette", proxy))
    config.lifespan = "off"
    with Background(site.app, listen("127.0.0.1", 0), config) as server:
        page = browser.new_page()
        troubles: list[str] = []
        page.on("console", lambda message: troubles.append(message.text))
        root = f"{server.url}{prefix}"
        for address, title in VIEWS.items():
            page.goto(f"{root}/{address}")
            expect(page.get_by_role("heading", level=1)).to_have_text(title)
        page.goto(f"{root}/things/uid-whole")
        page.get_by_role("link", name="Shop").click()
        expect(page).to_have_url(f"{root}/things")
        page.locator("#view .name").first.click()
        page.get_by_role("link", name="Home").click()
        expect(page).to_have_url(f"{root}/")
        page.keyboard.press("Tab")
        page.locator("#skip").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        expect(page).to_have_url(f"{root}/")
        page.close()
        assert troubles == []


def test_the_cluster_survives_every_link(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the address; only some views have all of them."""
    monkeypatch.setattr(snapshots, "RELIST_SECONDS", 0.0)
    for name, count in (("east", 4), ("west", 2)):
        held = [thing(f"{name}-{n}") for n in range(count)]
        site.store.save(shop(cluster=name, held=held), name)
    site.refresh()
    page = site.open("things?cluster=east")
    expect(page.locator("#count")).to_have_text(rows(1, 4, 4))
    assert page.locator("#cluster option").all_inner_texts() == ["east", "west"]
    page.locator("#cluster").select_option("west")
    expect(page.locator("#count")).to_have_text(rows(1, 2, 2))
    page.get_by_role("link", name="Parts").click()
    expect(page).to_have_url(f"{site.server.url}/parts?cluster=west")
    page.get_by_role("link", name="Home").click()
    expect(page).to_have_url(f"{site.server.url}/?cluster=west")
    page.locator("#cluster").select_option("*")
    expect(page.locator(".clusters li")).to_have_count(2)
    page.locator("#tabs").get_by_role("link", name="Teams").click()
    expect(page).to_have_url(f"{site.server.url}/teams/?cluster=*")
    site.open("things?cluster=gone")
    expect(page.locator("#view")).to_contain_text("there is no cluster 'gone'")
    site.forgive(400, 404)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("", "?cluster=*"),
        ("things", "things?cluster=east"),
        ("things/uid-n", "things/uid-n?cluster=east"),
        ("teams/", "teams/?cluster=*"),
        ("teams/payments", "teams/payments?cluster=east"),
        ("search?q=n", "search?q=n&cluster=*"),
        ("findings", "findings?cluster=east"),
        ("runs", "runs?cluster=east"),
        ("?tab=parts", "parts?cluster=east"),
    ],
)
def test_one_of_several_clusters_is_chosen(
    site: Site, monkeypatch: pytest.MonkeyPatch, address: str, shown: str
) -> None:
    """It goes into an address that names none, and no request is refused on the way."""
    monkeypatch.setattr(snapshots, "RELIST_SECONDS", 0.0)
    for name in ("east", "west"):
        site.store.save(shop(cluster=name, held=[thing("n")]), name)
    site.refresh()
    answers: list[tuple[int, str]] = []
    site.page.on("response", lambda response: answers.append((response.status, response.url)))
    page = site.open(address)
    page.wait_for_load_state("networkidle")
    expect(page).to_have_url(f"{site.server.url}/{shown}")
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Not found")
    assert [answer for answer in answers if answer[0] >= 400] == []
    assert site.troubles == []
    assert len(site.asked) <= (6 if address.startswith("?tab") else 4), site.asked


def test_a_second_cluster_appears(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shown stays that of the first, and its address says so."""
    monkeypatch.setattr(snapshots, "RELIST_SECONDS", 0.0)
    site.page.clock.install()
    site.store.save(shop(cluster="west", held=[thing("n")]), "west")
    site.refresh()
    page = site.open("things")
    expect(page).to_have_url(f"{site.server.url}/things")
    site.store.save(shop(cluster="east", held=[]), "east")
    site.refresh()
    site.poll()
    expect(page).to_have_url(f"{site.server.url}/things?cluster=west")
    expect(page.locator("#cluster")).to_have_value("west")
    expect(page.locator("#count")).to_have_text(rows(1, 1, 1))
    assert site.troubles == []


def test_states_are_clear(site: Site) -> None:
    """None yet, failed, stale, partial, and a store that does not answer."""
    page = site.open()
    expect(page.locator("#notices")).to_contain_text("There is no snapshot yet")
    site.store.save(report(success=False, phase="list", error="403 Forbidden"))
    site.refresh()
    site.open()
    expect(page.locator("#notices")).to_contain_text("The last run failed")
    expect(page.locator("#notices")).to_contain_text("403 Forbidden")
    site.store.save(report())
    site.put(shop(3, generated_at="2026-01-01T00:00:00Z", targets=[failed_target()]))
    site.open("things")
    expect(page.locator("#notices")).to_contain_text("This is out of date")
    expect(page.locator("#notices")).to_contain_text("1 list failed in this run")
    expect(page.locator("#fresh")).to_have_class("fresh warn")
    site.store.error = TransientError("refused")
    site.refresh()
    site.open()
    expect(page.locator("#notices")).to_contain_text("store does not answer")
    site.forgive(503)


def test_a_snapshot_that_cannot_be_loaded_is_said(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside an older one, and without any."""

    def load(_loader: Loader, body: BinaryIO, *_: object) -> None:
        body.close()
        raise LoadError("loading it: MemoryError")

    def refused() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Loader, "load", load)
            site.app.state.snapshots.refresh()
            page = site.open()
            expect(page.locator("#notices")).to_contain_text("could not be loaded")
            expect(page.locator("#notices")).not_to_contain_text("There is no snapshot yet")

    site.store.save(shop())
    refused()
    site.refresh()
    site.store.save(shop(2))
    refused()
    site.forgive(503)


def test_the_first_snapshot_appears_by_itself(site: Site) -> None:
    """The page keeps asking."""
    site.page.clock.install()
    page = site.open("things")
    expect(page.get_by_role("heading", level=1)).to_have_text("No data")
    site.put(shop(targets=[failed_list()]))
    site.poll()
    expect(page.get_by_role("heading", level=1)).to_have_text("Things")
    site.forgive(503)
