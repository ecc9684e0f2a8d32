"""The first line of a snapshot, which has all that the next run reads of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import format_datetime
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from support.samples import run_info
from support.toy_rows import PodList, PodRow
from support.toy_snapshots import commit, pod, put, recalled, snapshot
from xpjob.base import times
from xpjob.base.errors import XpjobError
from xpjob.collect.attempt import Attempt
from xpjob.collect.before import Before
from xpjob.net.clock import KUBERNETES, Clock
from xpjob.run.previous import Previous, recall
from xpjob.run.previous_documents import Whole
from xpjob.snapshot import documents, next_run
from xpjob.snapshot.documents import AnotherClusterError, NewerSchemaError, Snapshot
from xpjob.store.base import Stored
from xpjob.store.content import Body, pieces_of
from xpjob.store.directory import DirectoryStore

KEY = "prod/snapshot.json"


class Counting(DirectoryStore):
    """Notes which documents are read as a whole."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.whole: list[str] = []
        self.others: list[bytes] = []

    def get(self, key: str, unless: str = "", into: object = None) -> Stored | None:
        if not unless:
            self.whole.append(key)
        return super().get(key, unless)

    def put(self, key: str, body: Body, *, replacing: str | None) -> str:
        if replacing is not None and self.others:
            super().put(key, self.others.pop(0), replacing=None)
        return super().put(key, body, replacing=replacing)


@pytest.fixture
def store(tmp_path: Path) -> Counting:
    """An empty store."""
    return Counting(tmp_path / "store")


def with_line(made: Snapshot) -> Snapshot:
    """Return the snapshot as a run stores it."""
    made.next_run = next_run.encode(made.rows, (PodList(),))
    return made


class Remembering(PodList):
    """Notes the names of the rows that it gets of the previous run."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[list[str]] = []

    def recall(self, before: Before) -> None:
        self.seen.append([row.name for row in before.rows["podList"]])


class Dated(PodList):
    """Recalls whole rows, and keeps what it gets of the previous run."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = [replace(spec, previous=PodRow) for spec in PodList.tables]
        self.before: Before | None = None

    def recall(self, before: Before) -> None:
        self.before = before


def head_of(previous: Previous) -> dict[str, object]:
    """Return the head of what was read; of the counting of usage there is none."""
    assert previous.head is not None
    return msgspec.structs.asdict(previous.head) | {"usage": None}


def names(store: DirectoryStore) -> list[str]:
    """Return the names of the rows that the next run gets."""
    collector = Remembering()
    recall(store, "prod", run_info(9), (collector,), {"pods": Attempt("pods")}, max_age=3600)
    return collector.seen[0]


def test_it_is_all_that_is_read(store: Counting) -> None:
    """The rows and the head are what the whole document has."""
    etag = put(store, with_line(snapshot(1)))
    found = recalled(store, run_info(5))
    assert KEY not in store.whole
    assert names(store) == ["a", "b"]
    put(store, snapshot(1))
    of_whole = recalled(store, run_info(5))
    assert (found.etag, found.groups, found.before) == (etag, of_whole.groups, of_whole.before)
    assert head_of(found) == head_of(of_whole)


@pytest.mark.parametrize("with_its_line", [True, False])
def test_times_in_the_future_are_set_back_in_its_rows(store: Counting, with_its_line: bool) -> None:
    """As in the rows of the whole document, after a run with a wrong clock."""
    future, clock, collector = "2999-01-01T00:00:00.000000Z", Clock(), Dated()
    clock.observe(KUBERNETES, {"Date": format_datetime(times.now(), usegmt=True)})
    made = snapshot(1, rows=(pod("a", carried_since=future), pod("b")), generated_at=future)
    if with_its_line:
        made.next_run = next_run.encode(made.rows, (collector,))
    put(store, made)
    attempts = {collector.name: Attempt(collector.name)}
    recall(store, "prod", run_info(9), (collector,), attempts, max_age=3600, clock=clock)
    before = collector.before
    assert before is not None
    assert [row.carried_since for row in before.rows["podList"]] == [before.limit, ""]
    assert "" < before.limit < future


def test_it_is_written_with_the_snapshot(store: Counting) -> None:
    """By every run, and the document is the same for whoever reads all of it."""
    made, _ = commit(store, recalled(store, run_info(5)), 5, "ours")
    found = store.get(KEY)
    assert found is not None
    assert found.body == documents.encode(made)
    raw = documents.decode_raw(found.body, "here")
    assert [msgspec.json.decode(row)["name"] for row in raw.rows("podList")] == ["found"]
    store.whole.clear()
    assert names(store) == ["found"]
    assert store.whole == ["prod/run.json"]


