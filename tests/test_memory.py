"""What a run remembers, and how it commits."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import samples
from samples import run_info
from stand_in import CLAIM

from xpjob.base.errors import ConflictError, SupersededError
from xpjob.config import settings
from xpjob.config.settings import STORE, Settings
from xpjob.run.previous import (
    Memory,
    commit,
    leave_report,
    publish_newest,
    read_records,
    remember,
)
from xpjob.snapshot import documents
from xpjob.snapshot.documents import NewerSchemaError, RunReport, Snapshot
from xpjob.store.directory import DirectoryStore

CONFIG = settings.load({"cluster_name": "prod"}, {}, (STORE,))


def snapshot(minute: int = 0, id_: str = "run-a", **changes: Any) -> Snapshot:
    """Return a snapshot of that cluster."""
    return samples.snapshot(minute, id_, **{"cluster": "prod", **changes})


def report(minute: int = 0, id_: str = "run-a") -> RunReport:
    """Return a report of that cluster."""
    return samples.report(minute, id_, cluster="prod")


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    """An empty directory store."""
    return DirectoryStore(tmp_path / "store")


def put(store: DirectoryStore, made: Snapshot) -> None:
    """Store a snapshot as an earlier run would."""
    store.put("prod/snapshot.json", documents.encode(made), replacing=None)


def held(store: DirectoryStore) -> Snapshot:
    """Return the stored snapshot."""
    found = store.get("prod/snapshot.json")
    assert found is not None
    return documents.decode(found.body, Snapshot, "store")


def test_the_first_run_remembers_nothing(store: DirectoryStore) -> None:
    """And may write only what is not there yet."""
    memory = remember(store, CONFIG, run_info(5))
    assert (memory.snapshot, memory.snapshot_etag, memory.last_success_at) == (None, "", "")


def test_the_report_knows_more_than_the_snapshot(store: DirectoryStore) -> None:
    """It is written after it, and by failed runs too."""
    old, new = snapshot(1), report(2)
    assert old.counters is not None
    assert new.counters is not None
    old.counters.poll_errors["a/v1/b"] = 1
    new.counters.poll_errors["a/v1/b"] = 2
    put(store, old)
    assert remember(store, CONFIG, run_info(5)).counters().poll_errors == {"a/v1/b": 1}
    store.put("prod/run.json", documents.encode(new), replacing=None)
    memory = remember(store, CONFIG, run_info(5))
    assert memory.counters().poll_errors == {"a/v1/b": 2}
    assert memory.last_success_at == "2026-08-21T09:02:02.000000Z"
    store.put("prod/run.json", b"{", replacing=None)
    assert remember(store, CONFIG, run_info(5)).counters().poll_errors == {"a/v1/b": 1}


def test_only_the_records_that_are_wanted_are_read(store: DirectoryStore) -> None:
    """As they are; the others cost no memory, and what is wrong with them does not matter."""
    whole = snapshot()
    broken = documents.encode(whole).replace(b'"name":"a","uid":', b'"name":1,"uid":', 1)
    assert broken != documents.encode(whole)
    store.put("prod/snapshot.json", broken, replacing=None)
    read = read_records(store, CONFIG, lambda record, _: record.namespace == "team-b")
    assert read == msgspec.structs.replace(whole, claims=whole.claims[1:], xrs=[], mrs=[])
    assert read_records(store, CONFIG, lambda record, _: record.resource == CLAIM.resource) is None
    kept = store.get("prod/snapshot.json.unreadable")
    assert kept is not None
    assert kept.body == broken


def test_an_unreadable_snapshot_is_kept_aside(
    store: DirectoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """The run goes on as if there were none, and says so."""
    store.put("prod/snapshot.json", b'{"schemaVersion": 1, "clai', replacing=None)
    with caplog.at_level(logging.WARNING):
        memory = remember(store, CONFIG, run_info(5))
    assert memory.snapshot is None
    aside = store.get("prod/snapshot.json.unreadable")
    assert aside is not None
    assert aside.body.endswith(b'"clai')
    assert "as if this document were not there" in caplog.text
    commit(store, CONFIG, memory, lambda _: snapshot(5, "run-b"))
    assert held(store).run.id == "run-b"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00garbage",
        b"null",
        b"<html>not found</html>",
        b'{"schemaVersion": 0}',
        b'{"schemaVersion": "1"}',
        b"[" * 100_000,
        b'{"schemaVersion": 1, "generatedAt": ' + b"[" * 100_000,
        gzip.compress(documents.encode(samples.snapshot())),
        gzip.compress(bytes(50 << 20)),
        documents.encode(samples.snapshot())[:-5],
        documents.encode(samples.snapshot(cluster="other")),
        documents.encode(samples.snapshot(cluster="prod")) + b" " * 20_000,
    ],
    ids=[
        *("empty", "garbage", "null", "html", "version 0", "version text", "deep", "deep inside"),
        *("gzip", "gzip bomb", "cut off", "another cluster", "huge"),
    ],
)
def test_a_poisoned_snapshot_is_kept_aside(
    store: DirectoryStore, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is, and the run goes on as if there were none; then it is replaced."""
    for module in ("directory", "model"):
        monkeypatch.setattr(f"xpjob.snapshot.{module}.MAX_DOCUMENT", 20_000)
    store.put("prod/snapshot.json", body, replacing=None)
    memory = remember(store, CONFIG, run_info(5))
    assert memory.snapshot is None
    aside = Path(store.where("prod/snapshot.json.unreadable"))
    assert aside.read_bytes() == body
    commit(store, CONFIG, memory, lambda _: snapshot(5, "run-b"))
    assert held(store).run.id == "run-b"


