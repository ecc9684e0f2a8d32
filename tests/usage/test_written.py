"""Files are written once, whoever else writes, in every kind of store."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from support.s3_server import S3
from support.stores import opened, s3_store, serving
from support.usage_files import closed, objects, table
from xpjob.base.errors import RefusedError, TransientError
from xpjob.store.base import Store
from xpjob.usage import files
from xpjob.usage.files import FileKey
from xpjob.usage.state import Closed
from xpjob.usage.written import Written, write_all

KEY = "usage/year=2026/month=10/day=31/prod.csv.gz"
DAY = closed("2026-10-31", objects("web", 3600))
OTHER = closed("2026-10-31", objects("web", 7200))
BODY = files.encode(DAY, "prod")


@pytest.fixture(params=["directory", "http", "https"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    """Each kind of store that keeps something, empty."""
    if request.param == "directory":
        yield opened(store_backend="directory", store_dir=str(tmp_path / "store"))
        return
    with serving(tmp_path, monkeypatch, request.param) as served:
        yield s3_store(served)


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """An S3 server over http."""
    with serving(tmp_path, monkeypatch, "http") as served:
        yield served


def write(store: Store, *pending: Closed) -> Written:
    """Write files."""
    return write_all(store, pending, "prod")


def body(store: Store, key: str = KEY) -> bytes:
    """Return what is stored."""
    stored = store.get(key)
    assert stored is not None
    return stored.body


def test_each_pending_day_becomes_a_file(store: Store) -> None:
    """Three days after a gap of three, the oldest first; all are acknowledged."""
    several = [closed(f"2026-10-{day}", objects("web", day)) for day in (31, 29, 30)]
    assert write(store, *several) == Written(["2026-10-29", "2026-10-30", "2026-10-31"])
    folder = "usage/year=2026/month=10/"
    assert store.keys(folder, 9) == [f"{folder}day={day}/prod.csv.gz" for day in (29, 30, 31)]
    assert table(body(store))[0]["ConsumedQuantity"] == "31"


def test_what_was_written_before_is_acknowledged(store: Store) -> None:
    """A run may have died between the write and the acknowledgement."""
    assert write(store, DAY) == Written([DAY.day])
    assert write(store, DAY) == Written([DAY.day])
    assert body(store) == BODY


def test_the_same_rows_are_the_same_whatever_compressed_them(store: Store) -> None:
    """Another version of zlib makes other bytes of them."""
    theirs = gzip.compress(gzip.decompress(BODY), 1)
    assert theirs != BODY
    store.put(KEY, theirs, replacing=None)
    assert write(store, DAY) == Written([DAY.day])
    assert body(store) == theirs


@pytest.mark.parametrize("theirs", [files.encode(OTHER, "prod"), b"", b"something else"])
def test_another_file_stays(store: Store, theirs: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """The stored file is not replaced; a warning names it."""
    store.put(KEY, theirs, replacing=None)
    assert write(store, DAY) == Written([DAY.day], conflicts=1)
    assert body(store) == theirs
    own = [record for record in caplog.records if record.name == "xpjob.usage.written"]
    assert [record.__dict__["object"] for record in own] == [store.where(KEY)]


def test_ten_racing_runs_write_each_file_once(store: Store) -> None:
    """All of them acknowledge it, and there is no conflict."""
    results: list[Written] = []
    barrier = threading.Barrier(10)

    def run() -> None:
        barrier.wait()
        results.append(write(store, DAY))

    threads = [threading.Thread(target=run) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [Written([DAY.day])] * 10
    assert body(store) == BODY


def test_of_ten_runs_that_disagree_one_wins(store: Store) -> None:
    """The others count a conflict each."""
    results: list[Written] = []
    barrier = threading.Barrier(10)

    def run(number: int) -> None:
        barrier.wait()
        results.append(write(store, closed("2026-10-31", objects("web", number))))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(1, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result.conflicts for result in results) == 9


def test_a_file_is_written_with_a_condition(s3: S3) -> None:
    """If-None-Match, and the content type of a gzip file."""
    write(s3_store(s3), DAY)
    written = [each for each in s3.requests if each[0] == "PUT"]
    assert {path.partition("/usage/")[2] for _, path, _ in written} == {KEY.removeprefix("usage/")}
    assert {headers["if_none_match"] for _, _, headers in written} == {"*"}
    assert {headers["content_type"] for _, _, headers in written} == {"application/gzip"}


def test_a_server_that_does_not_heed_conditions_keeps_what_is_there(
    s3: S3, caplog: pytest.LogCaptureFixture
) -> None:
    """It is read before; where there is nothing it is written, with a warning."""
    s3.heedless = lambda _path: True
    store = s3_store(s3)
    assert write(store, DAY) == Written([DAY.day])
    assert "conditional writes not supported" in caplog.text
    assert write(store, OTHER) == Written([DAY.day], conflicts=1)
    assert body(store) == BODY


def test_a_server_that_refuses_conditions_is_written_plainly(
    s3: S3, caplog: pytest.LogCaptureFixture
) -> None:
    """With a warning, as the snapshot."""
    s3.fault = lambda method, _path, headers: (
        (501, "NotImplemented") if method == "PUT" and "if_none_match" in headers else None
    )
    store = s3_store(s3)
    assert write(store, DAY) == Written([DAY.day])
    assert body(store) == BODY
    assert "conditional writes not supported" in caplog.text


def test_a_write_that_timed_out_but_was_carried_out_is_acknowledged(s3: S3) -> None:
    """The attempt after it finds the same bytes."""
    dropped = iter([(0, "after")])
    s3.fault = lambda method, _path, _headers: next(dropped, None) if method == "PUT" else None
    assert write(s3_store(s3), DAY) == Written([DAY.day])


@pytest.mark.parametrize(
    ("status", "code", "kind"), [(403, "AccessDenied", RefusedError), (500, "", TransientError)]
)
def test_an_error_ends_it_and_the_next_run_goes_on(
    s3: S3, status: int, code: str, kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """What was written is acknowledged, what was not is tried again."""
    before = closed("2026-10-30", objects("web", 1))
    s3.fault = lambda method, path, _headers: (
        (status, code) if method == "PUT" and "day=31" in path else None
    )
    store = s3_store(s3)
    result = write(store, before, DAY)
    assert (result.acknowledged, type(result.error)) == (["2026-10-30"], kind)
    assert "until 2026-12-02" in caplog.text
    s3.fault = lambda *_: None
    assert write(store, DAY) == Written([DAY.day])


def test_the_key_of_a_cluster_is_its_name() -> None:
    """Or "default"."""
    assert str(FileKey(date(2026, 10, 31), "prod")) == KEY
