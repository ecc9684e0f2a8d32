"""A table: filters beside the rows, all of it from the table's description."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from support.site import Site, rows
from support.toy_shop import broken, crowd, part, shop, thing
from support.toy_site import taken
from support.toy_tables import USERS
from xpjob.collect.description import TableDescription
from xpjob.reader import snapshots

pytestmark = pytest.mark.process  # Playwright starts its own


def test_filters_live_in_the_address(site: Site) -> None:
    """Pressing narrows down, a link shows the same again, and back goes back."""
    site.put(shop())
    page = site.open("things?lateness=*")
    expect(page.locator("#count")).to_have_text(rows(1, 6, 6))
    page.locator(".facet", has_text="Team").get_by_role(
        "button", name=re.compile("^payments")
    ).click()
    expect(page.locator("#count")).to_have_text(rows(1, 4, 4))
    page.locator(".facet", has_text="Team").get_by_role(
        "button", name=re.compile("^checkout")
    ).click()
    expect(page.locator("#count")).to_have_text(rows(1, 5, 5))
    page.get_by_role("button", name="Remove filter Team payments").click()
    assert site.names() == ["team-a/whole"]
    page.go_back()
    expect(page.locator("#count")).to_have_text(rows(1, 5, 5))
    page = site.open("things?team=&lateness=*")
    assert site.names() == ["bare"]
    expect(page.locator(".chips")).to_contain_text("Team (none)")
    page.get_by_role("button", name="Clear all").click()
    expect(page).to_have_url(f"{site.server.url}/things")


def test_exactly_this_is_there_as_json_and_csv(site: Site) -> None:
    """With the filters and the order of the address, and without what is left out."""
    site.put(shop())
    page = site.open("things?sort=-pods")
    assert len(site.names()) == 5
    links = [
        page.get_by_role("link", name=name).get_attribute("href") or "" for name in ("JSON", "CSV")
    ]
    answer = page.request.get(f"{site.server.url}/{links[0]}")
    assert [row["name"] for row in answer.json()["rows"]] == [
        name.split("/")[-1] for name in site.names()
    ]
    head, *lines = page.request.get(f"{site.server.url}/{links[1]}").text().splitlines()
    assert head.startswith("uid,")
    assert len(lines) == 5


def test_recent_rows_are_left_out_at_first(site: Site) -> None:
    """It says how many, and shows them when it is asked to; a search finds them."""
    site.put(shop())
    page = site.open("things")
    assert "team-a/recent" not in site.names()
    expect(page.locator(".left")).to_contain_text("1 recent row is left out")
    page.get_by_role("button", name="Only these").click()
    expect(page.locator("#count")).to_have_text(rows(1, 1, 1))
    assert site.names() == ["team-a/recent"]
    page.go_back()
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("#count")).to_have_text(rows(1, 6, 6))
    site.open("things?q=recent")
    assert site.names() == ["team-a/recent"]


@pytest.mark.parametrize("how", ["back", "Esc"])
def test_from_a_record_back_to_the_page_of_its_table(site: Site, how: str) -> None:
    """With its filters, and not to the first page; where the snapshot is another, to that one."""
    site.put(shop(held=crowd()))
    page = site.open("things?lateness=*&sort=-name")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#count")).to_have_text(rows(51, 100, 120))
    shown = site.names()

    def there_and_back() -> None:
        page.locator("#view .name").nth(3).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^Thing "))
        if how == "back":
            page.go_back()
        else:
            page.keyboard.press("Escape")
        expect(page.get_by_role("heading", level=1)).to_have_text("Things")
        expect(page).to_have_url(f"{site.server.url}/things?lateness=*&sort=-name")

    there_and_back()
    expect(page.locator("#count")).to_have_text(rows(51, 100, 120))
    assert site.names() == shown
    page.get_by_role("button", name="Previous").click()
    expect(page.locator("#count")).to_have_text(rows(1, 50, 120))
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#count")).to_have_text(rows(51, 100, 120))
    page.locator("#view .name").nth(3).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^Thing "))
    site.put(shop(held=crowd()))
    page.go_back()
    expect(page.locator("#count")).to_have_text(rows(1, 50, 120))
    site.forgive(410)


def test_what_is_gone_back_to_is_what_was_shown(site: Site) -> None:
    """Also forward, and also if a row was pressed while the next page was on its way."""
    site.put(shop(held=crowd()))
    page = site.open("things?lateness=*")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#count")).to_have_text(rows(51, 100, 120))
    page.locator("#view .name").nth(3).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^Thing "))
    page.go_back()
    expect(page.locator("#count")).to_have_text(rows(51, 100, 120))
    page.get_by_role("button", name="Previous").click()
    expect(page.locator("#count")).to_have_text(rows(1, 50, 120))
    page.go_forward()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^Thing "))
    page.go_back()
    expect(page.locator("#count")).to_have_text(rows(1, 50, 120))
    page.evaluate(
        "document.querySelector('[data-pages=next]').click();"
        "document.querySelectorAll('#view .name')[3].click();"
    )
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^Thing "))
    page.go_back()
    expect(page.locator("#count")).to_have_text(rows(1, 50, 120))


def test_esc_pressed_twice_goes_back_once(site: Site) -> None:
    """Before the browser has gone back."""
    site.put(shop(held=crowd()))
    page = site.open("things?q=n-00&lateness=*")
    page.locator("#view .name").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^Thing "))
    page.evaluate(
        "for (const key of ['Escape', 'Escape'])"
        " document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));"
    )
    expect(page.get_by_role("heading", level=1)).to_have_text("Things")
    expect(page).to_have_url(f"{site.server.url}/things?q=n-00&lateness=*")


def test_next_pressed_twice_before_the_answer_is_one_page(site: Site) -> None:
    """And the numbers are those of the rows."""
    site.put(shop(held=crowd()))
    page = site.open("things?sort=name")
    expect(page.locator("#count")).to_have_text(rows(1, 50, 120))
    page.evaluate(
        "const next = document.querySelector('[data-pages=next]'); next.click(); next.click();"
    )
    expect(page.locator("#count")).to_have_text(rows(51, 100, 120))
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#count")).to_have_text(rows(101, 120, 120))


def test_the_search_box_has_the_text_of_the_address(site: Site) -> None:
    """Also when it was taken out elsewhere, and in another table."""
    site.put(shop())
    page = site.open("things?lateness=*")
    box = page.locator("#q")
    box.fill("whole")
    expect(page).to_have_url(re.compile("q=whole"))
    page.get_by_role("button", name="Clear all").click()
    expect(page).not_to_have_url(re.compile("q=whole"))
    expect(box).to_have_value("")
    box.fill("whole")
    expect(page).to_have_url(re.compile("q=whole"))
    page.locator("a.tab[data-key='table parts']").click()
    expect(page).to_have_url(re.compile("/parts$"))
    expect(box).to_have_value("")


def test_search_sort_and_pages(site: Site) -> None:
    """Numbers sort the largest first; a snapshot that changes between pages starts again."""
    site.put(shop(held=crowd()))
    page = site.open("things")
    expect(page.locator("#count")).to_have_text(rows(1, 50, 120))
    page.get_by_role("button", name="Pods").click()
    expect(page.locator("#view .name").first).to_have_text("team-a/n-119")
    expect(page.get_by_role("columnheader", name="Pods")).to_have_attribute(
        "aria-sort", "descending"
    )
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#count")).to_have_text(rows(51, 100, 120))
    site.put(shop(2, held=crowd(100)))
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#count")).to_have_text(rows(1, 50, 100))
    page.locator("#q").fill("n-09")
    expect(page.locator("#count")).to_have_text(rows(1, 10, 10))
    assert page.url.endswith("/things?sort=-pods&q=n-09")
    expect(page.locator("#q")).to_be_focused()
    site.forgive(410)


def test_nothing_is_said_as_such(site: Site) -> None:
    """Zero hits, no rows, a filter that fits nothing, and an unknown table, each with a way out."""
    bare = TableDescription(key="bare", collector="shop", columns=USERS.columns, identity=("host",))
    site.put(taken(tables=[bare, USERS], rows={"bare": []}))
    page = site.open("bare")
    expect(page.locator(".nothing")).to_have_text("This table has no rows.")
    site.open("licences?q=nowhere")
    expect(page.locator(".nothing")).to_have_text("Nothing matches these filters.")
    assert page.locator(".facet ul li").count() == 0
    assert not page.locator("tfoot").count()
    site.open("licences?host=gone&sort=q")
    expect(page.get_by_role("heading", level=1)).to_have_text("That cannot be shown")
    expect(page.locator("#view")).to_contain_text("there is no host 'gone'")
    page.get_by_role("button", name="Clear the filters").click()
    expect(page.locator("#count")).to_have_text(rows(1, 3, 3))
    assert page.url.endswith("/licences?sort=q")
    site.open("nowhere")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
    site.forgive(400, 404)


def test_columns_that_are_called_as_parameters(site: Site) -> None:
    """They are filtered by under a longer name; text stays text; what is kept says since when."""
    site.put(taken())
    page = site.open("licences")
    expect(page.locator("#view .notice")).to_contain_text("not from this run")
    expect(page.locator("#view .notice")).to_contain_text("no rights")
    page.locator(".facet", has_text="Limit").get_by_role(
        "button", name=re.compile("^small")
    ).click()
    expect(page.locator("#count")).to_have_text(rows(1, 2, 2))
    assert page.url.endswith("/licences?column.limit=small")
    assert site.names() == ["<b>west</b>", "far"]
    assert page.locator("#view b").count() == 0


def test_the_footer_adds_up_all_that_match(site: Site) -> None:
    """Not only the rows of the page."""
    site.put(shop(held=crowd()))
    page = site.open("things?team=team-00&team=team-01")
    foot = page.locator("tfoot")
    expect(foot).to_contain_text("All 8")
    expect(foot).to_contain_text(str(sum(n for n in range(120) if n % 30 < 2)))


def test_a_facet_opens_to_its_whole_list(site: Site) -> None:
    """With shares, a search, and what has none."""
    site.put(shop(held=[*crowd(), thing("own", team="")]))
    page = site.open("things")
    facet = page.locator(".facet", has_text="Team")
    expect(facet.get_by_role("listitem")).to_have_count(8)
    facet.get_by_role("button", name="All 31: Team").click()
    expect(facet.get_by_role("listitem")).to_have_count(31)
    expect(facet).to_contain_text("(none)")
    expect(facet.get_by_role("listitem").first).to_contain_text("3.3\xa0%")
    facet.get_by_role("searchbox").fill("team-2")
    expect(facet.get_by_role("listitem")).to_have_count(10)
    facet.get_by_role("button", name=re.compile("^team-21")).click()
    expect(page.locator("#count")).to_have_text(rows(1, 4, 4))
    facet.get_by_role("button", name="Fewer: Team").click()
    expect(facet.get_by_role("listitem")).to_have_count(8)


def test_columns_are_chosen_and_remembered(site: Site) -> None:
    """In the address, and as the default on this device."""
    site.put(shop())
    page = site.open("things")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("checkbox", name="Labels").check()
    expect(page.get_by_role("columnheader", name="Labels")).to_be_visible()
    page.get_by_role("checkbox", name="Memory").uncheck()
    expect(page.get_by_role("columnheader", name="Memory")).to_have_count(0)
    assert "cols=" in page.url
    site.open("things")
    expect(page.get_by_role("columnheader", name="Labels")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Memory")).to_have_count(0)
    site.open("things?cols=pods,use")
    assert page.locator("thead th").all_inner_texts() == ["Name↑", "Pods", "Use"]
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("button", name="As usual").click()
    expect(page.get_by_role("columnheader", name="Team")).to_be_visible()


def test_a_table_fits_and_its_head_sticks(site: Site) -> None:
    """Priorities decide what is left out; wide, it scrolls in its own place."""
    site.put(shop(held=crowd()))
    page = site.open("things")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    before = page.locator("thead th:visible").count()
    page.evaluate("scrollTo(0, 600)")
    assert (
        page.evaluate("Math.round(document.querySelector('thead th').getBoundingClientRect().top)")
        == 0
    )
    heights = page.evaluate(
        "[...document.querySelectorAll('tr[data-row]')].map((row) => row.offsetHeight)"
    )
    assert max(heights) <= 36
    page.get_by_role("button", name="Wide").click()
    expect(page.locator("[data-scroll]")).to_have_class(re.compile("over"))
    assert page.locator("thead th:visible").count() > before
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_rows_by_tree(site: Site) -> None:
    """A line for each root, the worst first, with how many are late and what blocks them."""
    site.put(shop())
    page = site.open("parts?lateness=*")
    page.get_by_role("button", name="By tree").click()
    groups = page.locator("section.group")
    expect(groups).to_have_count(2)
    expect(page.locator(".groups > .left")).to_have_text("1 tree in trouble, 2 in all, 3 rows.")
    expect(groups.nth(0)).to_contain_text("1 lateThing team-a/long Creating · 2 rows")
    expect(groups.nth(0)).to_contain_text("Part long-1: image not found")
    expect(groups.nth(1)).to_contain_text("okThing team-a/whole Available · 1 row")
    groups.nth(0).get_by_role("button", name="Open Thing team-a/long").click()
    expect(groups.nth(0).locator("tr[data-row]")).to_have_count(2)
    assert page.url.endswith("/parts?lateness=*&by=tree")
    groups.nth(0).get_by_role("link", name="Thing team-a/long").click()
    expect(page).to_have_url(f"{site.server.url}/things/uid-long")


def test_thousands_of_trees_have_pages(site: Site) -> None:
    """What is in trouble is on the first, wherever its rows are in the table."""
    parts = [part(f"p-{n:04d}", f"t-{n // 2:04d}") for n in range(3000)]
    parts[-1] = part("p-2999", "t-1499", **broken(days=3))
    site.put(shop(rows={"parts": parts, "things": [thing(f"t-{n:04d}") for n in range(1500)]}))
    page = site.open("parts?by=tree")
    expect(page.locator("#count")).to_have_text(f"{rows(1, 50, 0)[:-1]}1,500 trees")
    expect(page.locator("section.group").first).to_contain_text("Thing team-a/t-1499")
    expect(page.locator(".groups > .left")).to_contain_text("1 tree in trouble, 1,500 in all")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#count")).to_have_text(f"{rows(51, 100, 0)[:-1]}1,500 trees")


def test_rows_of_all_clusters_are_there_as_csv(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly what is shown, filters and order included."""
    monkeypatch.setattr(snapshots, "RELIST_SECONDS", 0.0)
    for name in ("east", "west"):
        site.store.save(shop(cluster=name), name)
    site.refresh()
    page = site.open("things?cluster=east&name=whole")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="CSV of all clusters").click()
    head, *lines = Path(downloading.value.path()).read_text().splitlines()
    assert head.startswith("cluster,")
    assert [line.split(",")[:2] for line in lines] == [["east", "uid-whole"], ["west", "uid-whole"]]


def test_a_phone_has_two_lines_a_record(site: Site) -> None:
    """A list, not a table; filters are behind one button."""
    site.put(shop())
    site.page.set_viewport_size({"width": 390, "height": 844})
    page = site.open("things")
    assert page.locator("table").count() == 0
    line = page.locator(".listed li", has_text="team-a/late")
    expect(line).to_contain_text("2h")
    expect(line).to_contain_text("Creating")
    expect(line).to_contain_text("no quota")
    assert (line.bounding_box() or {"height": 99})["height"] < 70
    expect(page.locator(".facet").first).to_be_hidden()
    page.get_by_text("Filters", exact=True).click()
    expect(page.locator(".facet").first).to_be_visible()
