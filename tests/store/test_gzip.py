"""Documents that S3 holds as gzip: what is stored, and that it is read like any other."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.s3_server import BUCKET, S3
from support.stores import s3_store
from xpjob.base.errors import BadAnswerError, ConflictError
from xpjob.snapshot import documents
from xpjob.snapshot.documents import RunHead
from xpjob.store import bodies
from xpjob.store.base import Store, Stored
from xpjob.store.content import Body, Content
from xpjob.store.gzipped import MAGIC, DamagedError, packed, unpacked

BODY = b'{"a":1}\n' + json.dumps([{"number": number} for number in range(9_000)]).encode()
PACKED = gzip.compress(BODY)
PIECES = [BODY[at : at + 1_000] for at in range(0, len(BODY), 1_000)]


def in_pieces() -> Content:
    """Return the body as one that is made as it is read."""
    return Content(lambda: iter(PIECES))


def held(store: Any, key: str) -> dict[str, Any]:
    """Return what S3 itself says of an object, with its bytes."""
    answer: dict[str, Any] = store._client.get_object(Bucket=BUCKET, Key=f"xp-tracker/{key}")
    return {**answer, "Body": answer["Body"].read()}


def plant(store: Any, key: str, body: bytes) -> None:
    """Put an object as others do, who say nothing of it."""
    store._client.put_object(Bucket=BUCKET, Key=f"xp-tracker/{key}", Body=body)


def fetched(store: Store, key: str) -> bytes:
    """Return a document as it is fetched into a file, which an attempt before has written to."""
    file = io.BytesIO(b"of an attempt before")
    file.seek(0, io.SEEK_END)
    found = store.get(key, into=file)
    assert found is not None
    assert found.body == b""
    return file.getvalue()


@pytest.mark.parametrize("body", [BODY, in_pieces(), b"{}"], ids=["bytes", "pieces", "small"])
def test_json_is_stored_as_gzip(s3: S3, body: Body) -> None:
    """With headers that say so, and is read as what it was."""
    store = s3_store(s3, s3_gzip="true")
    whole = body if isinstance(body, bytes) else BODY
    etag = store.put("snapshot.json", body, replacing="")
    found = held(store, "snapshot.json")
    assert gzip.decompress(found["Body"]) == whole
    assert found["ContentEncoding"].split(",")[0] == "gzip"
    assert found["ContentType"] == "application/json"
    assert store.get("snapshot.json") == Stored(whole, etag)
    assert store.get("snapshot.json", etag) == Stored(b"", etag, unchanged=True)
    assert store.first_line("snapshot.json") == Stored(io.BytesIO(whole).readline(), etag)
    assert fetched(store, "snapshot.json") == whole


def test_its_conditions_and_copies_are_those_of_any_document(s3: S3) -> None:
    """The same document has the same etag, and a copy is gzip like what it is of."""
    store = s3_store(s3, s3_gzip="true")
    etag = store.put("snapshot.json", in_pieces(), replacing="")
    with pytest.raises(ConflictError):
        store.put("snapshot.json", b"{}", replacing="")
    assert store.put("snapshot.json", in_pieces(), replacing=etag) == etag
    store.copy("snapshot.json", "history/a.json", having=etag)
    assert held(store, "history/a.json")["ContentEncoding"].split(",")[0] == "gzip"
    assert store.get("history/a.json") == Stored(BODY, etag)


def test_another_attempt_sends_it_again(s3: S3) -> None:
    """It is packed once."""
    made: list[int] = []

    def counted() -> Iterator[bytes]:
        made.append(1)
        return iter(PIECES)

    left = [(503, "SlowDown"), (0, "")]
    s3.fault = lambda method, *_: left.pop() if method == "PUT" and left else None
    store = s3_store(s3, s3_gzip="true")
    etag = store.put("a.json", Content(counted), replacing=None)
    assert store.get("a.json") == Stored(BODY, etag)
    assert (left, len(made)) == ([], 1)


@pytest.mark.parametrize("option", ["true", "false"])
def test_files_of_usage_stay_as_they_are(s3: S3, option: str) -> None:
    """They are gzip that is read as such."""
    store = s3_store(s3, s3_gzip=option)
    etag = store.put("usage/2026-08-21/prod.csv.gz", PACKED, replacing="")
    found = held(store, "usage/2026-08-21/prod.csv.gz")
    assert found["Body"] == PACKED
    assert not found.get("ContentEncoding", "").startswith("gzip")
    assert found["ContentType"] == "application/gzip"
    assert store.get("usage/2026-08-21/prod.csv.gz") == Stored(PACKED, etag)


@pytest.mark.parametrize("option", ["true", "false"])
@pytest.mark.parametrize(
    "body",
    [BODY, PACKED, gzip.compress(BODY[:99]) + gzip.compress(BODY[99:]), PACKED + bytes(512)],
    ids=["plain", "gzip", "two members", "padded"],
)
def test_both_are_read_whatever_the_option_says(s3: S3, option: str, body: bytes) -> None:
    """Also without headers: the bytes say what it is. Replacing one makes it what is asked for."""
    store = s3_store(s3, s3_gzip=option)
    plant(store, "a.json", body)
    found = store.get("a.json")
    assert found is not None
    assert found.body == fetched(store, "a.json") == BODY
    line = store.first_line("a.json")
    assert line == Stored(b'{"a":1}\n', found.etag)
    store.put("a.json", BODY, replacing=found.etag)
    assert held(store, "a.json")["Body"].startswith(MAGIC) == (option == "true")


def test_what_a_proxy_has_unpacked_is_read(s3: S3) -> None:
    """Though it says that it is gzip, or does not say how long it is."""
    store = s3_store(s3)
    for headers in ({"Content-Encoding": "gzip"}, {"Content-Length": str(len(BODY))}, {}):
        s3.said = ({"ETag": '"x"', **headers}, iter(PIECES))
        assert store.get("a.json") == Stored(BODY, '"x"')
        s3.said = ({"ETag": '"x"', **headers}, iter(PIECES))
        assert store.first_line("a.json") == Stored(b'{"a":1}\n', '"x"')


def flipped(at: int) -> bytes:
    """Return the gzip with a byte that is another one."""
    return PACKED[:at] + bytes([PACKED[at] ^ 0xFF]) + PACKED[at + 1 :]


DAMAGED = {
    "nothing but how it begins": MAGIC,
    "cut off in its header": PACKED[:9],
    "cut off": PACKED[: len(PACKED) // 2],
    "cut off before its checksum": PACKED[:-8],
    "cut off in its checksum": PACKED[:-1],
    "of another method": flipped(2),
    "damaged": PACKED[:2000] + bytes(500) + PACKED[2500:],
    "another checksum": flipped(len(PACKED) - 8),
    "another size": flipped(len(PACKED) - 1),
    "something behind it": PACKED + b"{}",
    "another one behind it that is cut off": PACKED + PACKED[:500],
}


@pytest.mark.parametrize("body", DAMAGED.values(), ids=DAMAGED)
def test_damaged_gzip_is_no_document(s3: S3, body: bytes) -> None:
    """It is found, with its etag, but what is in it does not count, however much that is."""
    store = s3_store(s3)
    plant(store, "a.json", body)
    found = store.get("a.json")
    assert found is not None
    assert found.body == fetched(store, "a.json") == MAGIC
    assert found.etag == held(store, "a.json")["ETag"]
    with pytest.raises(BadAnswerError, match=r"a\.json.* cut off or damaged"):
        documents.decode(found.body, RunHead, store.where("a.json"))
    line = store.first_line("a.json")
    assert line is not None
    assert line.body in (MAGIC, b'{"a":1}\n')


def test_a_bomb_counts_as_too_large(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is unpacked is bounded, not what is stored."""
    monkeypatch.setattr("xpjob.store.bodies.MAX_DOCUMENT", 4 << 20)
    store = s3_store(s3)
    plant(store, "a.json", gzip.compress(bytes(32 << 20), 1))
    with (tmp_path / "file").open("w+b") as file:
        found = store.get("a.json", into=file)
        assert found == Stored(b"", held(store, "a.json")["ETag"])
        assert file.seek(0, io.SEEK_END) == 0
    assert store.first_line("a.json") == found