def changed(pattern: bytes, by: bytes) -> Callable[[bytes], bytes]:
    """Return what replaces some of a document by as many bytes."""

    def change(body: bytes) -> bytes:
        made, count = re.subn(pattern, by, body, count=1)
        assert (count, len(made)) == (1, len(body))
        return made

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b"},\n", b"},", 1),
        lambda body: b" \n" + body,
        lambda body: re.sub(rb'"nextRun":.*\n', b"", body),
        changed(rb'"fields":."namespace"', b'"fields":["nameplate"'),
        changed(rb'"rows":.."team-a","a",0', b'"rows":[["team-a","a",9'),
        changed(rb'"rows":.."team-a","a",0', b'"rows":[["team-a",12 ,0'),
        changed(rb'"nextRun":.', b'"nextRun":['),
        changed(rb'"tables":{"podList"', b'"tables":["podList"'),
    ],
    ids=[
        *("one line", "an empty line first", "without it"),
        *("other fields", "a row that is not there", "a row of another type", "no JSON", "a list"),
    ],
)
def test_without_one_that_fits_the_whole_is_read(
    store: Counting, change: Callable[[bytes], bytes]
) -> None:
    """Where that is readable; otherwise a copy is kept, and the run begins anew."""
    body = change(documents.encode(with_line(snapshot(1))))
    put(store, body)
    try:
        msgspec.json.decode(body)
        expected = ["a", "b"]
    except msgspec.DecodeError:
        expected = []
    found = recalled(store, run_info(5))
    assert (found.head is not None) == bool(expected)
    if expected:
        assert names(store) == expected
    else:
        assert Path(store.where(f"{KEY}.unreadable")).read_bytes() == body
    commit(store, found, 5, "next")
    store.whole.clear()
    assert names(store) == ["found"]
    assert KEY not in store.whole


def test_a_document_that_was_cut_off_in_it_is_kept_aside(store: Counting) -> None:
    """And counts as missing."""
    body = documents.encode(with_line(snapshot(1)))
    end = body.index(b"\n")
    for length in (9, end - 1, end):
        put(store, body[:length])
        assert recalled(store, run_info(5)).head is None
        assert Path(store.where(f"{KEY}.unreadable")).read_bytes() == body[:length]


@pytest.mark.parametrize(
    "change",
    [
        lambda body, end: body[:end],
        lambda body, end: body[: end + 1],
        lambda body, end: body[: max(end, len(body) - 3)],
        lambda body, end: body[:end] + body[end:].replace(b":", b";"),
    ],
    ids=["no rows", "a byte of the rows", "cut off at the end", "damaged"],
)
def test_what_is_damaged_after_it_is_noticed_when_it_is_read(
    store: Counting, change: Callable[[bytes, int], bytes]
) -> None:
    """A run that needs none of it goes on; one that carries rows has none, and a copy is kept."""
    body = documents.encode(with_line(snapshot(1)))
    damaged = change(body, body.index(b"\n") + 1)
    put(store, damaged)
    assert names(store) == ["a", "b"]
    aside = Path(store.where(f"{KEY}.unreadable"))
    assert not aside.exists()
    assert Whole(store, "prod", known=True).read() is None
    assert aside.read_bytes() == damaged


def test_documents_with_the_size_in_it_are_read(store: Counting) -> None:
    """As versions wrote them for a while."""
    body = documents.encode(with_line(snapshot(1)))
    put(store, body.replace(b'"nextRun":{', b'"nextRun":{"size":123         ,', 1))
    assert names(store) == ["a", "b"]
    assert KEY not in store.whole


def test_its_head_is_judged_as_that_of_the_whole(store: Counting) -> None:
    """Another cluster's, or that of a newer xpjob, is not replaced."""
    for changes, error in (
        ({"cluster": "other"}, AnotherClusterError),
        ({"schema_version": 9}, NewerSchemaError),
    ):
        put(store, with_line(snapshot(1, **changes)))
        with pytest.raises(error):
            recalled(store, run_info(5))
    put(store, with_line(snapshot(1, generated_at="yesterday")))
    assert recalled(store, run_info(5)).head is None


@pytest.mark.parametrize("line", [True, False])
def test_after_a_conflict_that_of_the_other_run_counts(store: Counting, line: bool) -> None:
    """Not that which was read before."""
    put(store, with_line(snapshot(1, "before", rows=(pod("before"),))))
    collector = Remembering()
    previous = recalled(store, run_info(5))
    other = snapshot(4, "other", rows=(pod("other"),))
    store.others = [documents.encode(with_line(other) if line else other)]
    commit(store, previous, 5, "ours", collector=collector)
    assert collector.seen == [["other"]]
    assert names(store) == ["found"]


def test_rows_of_another_type_are_in_no_first_line() -> None:
    """Nor those that cannot be read; the next run reads the whole document."""
    (spec,) = PodList.tables
    raw = (b'{"namespace":7}', b"{", b"null", b'{"namespace":"\xff","name":"x"}', b"[" * 100_000)
    for row in ({"namespace": "x"}, pod("\ud800"), *map(msgspec.Raw, raw)):
        assert next_run.encode({spec.key: [row]}, (PodList(),)) == b""
    made = snapshot(1, rows=())
    made.rows["podList"] = [{"namespace": "x", "name": "y"}]
    assert documents.encode(with_line(made)).count(b"\n") == 1


def test_what_cannot_be_written_leaves_what_was_there(
    store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first line and the rows are of one document: both are those of before."""
    put(store, with_line(snapshot(1)))
    previous: Previous = recalled(store, run_info(5))

    def ends(_self: DirectoryStore, _key: str, body: Body, *, replacing: str | None) -> str:
        next(pieces_of(body))
        raise XpjobError("writing: no space left on device")

    monkeypatch.setattr(DirectoryStore, "put", ends)
    with pytest.raises(XpjobError, match="no space"):
        commit(store, previous, 5, "ours")
    assert names(store) == ["a", "b"]
