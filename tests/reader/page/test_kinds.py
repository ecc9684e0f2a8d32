"""Columns are shown by their kind: a table needs no line of JavaScript of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

import xpjob.reader
from support.site import Site
from support.toy_shop import DIGEST, shop

NONE = "\N{EN DASH}"
pytestmark = pytest.mark.process  # Playwright starts its own


def test_the_page_knows_no_collector() -> None:
    """Nor does anything else of the reader's code."""
    folder = Path(xpjob.reader.__file__).parent
    files = [file for file in folder.rglob("*") if file.suffix in {".py", ".js", ".css", ".html"}]
    assert len(files) > 60
    told = [f.name for f in files if re.search("crossplane|claim", f.read_text(), re.IGNORECASE)]
    assert told == []


def test_no_module_is_long() -> None:
    """A module over 300 lines is two things."""
    folder = Path(xpjob.reader.__file__).parent / "page"
    lengths = {file.name: len(file.read_text().splitlines()) for file in folder.rglob("*.js")}
    assert len(lengths) > 20
    assert [name for name, length in lengths.items() if length > 300] == []


def test_every_kind_has_its_form(site: Site) -> None:
    """Numbers to the right, times as ages, what is unknown is a dash, and exact values on hover."""
    site.put(shop())
    page = site.open("things?lateness=*&name=whole&name=almost&name=bare")
    page.get_by_role("button", name="Wide").click()
    heads = page.locator("thead th:visible").all_inner_texts()
    assert [head.rstrip("↑↓") for head in heads] == [
        *("Name", "Team", "State", "Why", "Not ready since", "Pods", "Use", "Memory", "CPU"),
        *("Cost", "Image", "Owner", "Node", "Taints", "Labels", "Created"),
    ]
    almost, bare, whole = (site.cells(row) for row in range(3))
    assert re.sub(r"\s+", " ", " | ".join(whole)) == (
        f"▸ team-a/whole | checkout | Available | {NONE} | {NONE} | 1,234 | 125 % | 1.5 GiB | "
        "0.25 | 12.30 EUR | sha256:01234567 copy | Owner team-a/bob | a-1 | x, y +1 | a=1 | 3d 4h"
    )
    assert almost[5:10] == ["6", "99.9\xa0%", "512 MiB", "3.5", "< 0.01 EUR"]
    assert bare[1] == NONE
    assert bare[5:] == [NONE] * 11
    row = page.locator("tr[data-row]").nth(2)
    expect(row.locator("[title='1610612736 bytes'], [title='1,610,612,736 bytes']")).to_have_count(
        1
    )
    expect(row.locator("time").first).to_have_attribute("title", re.compile(r"^\d{4}-\d\d-\d\dT"))
    expect(row.locator(".bar .over")).to_have_count(1)
    expect(page.locator("tr[data-row]").nth(0).locator(".bar .over")).to_have_count(0)
    expect(row.get_by_role("button", name="Copy the digest")).to_have_attribute("data-copy", DIGEST)
    assert row.locator("td.num").count() == 7


def test_lateness_is_a_word_and_a_colour(site: Site) -> None:
    """Recent is grey, late is amber, and red from a day."""
    site.put(shop())
    page = site.open("things?lateness=*")
    for name, word, tone in (
        ("late", "late", "bad"),
        ("long", "over a day", "alarm"),
        ("recent", "recent", "idle"),
    ):
        row = page.locator("tr[data-row]", has=page.locator(f".name[title='team-a/{name}']"))
        expect(row.locator(".late")).to_have_text(word)
        expect(row.locator(f".late.{tone}")).to_have_count(1)
        expect(row.locator(f".badge.{tone}")).to_have_text("Creating")
        expect(row).to_contain_text("no quota")


def test_a_reference_leads_to_the_other_row(site: Site) -> None:
    """Where the table declares which column of which table it is."""
    site.put(shop())
    page = site.open("things?name=whole")
    page.get_by_role("button", name="Wide").click()
    page.locator("tr[data-row]").get_by_role("link", name="a-1").click()
    expect(page).to_have_url(f"{site.server.url}/nodes/a-1")
    expect(page.get_by_role("heading", level=1)).to_have_text("a-1")


def test_facts_are_whole(site: Site) -> None:
    """Lists line by line, bytes exactly, the digest in full; what is empty is only named."""
    site.put(shop())
    page = site.open("things/uid-whole")
    facts = page.locator(".facts")
    expect(facts).to_contain_text("1.5 GiB (1,610,612,736 bytes)")
    expect(facts).to_contain_text(DIGEST)
    expect(facts.locator("dd ul").first.get_by_role("listitem")).to_have_text(["x", "y", "z"])
    expect(facts.locator(".without")).to_contain_text("Message")