@pytest.mark.parametrize(
    ("more", "expected"), [(0, True), (1, False)], ids=["as large as can be", "larger"]
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_the_bound_is_that_of_what_is_unpacked(
    more: int, expected: bool, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the byte."""
    monkeypatch.setattr("xpjob.store.bodies.MAX_DOCUMENT", 3_000_000)
    body = bytes(3_000_000 + more)
    for length in (None, len(pack(body))):
        assert bodies.whole(io.BytesIO(pack(body)), length) == (body if expected else b"")
        assert bodies.first_line(io.BytesIO(pack(body)), length) == (body if expected else b"")


def test_of_the_first_line_no_more_is_read_than_it_needs(s3: S3) -> None:
    """The connection is closed then."""
    rest = random.Random(7).randbytes(24 << 20)
    whole = packed(b'{"a":1,\n' + rest)
    taken: list[int] = []

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(whole), 1 << 16):
            taken.append(at)
            yield whole[at : at + (1 << 16)]

    s3.said = ({"ETag": '"x"', "Content-Length": str(len(whole))}, pieces())
    assert s3_store(s3).first_line("a.json") == Stored(b'{"a":1,\n', '"x"')
    assert len(taken) < len(whole) >> 17


@given(st.lists(st.binary(max_size=300), max_size=9), st.integers(1, 400), st.booleans())
def test_it_is_unpacked_as_it_is_read(pieces: list[bytes], size: int, gzipped: bool) -> None:
    """In pieces of at most the size that is asked for."""
    body = b"".join(pieces)
    stored = packed(Content(lambda: iter(pieces))) if gzipped else body
    if not gzipped and body.startswith(MAGIC):
        return
    found = list(unpacked(io.BytesIO(stored).read, max(size, len(MAGIC))))
    assert b"".join(found) == body
    assert all(0 < len(piece) <= max(size, len(MAGIC)) for piece in found)


@given(st.binary(min_size=1, max_size=400), st.data())
def test_what_is_cut_off_is_never_taken_for_the_whole(body: bytes, data: st.DataObject) -> None:
    """Wherever it is cut off."""
    stored = packed(body)
    end = data.draw(st.integers(2, len(stored) - 1))
    with pytest.raises(DamagedError):
        list(unpacked(io.BytesIO(stored[:end]).read, 64))
