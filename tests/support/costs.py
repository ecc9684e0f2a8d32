"""What a collector costs for a thousand objects: bytes read, bytes and blocks of memory.

Counted, not timed: pages of the stand-in API are recorded first, and then read again in one thread.
"""

from __future__ import annotations

import copy
import gc
import json
import sys
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
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
TOLERANCE = 1.1
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


class Costs(dict[str, int]):
    """Bytes by what they are for."""

    def measured(self, name: str, action: Callable[[], T]) -> T:
        """Return what comes of an action, and note how many bytes it keeps, and takes at most."""
        kept, peak, made = allocated(action)
        self[f"bytes kept: {name}"], self[f"bytes at most: {name}"] = kept, peak
        return made


def of_now(
    measure: Callable[[], dict[str, int]], baseline: Path, *, update: bool
) -> dict[str, int]:
    """Return the numbers of now, written down as the baseline with ``update``."""
    measure()  # what is made once is made before
    found = measure()
    if update:
        baseline.write_text(json.dumps(found, indent=2) + "\n")
    return found


def risen(
    baseline: Mapping[str, int], found: Mapping[str, int], noise: Callable[[str], int]
) -> dict[str, tuple[int, int]]:
    """Return what costs more than it did, by a tenth and by its noise: then, and now."""
    return {
        name: (baseline[name], count)
        for name, count in found.items()
        if count > max(TOLERANCE * baseline[name], baseline[name] + noise(name))
    }


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
    found = Costs()

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
    listed = found.measured("lists", lambda: _fetched(cell, plan))
    section = found.measured("section", lambda: collector.finish(plan, listed, None, AT))
    found.measured("metrics", lambda: list(collector.metrics(section, AT)))
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
