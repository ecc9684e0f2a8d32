"""What a collector costs for a thousand objects: bytes read, bytes and blocks of memory.

Counted, not timed: pages of the stand-in API are recorded first, and then read again in one thread.
"""

from __future__ import annotations

import copy
import gc
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contract.cells import Cell
from xpjob.collect import fetch
from xpjob.collect.attempt import Attempt
from xpjob.collect.contract import Listed, Plan, Subscription
from xpjob.collect.shared import Wish
from xpjob.demo.cluster import Cluster
from xpjob.kube.api import Api
from xpjob.kube.discovery import Kind, discover
from xpjob.kube.lists import Listing, ListKey, Moment, Page, read_pages
from xpjob.run.plan import PlanningWorld, connected
from xpjob.terminal.progress import Silent

T = TypeVar("T")

OBJECTS, PAGE = 500, 125
"""Objects of each kind that is listed, and of a page."""
AT = "2026-08-21T09:00:01.000000Z"
_MOMENT = Moment(1_787_302_801)


def allocated(action: Callable[[], T]) -> tuple[int, int, T]:
    """Return how many bytes stay allocated for what comes of it, how many were at most, and it."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        made = action()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    return after - before, peak - before, made


class CountedBytes:
    """An ASGI app that counts the bytes which another one answers."""

    def __init__(self, app: ASGIApp) -> None:
        """Answer as ``app`` does."""
        self._app, self.bytes = app, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def counted(message: Message) -> None:
            self.bytes += len(message.get("body", b""))
            await send(message)

        await self._app(scope, receive, counted)


@dataclass
class Pages:
    """The pages of lists: read from an API, or those that were read before."""

    bodies: dict[ListKey, list[bytes]] = field(default_factory=dict)
    blocks: Callable[[], object] = lambda: None

    def record(
        self,
        api: Api,
        key: ListKey,
        decode: Callable[[bytes], Page[Any]],
        restart: Callable[[], Callable[[Sequence[Any]], None]],
        **more: Any,
    ) -> Listing:
        """Read pages as ``read_pages`` does, and keep them."""
        kept = self.bodies.setdefault(key, [])

        def recorded(body: bytes) -> Page[Any]:
            kept.append(body)
            return decode(body)

        return read_pages(api, key, recorded, restart, **more)

    def replay(
        self,
        _api: Api,
        key: ListKey,
        decode: Callable[[bytes], Page[Any]],
        restart: Callable[[], Callable[[Sequence[Any]], None]],
        **_: Any,
    ) -> Listing:
        """Read the kept pages; ``blocks`` is called while the objects of each are in memory."""
        listing, take = Listing(moment=_MOMENT), restart()
        for body in self.bodies[key]:
            page = decode(body)
            self.blocks()
            take(page.items)
            listing.objects += len(page.items)
            listing.pages += 1
            listing.bytes += len(body)
            page.items = []
        return listing


def grow(cell: Cell) -> int:
    """Copy the objects that the cell's collector lists; return how many there are."""
    kinds = {kind for each in _wanted(_plan(cell)) if (kind := cell.cluster.find(each.key.gvr))}
    return sum(_grow(cell.cluster, kind) for kind in sorted(kinds, key=str))


def cost(cell: Cell, answered: CountedBytes, patch: pytest.MonkeyPatch) -> dict[str, int]:
    """Return what a run of the cell's collector costs. ``answered`` is the cell's API."""
    pages, answered.bytes = Pages(), 0
    plan = _plan(cell)
    patch.setattr(fetch, "read_pages", pages.record)
    _fetched(cell, plan)
    found = {"bytes read": answered.bytes}
    patch.setattr(fetch, "read_pages", pages.replay)
    return found | _of(cell, plan, pages)


def _of(cell: Cell, plan: Plan, pages: Pages) -> dict[str, int]:
    collector = cell.scene.collector
    found: dict[str, int] = {}

    def measured(name: str, action: Callable[[], T]) -> T:
        kept, peak, made = allocated(action)
        found[f"bytes kept: {name}"], found[f"bytes at most: {name}"] = kept, peak
        return made

    def everything() -> list[Any]:
        section = collector.finish(plan, listed, None, AT)
        return list(collector.metrics(section, AT))

    listed = _fetched(cell, plan)  # what is made once is made before
    everything()
    most = 0

    def look() -> None:
        nonlocal most
        most = max(most, sys.getallocatedblocks())

    pages.blocks = look
    gc.collect()
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        again = _fetched(cell, plan)
        found["blocks kept: lists"] = sys.getallocatedblocks() - before
        found["blocks at most: lists"] = most - before
    finally:
        gc.enable()
    pages.blocks = lambda: None
    del again
    listed = measured("lists", lambda: _fetched(cell, plan))
    section = measured("section", lambda: collector.finish(plan, listed, None, AT))
    measured("metrics", lambda: list(collector.metrics(section, AT)))
    return found


def _plan(cell: Cell) -> Plan:
    collector, api = cell.scene.collector, connected(cell.config())
    options = cell.config()[collector.options]
    return collector.plan(PlanningWorld(api, discover(api, 1), options, PAGE, 1))


def _fetched(cell: Cell, plan: Plan) -> list[Listed]:
    collector = cell.scene.collector
    attempt = Attempt(collector.name)
    wishes = [Wish(collector, attempt, each) for each in _wanted(plan)]
    api = connected(cell.config())
    listed = fetch.fetch(wishes, api, Silent(), page_size=PAGE, concurrency=1, sizes={})
    assert not attempt.failed, attempt.error
    return listed


def _wanted(plan: Plan) -> list[Subscription]:
    return [each for each in plan.subscriptions if not each.error]


def _grow(cluster: Cluster, kind: Kind) -> int:
    """Copy objects of a kind that has any until there are so many; return how many there are."""
    models = cluster.objects(kind)
    for model in models:
        cluster.apply(kind, {**model, "metadata": {**model["metadata"], **_unread()}})
    for number in range(len(models), OBJECTS if models else 0):
        item = copy.deepcopy(models[number % len(models)])
        metadata = item["metadata"]
        metadata |= {
            "name": f"{metadata['name']}-{number:05d}",
            "uid": f"{metadata['uid']}-{number:05d}",
            **_unread(),
        }
        cluster.apply(kind, item)
    return len(cluster.objects(kind))


def _unread() -> dict[str, Any]:
    """Return managedFields as they are: half of most objects, and nobody reads them."""
    fields: dict[str, Any] = {
        f"f:{part}": {f"k:{number}": {".": {}, "f:name": {}, "f:value": {}} for number in range(12)}
        for part in ("labels", "spec", "containers", "conditions")
    }
    manager = {"manager": "kube-controller-manager", "operation": "Update", "fieldsV1": fields}
    return {"managedFields": [manager]}
