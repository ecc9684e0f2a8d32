"""Count objects with one request where the server knows their number."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from support.stand_in import APP, StandIn, modern_xr
from xpjob.base.errors import BadAnswerError, RefusedError
from xpjob.demo.cluster import Fault
from xpjob.kube.count import count
from xpjob.kube.lists import ListKey


@pytest.fixture
def apps(stand_in: StandIn) -> StandIn:
    """A server with 7 apps."""
    for number in range(7):
        item = modern_xr(f"app-{number}", "team-a")
        item["metadata"]["labels"] = {"even": str(number % 2 == 0).lower()}
        stand_in.cluster.apply(APP, item)
    return stand_in


def asked(apps: StandIn) -> int:
    """Return how many pages were requested."""
    return len([path for path, _ in apps.cluster.requests if path == APP.path()])


@pytest.mark.parametrize("number", [0, 1, 2, 7])
def test_one_request_tells_how_many_there_are(stand_in: StandIn, number: int) -> None:
    """Of the metadata of one object, and how many follow it."""
    for each in range(number):
        stand_in.cluster.apply(APP, modern_xr(f"app-{each}", "team-a"))
    assert count(stand_in.api(), ListKey(APP.gvr, metadata_only=True), page_size=2) == number
    assert asked(stand_in) == 1


def test_with_a_selector_the_server_does_not_know(apps: StandIn) -> None:
    """All pages are counted."""
    key = ListKey(APP.gvr, label_selector="even=true", metadata_only=True)
    assert count(apps.api(), key, page_size=3) == 4
    assert asked(apps) == 2


def without_the_rest(apps: StandIn) -> Callable[[str, dict[str, str]], Fault | None]:
    """Serve pages that do not tell how many objects follow, as aggregated APIs do."""

    def fault(path: str, query: dict[str, str]) -> Fault | None:
        if path != APP.path():
            return None
        start, limit = int(query.get("continue", "0")), int(query["limit"])
        items = apps.cluster.objects(APP)
        end = start + limit
        metadata = {"continue": str(end) if end < len(items) else ""}
        return Fault(200, json.dumps({"items": items[start:end], "metadata": metadata}).encode())

    return fault


def test_a_server_that_does_not_tell_is_listed(apps: StandIn) -> None:
    """Page by page."""
    apps.cluster.fault = without_the_rest(apps)
    assert count(apps.api(), ListKey(APP.gvr), page_size=3) == 7
    assert asked(apps) == 1 + 3


def test_unreadable_objects_are_objects(apps: StandIn) -> None:
    """What they contain does not matter."""
    body = json.dumps({"items": [7], "metadata": {"continue": "x", "remainingItemCount": 4}})
    apps.cluster.fault = lambda path, _: Fault(200, body.encode()) if path == APP.path() else None
    assert count(apps.api(), ListKey(APP.gvr), page_size=3) == 5


@pytest.mark.parametrize(
    ("fault", "error"),
    [(Fault(403), RefusedError), (Fault(200, b"<html>"), BadAnswerError)],
    ids=["refused", "no list"],
)
def test_a_failure_is_no_number(apps: StandIn, fault: Fault, error: type[Exception]) -> None:
    """Above all not 0."""
    apps.cluster.fault = lambda path, _: fault if path == APP.path() else None
    with pytest.raises(error):
        count(apps.api(), ListKey(APP.gvr), page_size=3)