@pytest.mark.parametrize(
    "time", ["yesterday", "2026-08-21T09:00:00", "", "9999-12-31T23:59:59-14:00"]
)
def test_a_snapshot_with_an_impossible_time_is_kept_aside(store: DirectoryStore, time: str) -> None:
    """It must not block every later run."""
    broken = snapshot(1)
    broken.run.started_at = time
    put(store, broken)
    assert remember(store, CONFIG, run_info(5)).snapshot is None
    assert store.get("prod/snapshot.json.unreadable") is not None


def test_the_later_document_knows_the_counters(store: DirectoryStore) -> None:
    """A report that could not be stored is older than the snapshot beside it."""
    old, new = report(1), snapshot(2)
    assert old.counters is not None
    assert new.counters is not None
    old.counters.poll_errors["a/v1/b"] = 3
    new.counters.poll_errors["a/v1/b"] = 4
    put(store, new)
    store.put("prod/run.json", documents.encode(old), replacing=None)
    assert remember(store, CONFIG, run_info(5)).counters().poll_errors == {"a/v1/b": 4}


def test_an_older_run_does_not_replace_a_newer_report(store: DirectoryStore) -> None:
    """Though it ends later."""
    memory = remember(store, CONFIG, run_info(5))
    leave_report(store, CONFIG, memory, report(6, "newer"))
    with pytest.raises(SupersededError):
        leave_report(store, CONFIG, memory, report(5, "older"))
    leave_report(store, CONFIG, memory, report(7, "newest"))
    found = store.get("prod/run.json")
    assert found is not None
    assert b'"newest"' in found.body


def test_the_report_of_another_shard_is_not_taken_for_ones_own(store: DirectoryStore) -> None:
    """Shards have the run's id in common; the one that merges knows how it went."""
    memory = remember(store, CONFIG, run_info(5))
    failed, merged = report(5, "one"), report(5, "one")
    failed.finished_at, failed.success = "2026-08-21T09:05:30Z", False
    merged.finished_at, merged.success = "2026-08-21T09:05:31Z", True
    leave_report(store, CONFIG, memory, failed)
    leave_report(store, CONFIG, memory, merged)
    assert remember(store, CONFIG, run_info(6)).last_success_at == merged.last_success_at
    found = store.get("prod/run.json")
    assert found is not None
    assert documents.decode(found.body, RunReport, "here").success


def test_a_newer_schema_is_never_overwritten(store: DirectoryStore) -> None:
    """The error says who must give way."""
    store.put("prod/snapshot.json", b'{"schemaVersion": 9}', replacing=None)
    with pytest.raises(NewerSchemaError, match="run the newer xpjob everywhere"):
        remember(store, CONFIG, run_info(5))
    put(store, snapshot(1))
    store.put("prod/run.json", b'{"schemaVersion": 9}', replacing=None)
    with pytest.raises(NewerSchemaError):
        remember(store, CONFIG, run_info(5))


def test_a_run_that_was_overtaken_stops(store: DirectoryStore) -> None:
    """Before it lists anything, if it can be known."""
    put(store, snapshot(6, "newer"))
    with pytest.raises(SupersededError, match="superseded: run newer"):
        remember(store, CONFIG, run_info(5))


def test_a_start_in_the_future_does_not_block_all_runs(store: DirectoryStore) -> None:
    """A clock was wrong; that is told."""
    future = run_info(0, "future")
    future.started_at = "2999-01-01T00:00:00.000000Z"
    put(store, snapshot(0, run=future))
    assert remember(store, CONFIG, run_info(5)).snapshot is not None


