"""What every collector must do, whatever it collects. Runs over all of them and the toy one."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace
from prometheus_client import generate_latest
from starlette.routing import Route

from contract.cells import TOKEN, Cell, idle, with_finish, without_times
from contract.scenes import SCENES
from support.paths import GOLDEN
from xpjob.collect.attempt import Attempt
from xpjob.collect.contract import (
    ADDRESSES,
    Collector,
    Listed,
    Plan,
    Section,
    check_collectors,
    state_keys,
)
from xpjob.collect.fetch import fetch, unlisted
from xpjob.collect.shared import Wish
from xpjob.collect.tables import Nothing, TableSpec
from xpjob.collectors import COLLECTORS, REGISTERED
from xpjob.collectors.extensions import EXTENSIONS
from xpjob.config.option import Config
from xpjob.demo.api import Server, create_app
from xpjob.demo.cluster import Cluster, Fault
from xpjob.kube.api import Api
from xpjob.kube.discovery import Catalogue, Kind, discover
from xpjob.kube.gvr import Gvr
from xpjob.kube.unite import unite
from xpjob.publish import exposition
from xpjob.reader.app import create_app as create_reader
from xpjob.run import job
from xpjob.run.job import Result
from xpjob.run.plan import PlanningWorld, connected
from xpjob.snapshot import documents, next_run
from xpjob.snapshot.sections import previous_type, read_section
from xpjob.store.base import MemoryStore
from xpjob.terminal.progress import Silent

AT = "2026-08-21T09:00:01.000000Z"


def pages_of(cell: Cell) -> int:
    """Return how many pages the paged list has."""
    return -(-len(cell.cluster.objects(cell.scene.listed)) // 2)


def families(result: Result) -> str:
    """Return the collector's own families as they are pushed."""
    assert result.snapshot is not None
    tables = [table for table in result.snapshot.head.metrics or [] if table.collector]
    metrics = [family for table in tables for family in table.metrics()]
    return generate_latest(exposition.registry(metrics)).decode()


def test_names_and_keys_do_not_collide() -> None:
    """Of the collectors there are, and of the toy one beside them."""
    check_collectors([scene.collector for scene in SCENES])


def test_no_table_has_the_key_of_an_address() -> None:
    """All addresses of the reader are known, and a table that is called like one is refused."""
    app = create_reader(MemoryStore(), Config(), COLLECTORS, EXTENSIONS)
    paths = [route.path.split("/") for route in app.routes if isinstance(route, Route)]
    files = {path[1] for path in paths if len(path) == 2 and "." in path[1]}
    documents = {"schema.json", "openapi.json"}
    words = {path[1] for path in paths} - (files - documents) - {"", "{table:path}"}
    assert words - {collector.name for collector in COLLECTORS} <= ADDRESSES
    for word in ADDRESSES:
        named = replace(SCENES[0].collector.tables[0], key=word)
        collector = SimpleNamespace(name="toy", tables=(named,), state=None)
        with pytest.raises(ValueError, match=f"table '{word}' has the name of an address"):
            check_collectors([cast("Collector", collector)])
    assert {scene.name for scene in SCENES} >= {collector.name for collector in COLLECTORS}


def test_the_registry_agrees_with_the_collectors() -> None:
    """On their names and options, which are known before their code is imported."""
    for registered, collector in zip(REGISTERED, COLLECTORS, strict=True):
        assert registered.name == collector.name
        assert registered.options is collector.options
        assert registered.collector is collector


def test_without_rights_nothing_is_published(cell: Cell) -> None:
    """The run ends with the exit code for that, and leaves what there was."""
    cell.run()
    before = cell.stored()
    cell.cluster.fault = lambda path, _: None if path in ("/apis", "/api") else Fault(403)
    result = cell.run()
    assert [error.exit_code for error in result.errors] == [4]
    assert cell.stored() == before


