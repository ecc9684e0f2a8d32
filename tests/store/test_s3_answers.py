"""What an S3 endpoint may answer that no S3 would."""

from __future__ import annotations

import gc
import io
import itertools
import ssl
import threading
import tracemalloc
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from support.runs import Runs
from support.s3_server import S3
from support.stores import s3_store, serving
from xpjob.base.errors import BadAnswerError, TransientError
from xpjob.store.base import Stored

LISTING = b"<ListBucketResult><Contents>%s</Contents></ListBucketResult>"


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """An S3 server."""
    with serving(tmp_path, monkeypatch, "http") as served:
        yield served


@pytest.fixture
def dropped() -> Iterator[None]:
    """Collect what the test has dropped, so that no later test is blamed for it.

    botocore drops the connection of an answer whose headers it cannot read, and does not close it.
    """
    yield
    gc.collect()


@pytest.mark.usefixtures("dropped")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("time", ["yesterday", "9" * 30, "test-secret" + "!" * 1000])
def test_a_document_with_an_unreadable_time_is_told(s3: S3, time: str) -> None:
    """With what was asked, once, at no great length, and without a credential that it quotes."""
    store = s3_store(s3)
    s3.said = ({"ETag": "x", "Last-Modified": time}, [b"{}"])
    with pytest.raises(BadAnswerError, match=r"cannot be read.*is this an S3 endpoint") as caught:
        store.get("a")
    assert f"reading s3://inventory/xp-tracker/a at {s3.url}" in str(caught.value)
    assert "test-secret" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert len(s3.requests) == 1


@pytest.mark.usefixtures("dropped")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_run_that_cannot_read_the_answer_publishes_what_it_has(s3: S3, runs: Runs) -> None:
    """As with any store that is away; the outcome too."""
    s3.said = ({"ETag": "x", "Last-Modified": "yesterday"}, [b"{}"])
    result = runs.run(store_backend="s3", s3_bucket="inventory", s3_endpoint=s3.url)
    assert [type(error) for error in result.errors] == [BadAnswerError]
    assert runs.value("crossplane_claims_total") == 5
    assert runs.value("xpjob_last_run_timestamp_seconds", "xpjob-run") > 0
    assert {method for method, _, _ in s3.requests} == {"GET"}


def test_no_more_is_read_than_a_document_may_have(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of one whose length the server does not tell; it can be replaced, as it has an etag."""
    monkeypatch.setattr("xpjob.store.bodies.MAX_DOCUMENT", 3 << 20)
    piece, given = bytes(1 << 20), []

    def pieces(count: int) -> Iterator[bytes]:
        for number in range(count):
            given.append(number)
            yield piece

    store = s3_store(s3)
    s3.said = ({"ETag": "x"}, pieces(3))
    held = store.get("a")
    assert held is not None
    assert held.body == piece * 3
    given.clear()
    s3.said = ({"ETag": "x"}, pieces(100))
    assert store.get("a") == Stored(b"", "x")
    assert len(given) < 50


def test_a_document_is_in_memory_once(s3: S3) -> None:
    """Whether the server tells its length or not."""
    store, piece, count = s3_store(s3), bytes(1 << 16), 480
    store.get("a")  # what botocore knows of S3 is read once
    for headers in ({"Content-Length": str(len(piece) * count)}, {}):
        s3.said = ({"ETag": "x", **headers}, (piece for _ in range(count)))
        tracemalloc.start()
        held = store.get("a")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert held is not None
        assert len(held.body) == len(piece) * count
        assert peak < 1.5 * len(held.body)


def test_an_attempt_that_was_given_up_writes_no_more(s3: S3) -> None:
    """Although it goes on in its thread, and its answer still comes when another one is read."""
    first, given_up, ended = bytes(1 << 20), threading.Event(), threading.Event()
    attempts = itertools.count()

    class Slow:
        def __iter__(self) -> Iterator[bytes]:
            if next(attempts):
                given_up.set()
                assert ended.wait(60)
                yield from [b"second"] * 100
                return
            try:
                yield first
                assert given_up.wait(60)
                for _ in range(64):
                    yield first
            finally:
                ended.set()

    s3.said = ({"ETag": "x"}, Slow())
    store, file = s3_store(s3, request_timeout_seconds="1"), io.BytesIO()
    assert store.get("a", into=file) == Stored(b"", "x")
    assert next(attempts) == 2
    assert file.getvalue() == b"second" * 100


def test_a_connection_whose_tls_fails_is_tried_again(
    s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it fails while a document is read, whose errors botocore does not wrap."""
    left: list[Exception] = []
    read = HTTPResponse.read

    def failing(self: HTTPResponse, *arguments: Any, **options: Any) -> bytes:
        if left:
            raise left.pop()
        return read(self, *arguments, **options)

    s3.said = ({"ETag": "x"}, [b"{}"])
    store = s3_store(s3)
    with monkeypatch.context() as patch:
        patch.setattr(HTTPResponse, "read", failing)
        left += [ssl.SSLError("bad record mac"), OSError(5, "Input/output error")]
        assert store.get("a") == Stored(b"{}", "x")
        left += [ssl.SSLError("bad record mac")] * 9
        with pytest.raises(TransientError, match=r"reading s3://.*bad record mac"):
            store.get("a")


def test_half_a_document_without_a_length_is_none(s3: S3) -> None:
    """The connection ends before the last chunk."""

    class Half:
        def __iter__(self) -> Iterator[bytes]:
            yield b"half"
            raise ConnectionAbortedError

    s3.said = ({"ETag": "x"}, Half())
    with pytest.raises(TransientError, match="reading s3://"):
        s3_store(s3).get("a")


@pytest.mark.parametrize(
    "item",
    [
        b"<Key>a</Key><Size>many</Size>",
        b"<Key>a</Key><LastModified>never</LastModified>",
        b"<Size>1</Size>",
        b"<Key><b/></Key><Key/>",
    ],
    ids=["size", "time", "no key", "two keys"],
)
def test_a_list_that_cannot_be_read_is_told(s3: S3, item: bytes) -> None:
    """It is no list of keys, and not one without any."""
    store = s3_store(s3)
    s3.said = ({}, [LISTING % item])
    with pytest.raises(BadAnswerError, match=r"listing s3://.*cannot be read"):
        store.keys("history/", 10)
    s3.said = ({}, [(LISTING % item).replace(b"Contents", b"CommonPrefixes")])
    with pytest.raises(BadAnswerError, match=r"the clusters under s3://.*cannot be read"):
        store.clusters()
