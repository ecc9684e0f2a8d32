"""How long objects of a kind usually take to become ready."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contract.cells import TOKEN, Cell
from contract.scenes import SCENES
from support.toy import PodsByNode
from xpjob.collect.contract import Plan, Section
from xpjob.collectors.crossplane.collector import Crossplane
from xpjob.collectors.crossplane.state import TimeToReady
from xpjob.collectors.crossplane.tables import TABLES
from xpjob.collectors.crossplane.usual import with_usual
from xpjob.demo.api import Server, create_app
from xpjob.demo.cluster import Cluster
from xpjob.run import job
from xpjob.terminal.progress import Silent


def times(*seconds: float, class_: str = "claim", kind: str = "Db", name: str = "") -> TimeToReady:
    """Return observations of a kind and a composition."""
    made = TimeToReady.of(class_, "example.org", kind, name)
    for each in seconds:
        made.histogram.observe(each)
    return made


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        ([times(*[100.0] * 9, 9000.0)], {"Db": 120}),
        ([times(*[100.0] * 8, 3000.0, 9000.0)], {"Db": 3600}),
        ([times(*[10**6] * 10)], {"Db": 14400}),
        ([times(*[3.0] * 10)], {"Db": 60}),
        ([times(*[100.0] * 9)], {}),
        ([times(*[100.0] * 5, name="a"), times(*[500.0] * 5, name="b")], {"Db": 600}),
        ([times(*[100.0] * 10, class_="managed")], {}),
        ([], {}),
    ],
)
def test_it_is_what_nine_of_ten_need(observed: list[TimeToReady], expected: dict[str, int]) -> None:
    """At least a minute, of ten observations or more, whatever their composition."""
    described = [spec.describe("crossplane") for spec in with_usual(TABLES, observed)]
    claims = [table.usual for table in described if table.key == "claims"]
    assert [(usual.by, usual.seconds) for usual in claims] == (
        [("kind", expected)] * bool(expected)
    )


def test_it_stays_where_a_section_is_carried(tmp_path: Path) -> None:
    """It is computed from the stored histograms; a collector that fails keeps it."""
    scene = next(scene for scene in SCENES if scene.name == Crossplane.name)
    cluster = Cluster(tuple(scene.kinds), token=TOKEN)
    scene.fill(cluster)

    def usual(cell: Cell) -> dict[str, Any]:
        return {table["key"]: table["usual"]["seconds"] for table in cell.stored()["tables"]}

    with Server(create_app(cluster)) as server:
        cell = Cell(scene, tmp_path, server.url, cluster)
        cell.run()
        assert usual(cell) == {"claims": {}, "xrs": {}, "mrs": {}}
        held = cell.stored()
        made = times(*[100.0] * 20, kind=held["claims"][0]["kind"])
        held["timeToReady"] = [msgspec.to_builtins(made)]
        (cell.store / "snapshot.json").write_text(json.dumps(held))
        cell.run()
        expected = {"claims": {made.kind: 120}, "xrs": {}, "mrs": {}}
        assert usual(cell) == expected
        failing, other = Crossplane(), PodsByNode()
        other.plan = lambda world: Plan()  # type: ignore[method-assign]  # noqa: ARG005
        other.finish = lambda *_: Section({"nodePods": []})  # type: ignore[method-assign]

        failing.finish = lambda *_: 1 / 0  # type: ignore[method-assign,assignment]
        before = cell.stored()["generatedAt"]
        job.run(cell.config(), (failing, other), Silent())
        marks = {each["collector"]: each["carriedSince"] for each in cell.stored()["collectors"]}
        assert marks == {"crossplane": before, "toy": ""}
        assert {**usual(cell), **expected} == usual(cell)
