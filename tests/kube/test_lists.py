"""One list, page by page."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from support.stand_in import APP, StandIn, modern_xr
from xpjob.base import times
from xpjob.base.errors import BadAnswerError, GoneError, XpjobError
from xpjob.collectors.crossplane import wire
from xpjob.demo.cluster import CONFIGMAP, Fault
from xpjob.kube import lists
from xpjob.kube.api import Api
from xpjob.kube.decode import decoder
from xpjob.kube.discovery import Kind
from xpjob.kube.lists import MAX_RESTARTS, ListKey, Moment, Page, WholeList, list_all, read_pages
from xpjob.net.inflight import Budget, Lanes, Room


@pytest.fixture
def apps(stand_in: StandIn) -> StandIn:
    """A server with 25 apps."""
    for number in range(25):
        stand_in.cluster.apply(APP, modern_xr(f"app-{number:02d}", "team-a"))
    return stand_in


def fetch(apps: StandIn, page_size: int = 10) -> WholeList[wire.Object]:
    """List all apps."""
    return list_all(apps.api(), ListKey(APP.gvr), wire.decode_page, page_size=page_size)


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
        ListKey(APP.gvr),
        wire.decode_page,
        page_size=10,
        on_page=lambda listed, total: heard.append((listed, total)),
    )
    assert heard == [(10, 25), (20, 25), (25, 25)]


def expire_once(apps: StandIn) -> None:
    """Let the token of the third of several pages of ten expire, the first time it is used."""
    expired: list[bool] = []

    def fault(_path: str, query: dict[str, str]) -> Fault | None:
        if query.get("continue", "").endswith(".20") and not expired:
            expired.append(True)
            apps.cluster.compact()
        return None

    apps.cluster.fault = fault


def test_an_expired_token_starts_the_list_anew(apps: StandIn) -> None:
    """Nothing is there twice, nothing is missing, and the restart is counted."""
    expire_once(apps)
    listing = fetch(apps)
    assert len({item.metadata.name for item in listing.items}) == len(listing.items) == 25
    assert (listing.restarts, listing.pages) == (1, 3)


def crowded(apps: StandIn) -> Api:
    """Return a connection that has as many requests in flight as it may have."""
    api = apps.api()
    while api.lanes.take(only_if_free=True):
        pass
    return api


@pytest.mark.parametrize("told", [True, False], ids=["by the server", "by the own clock"])
def test_a_list_is_of_the_moment_of_its_first_page(
    apps: StandIn, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    """After an expired token, of the new first page. The difference of the clocks is noted."""
    base = datetime(2026, 10, 5, 10, tzinfo=timezone.utc)
    second = timedelta(seconds=1)
    expire_once(apps)
    server = (lambda _: base + len(apps.cluster.requests) * second) if told else (lambda _: None)
    monkeypatch.setattr(lists, "date_of", server)
    monkeypatch.setattr(times, "now", lambda: base + (60 + len(apps.cluster.requests)) * second)
    key = ListKey(APP.gvr)
    moment = list_all(crowded(apps), key, wire.decode_page, page_size=10).moment
    began = int(base.timestamp()) + 4  # three requests of the first attempt
    assert moment == (Moment(began, ahead=60) if told else Moment(began + 60))


def test_what_takes_the_pages_is_made_anew_where_the_list_begins_anew(apps: StandIn) -> None:
    """Without anything requested ahead, a page is requested when the one before was taken."""
    heard: list[tuple[int, int]] = []
    takers: list[list[str]] = []

    def restart() -> Callable[[Sequence[wire.Object]], None]:
        names: list[str] = []
        takers.append(names)

        def take(items: Sequence[wire.Object]) -> None:
            names.extend(item.metadata.name for item in items)
            heard.append((len(apps.cluster.requests), len(names)))
            if len(heard) == 2:
                apps.cluster.compact()

        return take

    key = ListKey(APP.gvr)
    listing = read_pages(crowded(apps), key, wire.decode_page, restart, page_size=10)
    assert heard == [(1, 10), (2, 20), (4, 10), (5, 20), (6, 25)]
    assert [len(names) for names in takers] == [20, 25]
    assert (listing.objects, listing.pages, listing.restarts, listing.malformed) == (25, 3, 1, 0)


def test_what_takes_the_pages_may_fail(apps: StandIn) -> None:
    """That ends the list, and gives up the page that was requested ahead."""

    def take(_items: Sequence[wire.Object]) -> None:
        raise XpjobError("enough")

    for api, most in ((crowded(apps), 1), (apps.api(), 2)):
        apps.cluster.requests.clear()
        with pytest.raises(XpjobError, match="enough"):
            read_pages(api, ListKey(APP.gvr), wire.decode_page, lambda: take, page_size=10)
        assert 1 <= len(apps.cluster.requests) <= most


@pytest.mark.parametrize("kind", [APP, CONFIGMAP], ids=["metadata last", "metadata first"])
def test_the_next_page_is_requested_before_this_one_is_taken(apps: StandIn, kind: Kind) -> None:
    """But no page further ahead, and each one once."""
    for number in range(25):
        apps.cluster.apply(CONFIGMAP, {"metadata": {"name": f"{number}", "namespace": "a"}})
    arrived = threading.Semaphore(0)
    waited: list[bool] = []
    pages: list[int] = []

    def fault(_path: str, query: dict[str, str]) -> None:
        if "continue" in query:
            arrived.release()

    def take(items: Sequence[wire.Object]) -> None:
        pages.append(len(items))
        if len(pages) < 4:
            waited.append(arrived.acquire(timeout=20))
            assert len(apps.cluster.requests) == len(pages) + 1

    apps.cluster.fault = fault
    decode = decoder(wire.Object)
    listing = read_pages(apps.api(), ListKey(kind.gvr), decode, lambda: take, page_size=7)
    assert waited == [True] * 3
    assert pages == [7, 7, 7, 4]
    assert (listing.objects, listing.pages) == (25, 4) == (25, len(apps.cluster.requests))


@pytest.mark.parametrize(("used", "ahead"), [(0, 4), (4000, 0)])
def test_without_memory_for_another_page_none_is_requested_ahead(
    apps: StandIn, used: int, ahead: int
) -> None:
    """Another list uses so much of 8,000 bytes that all share; a page has some 2,800."""

    class Counting(Lanes):
        early = 0

        def take(self, *, only_if_free: bool = False) -> bool:
            """Count what is requested ahead."""
            self.early += only_if_free
            return super().take(only_if_free=only_if_free)

    lanes, budget = Counting(4), Budget(16_000)
    Room(budget).grow(used)
    api = msgspec.structs.replace(apps.api(), budget=budget, lanes=lanes)
    listing = list_all(api, ListKey(APP.gvr), wire.decode_page, page_size=5)
    assert (listing.pages, listing.bytes // 5_000) == (5, 2)
    assert lanes.early == ahead


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_page_that_was_requested_ahead_and_failed_fails_the_list(
    apps: StandIn, status: int
) -> None:
    """As if it had been requested when its turn came."""
    apps.cluster.fault = lambda _path, query: Fault(status) if "continue" in query else None
    with pytest.raises(XpjobError, match=str(status)):
        fetch(apps)


def test_a_token_that_was_not_the_list_s_own_costs_one_request(apps: StandIn) -> None:
    """Such as of a proxy that writes metadata twice: what is decoded counts."""
    asked: list[str] = []

    def fault(_path: str, query: dict[str, str]) -> Fault | None:
        token = query.get("continue", "")
        asked.append(token)
        head, rest = (
            b'{"metadata":{"continue":"wrong"},"items":[',
            b'],"metadata":{"continue":"%s"}}',
        )
        item = b'{"metadata":{"name":"%s"}}'
        following = {"": b"b", "b": b"c", "c": b""}
        if token not in following:
            return Fault(410)
        return Fault(200, head + item % (token.encode() or b"a") + rest % following[token])

    apps.cluster.fault = fault
    listing = fetch(apps)
    assert [item.metadata.name for item in listing.items] == ["a", "b", "c"]
    assert listing.restarts == 0
    assert [token for token in asked if token != "wrong"] == ["", "b", "c"]
    assert asked.count("wrong") <= 3


POD = Kind("", "v1", "pods", "Pod", True)
PODS = {
    "a": {"app": "web", "tier": "front"},
    "b": {"app": "db"},
    "c": {"app": "web", "tier": "back", "canary": "yes"},
    "d": {},
}


@pytest.mark.parametrize(
    ("labels", "fields", "names"),
    [
        ("", "", "abcd"),
        ("app=web", "", "ac"),
        ("app==web,tier!=back", "", "a"),
        ("tier", "", "ac"),
        ("!tier", "", "bd"),
        ("app!=web", "", "bd"),
        ("app in (web, db),!canary", "", "ab"),
        ("app notin (web)", "", "bd"),
        ("app in(web, db)", "", "abc"),
        ("", "spec.nodeName=node-a", "a"),
        ("", "spec.nodeName!=node-a,metadata.name!=c", "bd"),
        ("", "metadata.namespace=team-c", "c"),
        ("app=web", "metadata.name=b", ""),
    ],
)
def test_a_list_is_of_what_its_selectors_say(
    stand_in: StandIn, labels: str, fields: str, names: str
) -> None:
    """In all namespaces here, over several pages; the stand-in answers as an API server does."""
    stand_in.cluster.kinds = (POD,)
    for name, has in PODS.items():
        metadata = {"name": name, "namespace": f"team-{name}", "labels": has}
        stand_in.cluster.apply(POD, {"metadata": metadata, "spec": {"nodeName": f"node-{name}"}})
    key = ListKey(POD.gvr, "", labels, fields)
    listed = list_all(stand_in.api(), key, wire.decode_page, page_size=1).items
    assert "".join(item.metadata.name for item in listed) == names
    assert {path for path, _ in stand_in.cluster.requests} == {"/api/v1/pods"}


@pytest.mark.parametrize(
    "key",
    [
        ListKey(APP.gvr, "", "a in b"),
        ListKey(APP.gvr, "", "", "spec.nodeName=a"),
        ListKey(APP.gvr, "", "", "status.phase=x"),
    ],
)
def test_a_selector_that_the_api_refuses_fails_the_list(stand_in: StandIn, key: ListKey) -> None:
    """With what the API says of it."""
    with pytest.raises(BadAnswerError, match=r"400: (unable to parse|field label not supported)"):
        list_all(stand_in.api(), key, wire.decode_page, page_size=10)


def test_a_list_covers_itself_and_one_of_everything_covers_all_of_its_kind() -> None:
    """No other covers another: whoever reads it could not know what is missing."""
    all_pods, of_team = ListKey(POD.gvr), ListKey(POD.gvr, "team-a")
    labelled = ListKey(POD.gvr, "", "app=web")
    for key in (all_pods, of_team, labelled, ListKey(POD.gvr, "", "", "spec.nodeName=a")):
        assert key in key.covering()
        assert all_pods in key.covering()
        assert ListKey(APP.gvr) not in key.covering()
    assert of_team not in all_pods.covering()
    assert labelled not in ListKey(POD.gvr, "team-a", "app=web").covering()


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
    with pytest.raises(XpjobError, match="not a list of objects"):
        fetch(apps)


def test_a_list_of_metadata_has_no_more(apps: StandIn) -> None:
    """The server leaves out spec and status, and pages it as any list."""
    bodies: list[bytes] = []

    def decode(body: bytes) -> Page[wire.Object]:
        bodies.append(body)
        return wire.decode_page(body)

    key = ListKey(APP.gvr, metadata_only=True)
    listing = list_all(apps.api(), key, decode, page_size=10)
    assert [len(listing.items), len(bodies)] == [25, 3]
    assert {item["kind"] for body in bodies for item in json.loads(body)["items"]} == {
        "PartialObjectMetadata"
    }
    assert not any(b'"spec"' in body for body in bodies)


def test_lists_that_cover_a_list_of_metadata() -> None:
    """Those of whole objects do too, and those of all objects come first."""
    part, whole = ListKey(APP.gvr, "team-a", metadata_only=True), ListKey(APP.gvr)
    assert part.covering() == (
        *(whole, ListKey(APP.gvr, "team-a")),
        *(ListKey(APP.gvr, metadata_only=True), part),
    )
    assert whole.covering() == (whole,)
    assert ListKey(APP.gvr, "team-a").covering() == (whole, ListKey(APP.gvr, "team-a"))
