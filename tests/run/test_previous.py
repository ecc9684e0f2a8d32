"""What a run recalls of the runs before."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from support.samples import run_info
from support.toy_rows import PodRow
from support.toy_snapshots import (
    commit,
    held,
    pod,
    pods_outcome,
    put,
    put_report,
    recalled,
    report,
    snapshot,
)
from xpjob.base.errors import SupersededError
from xpjob.collect.before import Before, UnreadableRowError
from xpjob.run.previous_documents import read_whole
from xpjob.snapshot import documents
from xpjob.snapshot.documents import AnotherClusterError, NewerSchemaError
from xpjob.store.directory import DirectoryStore


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    """An empty directory store."""
    return DirectoryStore(tmp_path / "store")


def aside(store: DirectoryStore, name: str = "snapshot.json") -> bytes | None:
    """Return the copy that was kept of a document that cannot be read."""
    path = Path(store.where(f"prod/{name}.unreadable"))
    return path.read_bytes() if path.exists() else None


def test_the_first_run_remembers_nothing(store: DirectoryStore) -> None:
    """And may write only what is not there yet."""
    previous = recalled(store, run_info(5))
    assert (previous.head, previous.etag, previous.last_success_at) == (None, "", "")
    assert (previous.before, previous.groups, previous.history) == ({}, None, 0)


def test_a_collector_gets_its_section(store: DirectoryStore) -> None:
    """And its rows are gone once it has recalled them."""
    etag = put(store, snapshot(1))
    previous = recalled(store, run_info(5))
    assert previous.etag == etag
    before = previous.before["pods"]
    assert (before.started_at, before.generated_at) == (
        "2026-08-21T09:01:00.000000Z",
        "2026-08-21T09:01:01.000000Z",
    )
    assert (before.rows, before.recalled, before.max_age) == ({}, None, 3600)


def test_the_report_knows_more_than_the_snapshot(store: DirectoryStore) -> None:
    """It is written after it, and by failed runs too."""
    old, new = snapshot(1), report(2)
    assert old.head.counters is not None
    assert new.counters is not None
    old.head.counters.poll_errors["a/v1/b"] = 1
    new.counters.poll_errors["a/v1/b"] = 2
    put(store, old)
    assert recalled(store, run_info(5)).counters().poll_errors == {"a/v1/b": 1}
    put_report(store, new)
    previous = recalled(store, run_info(5))
    assert previous.counters().poll_errors == {"a/v1/b": 2}
    assert previous.last_success_at == "2026-08-21T09:02:02.000000Z"
    store.put("prod/run.json", b"{", replacing=None)
    assert recalled(store, run_info(5)).counters().poll_errors == {"a/v1/b": 1}


def test_only_the_rows_that_are_wanted_are_read(store: DirectoryStore) -> None:
    """As they are; the others cost no memory, and what is wrong with them does not matter."""
    body = documents.encode(snapshot())
    broken = body.replace(b'"node-1","priority":0', b'"node-1","priority":"x"', 1)
    assert broken != body
    put(store, broken)
    previous = recalled(store, run_info(5))
    assert previous.head is not None
    whole = read_whole(store, "prod")
    assert whole is not None
    before = Before("", "", whole={"podList": whole.rows("podList")})
    read = before.read("podList", PodRow, lambda row: row.namespace == "team-b")
    assert list(read) == [pod("b", "team-b")]
    with pytest.raises(UnreadableRowError, match="a row of podList in the previous snapshot"):
        list(before.read("podList", PodRow, lambda row: row.resource == "pods"))


def test_a_snapshot_that_cannot_be_read_whole_is_kept_aside(store: DirectoryStore) -> None:
    """It may have been replaced since it was recalled; another cluster's is none of ours."""
    assert read_whole(store, "prod") is None
    put(store, b'{"schemaVersion": 1, "clai')
    assert read_whole(store, "prod") is None
    kept = aside(store)
    assert kept is not None
    assert kept.endswith(b'"clai')
    put(store, snapshot(cluster="other"))
    assert read_whole(store, "prod") is None
    put(store, b'{"schemaVersion": 9}')
    with pytest.raises(NewerSchemaError):
        read_whole(store, "prod")


