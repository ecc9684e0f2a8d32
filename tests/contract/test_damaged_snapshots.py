"""A previous snapshot that is damaged behind its first line, and a collector that fails."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from msgspec import Raw, Struct, field
from msgspec.structs import replace

from contract.cells import Cell, idle, with_finish
from contract.scenes import SCENES
from support.pods import Pods
from support.s3_server import BUCKET, serve_s3
from support.toy import PodsByNode
from support.toy_rows import PodList
from xpjob.collect.before import Before
from xpjob.collect.contract import Collector, Listed, Plan, Section
from xpjob.reader import loading
from xpjob.run import job
from xpjob.run.job import Result
from xpjob.store.open import open_store
from xpjob.terminal.progress import Silent

Change = Callable[["Rows"], bytes]


@dataclass(frozen=True)
class Rows:
    """The rows of a table as they are stored, and the first column of text of its identity."""

    key: str
    text: bytes
    column: str

    @property
    def member(self) -> bytes:
        """Return the key with the rows."""
        return f'"{self.key}":'.encode() + self.text

    def instead(self, value: bytes) -> bytes:
        """Return another value of the key."""
        return f'"{self.key}":'.encode() + value

    def first(self, pattern: str, by: bytes) -> bytes:
        """Return the key with the first match of a pattern replaced; columns begin with a quote."""
        made, count = re.subn(pattern.encode(), by, self.member, count=1)
        assert count == 1
        return made

    def identity(self, value: bytes) -> bytes:
        """Return the key with another identity of its first row."""
        start = f'"{self.column}":'
        return self.first(f'{start}"[^"]*"', start.encode() + value)


DAMAGES: dict[str, Change] = {
    "identity is not UTF-8": lambda rows: rows.identity(b'"n\xff1"'),
    "identity is a number": lambda rows: rows.identity(b"7"),
    "another value is not UTF-8": lambda rows: rows.first(r"\[\{", b'[{"odd":"\xff",'),
    "another key is not UTF-8": lambda rows: rows.first(r"\[\{", b'[{"\xff":1,'),
    "a lone surrogate": lambda rows: rows.identity(rb'"\\ud800"'),
    "a row is a number": lambda rows: rows.first(r"\[\{", b"[7,{"),
    "a row is null": lambda rows: rows.first(r"\[\{", b"[null,{"),
    "a row is no JSON": lambda rows: rows.first(r"\[\{", b"[{;"),
    "rows are null": lambda rows: rows.instead(b"null"),
    "rows are an object": lambda rows: rows.instead(b"{}"),
    "rows are a number": lambda rows: rows.instead(b"7"),
    "no rows": lambda _: b'"nothing":[]',
    "cut off": lambda rows: rows.member[: len(rows.member) // 2],
}
"""Each gives the key with its rows, or, where the document ends in them, what is left of it."""

ALL_OF = ("toy", "crossplane")
"""One that carries by section, and one that does by list; of the others some have to do."""
SOME = ("identity is not UTF-8", "another value is not UTF-8", "rows are null", "cut off")
CASES = [
    pytest.param(scene, change, id=f"{scene.name}-{name}")
    for scene in SCENES
    for name, change in DAMAGES.items()
    if scene.name in ALL_OF or name in SOME
]


def damaged(body: bytes, collector: Collector, change: Change) -> bytes:
    """Return a document of which the rows of one table are damaged."""
    keys = msgspec.json.decode(body, type=dict[str, Raw])
    spec = next(spec for spec in collector.tables if len(bytes(keys[spec.key])) > 2)
    (first, *_) = msgspec.json.decode(keys[spec.key], type=list[dict[str, object]])
    column = next(name for name in spec.identity if isinstance(first[name], str))
    rows = Rows(spec.key, bytes(keys[spec.key]), column)
    line, rest = body.split(b"\n", 1)
    before, after = rest.split(rows.member)
    made = change(rows)
    ends = rows.member.startswith(made)
    return line + b"\n" + before + made + (b"" if ends else after)


def read(cell: Cell, collector: Collector) -> dict[str, int]:
    """Return how many rows the reader has of each table of the collector, all decoded."""
    body = (cell.store / "snapshot.json").read_bytes()
    packed = loading.read(body, "here", (collector, idle()))
    records = {spec.key: spec.record for spec in collector.tables}
    numbers: dict[str, int] = {}
    for table in packed.head.tables or ():
        rows = [bytes(memoryview(row)) for row in packed.rows(table.key)]
        for row in rows:
            msgspec.json.decode(row)
            msgspec.json.decode(row, type=records.get(table.key, dict))
        numbers[table.key] = len(rows)
    return numbers


def broken(*_: object) -> Section:
    """Fail, as a collector with a mistake does."""
    raise ZeroDivisionError


@pytest.mark.parametrize(("empty", "change"), CASES, indirect=["empty"])
@pytest.mark.parametrize("how", ["list", "collector"])
def test_what_cannot_be_kept_is_kept_aside(
    cell: Cell, change: Change, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The run is partial, what others found is stored, and the next runs go on from that."""
    collector = cell.scene.collector

    def run(*, failing: bool) -> Result:
        caplog.clear()
        made = with_finish(collector, broken) if failing and how == "collector" else collector
        return job.run(cell.config(), (made, idle()), Silent())

    assert run(failing=False).errors == []
    path = cell.store / "snapshot.json"
    wrong = damaged(path.read_bytes(), collector, change)
    path.write_bytes(wrong)
    if how == "list":
        cell.fail(1)
    with caplog.at_level(logging.WARNING):
        result = run(failing=True)
    assert (list(result.errors), result.report.partial) == ([], True)
    assert next(o for o in result.report.collectors if o.collector == "other").success
    stored = read(cell, collector)
    aside = path.with_name("snapshot.json.unreadable")
    if collector.carry == "section" or how == "collector":
        assert aside.read_bytes() == wrong
        (kept,) = [vars(r) for r in caplog.records if "copy kept" in r.message]
        assert str(path) in kept["error"]
        assert kept["kept"] == str(aside)
        assert not any(stored.values())
    elif aside.exists():  # otherwise nothing was to be carried of those rows
        assert aside.read_bytes() == wrong
    result = run(failing=True)
    assert (list(result.errors), result.report.partial) == ([], True)
    assert "copy kept" not in caplog.text
    assert read(cell, collector) == stored
    cell.cluster.fault = lambda *_: None
    result = run(failing=False)
    assert (list(result.errors), result.report.partial) == ([], False)
    assert any(read(cell, collector).values())


