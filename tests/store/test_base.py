"""Stores: what holds for every one, then what is special to each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.stores import opened, s3_store, serving
from xpjob.base.errors import ConflictError
from xpjob.store.base import MemoryStore, Store, Stored, key_of
from xpjob.store.content import Content


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


def test_the_first_line_is_read_alone(store: Store) -> None:
    """With the etag of the whole; of a document of one line, all of it."""
    assert store.first_line("a") is None
    for body, line in (
        (b"one\ntwo\n", b"one\n"),
        (b"x" * 3_000_000 + b"\n" + b"y" * 3_000_000, b"x" * 3_000_000 + b"\n"),
        (b"one", b"one"),
        (b"\n", b"\n"),
    ):
        etag = store.put("a", body, replacing=None)
        assert store.first_line("a") == Stored(line, etag)
        store.put("a", b"new", replacing=etag)


def test_the_first_line_of_what_is_too_large_is_not_read(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As nothing of it is; and nothing of what is empty."""
    for module in ("directory_files", "bodies"):
        monkeypatch.setattr(f"xpjob.store.{module}.MAX_DOCUMENT", 1000)
    for body in (b"a\n" + bytes(999), b""):
        store.put("a", body, replacing=None)
        held = store.first_line("a")
        assert held is not None
        assert held.body == b""


def test_a_document_is_written_in_pieces(store: Store) -> None:
    """As if it were whole: its condition holds, and so does its etag."""
    pieces = [b"", b"one", b"x" * 3_000_000, b"", b"two", b"y" * 70_000]
    content = Content(lambda: iter(pieces))
    etag = store.put("a", content, replacing="")
    with pytest.raises(ConflictError):
        store.put("a", content, replacing="")
    assert store.get("a") == Stored(b"".join(pieces), etag)
    assert store.put("a", content, replacing=etag) == etag
    assert store.put("a", b"".join(pieces), replacing=etag) == etag


def test_pieces_that_cannot_be_made_change_nothing(store: Store) -> None:
    """Neither the document nor the store: the next write succeeds."""

    def pieces() -> Iterator[bytes]:
        yield b"one"
        raise TypeError("of a row")

    etag = store.put("a", b"old", replacing=None)
    with pytest.raises(TypeError, match="of a row"):
        store.put("a", Content(pieces), replacing=etag)
    assert store.get("a") == Stored(b"old", etag)
    store.put("a", b"new", replacing=etag)


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
    for module in ("directory_files", "bodies"):
        monkeypatch.setattr(f"xpjob.store.{module}.MAX_DOCUMENT", 1000)
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


def test_memory_keeps_nothing() -> None:
    """Every run is the first."""
    store = opened()
    assert isinstance(store, MemoryStore)
    store.put("a", b"x", replacing="")
    assert store.get("a") is None


def test_the_key_names_the_cluster() -> None:
    """Clusters never mix."""
    assert key_of("prod-eu", "x") == "prod-eu/x"
    assert key_of("", "x") == "x"
