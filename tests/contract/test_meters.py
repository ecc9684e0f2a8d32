"""What every collector with meters must do. Runs over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from contract.cells import TOKEN, Cell
from contract.scenes import SCENES, Scene
from contract.test_contract import AT, _listed
from support.usage import RULES
from xpjob.base import times
from xpjob.collect.contract import Listed, Plan
from xpjob.collect.meters import Key, Metering, Reading
from xpjob.demo.api import Server, create_app
from xpjob.demo.cluster import Cluster
from xpjob.usage import engine
from xpjob.usage.engine import Planned
from xpjob.usage.state import UsageState

METERING = [scene for scene in SCENES if isinstance(scene.collector, Metering)]
NOW = times.epoch(AT) or 0


@pytest.fixture(params=METERING, ids=lambda scene: scene.name)
def cell(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cell]:
    """A collector with meters, and its cluster."""
    monkeypatch.setattr(times, "now", lambda: times.parse(AT))
    scene: Scene = request.param
    cluster = Cluster(tuple(scene.kinds), token=TOKEN)
    scene.fill(cluster)
    with Server(create_app(cluster)) as server:
        yield Cell(scene, tmp_path, server.url, cluster)


def readings(cell: Cell, plan: Plan, listed: Sequence[Listed], since: int) -> list[Reading]:
    """Return the readings of these lists."""
    collector = cell.scene.collector
    assert isinstance(collector, Metering)
    section = collector.finish(plan, listed, None, AT)
    return list(collector.readings(plan, listed, section, since))


def counted(made: Sequence[Reading], listed: Sequence[Listed], since: int) -> Counter[Key]:
    """Return what is counted from then until now."""
    lists = [Planned("it", str(number), NOW) for number in range(len(listed))]
    state = UsageState(lists=tuple(each.counted_until(since) for each in lists))
    windows = engine.windows(state, lists, RULES)
    after = engine.count(state, lists, windows, made, NOW, RULES)
    total: Counter[Key] = Counter()
    for day in (*after.open, *after.pending):
        total.update({row.key: row.quantity for row in day.rows})
    return +total


def test_readings_are_of_declared_meters_and_dimensions(cell: Cell) -> None:
    """They are whole, not negative, and of lists that were made."""
    plan, listed = _listed(cell)
    made = readings(cell, plan, listed, 0)
    assert made
    meters = cell.scene.collector.meters  # type: ignore[attr-defined]
    for each in made:
        assert all(type(number) is int for number in (each.amount, each.begin, each.end or 0))
        assert each.amount >= 0
        assert listed[each.list].error is None
        (meter,) = [m for m in meters if m.name == each.key.meter] or [
            m for m in meters if m.has(each.key.meter)
        ]
        for name in Key.__struct_fields__[1:]:
            assert not getattr(each.key, name) or name in meter.dimensions, (each, name)


@pytest.mark.parametrize("back", [0, 60, 86_400, 7 * 86_400])
def test_what_is_clipped_is_not_counted_anyway(cell: Cell, back: int) -> None:
    """Readings since a time count as all readings do, from that time on."""
    plan, listed = _listed(cell)
    everything = counted(readings(cell, plan, listed, 0), listed, NOW - back)
    assert counted(readings(cell, plan, listed, NOW - back), listed, NOW - back) == everything
    assert bool(everything) == bool(back)


def test_readings_are_the_same_again_and_after_shards(cell: Cell) -> None:
    """A run may assemble twice, and results of readers are exchanged as JSON."""
    plan, listed = _listed(cell)
    made = readings(cell, plan, listed, 0)
    assert Counter(readings(cell, plan, listed, 0)) == Counter(made)
    results = cell.scene.collector.results
    exchanged = [
        replace(
            item,
            result=msgspec.json.decode(
                msgspec.json.encode(item.result), type=results[item.subscription.role][1]
            ),
        )
        if item.error is None
        else item
        for item in listed
    ]
    assert Counter(readings(cell, plan, exchanged, 0)) == Counter(made)