def test_an_unreadable_snapshot_is_kept_aside(
    store: DirectoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """The run goes on as if there were none, and says so."""
    put(store, b'{"schemaVersion": 1, "podL')
    with caplog.at_level(logging.WARNING):
        previous = recalled(store, run_info(5))
    assert previous.head is None
    kept = aside(store)
    assert kept is not None
    assert kept.endswith(b'"podL')
    (told,) = [vars(r) for r in caplog.records if r.name == "xpjob.run.previous_documents"]
    assert told["kept"] == store.where("prod/snapshot.json.unreadable")
    assert store.where("prod/snapshot.json") in told["error"]
    commit(store, previous, 5, "run-b")
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
        gzip.compress(documents.encode(snapshot())),
        gzip.compress(bytes(50 << 20)),
        documents.encode(snapshot())[:-5],
        documents.encode(snapshot()) + b" " * 20_000,
    ],
    ids=[
        *("empty", "garbage", "null", "html", "version 0", "version text", "deep", "deep inside"),
        *("gzip", "gzip bomb", "cut off", "huge"),
    ],
)
def test_a_poisoned_snapshot_is_kept_aside(
    store: DirectoryStore, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is, and the run goes on as if there were none; then it is replaced."""
    for module in ("store.directory_files", "snapshot.documents"):
        monkeypatch.setattr(f"xpjob.{module}.MAX_DOCUMENT", 20_000)
    put(store, body)
    previous = recalled(store, run_info(5))
    assert previous.head is None
    assert aside(store) == body
    commit(store, previous, 5, "run-b")
    assert held(store).run.id == "run-b"


@pytest.mark.parametrize(
    "time", ["yesterday", "2026-08-21T09:00:00", "", "9999-12-31T23:59:59-14:00"]
)
@pytest.mark.parametrize("place", ["startedAt", "generatedAt"])
def test_a_snapshot_with_an_impossible_time_is_kept_aside(
    store: DirectoryStore, time: str, place: str
) -> None:
    """It must not block every later run."""
    broken = snapshot(1)
    if place == "startedAt":
        broken.head.run.started_at = time
    else:
        broken.head.generated_at = time
    put(store, broken)
    assert recalled(store, run_info(5)).head is None
    assert aside(store) is not None


def test_the_later_document_knows_the_counters(store: DirectoryStore) -> None:
    """A report that could not be stored is older than the snapshot beside it."""
    old, new = report(1), snapshot(2)
    assert old.counters is not None
    assert new.head.counters is not None
    old.counters.poll_errors["a/v1/b"] = 3
    new.head.counters.poll_errors["a/v1/b"] = 4
    put(store, new)
    put_report(store, old)
    assert recalled(store, run_info(5)).counters().poll_errors == {"a/v1/b": 4}


def test_a_newer_schema_is_never_overwritten(store: DirectoryStore) -> None:
    """The error says who must give way."""
    put(store, b'{"schemaVersion": 9}')
    with pytest.raises(NewerSchemaError, match="run the newer xpjob everywhere"):
        recalled(store, run_info(5))
    put(store, snapshot(1))
    store.put("prod/run.json", b'{"schemaVersion": 9}', replacing=None)
    with pytest.raises(NewerSchemaError):
        recalled(store, run_info(5))


def test_a_run_that_was_overtaken_stops(store: DirectoryStore) -> None:
    """Before it lists anything, if it can be known."""
    put(store, snapshot(6, "newer"))
    with pytest.raises(SupersededError, match="superseded: run newer"):
        recalled(store, run_info(5))


def test_a_start_in_the_future_does_not_block_all_runs(
    store: DirectoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A clock was wrong; that is told."""
    future = run_info(0, "future")
    future.started_at = "2999-01-01T00:00:00.000000Z"
    put(store, snapshot(0, run=future))
    with caplog.at_level(logging.WARNING):
        assert recalled(store, run_info(5)).head is not None
    (told,) = [vars(r) for r in caplog.records if r.name == "xpjob.run.previous_documents"]
    assert told["previous_started_at"] == future.started_at


@pytest.mark.parametrize("name", ["snapshot.json", "run.json"])
def test_a_document_of_another_cluster_is_never_overwritten(
    store: DirectoryStore, name: str
) -> None:
    """The run does without a store; the error says whose it is, and what to set."""
    theirs = snapshot(1, cluster="other") if name == "snapshot.json" else report(1, cluster="other")
    store.put(f"prod/{name}", documents.encode(theirs), replacing=None)
    with pytest.raises(AnotherClusterError, match="the cluster 'other', not to 'prod'; give each"):
        recalled(store, run_info(5))
    assert aside(store, name) is None


def test_the_groups_that_the_run_before_had_to_do_with(store: DirectoryStore) -> None:
    """Those with objects, and those of lists that failed; what is gone and was empty is not."""
    put(
        store,
        snapshot(
            1,
            targets=[
                pods_outcome(group="had"),
                pods_outcome(group="failed", records=0, error="503"),
                pods_outcome(group="gone", records=0, error="404", gone=True),
                pods_outcome(group="empty", records=0),
            ],
        ),
    )
    assert recalled(store, run_info(5)).groups == frozenset(("had", "failed"))
    put_report(store, report(2, targets=[pods_outcome(group="other", records=0, error="503")]))
    assert recalled(store, run_info(5)).groups == frozenset(("had", "failed", "other"))


def test_what_the_run_before_counts_is_not_changed(store: DirectoryStore) -> None:
    """A snapshot may be made more than once in a run, each time from the same counters."""
    put(store, snapshot(1))
    previous = recalled(store, run_info(5))
    previous.counters().poll_errors["a/v1/b"] = 1
    assert previous.counters().poll_errors == {}
    assert previous.head is not None
    nothing = msgspec.structs.replace(previous.head, counters=None)
    assert replace(previous, head=nothing).counters().poll_errors == {}
