"""Folders that others write to: what is not a file is neither followed nor waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from support.irregular import KINDS, lease, place
from xpjob.base.errors import TransientError, XpjobError
from xpjob.net.deadline import Deadline
from xpjob.publish.textfile import Textfile
from xpjob.store import directory_files
from xpjob.store.base import NotAFileError
from xpjob.store.directory import DirectoryStore
from xpjob.terminal.shutdown import write_termination_log

IN_PLACE = r"{}: it is a .*, not a file"


@pytest.mark.parametrize("key", ["snapshot.json", "a/run.json", "a/history/2026/x.json"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_a_file_is_named_and_renamed_when_it_is_replaced(
    tmp_path: Path, kind: str, key: str
) -> None:
    """Reading changes nothing; a write renames it, and what it leads to stays as it was."""
    store, path = DirectoryStore(tmp_path), tmp_path / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"theirs")
    place(kind, path)
    for _ in range(2):
        with pytest.raises(NotAFileError, match=IN_PLACE.format(f"reading {path}")):
            store.get(key)
    assert key not in store.keys(key, 9)
    store.put(key, b"ours", replacing="")
    stored = store.get(key)
    assert stored is not None
    assert stored.body == b"ours"
    assert os.path.lexists(f"{path}.unreadable")
    assert path.with_name(f"{path.name}-was-here").read_bytes() == b"theirs"


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_follows_nothing(tmp_path: Path, kind: str) -> None:
    """Neither where it comes from, nor where it goes to."""
    store = DirectoryStore(tmp_path)
    place(kind, tmp_path / "from")
    with pytest.raises(NotAFileError, match=IN_PLACE.format(f"copying {tmp_path}/from")):
        store.copy("from", "to")
    store.put("whole", b"x", replacing=None)
    place(kind, tmp_path / "target")
    store.copy("whole", "target")
    assert (tmp_path / "target").read_bytes() == b"x"
    assert not (tmp_path / "target").is_symlink()


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_that_is_not_a_file_is_what_the_error_names(tmp_path: Path, kind: str) -> None:
    """It is not renamed: another process might just have made a good one."""
    place(kind, tmp_path / ".lock")
    store = DirectoryStore(tmp_path)
    for write in (
        lambda: store.put("snapshot.json", b"x", replacing=None),
        lambda: store.remove("snapshot.json"),
        lambda: store.copy("snapshot.json", "b"),
    ):
        with pytest.raises(NotAFileError, match=IN_PLACE.format(f"locking {tmp_path}/.lock")) as e:
            write()
        assert "snapshot.json" not in str(e.value)


def test_a_lock_that_is_a_hard_link_keeps_its_content(tmp_path: Path) -> None:
    """It was opened for writing, which emptied whatever had been linked there."""
    (tmp_path / "precious").write_bytes(b"precious")
    os.link(tmp_path / "precious", tmp_path / ".lock")
    DirectoryStore(tmp_path).put("a", b"x", replacing=None)
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_a_document_that_is_a_hard_link_is_replaced_not_modified(tmp_path: Path) -> None:
    """As dated snapshots are links to what was the newest."""
    (tmp_path / "precious").write_bytes(b"precious")
    os.link(tmp_path / "precious", tmp_path / "a")
    DirectoryStore(tmp_path).put("a", b"x", replacing=None)
    assert (tmp_path / "precious").read_bytes() == b"precious"


@pytest.mark.parametrize("kind", ["symlink", "dangling symlink", "fifo", "socket"])
def test_a_folder_that_is_something_else_is_not_followed(tmp_path: Path, kind: str) -> None:
    """Also where it leads to a directory of the kind that was expected."""
    (tmp_path / "store" / "east").mkdir(parents=True)
    (tmp_path / "store" / "east" / "snapshot.json").write_text("{}")
    store = DirectoryStore(tmp_path / "store")
    place(kind, tmp_path / "store" / "east")
    assert "east" not in store.clusters()
    for access in (
        lambda: store.get("east/snapshot.json"),
        lambda: store.put("east/snapshot.json", b"x", replacing=None),
        lambda: store.keys("east/history/", 9),
    ):
        with pytest.raises(NotAFileError, match=r"it is a .*, not a directory"):
            access()


def test_folders_are_listed_without_following_links(tmp_path: Path) -> None:
    """A link to a directory, or to itself, lists nothing."""
    store = DirectoryStore(tmp_path)
    store.put("history/2026/a.json", b"x", replacing=None)
    (tmp_path / "history" / "loop").symlink_to(tmp_path / "history")
    (tmp_path / "history" / "2026" / "link.json").symlink_to(tmp_path / "history/2026/a.json")
    assert store.keys("history/", 99) == ["history/2026/a.json"]


def test_litter_that_cannot_be_removed_does_not_stop_a_write(tmp_path: Path) -> None:
    """A directory with the name of an incomplete file stays."""
    (tmp_path / ".a.x").mkdir()
    (tmp_path / ".a.y").write_text("incomplete")
    DirectoryStore(tmp_path).put("a", b"x", replacing=None)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".a.x", ".lock", "a"]


def test_a_cluster_with_something_else_for_a_snapshot_is_still_there(tmp_path: Path) -> None:
    """Reading it says what is wrong."""
    place("fifo", tmp_path / "east" / "snapshot.json")
    assert DirectoryStore(tmp_path).clusters() == ["east"]


def test_a_file_with_a_lease_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the deadline, or ten seconds."""
    store = DirectoryStore(tmp_path)
    store.put("a", b"x", replacing=None)
    with lease(tmp_path / "a"):
        with Deadline(0.2).running(), pytest.raises(XpjobError, match="deadline exceeded"):
            store.get("a")
        monkeypatch.setattr(directory_files, "_LOCK_SECONDS", 0.1)
        with pytest.raises(TransientError, match="another process has a lease on it"):
            store.get("a")
    assert store.get("a") is not None


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_file_that_is_none_is_renamed(tmp_path: Path, kind: str) -> None:
    """Its metrics are not read, and what it leads to is not overwritten."""
    path = tmp_path / "x.prom"
    path.write_text("xpjob_inventory_timestamp_seconds 5\n")
    place(kind, path)
    publisher, registry = Textfile(path), CollectorRegistry()
    Gauge("a", "A.", registry=registry).set(1)
    with pytest.raises(XpjobError, match=IN_PLACE.format(f"reading {path}")):
        publisher.start_times()
    publisher.publish_inventory(registry)
    assert "a 1.0" in path.read_text()
    assert os.path.lexists(tmp_path / "x.prom.unreadable")
    assert "5" in (tmp_path / "x.prom-was-here").read_text()


@pytest.mark.parametrize("kind", [*KINDS, "hard link"])
def test_a_termination_log_that_is_no_file_is_left_alone(tmp_path: Path, kind: str) -> None:
    """The kubelet makes a file with one name."""
    path, target = tmp_path / "log", tmp_path / "log-was-here"
    path.write_text("theirs")
    if kind == "hard link":
        os.link(path, target)
    else:
        place(kind, path)
    write_termination_log(path, {"exitCode": 0, "error": ""})
    assert target.read_text() == "theirs"
