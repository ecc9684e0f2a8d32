"""The store in a directory."""

from __future__ import annotations

import errno
import os
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from xpjob.base.errors import (
    ConflictError,
    DeadlineError,
    MisconfiguredError,
    RefusedError,
    XpjobError,
)
from xpjob.net.deadline import Deadline
from xpjob.store.directory import DirectoryStore


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
    with pytest.raises(XpjobError, match="No space left on device; free space on the file system"):
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
            pytest.raises(DeadlineError, match=f"{tmp_path}/a: deadline exceeded"),
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
    with pytest.raises(MisconfiguredError, match="set STORE_DIR to a directory") as caught:
        DirectoryStore(tmp_path / "file" / "store").put("a", b"", replacing=None)
    assert str(tmp_path / "file" / "store") in str(caught.value)


@pytest.mark.parametrize(
    ("number", "code", "advice"),
    [
        (errno.EROFS, 2, "mount STORE_DIR writable"),
        (errno.EDQUOT, 1, "free space"),
        (errno.ENOLCK, 1, "check the network file system"),
        (errno.ESTALE, 1, "check the network file system"),
        (errno.EMFILE, 1, "raise the limit of open files"),
        (errno.EIO, 1, "check the disk"),
    ],
)
def test_the_advice_fits_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int, advice: str
) -> None:
    """What the system says decides what is to be done, and whether a setting is wrong."""

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.open", fail)
    store = DirectoryStore(tmp_path)
    for action in (partial(store.get, "a"), partial(store.put, "a", b"", replacing=None)):
        with pytest.raises(XpjobError, match=f"{os.strerror(number)}; {advice}") as caught:
            action()
        assert caught.value.exit_code == code


def test_missing_rights_are_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run as root, who is refused nothing: so the system's answer is played."""

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a").touch()
    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(RefusedError, match="Permission denied; give this user access"):
        DirectoryStore(tmp_path).get("a")
