"""What each collector costs for a thousand objects: bytes read, and memory while it works.

Counted, not timed. ``--update-golden`` writes the numbers anew, on the oldest Python.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from msgspec import Struct

from contract.cells import TOKEN, Cell
from contract.scenes import SCENES, Scene
from support.costs import CountedBytes, cost, grow, risen
from support.paths import GOLDEN
from xpjob.collect.contract import (
    Collector,
    Listed,
    ListReader,
    Plan,
    Section,
    Subscription,
    World,
)
from xpjob.demo.api import Server, create_app
from xpjob.demo.cluster import Cluster

BASELINE = GOLDEN / "collector-costs.json"
NOISE = {"bytes": 8192, "blocks": 100}

Measure = Callable[[Collector], dict[str, int]]


@pytest.fixture(scope="module", params=SCENES, ids=[scene.name for scene in SCENES])
def scene(request: pytest.FixtureRequest) -> Scene:
    """A collector and what fills its cluster."""
    chosen: Scene = request.param
    return chosen


@pytest.fixture(scope="module")
def measure(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measure]:
    """Measure a collector on the cluster of the scene."""
    cluster = Cluster(tuple(scene.kinds), token=TOKEN)
    scene.fill(cluster)
    app = CountedBytes(create_app(cluster))
    with Server(cast("Any", app)) as server:
        cell = Cell(scene, tmp_path_factory.mktemp("cost"), server.url, cluster)
        objects = grow(cell)

        def measured(collector: Collector) -> dict[str, int]:
            cell.scene = replace(scene, collector=collector)
            with pytest.MonkeyPatch.context() as patch:
                found = cost(cell, app, patch)
            return {name: number * 1000 // objects for name, number in found.items()}

        yield measured


@pytest.fixture(scope="module")
def found(scene: Scene, measure: Measure, request: pytest.FixtureRequest) -> dict[str, int]:
    """The numbers of a collector, written down where that is asked for."""
    numbers = measure(scene.collector)
    if request.config.getoption("--update-golden"):
        every = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
        BASELINE.write_text(json.dumps(every | {scene.name: numbers}, indent=2) + "\n")
    return numbers


def test_a_thousand_objects_cost_no_more_than_they_did(scene: Scene, found: dict[str, int]) -> None:
    """A change that makes them cost more says so, by writing the numbers anew."""
    baseline = _baseline(scene)
    assert found.keys() == baseline.keys()
    assert not (more := risen(baseline, found, _noise)), (
        f"cost more than before (then, now): {more}"
    )


def test_the_numbers_do_not_depend_on_chance(
    scene: Scene, found: dict[str, int], measure: Measure
) -> None:
    """Two measurements agree, or else this guard could not be trusted."""
    for name, count in measure(scene.collector).items():
        assert count == pytest.approx(found[name], rel=0.02, abs=_noise(name)), name


def test_objects_that_are_kept_are_noticed(scene: Scene, measure: Measure) -> None:
    """A reader that keeps the objects of its pages."""
    kept = cast("Collector", _Keeping(scene.collector))
    noticed = risen(_baseline(scene), measure(kept), _noise)
    assert {"bytes kept: lists", "blocks kept: lists"} <= noticed.keys()


def test_dictionaries_are_noticed(scene: Scene, measure: Measure) -> None:
    """A list whose pages are decoded into dictionaries, even if they are not kept."""
    decoding = cast("Collector", _Dictionaries(scene.collector))
    noticed = risen(_baseline(scene), measure(decoding), _noise)
    assert {"bytes at most: lists", "blocks at most: lists"} <= noticed.keys()


def test_objects_that_are_read_twice_are_noticed(scene: Scene, measure: Measure) -> None:
    """Planning that reads a list which is made anyway."""
    reading = cast("Collector", _ReadingTwice(scene.collector))
    noticed = risen(_baseline(scene), measure(reading), _noise)
    assert {"bytes read"} <= noticed.keys()


def _noise(name: str) -> int:
    return NOISE[name.split()[0]]


def _baseline(scene: Scene) -> dict[str, int]:
    found: dict[str, int] = json.loads(BASELINE.read_text())[scene.name]
    return found


class _Wasteful(SimpleNamespace):
    """Another collector, but for what a subclass does worse."""

    def __init__(self, collector: Collector) -> None:
        super().__init__()
        self._collector = collector

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collector, name)


class _Keeping(_Wasteful):
    """Keeps the objects of its pages."""

    def reader(self, subscription: Subscription) -> ListReader:
        """Return a reader that keeps what it gets."""
        reader: ListReader = self._collector.reader(subscription)
        kept: list[Any] = []
        self.__dict__.setdefault("kept", []).append(kept)

        class Keeping:
            def page(self, objects: Sequence[Any]) -> None:
                kept.extend(objects)
                reader.page(objects)

            def result(self) -> Any:
                return reader.result()

        return Keeping()


class _Dictionaries(_Wasteful):
    """Also wants whole objects as dictionaries, one page at a time."""

    def plan(self, world: World) -> Plan:
        """Want each list twice."""
        plan: Plan = self._collector.plan(world)
        whole = [
            msgspec.structs.replace(each, wire=dict, role=_WHOLE) for each in plan.subscriptions
        ]
        return msgspec.structs.replace(plan, subscriptions=[*plan.subscriptions, *whole])

    def reader(self, subscription: Subscription) -> ListReader:
        """Return a reader that forgets what it gets, for the whole objects."""
        if subscription.role != _WHOLE:
            return self._collector.reader(subscription)
        return cast("ListReader", SimpleNamespace(page=len, result=lambda: None))

    def finish(self, plan: Plan, listed: Sequence[Listed], *rest: Any) -> Section:
        """Return the section of the other lists."""
        own = [each for each in listed if each.subscription.role != _WHOLE]
        return self._collector.finish(plan, own, *rest)


class _ReadingTwice(_Wasteful):
    """Reads each list while it plans."""

    def plan(self, world: World) -> Plan:
        """Read the lists, and want them."""
        plan: Plan = self._collector.plan(world)
        for each in plan.subscriptions:
            if not each.error:
                world.read(each.key, Struct)
        return plan


_WHOLE = "whole"
