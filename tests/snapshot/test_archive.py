"""Dated snapshots: what is kept, what is removed, and what is left alone."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from support.logs import logged
from support.s3_server import S3, serve_s3
from support.samples import snapshot
from support.snapshots import Snapshot010, head_of
from xpjob.base import times
from xpjob.commands.groups import GROUPS
from xpjob.config.option import Config, load
from xpjob.snapshot import archive, documents
from xpjob.snapshot.documents import RunInfo
from xpjob.store.base import SNAPSHOT, Store, key_of
from xpjob.store.open import open_store
from xpjob.store.options import StoreOptions

START = datetime(2026, 8, 21, 23, 50, tzinfo=timezone.utc)


class Shelf:
    """A store whose newest snapshot a run replaces each ten minutes."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ
        self.runs = 0

    def settings(self, **given: str) -> Config:
        """Return settings that keep two snapshots, unless told otherwise."""
        return load({"history_keep": "2", **given}, self.environ, GROUPS)

    def run(self, **given: str) -> int:
        """Store a snapshot, keep it, and return how many are kept now."""
        config = self.settings(**given)
        store = open_store(config)
        taken = taken_by(self.runs, config[StoreOptions].cluster_name)
        self.runs += 1
        etag = store.put(
            key_of(config[StoreOptions].cluster_name, SNAPSHOT),
            documents.encode(taken),
            replacing=None,
        )
        return archive.keep(store, config[StoreOptions], head_of(taken), etag)

    def store(self) -> Store:
        """Return the store."""
        return open_store(self.settings())

    def keys(self) -> list[str]:
        """Return all keys in the store but the lock's."""
        return [name for name in self.store().keys("", 1000) if name != ".lock"]


def taken_by(run: int, cluster: str = "") -> Snapshot010:
    """Return the snapshot of that run."""
    made = snapshot()
    made.generated_at = times.rfc3339(START + timedelta(minutes=10 * run))
    made.run = RunInfo(id=f"{run:032x}", version="0", started_at=made.generated_at)
    made.cluster = cluster
    return made


def dated(run: int, time: str) -> str:
    """Return the key of a run's snapshot."""
    return f"history/2026/08/{time[:2]}/202608{time}00.000000Z-{run:032x}.json"


@pytest.fixture(params=["directory", "s3", "gzip"])
def shelf(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shelf]:
    """Each kind of store, empty."""
    if request.param == "directory":
        yield Shelf({"STORE_BACKEND": "directory", "STORE_DIR": str(tmp_path / "store")})
        return
    with serve_s3(tmp_path) as served:
        for name, value in served.environment().items():
            monkeypatch.setenv(name, value)
        gzipped = str(request.param == "gzip").lower()
        yield Shelf({**os.environ, "STORE_BACKEND": "s3", "S3_GZIP": gzipped})


def test_the_newest_are_kept(shelf: Shelf) -> None:
    """By the time they were taken, in a folder for each day; empty folders go."""
    assert [shelf.run() for _ in range(4)] == [1, 2, 2, 2]
    assert shelf.keys() == [dated(2, "22T0010"), dated(3, "22T0020"), SNAPSHOT]
    stored = shelf.store().get(dated(2, "22T0010"))
    assert stored is not None
    assert documents.decode(stored.body, Snapshot010, "") == taken_by(2)


def test_a_run_that_is_published_again_is_kept_once(shelf: Shelf) -> None:
    """A shard that merges once more must not cost an older one its place."""
    for again in (False, False, True):
        shelf.runs -= again
        assert shelf.run() == shelf.runs
    assert shelf.keys() == [dated(0, "21T2350"), dated(1, "22T0000"), SNAPSHOT]


def test_clusters_have_their_own(shelf: Shelf) -> None:
    """And one cluster's runs never remove another's, nor is the folder a cluster."""
    for cluster in ("", "east", "", "east"):
        shelf.run(cluster_name=cluster, history_keep="1")
    assert shelf.keys() == [
        "east/" + dated(3, "22T0020"),
        "east/snapshot.json",
        dated(2, "22T0010"),
        SNAPSHOT,
    ]
    assert shelf.store().clusters() == ["", "east"]


def test_only_dated_snapshots_are_ever_removed(shelf: Shelf) -> None:
    """Whatever else lies there, however much it looks like one."""
    store = shelf.store()
    others = [
        "history/2020/01/01/notes.txt",
        "history/2020/01/02/20200101T000000.000000Z-" + "0" * 32 + ".json",
        "history/2020/13/45/20201345T000000.000000Z-" + "0" * 32 + ".json",
        "history/2020/01/01/20200101T000000.000000Z-" + "0" * 31 + ".json",
        "history/2020/01/01/more/20200101T000000.000000Z-" + "0" * 32 + ".json",
        "other/history/2020/01/01/20200101T000000.000000Z-" + "0" * 32 + ".json",
    ]
    for other in others:
        store.put(other, b"mine", replacing=None)
    for _ in range(3):
        shelf.run(history_keep="1")
    assert set(others) < set(shelf.keys())
    assert len(shelf.keys()) == len(others) + 2


