"""One list, page by page."""

from __future__ import annotations

import msgspec
import pytest
from stand_in import APP, StandIn, modern_xr

from xpjob.base.errors import BadAnswerError, GoneError, XpjobError
from xpjob.collectors.crossplane import wire
from xpjob.demo.cluster import Fault
from xpjob.kube.lists import MAX_RESTARTS, Listing, list_all


@pytest.fixture
def apps(stand_in: StandIn) -> StandIn:
    """A server with 25 apps."""
    for number in range(25):
        stand_in.cluster.apply(APP, modern_xr(f"app-{number:02d}", "team-a"))
    return stand_in


def fetch(apps: StandIn, page_size: int = 10) -> Listing[wire.Object]:
    """List all apps."""
    return list_all(apps.api(), APP.path(), wire.decode_page, page_size=page_size)


@pytest.mark.parametrize(("page_size", "pages"), [(10, 3), (25, 1), (5, 5), (1, 25), (500, 1)])
def test_every_object_comes_exactly_once(apps: StandIn, page_size: int, pages: int) -> None:
    """Whatever the page size."""
    listing = fetch(apps, page_size)
    names = [item.metadata.name for item in listing.items]
    assert names == [f"app-{number:02d}" for number in range(25)]
    assert (listing.pages, listing.restarts, listing.malformed) == (pages, 0, 0)
    assert listing.bytes > 1000


def test_progress_is_told_with_the_expected_total(apps: StandIn) -> None:
    """The server says how many remain."""
    heard: list[tuple[int, int]] = []
    list_all(
        apps.api(),
        APP.path(),
        wire.decode_page,
        page_size=10,
        on_page=lambda listed, total: heard.append((listed, total)),
    )
    assert heard == [(10, 25), (20, 25), (25, 25)]


def test_an_expired_token_starts_the_list_anew(apps: StandIn) -> None:
    """Nothing is there twice, nothing is missing, and the restart is counted."""
    expired: list[bool] = []

    def fault(_path: str, query: dict[str, str]) -> Fault | None:
        if query.get("continue", "").endswith(".20") and not expired:
            expired.append(True)
            apps.cluster.compact()
        return None

    apps.cluster.fault = fault
    listing = fetch(apps)
    assert len({item.metadata.name for item in listing.items}) == len(listing.items) == 25
    assert (listing.restarts, listing.pages) == (1, 3)


def test_restarts_are_bounded(apps: StandIn) -> None:
    """A server whose tokens never last is given up."""
    apps.cluster.fault = lambda _path, query: Fault(410) if "continue" in query else None
    with pytest.raises(GoneError):
        fetch(apps)
    assert len(apps.cluster.requests) == 2 * (MAX_RESTARTS + 1)


def test_a_410_without_a_token_is_no_reason_to_restart(apps: StandIn) -> None:
    """It would come again."""
    apps.cluster.fault = lambda _path, _query: Fault(410)
    with pytest.raises(GoneError):
        fetch(apps)
    assert len(apps.cluster.requests) == 1


def test_going_in_circles_ends(apps: StandIn) -> None:
    """A broken proxy that gives one token again and again."""
    page = msgspec.json.encode({"metadata": {"continue": "again"}, "items": []})
    apps.cluster.fault = lambda _path, _query: Fault(200, page)
    with pytest.raises(BadAnswerError, match="same continue token twice"):
        fetch(apps)


def test_going_in_larger_circles_ends_too(apps: StandIn) -> None:
    """A, B, A, B."""

    def fault(_path: str, query: dict[str, str]) -> Fault:
        token = "b" if query.get("continue") == "a" else "a"
        return Fault(200, msgspec.json.encode({"metadata": {"continue": token}, "items": []}))

    apps.cluster.fault = fault
    with pytest.raises(BadAnswerError, match="same continue token twice"):
        fetch(apps)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"items": 3}', b'{"items": [', b"<html>"])
def test_what_is_no_list_is_an_error(apps: StandIn, body: bytes) -> None:
    """An empty inventory must never come of it."""
    apps.cluster.fault = lambda _path, _query: Fault(200, body)
    with pytest.raises(XpjobError, match="no list of objects"):
        fetch(apps)
