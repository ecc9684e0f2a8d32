"""Stores: what holds for every one, then what is special to each."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from s3_server import S3, serve_s3

from xpjob.base.errors import (
    BadAnswerError,
    ConflictError,
    DeadlineError,
    NotFoundError,
    RefusedError,
    TransientError,
    XpjobError,
)
from xpjob.config import settings
from xpjob.config.settings import CLUSTER, STORE
from xpjob.net.deadline import Deadline
from xpjob.store.base import MemoryStore, Store, key
from xpjob.store.directory import DirectoryStore
from xpjob.store.open import open_store


def opened(**given: str) -> Store:
    """Return the store that these settings name."""
    return open_store(settings.load(given, {}, (CLUSTER, STORE)))


@contextmanager
def serving(directory: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> Iterator[S3]:
    """Serve S3, and let boto3 find the credentials for it."""
    with serve_s3(directory, tls=scheme == "https") as served:
        for name, value in served.environment().items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        yield served


@pytest.fixture(params=["http", "https"])
def s3(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[S3]:
    """An S3 server; boto3 sends different bodies over http and https."""
    with serving(tmp_path, monkeypatch, request.param) as served:
        yield served


def s3_store(s3: S3, **given: str) -> Store:
    """Return a store in that server's bucket."""
    named = {"store_backend": "s3", "s3_bucket": "inventory", "s3_endpoint": s3.url}
    return opened(**{**named, **given})


