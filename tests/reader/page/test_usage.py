"""Usage: a month by team and day, what is missing of it, and a team's own."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import expect

from support.site import Site
from support.toy_shop import shop, thing
from support.usage_site import amounts, fill, this_month, with_usage
from xpjob.base.errors import TransientError

pytestmark = pytest.mark.process  # Playwright starts its own

HOSTILE = (
    "<img src=x onerror=window.hit=1>",
    "\"><svg onload=window.hit=1>' onmouseover='window.hit=1",
    "//evil.example.org/%2e%2e",
    "a/b?c=d&e#f",
    "*",
    "__idle__",
)


def _asked(site: Site, query: str) -> Any:
    with urlopen(f"{site.server.url}/usage?{query}") as answer:
        return json.load(answer)


def _said(value: float) -> str:
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def _cells(site: Site, row: int) -> list[str]:
    cells = site.page.locator(".records tr[data-row]").nth(row).locator("td:visible")
    return [text.strip() for text in cells.all_inner_texts()]


def _months(site: Site) -> str:
    return fill(site)[0][:7]


def test_the_figures_are_those_of_the_api(site: Site) -> None:
    """Of each row, of the total, and of each day; with three requests."""
    month = _months(site)
    page = site.open(f"usage?month={month}")
    page.wait_for_load_state("networkidle")
    assert len(site.asked) == 3, site.asked
    found = _asked(site, f"month={month}&meter=objects")
    names = [row["team"] or "(no team)" for row in found["rows"]]
    assert site.names() == names == ["payments", "checkout", "(no team)"]
    for place, row in enumerate(found["rows"]):
        quantity, average = _said(row["quantity"]), _said(row["average"])
        _, hours, share, mean, bridged = _cells(site, place)
        assert (hours, mean, bridged) == (quantity, average, _said(row["bridgedQuantity"]))
        assert share.endswith("%")
    (total,) = found["totals"]
    expect(page.locator(".records tfoot td").first).to_have_text(_said(total["quantity"]))
    expect(page.locator(".numbers dd").first).to_contain_text(_said(total["quantity"]))
    by_day = _asked(site, f"month={month}&meter=objects&by=day")
    for row in by_day["rows"]:
        title = page.locator(f"g[data-day='{row['day']}'] title").text_content() or ""
        assert title.startswith(f"{row['day']}: {_said(row['quantity'])} hours")


def test_days_say_how_they_are_known(site: Site) -> None:
    """Missing ones are hatched, those over a gap lighter; bars are as high as the quantities."""
    month = fill(site)
    page = site.open(f"usage?month={month[0][:7]}")
    assert page.locator("g.day").count() == len(month)
    hatched = page.locator("g.day:has(.hatch)")
    assert [each.get_attribute("data-day") for each in hatched.all()] == [month[2]]
    assert hatched.locator(".sure").count() == 0
    lighter = page.locator("g.day:has(rect.bridged)")
    assert [each.get_attribute("data-day") for each in lighter.all()] == [month[4]]

    def height(day: str) -> float:
        bars = page.locator(f"g[data-day='{day}'] rect:not(.place)")
        return sum(float(bar.get_attribute("height") or 0) for bar in bars.all())

    assert height(month[0]) == pytest.approx(height(month[4]))
    assert height(month[5]) / height(month[0]) == pytest.approx(33 / 32)
    for said in ("missing: not known, and not zero", "over a gap between runs"):
        expect(page.locator("figcaption")).to_contain_text(said)
    page.get_by_text("Days as a table").click()
    line = page.locator(".daily tr[data-row]").nth(2)
    expect(line).to_contain_text("missing")
    expect(line).to_contain_text("\N{EN DASH}")


def test_what_is_missing_is_said(site: Site) -> None:
    """Days, coverage, gaps, corrections, and what has no team, which leads to its namespaces."""
    month = fill(site)
    page = site.open(f"usage?month={month[0][:7]}")
    footer = _asked(site, f"month={month[0][:7]}&meter=objects")["footer"]
    panel = page.get_by_role("region", name="What is missing")
    for said in (
        f"{footer['present']} days are closed",
        f"1 day is missing, which is not known and not zero: {month[2]}",
        f"Coverage {100 * footer['coverage']:.1f}",
        "counted over gaps between runs",
        "corrections, counted after their day was closed",
        "a lower bound",
    ):
        expect(panel).to_contain_text(said)
    expect(page.locator("#view")).to_contain_text("Days are UTC")
    expect(page.locator("#view")).to_contain_text("no access control")
    panel.get_by_role("link", name="has no team").click()
    site.settled()
    assert site.names() == ["kube-system"]
    page.get_by_role("button", name="Remove filter Team (none)").click()
    site.settled()
    assert site.names() == ["shop", "kube-system"]


def test_this_month_is_open(site: Site) -> None:
    """The tab leads to it; days to come have no bar and are not missing."""
    month = _months(site)
    page = site.open()
    page.locator("#tabs").get_by_role("link", name="Usage").click()
    expect(page).to_have_url(f"{site.server.url}/usage?month={this_month():%Y-%m}")
    expect(page.locator(".headline .sum")).to_contain_text("open")
    expect(page.locator("g.open")).to_have_count(1)
    assert page.locator("g.future .hatch").count() == 0
    chosen = page.locator("#month").locator("option:checked")
    expect(chosen).to_have_text(f"{this_month():%B %Y} (open)")
    page.locator("#month").select_option(month)
    expect(page).to_have_url(f"{site.server.url}/usage?month={month}")
    expect(page.locator(".headline .sum .late")).to_have_count(0)
    page.go_back()
    expect(page.locator(".headline .sum")).to_contain_text("open")
    expect(chosen).to_have_text(f"{this_month():%B %Y} (open)")


def test_another_meter_class_or_dimension(site: Site) -> None:
    """Classes are never added up; what is idle is a row of its own, and no bar."""
    month = _months(site)
    page = site.open(f"usage?month={month}")
    meters = page.locator("#meter")
    assert meters.locator("option").all_inner_texts() == [
        "CPU requested",
        "Orders: claim",
        "Objects of class managed",
    ]
    meters.select_option(label="Objects of class managed")
    site.settled()
    assert site.names() == ["payments"]
    meters.select_option(label="CPU requested")
    site.settled()
    assert site.names() == ["checkout", "payments", "Idle: requested by nobody"]
    expect(page.locator(".numbers dt").first).to_have_text("Total, with what is idle")
    expect(page.locator("figcaption")).to_contain_text("Most: 48 core-hours")
    meters.select_option(label="Orders: claim")
    site.settled()
    page.get_by_role("navigation", name="By").get_by_role("link", name="Kind").click()
    site.settled()
    assert site.names() == ["Database"]
    page.locator("#view").get_by_role("link", name="Database").click()
    site.settled()
    assert site.names() == ["payments", "checkout", "(no team)"]
    page.locator("#view [data-row]").get_by_role("link", name="payments").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("payments")


def test_the_csv_is_exactly_this(site: Site) -> None:
    """With the filters and the meter that are shown."""
    month = _months(site)
    page = site.open(f"usage?month={month}&kind=Database&by=namespace")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(waiting.value.path().read_text(), newline="")))
    assert [row["namespace"] for row in rows] == site.names()
    assert {row["meter"] for row in rows} == {"objects"}
    shown = [_cells(site, place)[1] for place in range(len(rows))]
    assert [_said(float(row["quantity"])) for row in rows] == shown


def test_a_team_has_its_usage_of_two_months(site: Site) -> None:
    """With coverage; links of its sections keep to the filters that the reader names."""
    month = _months(site)
    page = site.open("teams/payments")
    panel = page.get_by_role("region", name="Usage", exact=True).first
    found = _asked(site, f"month={month}&meter=objects&team=payments")
    expect(panel).to_contain_text(f"{_said(found['rows'][0]['quantity'])} hours")
    expect(panel).to_contain_text("CPU requested")
    expect(panel).to_contain_text("Coverage of both")
    expect(panel).to_contain_text("missing")


def test_a_store_that_is_away_costs_a_team_only_its_usage(site: Site) -> None:
    """The rest of its page is shown, with why that is not."""
    fill(site)
    site.store.error = TransientError("away")
    page = site.open("teams/payments")
    expect(page.locator("#view")).to_contain_text("the store does not give the usage files")
    expect(page.locator(".lead")).to_contain_text("payments has things: 4")
    page.wait_for_load_state("networkidle")
    site.forgive(503)


def test_without_usage_nothing_is_said_of_it(site: Site) -> None:
    """Neither in the navigation nor on a team's page, and nothing is asked for."""
    site.put(shop())
    page = site.open("teams/payments")
    page.wait_for_load_state("networkidle")
    assert page.locator("#tabs").get_by_role("link", name="Usage").count() == 0
    assert page.locator("section.usage").count() == 0
    assert not [url for url in site.asked if "usage" in url]
    page = site.open("usage")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
    page.wait_for_load_state("networkidle")
    site.forgive(404)


