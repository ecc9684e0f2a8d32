"""Documents that version 0.1.0 wrote are read: a small one, an odd, a large and a lived-in one."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest
from prometheus_client import generate_latest

from support.collectors import CROSSPLANE
from support.paths import DATA
from xpjob.collect.attempt import Attempt
from xpjob.collectors import COLLECTORS
from xpjob.publish import exposition
from xpjob.run import shard_parts
from xpjob.run.previous import recall
from xpjob.run.shard import Shard
from xpjob.snapshot import documents, sections
from xpjob.snapshot.documents import RunInfo, RunReport
from xpjob.store.directory import DirectoryStore

RELEASED = DATA / "0.1.0"
RUN = RunInfo(id="run-b", version="0.0.0", started_at="2099-01-01T00:00:00.000000Z")
NAMES = ("small", "odd", "large", "demo")


def body(name: str) -> bytes:
    """Return a document as 0.1.0 wrote it."""
    return gzip.decompress((RELEASED / f"{name}.gz").read_bytes())


def without_help(exposition: bytes) -> list[str]:
    """Return the lines of an exposition that are no help texts."""
    return [line for line in exposition.decode().splitlines() if not line.startswith("# HELP")]


@pytest.mark.parametrize("name", NAMES)
def test_its_metrics_are_those_that_it_pushed(name: str) -> None:
    """To the byte, but for help texts, though they were not stored then."""
    raw = documents.decode_raw(body(f"{name}-snapshot.json"), name)
    assert not raw.head.described
    head = sections.upgraded(raw, COLLECTORS, name)
    made = generate_latest(exposition.registry(exposition.inventory(head)))
    assert without_help(made) == without_help(body(f"{name}-x.prom"))


@pytest.mark.parametrize("name", NAMES)
def test_its_tables_get_their_descriptions(name: str) -> None:
    """And every column that a row has."""
    raw = documents.decode_raw(body(f"{name}-snapshot.json"), name)
    head = sections.upgraded(raw, COLLECTORS, name)
    for table in head.tables or ():
        columns = {column.name for column in table.columns}
        rows = documents.decode(body(f"{name}-snapshot.json"), documents.Document, name)
        assert rows.schema_version == 1
        assert columns >= set(table.filters) | set(table.shown)
    assert [table.key for table in head.tables or ()] == ["claims", "xrs", "mrs"]


@pytest.mark.parametrize(("name", "cluster"), [("small", ""), ("odd", "odd-1"), ("large", "")])
def test_a_run_goes_on_from_it(name: str, cluster: str, tmp_path: Path) -> None:
    """Counters, the past of every record, times to ready and findings."""
    store = DirectoryStore(tmp_path)
    prefix = f"{cluster}/" if cluster else ""
    store.put(f"{prefix}snapshot.json", body(f"{name}-snapshot.json"), replacing=None)
    attempts = {collector.name: Attempt(collector.name) for collector in CROSSPLANE}
    previous = recall(store, cluster, RUN, CROSSPLANE, attempts, max_age=86_400)
    assert not any(attempt.failed for attempt in attempts.values())
    assert previous.head is not None
    assert previous.counters().poll_duration.counts
    before = previous.before["crossplane"]
    assert before.recalled.previous_start == previous.head.run.started_at
    assert before.state.time_to_ready is not None
    assert previous.groups


@pytest.mark.parametrize("name", ["small", "odd"])
def test_its_report_is_read(name: str) -> None:
    """With how every list went."""
    report = documents.decode(body(f"{name}-run.json"), RunReport, name)
    assert report.targets
    assert report.collectors == []
    text = generate_latest(exposition.registry(exposition.outcome(report))).decode()
    assert "xpjob_target_success{" in text


def test_a_shards_part_is_read(tmp_path: Path) -> None:
    """By one that merges with it."""
    store, shard = DirectoryStore(tmp_path), Shard(1, 2)
    run = RunInfo(id=shard_parts.run_id("gen-1"), version="", started_at=RUN.started_at)
    store.put("parts/gen-1/1-of-2.json", body("part-1-of-2.json"), replacing=None)
    part = shard_parts.read(store, "", "gen-1", shard, run)
    (crossplane,) = CROSSPLANE
    for raw in part.lists:
        outcome = msgspec.json.decode(raw["outcome"])
        key, type_ = crossplane.results[outcome["class"]]
        item, found = shard_parts.read_list(raw, key, type_, "the part")
        assert len(found) == item.outcome.records
