"""The page's addresses: one document for all of them, and the right status for each."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from support.reader import Reader, make_reader
from support.reader_sample import FakeStore
from support.toy_tables import toy_snapshot
from xpjob.reader import assets
from xpjob.reader.changes import Changes
from xpjob.reader.pages import Pages
from xpjob.reader.service import Service

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("path", "base", "status"),
    [
        ("/", "./", 200),
        ("/?ready=false", "./", 200),
        ("/nodes", "./", 200),
        ("/nodes?pool=a/b/c", "./", 200),
        ("/nodes/", "../", 200),
        ("/nodes/a-1", "../", 200),
        ("/nodes/a%2F1/b", "../../", 404),
        ("/nowhere", "./", 404),
        ("/nowhere/a/b/c", "../../../", 404),
        ("/tables/nodes/history", "../../", 404),
    ],
)
def test_a_browser_gets_the_page(toy: Reader, path: str, base: str, status: int) -> None:
    """With the root as its base at any depth, and 404 for what there is not."""
    answer = toy.get(path, Accept=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html")
    assert answer.text.count(f'<base href="{base}">') == 1
    assert answer.text.count("<base ") == 1
    varies = "Accept-Encoding" if path.partition("?")[0] == "/" else "Accept, Accept-Encoding"
    assert answer.headers["vary"] == varies
    assert "base-uri 'self'" in answer.headers["content-security-policy"]


def test_each_depth_has_its_own_etag(toy: Reader) -> None:
    """And what was not found is never unchanged: it may be there the next time."""
    tags = [toy.get(path, Accept=BROWSER).headers["etag"] for path in ("/", "/nodes", "/nodes/a-1")]
    assert tags[0] == tags[1] != tags[2]
    again = toy.get("/nodes", Accept=BROWSER, If_None_Match=tags[0])
    assert (again.status_code, again.content) == (304, b"")
    gone = toy.get("/nodez", Accept=BROWSER, If_None_Match=tags[0])
    assert (gone.status_code, gone.content[:9]) == (404, b"<!doctype")
    packed = toy.client.get("/nodez", headers={"Accept": BROWSER, "Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == gone.content


def test_head_has_the_headers_only(toy: Reader) -> None:
    """Of the page, also where its status is 404."""
    for path, status in (("/nodes", 200), ("/nodez", 404)):
        answer = toy.client.head(path, headers={"Accept": BROWSER})
        assert (answer.status_code, answer.content) == (status, b"")


def test_a_program_is_told_where_the_table_is(toy: Reader) -> None:
    """Nothing answers it with a page but the root."""
    for accept in ("*/*", "application/json", "text/html;q=0, */*", "text/html;level=1;q=0"):
        problem = toy.get("/nodes", Accept=accept)
        assert problem.headers["content-type"] == "application/problem+json"
        assert problem.json()["known"] == ["/tables/nodes"]
        assert problem.status_code == 404
    toy.refused("/nowhere", 404, "not-found")
    assert toy.get("/").headers["content-type"] == "text/html"


def test_before_any_snapshot_every_table_may_exist(empty: Reader) -> None:
    """The page says that there is nothing yet."""
    assert empty.get("/claims", Accept=BROWSER).status_code == 200


def test_tables_are_those_of_the_cluster() -> None:
    """Of any, where none is named."""
    store = FakeStore()
    store.save(toy_snapshot(cluster="east"), "east")
    store.save(toy_snapshot(cluster="west", tables=[], rows={}), "west")
    reader = make_reader(store)
    reader.snapshots.refresh()
    found = {
        query: reader.get(f"/nodes{query}", Accept=BROWSER).status_code
        for query in ("", "?cluster=east", "?cluster=west", "?cluster=*", "?cluster=north")
    }
    assert list(found.values()) == [200, 200, 404, 200, 404]


def test_an_address_may_be_both(toy: Reader) -> None:
    """A page for browsers and JSON for programs, which no cache confuses."""
    app = toy.client.app
    service = Service(toy.snapshots, Mock(Changes), app.state.workshop, toy.clock)  # type: ignore[attr-defined]

    async def endpoint(request: Request) -> Response:
        return await service.json(request, b"{}\n", {})

    either = Pages(service, assets.load("xpjob.reader")["/"]).negotiated(
        endpoint, lambda request: request.path_params["name"] != "none"
    )
    client = TestClient(Starlette(routes=[Route("/teams/{name}", either)]), "http://localhost")
    page, data = [client.get("/teams/a", headers={"Accept": each}) for each in (BROWSER, "*/*")]
    assert page.headers["content-type"] == "text/html"
    assert '<base href="../">' in page.text
    assert data.json() == {}
    assert page.headers["etag"] != data.headers["etag"]
    assert {page.headers["vary"], data.headers["vary"]} == {"Accept, Accept-Encoding"}
    assert client.get("/teams/none", headers={"Accept": BROWSER}).status_code == 404
    link = client.get("/teams/none?format=csv", headers={"Accept": BROWSER})
    assert link.json() == {}, "a link to CSV is no page"


def test_the_version_is_the_same_while_nothing_changes(toy: Reader) -> None:
    """A newer snapshot, a run that ended, and a snapshot that is stale now change it."""
    first = toy.get("/version")
    assert first.json()["clusters"] == [
        {
            "name": "",
            "default": True,
            "generatedAt": "2026-11-21T11:59:50Z",
            "stale": False,
            "staleReasons": [],
            "lastRun": None,
        }
    ]
    toy.clock.forward(seconds=30)
    again = toy.get("/version", If_None_Match=first.headers["etag"])
    assert again.status_code == 304
    toy.clock.forward(days=1)
    stale = toy.get("/version", If_None_Match=first.headers["etag"])
    assert stale.json()["clusters"][0]["staleReasons"] == ["old"]
    toy.refused("/version?cluster=", 400, "unknown-parameter")
