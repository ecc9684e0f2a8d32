"""The store in S3."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from pathlib import Path

import pytest

from support.logs import logged
from support.s3_server import S3
from support.stores import opened, s3_store
from xpjob.base.errors import (
    BadAnswerError,
    ConflictError,
    NotFoundError,
    RefusedError,
    TransientError,
    XpjobError,
)


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
        (403, "InvalidAccessKeyId", RefusedError, "correct AWS_ACCESS_KEY_ID", 1),
        (404, "NoSuchBucket", NotFoundError, "create the bucket", 1),
        (400, "InvalidRequest", XpjobError, "check the S3_", 1),
        (409, "ConditionalRequestConflict", ConflictError, "another run", 1),
        (412, "PreconditionFailed", ConflictError, "another run", 2),  # looks who wrote it
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
    assert logged(caplog, "object") == [(store.where("a"),)]
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
    assert logged(caplog, "object") == [(store.where("a"),)]
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
    assert logged(caplog) == []


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
        with pytest.raises(TransientError, match=r"not completed within 0\.3 s"):
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