class Interfering(DirectoryStore):
    """Lets somebody else write just before each of our writes."""

    def __init__(self, directory: Path, *others: Callable[[], bytes]) -> None:
        super().__init__(directory)
        self.others = list(others)

    def put(self, key: str, body: bytes, *, replacing: str | None) -> str:
        if replacing is not None and self.others:
            super().put(key, self.others.pop(0)(), replacing=None)
        return super().put(key, body, replacing=replacing)


def built(minute: int, id_: str, seen: list[Memory]) -> Callable[[Memory], Snapshot]:
    """Return a builder that notes the memory it builds from."""

    def build(memory: Memory) -> Snapshot:
        seen.append(memory)
        return snapshot(minute, id_)

    return build


def test_an_older_run_that_wrote_meanwhile_is_built_upon(tmp_path: Path) -> None:
    """Its snapshot becomes the memory, and ours replaces it."""
    store = Interfering(tmp_path, lambda: documents.encode(snapshot(4, "older")))
    seen: list[Memory] = []
    commit(store, CONFIG, remember(store, CONFIG, run_info(5)), built(5, "ours", seen))
    assert [m.snapshot and m.snapshot.run.id for m in seen] == [None, "older"]
    assert held(store).run.id == "ours"


def test_a_newer_run_that_wrote_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """Ours ends saying so."""
    store = Interfering(tmp_path, lambda: documents.encode(snapshot(6, "newer")))
    with pytest.raises(SupersededError):
        commit(store, CONFIG, remember(store, CONFIG, run_info(5)), built(5, "ours", []))
    assert held(store).run.id == "newer"


def test_a_write_that_timed_out_and_was_carried_out_is_no_conflict(tmp_path: Path) -> None:
    """It is our own."""
    store = Interfering(tmp_path, lambda: documents.encode(snapshot(5, "ours")))
    made, _ = commit(store, CONFIG, remember(store, CONFIG, run_info(5)), built(5, "ours", []))
    assert made.run.id == "ours"


def test_conflicts_without_end_are_given_up(tmp_path: Path) -> None:
    """Somebody else writes there all the time."""
    older = [lambda n=n: documents.encode(snapshot(n, f"older-{n}")) for n in range(20)]
    store = Interfering(tmp_path, *older)
    memory = remember(store, CONFIG, run_info(30))
    with pytest.raises(ConflictError, match="gave up after 12 conflicts"):
        commit(store, CONFIG, memory, built(30, "ours", []))


def test_settings_without_a_cluster_have_no_prefix(store: DirectoryStore) -> None:
    """The document lies at the top."""
    commit(store, Settings(), remember(store, Settings(), run_info(1)), built(1, "x", []))
    assert store.get("snapshot.json") is not None


def test_a_snapshot_of_another_cluster_is_kept_aside(
    store: DirectoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """The run goes on as if there were none, says so, and mixes nothing; so with the report."""
    theirs = samples.snapshot(9, "theirs", cluster="other")
    put(store, theirs)
    store.put("prod/run.json", documents.encode(samples.report(9, cluster="other")), replacing=None)
    with caplog.at_level(logging.WARNING):
        memory = remember(store, CONFIG, run_info(5))
    assert (memory.snapshot, memory.report, memory.last_success_at) == (None, None, "")
    for name in ("snapshot.json", "run.json"):
        assert store.get(f"prod/{name}.unreadable") is not None
    told = " ".join(str(getattr(record, "error", "")) for record in caplog.records)
    assert "is of the cluster 'other', and this is 'prod'" in told
    commit(store, CONFIG, memory, lambda _: snapshot(5, "run-b"))
    assert held(store).run.id == "run-b"


def test_another_clusters_snapshot_is_never_published(store: DirectoryStore) -> None:
    """Though it replaces ours while we publish; a newer one of this cluster is."""
    seen: list[str] = []

    def published(*others: Snapshot) -> list[str]:
        seen.clear()
        ours = snapshot(5, "ours")
        etag = store.put("prod/snapshot.json", documents.encode(ours), replacing=None)
        for other in others:
            put(store, other)
        publish_newest(store, CONFIG, ours, etag, lambda found: seen.append(found.run.id))
        return seen

    assert published() == ["ours"]
    assert published(snapshot(6, "newer")) == ["ours", "newer"]
    assert published(samples.snapshot(6, "theirs", cluster="other")) == ["ours"]