def test_several_clusters(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them unless one is chosen, also as rows; a day may be missing in one only."""
    monkeypatch.setattr("xpjob.reader.snapshots.RELIST_SECONDS", 0.0)
    month = fill(site, "a", cluster="east")
    fill(site, "b", cluster="west")
    page = site.open(f"usage?month={month[0][:7]}")
    assert site.names() == ["a", "b", "(no team)"]
    page.get_by_role("navigation", name="By").get_by_role("link", name="Cluster").click()
    site.settled()
    assert site.names() == ["east", "west"]
    key = f"usage/year={month[0][:4]}/month={month[0][5:7]}/day={month[1][8:]}/east.csv.gz"
    site.store.remove(key)
    site.open(f"usage?month={month[0][:7]}&cluster=*")
    title = page.locator(f"g[data-day='{month[1]}'] title").text_content() or ""
    assert "missing in 1 cluster" in title
    assert page.locator(f"g[data-day='{month[1]}'] .sure").count() == 1
    expect(page.locator(".notes")).to_contain_text("east: 2 days are missing")
    page.get_by_label("Cluster").select_option("west")
    site.settled()
    assert site.names() == ["b", "(no team)"]


def test_hostile_names_are_text(site: Site) -> None:
    """Of teams; what is reserved is told from a team that is called so."""
    month = fill(site, *HOSTILE)[0][:7]
    held = [thing(f"n-{place}", team=name) for place, name in enumerate(HOSTILE)]
    site.put(with_usage(shop(2, held=held), *amounts(*HOSTILE)))
    page = site.open(f"usage?month={month}")
    assert site.names() == [*HOSTILE, "(no team)"]
    page = site.open(f"usage?month={month}&meter=cpu_requests")
    assert site.names()[-1] == "Idle: requested by nobody"
    assert "__idle__" in site.names()[:-1]
    for address in (f"usage?month={month}", f"usage?month={month}&by=team,kind"):
        page = site.open(address)
        assert page.evaluate("window.hit") is None
        assert page.locator("#view img, #view script, #view [onerror]").count() == 0
        hrefs = page.evaluate("[...document.querySelectorAll('a[href]')].map((each) => each.href)")
        assert [href for href in hrefs if not href.startswith(site.server.url)] == []
    page = site.open(f"usage?month={month}")
    hrefs = [each.get_attribute("href") or "" for each in page.locator("#view a.name").all()]
    assert len(hrefs) == len(HOSTILE) + 1
    for name, href in zip(HOSTILE, hrefs, strict=False):
        page = site.open(href.removeprefix("./"))
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        page.locator("section.usage").wait_for()
        assert page.evaluate("window.hit") is None
        found = page.locator("section.usage tr", has_text="Orders").inner_text()
        hours = (len(HOSTILE) - HOSTILE.index(name)) * 10
        assert f"{hours} hours" in found, "of this team alone"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_everybody_can_use_it(site: Site, scheme: Any, width: int) -> None:
    """Axe finds nothing, and nothing is wider than the window."""
    month = _months(site)
    site.page.emulate_media(color_scheme=scheme)
    site.page.set_viewport_size({"width": width, "height": 900})
    for address in (f"usage?month={month}", "usage?meter=cpu_requests", "teams/payments"):
        page = site.open(address)
        page.wait_for_load_state("networkidle")
        if address.startswith("usage"):
            page.get_by_text("Days as a table").click()
        else:
            page.locator("section.usage").wait_for()
        assert (address, site.violations()) == (address, [])
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_it_is_printed(site: Site) -> None:
    """Without controls, with what it is of on top, and with bars."""
    month = _months(site)
    page = site.open(f"usage?month={month}&namespace=shop")
    page.emulate_media(media="print")
    expect(page.locator(".printed")).to_contain_text("Namespace shop. Days are UTC.")
    for each in ("header", "nav.by", "#month", ".links", ".chips"):
        assert page.locator(each).first.is_hidden()
    assert page.locator("figure.days svg").is_visible()
    assert page.get_by_role("region", name="What is missing").is_visible()
