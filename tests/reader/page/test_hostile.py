"""What tenants wrote is text, in every field of every table and on every view."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.reader_sample import report
from support.site import Site
from support.toy_shop import Part, Thing, ago, shop, worry
from xpjob.base import times
from xpjob.collect.findings import Ref
from xpjob.collect.outcome import CollectorOutcome
from xpjob.reader.parameters import MAX_VALUE

pytestmark = pytest.mark.process  # Playwright starts its own

HOSTILE = (
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    "javascript:window.hit=1",
    "\"><svg onload=window.hit=1>' onmouseover='window.hit=1",
    "</style><style>*{display:none}</style>{{constructor.constructor('window.hit=1')()}}",
    "//evil.example.org/%2e%2e/\\..",
    "..",
    "~",
    "\u202e\u0000\ufeff",
    "x" * MAX_VALUE,
    "a/b?c=d&e#f",
)


def _row(text: str, number: int) -> Thing:
    ref = Ref(text, text, text, text)
    return Thing(
        uid=f"{text}{number}", group=text, kind=text, namespace=text, name=text, team=text,
        state=text, ready=False, not_ready_since=ago(days=2) if number % 2 else text,
        message=text, node=text, created_at=text, image=text, owner=ref,
        taints=[text, text, text], labels={text: text},
    )  # fmt: skip


def _part(text: str, number: int) -> Part:
    parent = Ref(text, text, text, text)
    since = ago(days=3)
    return Part(
        uid=f"{number}{text}",
        name=text,
        team=text,
        state=text,
        ready=False,
        not_ready_since=since,
        message=text,
        parent=parent,
    )


def test_no_text_becomes_anything_else(site: Site) -> None:
    """No script runs, nothing is loaded from elsewhere, and every link stays within the page."""
    things = [_row(text, number) for number, text in enumerate(HOSTILE)]
    parts = [_part(text, number) for number, text in enumerate(HOSTILE)]
    found = [
        worry(name=text, team=text, kind=text, finding=text, message=text, namespace=text, row=text)
        for text in HOSTILE
    ]
    carried = CollectorOutcome(
        collector="shop", success=False, error=HOSTILE[1], carried_since=ago(hours=1)
    )
    outcomes = [carried, CollectorOutcome(collector="capacity")]
    day = times.rfc3339(times.now() - timedelta(hours=25))
    site.store.keep(shop(1, held=things[:3], generated_at=day))
    site.store.save(report(history=1, error=HOSTILE[0], success=False, phase=HOSTILE[1]))
    site.put(shop(2, rows={"things": things, "parts": parts}, findings=found, collectors=outcomes))
    page = site.open("things?lateness=*")
    ids = [link.get_attribute("href") or "" for link in page.locator("#view .name").all()]
    assert len(ids) == len(HOSTILE)
    views = [
        "",
        "things?lateness=*",
        "parts?lateness=*&by=tree",
        "teams/",
        "search?q=%3Cscript%3E",
        "findings",
        "changes",
        "runs",
    ]
    for address in [*views, *(each.removeprefix("./") for each in ids)]:
        page = site.open(address)
        page.wait_for_load_state("networkidle")
        assert page.get_by_role("heading", level=1).inner_text() not in (
            "Not found",
            "Not in the snapshot",
        ), address
        assert page.evaluate("window.hit") is None
        assert (
            page.locator(
                "#view script, #view img, #view style, #view iframe, #view [onerror]"
            ).count()
            == 0
        )
        hrefs = page.evaluate("[...document.querySelectorAll('a[href]')].map((each) => each.href)")
        assert [href for href in hrefs if not href.startswith(site.server.url)] == []
    page = site.open("teams/")
    teams = [link.get_attribute("href") or "" for link in page.locator("#view .name").all()]
    for address in teams:
        site.open(address.removeprefix("./"))
        assert page.locator(".lead").count() == 1, address
        assert page.evaluate("window.hit") is None