@pytest.fixture(params=["directory", "http", "https"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    """Each kind of store that keeps something, empty."""
    if request.param == "directory":
        yield opened(store_backend="directory", store_dir=str(tmp_path / "new" / "store"))
        return
    with serving(tmp_path, monkeypatch, request.param) as served:
        yield s3_store(served)


def test_what_is_written_is_read(store: Store) -> None:
    """And changes its etag with each write."""
    assert store.get("prod/snapshot.json") is None
    store.put("prod/snapshot.json", b"one", replacing=None)
    first = store.get("prod/snapshot.json")
    store.put("prod/snapshot.json", b"two", replacing=None)
    second = store.get("prod/snapshot.json")
    assert first is not None
    assert second is not None
    assert (first.body, second.body) == (b"one", b"two")
    assert first.etag != second.etag


def test_a_copy_is_made_in_the_store(store: Store) -> None:
    """Whatever was there before."""
    store.put("prod/a", b"one", replacing=None)
    store.put("prod/b", b"two", replacing=None)
    store.copy("prod/a", "prod/b")
    held = store.get("prod/b")
    assert held is not None
    assert held.body == b"one"


def test_a_copy_of_what_was_replaced_meanwhile_is_a_conflict(store: Store) -> None:
    """Where the caller says which one it means."""
    first = store.put("a", b"one", replacing=None)
    second = store.put("a", b"two", replacing=None)
    with pytest.raises(ConflictError):
        store.copy("a", "b", having=first)
    assert store.get("b") is None
    store.copy("a", "b", having=second)
    held = store.get("b")
    assert held is not None
    assert held.body == b"two"


def test_keys_are_found_and_removed(store: Store) -> None:
    """Those that begin so, in order, so many at most; what is not there is removed already."""
    for name in ("east/b/2", "east/a", "east/b/1", "easter"):
        store.put(name, b"x", replacing=None)
    assert store.keys("east/", 10) == ["east/a", "east/b/1", "east/b/2"]
    assert store.keys("east/b/", 1) == ["east/b/1"]
    assert store.keys("west/", 10) == []
    for name in ("east/b/1", "east/b/2", "nothing"):
        store.remove(name)
    assert store.keys("east/", 10) == ["east/a"]
    assert store.get("east/b/1") is None


def test_what_is_too_large_is_not_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """But it can be replaced."""
    for module in ("directory", "s3"):
        monkeypatch.setattr(f"xpjob.snapshot.{module}.MAX_DOCUMENT", 1000)
    store.put("a", bytes(1001), replacing=None)
    held = store.get("a")
    assert held is not None
    assert (held.body, bool(held.etag)) == (b"", True)
    store.put("a", bytes(1000), replacing=held.etag)
    held = store.get("a")
    assert held is not None
    assert held.body == bytes(1000)


def test_the_first_write_is_only_for_one(store: Store) -> None:
    """Two runs that both found nothing cannot both be the first."""
    store.put("a", b"one", replacing="")
    with pytest.raises(ConflictError):
        store.put("a", b"two", replacing="")
    held = store.get("a")
    assert held is not None
    assert held.body == b"one"


def test_a_write_replaces_only_what_was_read(store: Store) -> None:
    """A slow run cannot undo a newer one."""
    store.put("a", b"one", replacing="")
    held = store.get("a")
    assert held is not None
    store.put("a", b"two", replacing=held.etag)
    with pytest.raises(ConflictError):
        store.put("a", b"three", replacing=held.etag)
    now = store.get("a")
    assert now is not None
    assert now.body == b"two"


def test_what_was_removed_meanwhile_is_a_conflict(store: Store) -> None:
    """The etag that was read is of nothing."""
    with pytest.raises(ConflictError):
        store.put("a", b"one", replacing='"0123456789abcdef0123456789abcdef"')


def test_of_many_writers_one_wins(tmp_path: Path) -> None:
    """The directory store compares and replaces in one step."""
    store = DirectoryStore(tmp_path)
    store.put("a", b"start", replacing="")
    held = store.get("a")
    assert held is not None
    barrier, won = threading.Barrier(8), []

    def write(number: int) -> None:
        barrier.wait()
        try:
            store.put("a", b"%d" % number, replacing=held.etag)
        except ConflictError:
            return
        won.append(number)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = store.get("a")
    assert after is not None
    assert [b"%d" % number for number in won] == [after.body]


def test_a_crash_while_writing_leaves_the_old_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no litter."""
    store = DirectoryStore(tmp_path)
    store.put("a", b"old", replacing=None)

    def crash(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", crash)
    with pytest.raises(XpjobError, match="No space left on device; check STORE_DIR"):
        store.put("a", b"new", replacing=None)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == [".lock", "a"]


def test_a_directory_that_hangs_is_given_up_with_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that does not answer is played; whoever waits for its lock ends in time too."""
    store, over = DirectoryStore(tmp_path), threading.Event()
    monkeypatch.setattr("os.fsync", lambda _descriptor: over.wait(20))
    for _ in range(2):
        with (
            Deadline(0.2).running(),
            pytest.raises(DeadlineError, match=f"{tmp_path}/a: the time for this was up"),
        ):
            store.put("a", b"new", replacing=None)
    over.set()


def test_files_can_be_read_by_others(tmp_path: Path) -> None:
    """The reader runs as another user."""
    DirectoryStore(tmp_path).put("a", b"x", replacing=None)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """With its path."""
    (tmp_path / "file").write_text("")
    with pytest.raises(XpjobError, match="check STORE_DIR") as caught:
        DirectoryStore(tmp_path / "file" / "store").put("a", b"", replacing=None)
    assert str(tmp_path / "file" / "store") in str(caught.value)


def test_missing_rights_are_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run as root, who is refused nothing: so the system's answer is played."""

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(RefusedError, match="Permission denied; give this user the right"):
        DirectoryStore(tmp_path).get("a")


def test_memory_keeps_nothing() -> None:
    """Every run is the first."""
    store = opened()
    assert isinstance(store, MemoryStore)
    store.put("a", b"x", replacing="")
    assert store.get("a") is None


def test_the_key_names_the_cluster() -> None:
    """Clusters never mix."""
    assert key(settings.load({"cluster_name": "prod-eu"}, {}, (STORE,)), "x") == "prod-eu/x"
    assert key(settings.load({}, {}, (STORE,)), "x") == "x"


def test_the_object_lies_under_the_prefix(s3: S3) -> None:
    """As JSON that nobody caches, with its length and no chunks, over https too."""
    s3_store(s3, s3_key_prefix="/team/xpjob/").put("snapshot.json", b"{}", replacing="")
    method, path, headers = s3.requests[-1]
    assert (method, path) == ("PUT", "/inventory/team/xpjob/snapshot.json")
    assert headers["content-length"] == "2"
    assert "aws-chunked" not in headers.get("content_encoding", "")
    assert headers["if_none_match"] == "*"
    assert "xpjob/" in headers["user_agent"]


@pytest.mark.parametrize(
    ("status", "code", "kind", "advice", "tries"),
    [
        (403, "AccessDenied", RefusedError, "s3:ListBucket", 1),
        (403, "InvalidAccessKeyId", RefusedError, "credentials need", 1),
        (404, "NoSuchBucket", NotFoundError, "create the bucket", 1),
        (400, "InvalidRequest", XpjobError, "check the S3_", 1),
        (409, "ConditionalRequestConflict", ConflictError, "another run", 1),
        (412, "PreconditionFailed", ConflictError, "another run", 1),
        (503, "SlowDown", TransientError, "told so", 4),
        (500, "InternalError", TransientError, "told so", 4),
        (509, "BandwidthLimitExceeded", TransientError, "told so", 4),
        (400, "ThrottlingException", TransientError, "told so", 4),
        (400, "KMS.ThrottlingException", TransientError, "told so", 4),
        (400, "RequestThrottledException", TransientError, "told so", 4),
    ],
)
def test_what_the_server_says_becomes_an_error(
    s3: S3, status: int, code: str, kind: type[XpjobError], advice: str, tries: int
) -> None:
    """What was tried, on what, and what to do; tried again only where it may pass."""
    store = s3_store(s3)
    s3.answer = (status, code)
    with pytest.raises(kind) as caught:
        store.put("a", b"x", replacing="")
    assert f"writing s3://inventory/xp-tracker/a at {s3.url}" in str(caught.value)
    assert advice in str(caught.value)
    assert len(s3.requests) == tries


def test_a_server_without_conditional_writes_is_written_anyway(
    s3: S3, caplog: pytest.LogCaptureFixture
) -> None:
    """With a warning, and after a look at what is there."""
    store = s3_store(s3)
    unknown = (501, "NotImplemented")
    s3.fault = lambda method, _path, headers: (
        unknown if method == "PUT" and {"if_match", "if_none_match"} & headers.keys() else None
    )
    store.put("a", b"x", replacing="")
    assert "does not heed conditional writes" in caplog.text
    held = store.get("a")
    assert held is not None
    assert held.body == b"x"
    store.put("a", b"y", replacing=held.etag)
    with pytest.raises(ConflictError):
        store.put("a", b"z", replacing=held.etag)
    with pytest.raises(ConflictError):
        store.put("a", b"z", replacing="")


def test_a_server_that_takes_no_notice_of_conditions_is_found_out(
    s3: S3, caplog: pytest.LogCaptureFixture
) -> None:
    """It answers 200 to anything: a warning at the first write, and a look before the others."""
    store = s3_store(s3)
    s3.heedless = lambda _path: True
    store.put("a", b"x", replacing="")
    assert "does not heed conditional writes" in caplog.text
    with pytest.raises(ConflictError):
        store.put("a", b"z", replacing='"another"')
    held = store.get("a")
    assert held is not None
    assert held.body == b"x"


def test_a_server_that_heeds_conditions_is_not_suspected(
    s3: S3, caplog: pytest.LogCaptureFixture
) -> None:
    """No warning."""
    s3_store(s3).put("a", b"x", replacing="")
    assert "conditional" not in caplog.text


def test_a_bucket_that_is_away_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the endpoint."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    store = opened(store_backend="s3", s3_bucket="bucket", s3_endpoint="http://127.0.0.1:9")
    with pytest.raises(TransientError, match=r"127\.0\.0\.1:9.*check S3_ENDPOINT") as caught:
        store.get("a")
    assert "test-secret" not in str(caught.value)


def test_missing_credentials_are_a_refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A retry would be useless."""
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    store = opened(store_backend="s3", s3_bucket="bucket", s3_endpoint="http://127.0.0.1:9")
    with pytest.raises(RefusedError, match="give the job credentials"):
        store.get("a")


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidToken"])
def test_expired_credentials_are_a_refusal(s3: S3, code: str) -> None:
    """Although S3 answers 400 to them."""
    store = s3_store(s3)
    s3.answer = (400, code)
    with pytest.raises(RefusedError):
        store.get("a")


@pytest.mark.parametrize("variable", ["AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID"])
def test_credentials_with_a_line_break_are_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str, caplog: pytest.LogCaptureFixture
) -> None:
    """They cannot be sent; the library's own message would quote them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv(variable, "hunter2\n")
    store = opened(store_backend="s3", s3_bucket="bucket", s3_endpoint="http://127.0.0.1:9")
    with pytest.raises(RefusedError, match="characters that cannot be sent") as caught:
        store.get("a")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in caplog.text


def test_a_server_that_is_no_s3_is_told(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """A welcome page answers 200 to everything."""
    store = s3_store(s3)
    s3.answer = (200, "Welcome")
    with pytest.raises(BadAnswerError, match="is this an S3 endpoint"):
        store.get("a")


def test_a_bucket_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the time for one request, although the server goes on sending."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    ending = threading.Event()

    def trickle(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nETag: x\r\nContent-Length: 9999\r\n\r\n")
            while not ending.wait(0.05):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=trickle, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        given = {"s3_endpoint": endpoint, "request_timeout_seconds": "0.3"}
        store = opened(store_backend="s3", s3_bucket="bucket", **given)
        with pytest.raises(TransientError, match=r"not done within 0\.3 s"):
            store.get("a")
        ending.set()
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"s3_sse": "AES256"}, {"x-amz-server-side-encryption": "AES256"}),
        (
            {"s3_sse": "aws:kms", "s3_sse_kms_key_id": "alias/xpjob"},
            {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": "alias/xpjob",
                "x-amz-server-side-encryption-bucket-key-enabled": "true",
            },
        ),
        ({}, {}),
    ],
    ids=["SSE-S3", "SSE-KMS", "the bucket's own"],
)
def test_encryption_is_asked_for(s3: S3, given: dict[str, str], expected: dict[str, str]) -> None:
    """With every write, and with nothing else."""
    store = s3_store(s3, **given)
    store.put("snapshot.json", b"{}", replacing="")
    assert (held := store.get("snapshot.json")) is not None
    assert held.body == b"{}"
    sent = {
        method: {
            name.replace("_", "-"): value for name, value in headers.items() if "encryption" in name
        }
        for method, _, headers in s3.requests
    }
    assert sent == {"PUT": expected, "GET": {}}
