"""Credentials and answers of S3 that do not come, or do not end."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import pytest

from support.endless import DRIPPING, ENDLESS, ENDLESS_ERROR, SILENT, never_ending
from support.stores import opened
from xpjob.base.errors import XpjobError
from xpjob.net.deadline import Deadline
from xpjob.store.base import Store

CONTAINER, METADATA, IDENTITY = "container", "metadata service", "web identity"


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration of this machine."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def come_from(source: str, url: str, monkeypatch: pytest.MonkeyPatch, token: Path) -> None:
    """Have credentials come from a server."""
    if source == CONTAINER:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url}/credentials")
    elif source == METADATA:
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{url}/")
    else:
        monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/x")
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)


def read(seconds: float = 4.0) -> XpjobError:
    """Read from S3 within a deadline; return the error."""
    given = {"store_backend": "s3", "s3_bucket": "bucket", "s3_endpoint": "http://127.0.0.1:9"}
    started = time.monotonic()
    with Deadline(seconds).running(), pytest.raises(XpjobError) as caught:
        opened(**given, request_timeout_seconds="1").get("a")
    assert time.monotonic() - started < seconds + 2
    return caught.value


def test_a_token_that_is_not_there_is_told_as_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With its path, and not as an error of the server or of ours."""
    come_from(IDENTITY, "http://127.0.0.1:9", monkeypatch, tmp_path / "missing")
    message = str(read())
    assert message.startswith("getting the credentials for s3://bucket/")
    assert str(tmp_path / "missing") in message
    assert "AWS_* variables" in message


@pytest.mark.parametrize("kind", [SILENT, DRIPPING, ENDLESS, ENDLESS_ERROR])
@pytest.mark.parametrize("source", [CONTAINER, METADATA, IDENTITY])
def test_a_source_of_credentials_has_its_time_and_its_bound(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str, kind: str
) -> None:
    """Whatever does not answer, or does not stop: it ends, and takes little memory."""
    (tmp_path / "token").write_text("token")
    with never_ending(kind) as url:
        come_from(source, url, monkeypatch, tmp_path / "token")
        tracemalloc.start()
        error = read()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 128 << 20  # within the time, far more could have come
    # An error of the source is a refusal; what does not answer may pass.
    assert error.exit_code == 1 or kind == ENDLESS_ERROR
    assert "s3://bucket" in str(error)


def test_a_token_that_hangs_is_told_as_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not as a bucket that is away."""
    os.mkfifo(tmp_path / "fifo")
    come_from(IDENTITY, "http://127.0.0.1:9", monkeypatch, tmp_path / "fifo")
    error = read()
    assert error.exit_code == 1
    assert str(error).startswith("getting the credentials for s3://bucket")


@pytest.mark.process
def test_a_program_for_credentials_that_hangs_is_told_likewise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One that the configuration file of AWS names."""
    (tmp_path / "config").write_text("[default]\ncredential_process = sleep 30\n")
    error = read()
    assert error.exit_code == 1
    assert str(error).startswith("getting the credentials for s3://bucket")


def asked(store: Store, doing: str) -> None:
    """Ask a store for something."""
    if doing == "get":
        store.get("a")
    elif doing == "keys":
        store.keys("x/", 5)
    else:
        store.put("a", b"{}", replacing=None)


@pytest.mark.parametrize("kind", [ENDLESS, ENDLESS_ERROR])
@pytest.mark.parametrize("doing", ["get", "keys", "put"])
def test_an_answer_without_end_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, kind: str, doing: str
) -> None:
    """Neither a listing nor an error; a document is read up to its own bound."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    if (doing, kind) == ("get", ENDLESS):
        monkeypatch.setattr("xpjob.store.bodies.MAX_DOCUMENT", 4 << 20)
    with never_ending(kind) as url:
        store = opened(store_backend="s3", s3_bucket="bucket", s3_endpoint=url)
        tracemalloc.start()
        if (doing, kind) == ("get", ENDLESS):
            stored = store.get("a")
            assert stored is not None
            assert stored.body == b""
        else:
            with pytest.raises(XpjobError, match="larger than 4 MiB"):
                asked(store, doing)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 64 << 20
