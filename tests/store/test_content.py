"""Documents that are made as they are sent."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.stores import s3_store, serving
from xpjob.store.content import Content, FirstLine, Reading, measured

_pieces = st.lists(st.binary(max_size=9), max_size=9)
_steps = st.lists(
    st.tuples(st.just("read"), st.integers(0, 12))
    | st.tuples(st.just("into"), st.integers(1, 12))
    | st.tuples(st.just("seek"), st.integers(0, 40)),
    max_size=12,
)


def content(pieces: list[bytes]) -> Content:
    """Return the content of these pieces."""
    return Content(lambda: iter(pieces))


@given(_pieces, _steps)
def test_it_is_read_like_a_file(pieces: list[bytes], steps: list[tuple[str, int]]) -> None:
    """From wherever it is read, again and again, and as much as is asked for."""
    body = b"".join(pieces)
    reading, at = Reading(content(pieces), len(body)), 0
    for step, number in steps:
        if step == "seek":
            at = reading.seek(min(number, len(body)))
        elif step == "read":
            found = reading.read(number)
            assert found == body[at : at + number]
            at += len(found)
        else:
            buffer = bytearray(number)
            count = reading.readinto(buffer)
            assert buffer[:count] == body[at : at + number]
            at += count
        assert reading.tell() == at
    assert reading.seek(0, os.SEEK_END) == len(body)
    assert reading.read() == b""
    reading.seek(0)
    assert reading.read() == body


@given(_pieces)
def test_size_and_digests_are_those_of_the_whole(pieces: list[bytes]) -> None:
    """Whether it is in pieces or not."""
    body = b"".join(pieces)
    digests = [hashlib.md5(body).digest(), hashlib.sha256(body).digest()]
    assert measured(content(pieces), "md5", "sha256") == (len(body), digests)
    assert measured(body, "md5", "sha256") == (len(body), digests)
    assert measured(body) == (len(body), [])


@given(st.lists(st.sampled_from([b"", b"a", b"\n", b"bc\n", b"d\ne\n"])))
def test_only_the_first_line_is_kept(pieces: list[bytes]) -> None:
    """Wherever it ends."""
    line = FirstLine()
    for piece in pieces:
        assert line.write(piece) == len(piece)
    whole = b"".join(pieces)
    assert line.getvalue() == io.BytesIO(whole).readline()
    assert line.ended == (b"\n" in whole)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_another_attempt_sends_it_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """And no server is asked whether it may be sent: many do not answer that.

    Its pieces are made once for its size and digests, and once for each attempt.
    """
    pieces = [b"x" * 100_000, b"y" * 100_000]
    made: list[int] = []

    def counted() -> Iterator[bytes]:
        made.append(1)
        return iter(pieces)

    with serving(tmp_path, monkeypatch, scheme) as s3:
        left = [(503, "SlowDown"), (0, "")]
        s3.fault = lambda method, *_: left.pop() if method == "PUT" and left else None
        store = s3_store(s3)
        store.put("a", Content(counted), replacing=None)
        assert left == []
        found = store.get("a")
        assert found is not None
        assert found.body == b"".join(pieces)
        sent = [headers for method, _, headers in s3.requests if method == "PUT"]
        assert not any(name.lower() == "expect" for headers in sent for name in headers)
    assert len(made) == 1 + 3


def test_pieces_are_sent_in_chunks_that_s3_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However small they are: with checksums, as for AWS, what is read at once is a chunk."""
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported")
    pieces = [b"{", b'"a":', b"1" * 9000, b",", b'"b":', *[b"2" * 700] * 3000, b"}"]
    with serving(tmp_path, monkeypatch, "https") as s3:
        store = s3_store(s3)
        store.put("a", content(pieces), replacing=None)
        found = store.get("a")
        (sent,) = (headers for method, _, headers in s3.requests if method == "PUT")
    assert sent["x_amz_content_sha256"].startswith("STREAMING-")
    assert found is not None
    assert found.body == b"".join(pieces)