def test_an_empty_cluster_is_an_answer(empty: Cell) -> None:
    """Every table is there, and has no rows but those that do not come of objects."""
    result = empty.run()
    assert (list(result.errors), result.report.partial) == ([], False)
    rows, always = empty.rows(), empty.scene.always
    assert rows.keys() >= {spec.key for spec in empty.scene.collector.tables}
    assert {key for key, some in rows.items() if some} == {*always}


@pytest.mark.parametrize("which", ["first", "middle", "last"])
def test_a_list_that_fails_keeps_what_there_was(cell: Cell, which: str) -> None:
    """Whichever of its pages fails: half a list is none."""
    cell.run()
    rows = cell.rows_of_objects()
    pages = pages_of(cell)
    assert pages > 2
    cell.fail({"first": 1, "middle": 2, "last": pages}[which])
    result = cell.run()
    report = result.report
    if len(report.targets) == 1:
        assert not report.success
    else:
        assert (report.success, report.partial) == (True, True)
    assert cell.rows_of_objects() == rows


def test_what_is_kept_is_kept_over_two_runs_and_marked(cell: Cell) -> None:
    """With since when it is not fresh; it is fresh again once the list is made."""
    cell.run()
    before = cell.stored()
    collector = cell.scene.collector

    def broken(*_: object) -> Section:
        raise ZeroDivisionError

    failing = with_finish(collector, broken)
    for _ in range(2):
        result = job.run(cell.config(), (failing, idle()), Silent())
        (kept, other) = result.report.collectors
        assert (kept.success, other.success, result.report.partial) == (False, True, True)
        assert kept.step == "finish"
        stored = cell.stored()
        mark = next(o for o in stored["collectors"] if o["collector"] == collector.name)
        assert mark["carriedSince"] == before["generatedAt"]
        for key in (*(spec.key for spec in collector.tables), *state_keys(collector)):
            assert stored[key] == before[key]
        own, known = (
            [table for table in document["metrics"] if table["collector"] == collector.name]
            for document in (stored, before)
        )
        assert own == known
    result = cell.run()
    assert [outcome.carried_since for outcome in result.report.collectors] == [""]


def test_a_restart_gives_one_whole_list(cell: Cell) -> None:
    """What came before the 410 counts for nothing."""
    cell.run()
    before = cell.rows()
    expired: list[str] = []

    def expire(path: str, query: dict[str, str]) -> None:
        if path == cell.scene.listed.path() and "continue" in query and not expired:
            expired.append(path)
            cell.cluster.compact()

    cell.cluster.fault = expire
    result = cell.run(concurrency="1")
    assert expired
    assert sum(target.restarts for target in result.report.targets) == 1
    assert without_times(cell.rows()) == without_times(before)


def test_hostile_objects_cost_only_themselves(cell: Cell) -> None:
    """Values of the wrong type, nulls, deep nesting, huge texts."""
    cell.run()
    before = without_times(cell.rows())
    kind = cell.scene.listed
    deep: Any = "x"
    for _ in range(300):
        deep = {"a": deep}
    odd: list[dict[str, Any]] = [
        {"spec": None, "status": None},
        {"spec": [], "status": "gone"},
        {"spec": {"nodeName": 7}, "status": {"conditions": [None, 1, {"type": 2}]}},
        {"spec": {"extra": deep}},
        {"spec": {"nodeName": "n" * 100_000}},
    ]
    for number, item in enumerate(odd):
        metadata = {"name": f"odd-{number}", "labels": None, "ownerReferences": [{}, 7]}
        if kind.namespaced:
            metadata["namespace"] = "team-a"
        cell.cluster.apply(kind, {"metadata": metadata, **item})
    result = cell.run()
    assert list(result.errors) == []
    assert [outcome.success for outcome in result.report.collectors] == [True]
    after = without_times(cell.rows())
    assert sum(map(len, after.values())) >= sum(map(len, before.values()))