class Noted(Struct):
    """A state."""

    notes: list[str] = field(default_factory=list)


class Noting(PodsByNode):
    """Has a state, and settings of its series; fails if it is to."""

    state = Noted

    def __init__(self, *, fails: bool = False) -> None:
        self._fails = fails

    def finish(
        self, plan: Plan, listed: Sequence[Listed], before: Before | None, at: str
    ) -> Section:
        """Make a row of each node."""
        if self._fails:
            raise ZeroDivisionError
        made = super().finish(plan, listed, before, at)
        return replace(made, state=Noted(["a"]), shown={"toyLabel": "zone"})


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b'"notes":["a"]', b'"notes":{"a":1}'),
        (b'"notes":["a"]', b'"notes":["\xff"]'),
        (b'"carriedSince":""', b'"carriedSince":"?"'),
        (b'"pods":4', b'"pods":"4"'),
    ],
    ids=["state of another type", "state", "time", "row"],
)
def test_what_another_collector_had_is_kept(pods: Pods, good: bytes, bad: bytes) -> None:
    """Both fail, and the section of one is damaged: in its rows, or in the first line."""
    pods.run(Noting(), PodList(), idle())
    path, known = pods.directory / "store/snapshot.json", pods.stored()
    wrong = path.read_bytes().replace(good, bad, 1)
    assert wrong != path.read_bytes()
    path.write_bytes(wrong)
    for _ in range(2):
        result = pods.run(Noting(fails=True), with_finish(PodList(), broken), idle())
        assert (list(result.errors), result.report.partial) == ([], True)
        stored = pods.stored()
        assert (stored["nodePods"], stored["podList"]) == ([], known["podList"])
        assert path.with_name("snapshot.json.unreadable").read_bytes() == wrong
    pods.run(Noting(), PodList(), idle())
    assert (pods.stored()["nodePods"], pods.stored()["notes"]) == (known["nodePods"], ["a"])


def test_settings_that_cannot_be_read_cost_no_rows(pods: Pods) -> None:
    """They are of all collectors."""
    pods.run(Noting(), idle())
    path, known = pods.directory / "store/snapshot.json", pods.stored()
    wrong = path.read_bytes().replace(b'"toyLabel":"zone"', b'"toyLabel":"\xff"')
    path.write_bytes(wrong)
    result = pods.run(Noting(fails=True), idle())
    assert (list(result.errors), result.report.partial) == ([], True)
    stored = pods.stored()
    assert (stored["nodePods"], stored["notes"]) == (known["nodePods"], ["a"])
    assert stored["shown"] == {"maxSeries": known["shown"]["maxSeries"]}
    assert path.with_name("snapshot.json.unreadable").read_bytes() == wrong


@pytest.mark.parametrize("change", [DAMAGES[name] for name in SOME], ids=SOME)
def test_on_s3_the_copy_is_beside_it_too(
    pods: Pods, tmp_path: Path, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The damage is behind what a run reads of it."""
    with serve_s3(tmp_path) as s3:
        for name, value in s3.environment().items():
            monkeypatch.setenv(name, value)
        given = {"store_backend": "s3", "s3_bucket": BUCKET, "s3_endpoint": s3.url, "store_dir": ""}
        pods.run(PodsByNode(), PodList(), **given)
        store = open_store(pods.config(**given))
        found = store.get("snapshot.json")
        assert found is not None
        wrong = damaged(found.body, PodsByNode(), change)
        store.put("snapshot.json", wrong, replacing=found.etag)
        result = pods.run(with_finish(PodsByNode(), broken), PodList(), **given)
        assert (list(result.errors), result.report.partial) == ([], True)
        kept, stored = store.get("snapshot.json.unreadable"), store.get("snapshot.json")
        assert kept is not None
        assert stored is not None
        document = msgspec.json.decode(stored.body)
    assert kept.body == wrong
    assert (document["nodePods"], len(document["podList"])) == ([], 11)