def test_one_of_each_hour(shelf: Shelf) -> None:
    """HISTORY_EVERY_SECONDS: the first one of each stretch of time, and no others."""
    for _ in range(14):
        shelf.run(history_every_seconds="3600", history_keep="10")
    assert shelf.keys() == [
        dated(0, "21T2350"),
        dated(1, "22T0000"),
        dated(7, "22T0100"),
        dated(13, "22T0200"),
        SNAPSHOT,
    ]


def test_a_run_removes_only_so_many(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next ones go on, the oldest first."""
    monkeypatch.setattr(archive, "_MAX_REMOVED", 2)
    for _ in range(6):
        shelf.run(history_keep="10")
    assert shelf.run(history_keep="1") == 5
    assert shelf.keys()[0] == dated(2, "22T0010")
    assert [shelf.run(history_keep="1") for _ in range(4)] == [4, 3, 2, 1]


def test_what_another_run_has_stored_meanwhile_is_not_taken_for_ones_own(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    """A dated snapshot is what its name says."""
    shelf.run()
    config, late = shelf.settings(), taken_by(0)
    with caplog.at_level(logging.WARNING):
        head = head_of(late)
        assert archive.keep(shelf.store(), config[StoreOptions], head, "an etag of before") == 0
    assert len(logged(caplog, "error")) == 1
    assert len(shelf.keys()) == 2


def test_the_one_that_is_meant_by_a_time(shelf: Shelf) -> None:
    """The newest by then, else the oldest."""
    assert archive.at([], START) is None
    for _ in range(3):
        shelf.run(history_keep="3")
    found = archive.entries(shelf.store(), "")
    for minutes, run in ((-60, 0), (0, 0), (9, 0), (10, 1), (1000, 2)):
        entry = archive.at(found, START + timedelta(minutes=minutes))
        assert entry is not None
        assert entry.key.endswith(f"-{run:032x}.json")


def test_a_copy_in_a_directory_takes_no_room_at_first(tmp_path: Path) -> None:
    """It is the same file, until the newest is replaced."""
    shelf = Shelf({"STORE_BACKEND": "directory", "STORE_DIR": str(tmp_path)})
    shelf.run()
    (first,) = (tmp_path / "history").rglob("*.json")
    assert first.samefile(tmp_path / SNAPSHOT)
    shelf.run()
    assert not first.samefile(tmp_path / SNAPSHOT)
    left_over = tmp_path / f".{SNAPSHOT}.copy"
    assert not left_over.exists()
    os.link(first, left_over)  # of a run that was killed just then
    assert shelf.run() == 2
    assert not left_over.exists()


def test_where_there_is_no_second_name_for_a_file_it_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on some file systems."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    shelf = Shelf({"STORE_BACKEND": "directory", "STORE_DIR": str(tmp_path)})
    assert shelf.run() == 1
    (first,) = (tmp_path / "history").rglob("*.json")
    assert not first.samefile(tmp_path / SNAPSHOT)
    assert first.read_bytes() == (tmp_path / SNAPSHOT).read_bytes()


def test_missing_rights_are_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """That names the right; the newest snapshot is what counts."""
    with serve_s3(tmp_path) as served:
        for name, value in served.environment().items():
            monkeypatch.setenv(name, value)
        shelf = Shelf({**os.environ, "STORE_BACKEND": "s3"})
        shelf.run(history_keep="1")
        served.fault = _no_removing
        with caplog.at_level(logging.WARNING):
            assert shelf.run(history_keep="1") == 0
    (told,) = (vars(record)["error"] for record in caplog.records if record.name[0] == "x")
    assert "s3:DeleteObject" in told


def _no_removing(method: str, _path: str, _headers: dict[str, str]) -> tuple[int, str] | None:
    return (403, "AccessDenied") if method == "DELETE" else None


def test_copies_are_encrypted_as_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket may refuse what does not ask for it."""
    with serve_s3(tmp_path) as served:
        for name, value in served.environment().items():
            monkeypatch.setenv(name, value)
        Shelf({**os.environ, "STORE_BACKEND": "s3"}).run(s3_sse="AES256")
        copies = _copies(served)
    assert [headers["x_amz_server_side_encryption"] for headers in copies] == ["AES256"]
    assert [bool(headers["x_amz_copy_source_if_match"]) for headers in copies] == [True]


def _copies(served: S3) -> list[dict[str, str]]:
    return [headers for _, _, headers in served.requests if "x_amz_copy_source" in headers]