def test_the_order_of_lists_and_pages_does_not_matter(cell: Cell) -> None:
    """Whatever comes first, rows and metrics are the same."""
    result = cell.run()
    rows, text = without_times(cell.rows()), families(result)
    shuffled = random.Random(7)
    objects = cell.cluster.objects

    def in_any_order(kind: Kind, namespace: str = "") -> list[dict[str, Any]]:
        found = list(objects(kind, namespace))
        shuffled.shuffle(found)
        return found

    for concurrency in ("1", "8"):
        cell.cluster.objects = in_any_order  # type: ignore[method-assign]
        (cell.store / "snapshot.json").unlink()
        again = cell.run(concurrency=concurrency, page_size="3")
        assert without_times(cell.rows()) == rows
        assert _without_ages(families(again)) == _without_ages(text)


def test_series_are_bounded_and_sums_exact(cell: Cell) -> None:
    """No family has more than MAX_SERIES of them; one that users define is left out then."""
    whole, few = cell.run(), cell.run(max_series="2")
    assert whole.snapshot is not None
    assert few.snapshot is not None
    folded = {str(table.families): table for table in few.snapshot.head.metrics or []}
    for before in whole.snapshot.head.metrics or []:
        after = folded.get(str(before.families))
        if after is None:
            assert (before.collector, len(before.rows) > 2) == ("sources", True)
        elif before.type == "gauge":
            assert len(after.rows) <= 2
            for number, family in enumerate(before.families):
                if family.name.endswith(("_total", "_pods")):
                    assert _sum(before.rows, number) == _sum(after.rows, number)


def test_nothing_but_planning_asks_the_cluster(cell: Cell) -> None:
    """A collector finishes with its server gone, and twice gives the same."""
    plan, listed = _listed(cell)
    cell.cluster.requests.clear()
    collector = cell.scene.collector
    sections = [collector.finish(plan, listed, None, AT) for _ in range(2)]
    texts = [msgspec.json.encode([s.tables, s.findings, s.state]) for s in sections]
    assert texts[0] == texts[1]
    for section in sections:
        list(collector.metrics(section, AT))
    assert cell.cluster.requests == []


def test_planning_without_rights_raises_only_our_own_errors(cell: Cell) -> None:
    """What cannot be read is a subscription with an error, or an ``XpjobError``."""
    cell.cluster.fault = lambda _path, _query: Fault(403)
    api = connected(cell.config())
    world = _world(cell, api, Catalogue(()))
    attempt = Attempt(cell.scene.name)
    attempt.run("plan", lambda: cell.scene.collector.plan(world))
    assert attempt.error is None or "internal error" not in str(attempt.error)


def test_a_stored_section_is_read_as_it_was(cell: Cell) -> None:
    """So that an old document's metrics can be made of it."""
    result = cell.run()
    body = (cell.store / "snapshot.json").read_bytes()
    collector = cell.scene.collector
    section = read_section(collector, documents.decode_raw(body, "store"), "store")
    made = generate_latest(
        exposition.registry(
            family
            for table in documents.decode_raw(body, "store").head.metrics or []
            if table.collector
            for family in table.metrics()
        )
    ).decode()
    assert made == families(result)
    rows = cell.rows()
    assert {key: len(some) for key, some in section.tables.items()} == {
        spec.key: len(rows[spec.key]) for spec in collector.tables
    }


def test_the_first_line_has_the_rows_that_the_next_run_reads(cell: Cell) -> None:
    """Of a section that was made, and of one that was kept."""
    cell.run()
    collector = cell.scene.collector
    assert _first_line_rows(cell) == _rows_read(cell)

    def broken(*_: object) -> Section:
        raise ZeroDivisionError

    job.run(cell.config(), (with_finish(collector, broken), idle()), Silent())
    assert _first_line_rows(cell) == _rows_read(cell)


def test_lists_that_several_want_can_be_decoded_once(tmp_path: Path) -> None:
    """No two read one field of one kind as different types, except in what users define."""
    wires: dict[Gvr, list[type[msgspec.Struct]]] = {}
    for scene in SCENES:
        cluster = Cluster(tuple(scene.kinds), token=TOKEN)
        scene.fill(cluster)
        with Server(create_app(cluster)) as server:
            cell = Cell(scene, tmp_path, server.url, cluster)
            for subscription in _planned(cell).subscriptions:
                if subscription.selects:
                    continue
                wires.setdefault(subscription.key.gvr, []).append(subscription.wire)
    assert wires
    for some in wires.values():
        united = unite(some)
        names = {name for wire in some for name in wire.__struct_fields__}
        assert names == set(united.__struct_fields__)


def test_the_golden_exposition_and_snapshot(cell: Cell, request: pytest.FixtureRequest) -> None:
    """Families, keys and values are what they were."""
    result = cell.run()
    stored = cell.stored()
    keys = [spec.key for spec in cell.scene.collector.tables]
    keys += [*state_keys(cell.scene.collector), "tables", "findings"]
    document = {key: stored[key] for key in keys}
    _compare(f"{cell.scene.name}.prom", _without_ages(families(result)), request)
    text = json.dumps(_frozen(document), indent=1, ensure_ascii=False) + "\n"
    _compare(f"{cell.scene.name}.json", text, request)


def _world(cell: Cell, api: Api, catalogue: Catalogue) -> PlanningWorld:
    return PlanningWorld(api, catalogue, cell.config()[cell.scene.collector.options], 2, 2)


def _planned(cell: Cell) -> Plan:
    api = connected(cell.config())
    return cell.scene.collector.plan(_world(cell, api, discover(api, 2)))


def _listed(cell: Cell) -> tuple[Plan, list[Listed]]:
    """Return a plan, and what came of its lists, without a run."""
    collector, attempt, plan = cell.scene.collector, Attempt(cell.scene.name), _planned(cell)
    wishes = [Wish(collector, attempt, each) for each in plan.subscriptions if not each.error]
    api = connected(cell.config())
    found = fetch(wishes, api, Silent(), page_size=2, concurrency=2, sizes={})
    missing = [unlisted(each, collector.name) for each in plan.subscriptions if each.error]
    return plan, [*found, *missing]


def _first_line_rows(cell: Cell) -> dict[str, list[Any]]:
    collector = cell.scene.collector
    stored = (cell.store / "snapshot.json").read_bytes()
    line = stored[: stored.index(b"\n") + 1]
    assert len(line) < len(stored)
    found = next_run.decode(line, (collector,))
    assert found is not None
    return {key: list(map(msgspec.to_builtins, rows)) for key, rows in found.items()}


def _rows_read(cell: Cell) -> dict[str, list[Any]]:
    """Return what the whole document has of that."""
    collector = cell.scene.collector
    body = (cell.store / "snapshot.json").read_bytes()
    document = documents.decode(body, previous_type((collector,)), "store")

    def read(spec: TableSpec, row: msgspec.Struct) -> Any:
        past = spec.past_of(row) if spec.past_of else row
        whole = msgspec.to_builtins(row)
        identity = {name: whole[name] for name in spec.identity if name in whole}
        return msgspec.to_builtins(past) | identity

    return {
        spec.key: [read(spec, row) for row in getattr(document, spec.key)]
        for spec in collector.tables
        if spec.previous is not Nothing
    }


def _sum(rows: Sequence[tuple[Sequence[str | None], Sequence[float | None]]], number: int) -> float:
    return sum(values[number] or 0.0 for _, values in rows)


def _without_ages(text: str) -> str:
    return "\n".join(
        line.rpartition(" ")[0] if "_seconds{" in line or "_timestamp_" in line else line
        for line in text.splitlines()
    )


def _frozen(value: Any, key: str = "") -> Any:
    """Return a document with the times of this run, and the place of this checkout, taken out."""
    if key == "sourceSeconds":
        return sorted(value)
    if isinstance(value, dict):
        return {name: _frozen(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_frozen(each) for each in value]
    if key in ("firstSeenAt", "since", "lastSuccessAt", "completeAt") and value:
        return AT
    if isinstance(value, str):
        return value.replace(f"{Path(__file__).parent}/", "")
    return value


def _compare(name: str, text: str, request: pytest.FixtureRequest) -> None:
    path = GOLDEN / "collectors" / name
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()
