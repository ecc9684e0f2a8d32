"""Snapshots that are loaded by another process: the same answers, and nothing that goes wrong."""

from __future__ import annotations

import io
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from array import array
from collections.abc import Iterator
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.reader import Reader, make_reader
from support.reader_sample import FakeStore, at, snapshot
from xpjob.base import memory
from xpjob.base.scratch import scratch
from xpjob.reader import handover, loader, loading
from xpjob.reader.child import Order
from xpjob.reader.loader import Loader
from xpjob.reader.loading import Contents
from xpjob.reader.packed import Encoded, Texts, narrowed_times

PATHS = (
    "/bookkeeping",
    "/bookkeeping?team=checkout&ready=false&sort=-notReady&limit=2",
    "/bookkeeping?name=*1*&format=csv",
    "/bookkeeping?q=quota&format=ndjson",
    "/bookkeeping?sort=-name,age&fields=name,ageSeconds",
    "/bookkeeping/summary?by=team,kind",
    "/bookkeeping/tree?name=orders",
    "/bookkeeping/findings",
    "/tables",
    "/tables/claims",
    "/tables/claims?lateness=late&lateness=long&facets=team,kind",
    "/tables/claims?format=csv&sort=-message",
    "/tables/xrs/summary?by=reason",
    "/overview",
    "/teams/",
    "/findings",
    "/clusters",
    "/metrics/inventory",
    "/schema.json",
    "/openapi.json",
)


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Have snapshots of any size loaded by processes; yield those that were started."""
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def noted(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(popen(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(loader, "SMALL", 0)
    monkeypatch.setattr(subprocess, "Popen", noted)
    yield started
    assert all(process.returncode is not None for process in started), "no zombies"


def answers(reader: Reader) -> dict[str, tuple[int, bytes, str | None]]:
    """Return the answers to many questions, and their ETags."""
    found = {path: reader.get(path) for path in PATHS}
    return {
        path: (answer.status_code, answer.content, answer.headers.get("etag"))
        for path, answer in found.items()
    }


def loaded(store: FakeStore) -> Reader:
    """Return a reader that has loaded what is in the store."""
    reader = make_reader(store)
    assert reader.snapshots.refresh()
    return reader


def test_answers_are_the_same(
    processes: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte, also for a document of version 0.1.0, wherever it is loaded."""
    store = FakeStore()
    whole = snapshot(many=700)
    whole.claims[5].message = "🚀 ' \\ \u2028"
    store.save(whole)
    apart = answers(loaded(store))
    assert len(processes) == 1
    monkeypatch.setattr(loader, "SMALL", 1 << 30)
    here = answers(loaded(store))
    assert len(processes) == 1
    assert apart == here
    assert {status for status, _, _ in here.values()} == {200}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "corrupt"),
        (b'{"schemaVersion":99}', "newer_schema"),
        (b'{"claims":[1]}', "corrupt"),
    ],
)
def test_a_corrupt_document_is_told_apart(
    processes: list[subprocess.Popen[bytes]], body: bytes, reason: str
) -> None:
    """By its own reason; the snapshot before is served, and the document is not read again."""
    store = FakeStore()
    store.save(snapshot())
    reader = loaded(store)
    store.put("snapshot.json", body, replacing=None)
    assert reader.snapshots.refresh()
    assert reader.get("/bookkeeping").headers["xpjob-stale-reasons"] == reason
    assert reader.snapshots.refresh()
    assert len(processes) == 2


KILLED = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
BROKEN = {
    "killed": f"import os; os.write(1, b'ready\\n'); {KILLED}",
    "killed at the start": KILLED,
    "crashed": "import os; os.write(1, b'ready\\n'); raise MemoryError('too much')",
    "silent": "import os; os.write(1, b'ready\\n')",
    "nonsense": "import os; os.write(1, b'ready\\n' + b'nonsense' * 9)",
    "too much": "import os; os.write(1, b'ready\\n' + b'\\xff' * 8)",
    "another thing": "import os, io; from xpjob.reader import handover; f = io.BytesIO(); "
    "handover.dump(['no', 'snapshot'], f); os.write(1, b'ready\\n' + f.getvalue())",
    "half an answer": "import os, pickle; p = pickle.dumps([('bytes', 99)]); "
    "os.write(1, b'ready\\n' + len(p).to_bytes(8, 'big') + p + b'half')",
    "hangs": "import os, time; os.write(1, b'ready\\n'); time.sleep(600)",
    "hangs at the start": "import time; time.sleep(600)",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_process_that_fails_costs_nothing_but_the_news(
    processes: list[subprocess.Popen[bytes]],
    how: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The snapshot before is served, marked; trying again becomes ever more seldom."""
    store = FakeStore()
    store.save(snapshot())
    reader = loaded(store)
    before = reader.json("/bookkeeping")
    store.save(snapshot(2, many=5, generated_at=at(seconds=5)))
    with monkeypatch.context() as patch:
        path = "import os, sys; sys.path[:] = sys.argv[1:]; os.read(0, 1 << 20); "
        patch.setattr(loader, "_CODE", path + BROKEN[how])
        if "hangs" in how:
            patch.setattr(loader, "_SECONDS", 1.0)
        assert reader.snapshots.refresh()
        answer = reader.get("/bookkeeping")
        assert answer.headers["xpjob-stale-reasons"] == "not_loaded"
        assert answer.json() == {**before, "stale": True}
        assert 'failures_total{reason="not_loaded"} 1.0' in reader.get("/metrics").text
        assert "it is tried again" in str(caplog.records[-1].__dict__["error"])
        count = len(processes)
        assert reader.snapshots.refresh()
        assert len(processes) == count, "not at once"
        reader.clock.forward(seconds=2.5 * reader.snapshots.refresh_seconds)
        assert reader.snapshots.refresh()
        assert len(processes) == count + 1
        reader.clock.forward(seconds=2.5 * reader.snapshots.refresh_seconds)
        assert reader.snapshots.refresh()
        assert len(processes) == count + 1, "ever more seldom"
    reader.clock.forward(seconds=2.5 * reader.snapshots.refresh_seconds)
    assert reader.snapshots.refresh()
    assert reader.get("/bookkeeping").headers["xpjob-stale"] == "false"
    assert reader.json("/bookkeeping?limit=1")["total"] == 11


RAISING = "loading.contents = lambda *_, **__: (_ for _ in ()).throw({}); child.main()"
CAUSES = {
    "killed": (f"child._load = lambda _: exec({KILLED!r}); child.main()", "memory limit"),
    "no memory": (RAISING.format("MemoryError('x' * 9)"), "memory limit"),
    "no memory to map": (RAISING.format("OSError(12, 'Cannot allocate')"), "memory limit"),
    "a bug": (RAISING.format("KeyError('memoryRequested')"), "KeyError: 'memoryRequested'"),
    "another bug": (RAISING.format("TypeError('no answer')"), "TypeError: no answer"),
    "hangs": ("import time; child._load = lambda _: time.sleep(600); child.main()", "processor"),
    "hangs without output": (
        "import os, time; os.write(1, child.READY); os.close(1); time.sleep(600)",
        "report this text",
    ),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_the_advice_fits_the_cause(
    processes: list[subprocess.Popen[bytes]],
    cause: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The error has the last line that the failed process wrote to its standard error."""
    code, expected = CAUSES[cause]
    start = "import sys; sys.path[:] = sys.argv[1:]; from xpjob.reader import child, loading; "
    monkeypatch.setattr(loader, "_CODE", start + code)
    monkeypatch.setattr(loader, "_SECONDS", 1.0 if cause == "hangs" else 60.0)
    if cause == "hangs without output":
        monkeypatch.setattr(loader, "_LAST_WORDS", 0.1)
    store = FakeStore()
    store.save(snapshot())
    assert make_reader(store).snapshots.refresh()
    assert len(processes) == 1
    error = str(caplog.records[-1].__dict__["error"])
    assert expected in error
    advices = ("memory limit", "processor limit", "report this text")
    assert sum(advice in error for advice in advices) == 1
    assert ("report this text" in error) == (expected not in ("memory limit", "processor"))


@pytest.mark.parametrize("error", [KeyError("memoryRequested"), MemoryError()])
def test_the_advice_also_fits_where_it_is_loaded_here(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As small ones are; and it is marked, as there."""

    def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(loading, "contents", failing)
    store = FakeStore()
    store.save(snapshot())
    reader = make_reader(store)
    assert reader.snapshots.refresh()
    said = str(caplog.records[-1].__dict__["error"])
    assert ("memory limit" in said) == isinstance(error, MemoryError)
    assert type(error).__name__ in said


def test_a_newer_document_is_loaded_at_once(
    processes: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although the one before it is to be tried again only later."""
    store = FakeStore()
    store.save(snapshot())
    reader = loaded(store)
    store.save(snapshot(2))
    with monkeypatch.context() as patch:
        patch.setattr(loader, "_CODE", KILLED)
        assert reader.snapshots.refresh()
    store.save(snapshot(3, many=3))
    assert reader.snapshots.refresh()
    assert reader.json("/bookkeeping?limit=1")["total"] == 9


@pytest.mark.parametrize(
    "how",
    [
        *("no process", "no imports", "no pickles", "no files"),
        *("no threads", "no threads there", "other output"),
    ],
)
def test_without_a_process_it_is_loaded_here(
    processes: list[subprocess.Popen[bytes]],
    how: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And that is said once."""
    if how == "no process":
        monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    elif how == "no imports":
        monkeypatch.setattr(loader, "_CODE", "import nonexistent")
    elif how == "no threads":
        monkeypatch.setattr(threading, "Timer", _NoTimer)
    elif how == "no threads there":
        code = "import threading; threading.Thread.start = lambda _: 1 / 0; "
        monkeypatch.setattr(loader, "_CODE", code + loader._CODE)
    elif how == "other output":
        code = "import os; os.write(1, b'warning: this Python is old\\n'); "
        monkeypatch.setattr(loader, "_CODE", code + loader._CODE)
    elif how == "no files":
        monkeypatch.setattr(os, "memfd_create", _refused)
        monkeypatch.setattr(tempfile, "TemporaryFile", _refused)
    store = FakeStore()
    store.save(snapshot())
    reader = make_reader(store)
    if how == "no pickles":
        makers = reader.snapshots._loader._makers
        make = makers["crossplane"]
        monkeypatch.setitem(makers, "crossplane", lambda *arguments: make(*arguments))
    assert reader.snapshots.refresh()
    store.save(snapshot(2, generated_at=at(seconds=5)))
    assert reader.snapshots.refresh()
    assert reader.json("/tables")["generatedAt"] == at(seconds=5)
    said = [record for record in caplog.records if "no process can be started" in record.message]
    assert len(said) == (how != "no files")


def _refused(*_: object) -> None:
    raise OSError("not permitted")


class _NoTimer(threading.Timer):
    def start(self) -> None:
        """Fail as where no more threads are allowed."""
        raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("files", [True, False], ids=["in files", "without files"])
def test_a_corrupt_snapshot_costs_no_other_cluster_its_own(
    monkeypatch: pytest.MonkeyPatch, *, files: bool
) -> None:
    """Wherever documents are kept while they are read."""
    if not files:
        monkeypatch.setattr(os, "memfd_create", _refused)
        monkeypatch.setattr(tempfile, "TemporaryFile", _refused)
    store = FakeStore()
    for cluster in ("a", "b"):
        store.save(snapshot(cluster=cluster), cluster)
    store.put("a/snapshot.json", b"not json", replacing=None)
    reader = make_reader(store)
    assert reader.snapshots.refresh()
    held = reader.snapshots.clusters
    assert {name: each.verdict for name, each in held.items()} == {"a": "corrupt", "b": ""}
    assert held["b"].snapshot is not None


def test_a_bug_costs_no_other_cluster_its_news(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged and counted, and the reader does not say that all went well."""
    store = FakeStore()
    for cluster in ("a", "b"):
        store.save(snapshot(cluster=cluster), cluster)
    reader = make_reader(store)
    with monkeypatch.context() as patch:
        load = Loader.load

        def failing(self: Loader, body: BinaryIO, where: str, etag: str) -> Contents:
            if "a/" in where:
                body.close()
                raise ZeroDivisionError
            return load(self, body, where, etag)

        patch.setattr(Loader, "load", failing)
        assert not reader.snapshots.refresh()
    assert [record.message for record in caplog.records if record.exc_info] == ["refreshing failed"]
    assert 'failures_total{reason="internal"} 1.0' in reader.get("/metrics").text
    assert list(reader.snapshots.clusters) == ["b"]
    assert reader.snapshots.refresh()
    assert sorted(reader.snapshots.clusters) == ["a", "b"]


def test_a_temporary_file_does_as_well(
    processes: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are no anonymous files in memory."""
    monkeypatch.setattr(os, "memfd_create", _refused)
    store = FakeStore()
    store.save(snapshot())
    assert loaded(store).json("/bookkeeping?limit=1")["total"] == 6
    assert len(processes) == 1


def test_stopping_ends_the_process(
    processes: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At once, and without complaint."""
    monkeypatch.setattr(loader, "_CODE", BROKEN["hangs at the start"])
    store = FakeStore()
    store.save(snapshot())
    reader = make_reader(store)
    refreshing = threading.Thread(target=reader.snapshots.refresh)
    refreshing.start()
    while reader.snapshots._loader._process is None:
        assert refreshing.is_alive()
    reader.snapshots.stop()
    refreshing.join(20)
    assert not refreshing.is_alive()
    assert processes[0].returncode == -signal.SIGKILL
    assert not [record for record in caplog.records if record.levelname != "DEBUG"]


def test_the_process_ends_with_the_reader() -> None:
    """Also where that is killed, and can end nothing."""
    code = (
        "import sys, time; from xpjob.reader import child, loading; "
        "loading.read = lambda *_: time.sleep(600); child.main()"
    )
    with scratch() as body:
        order = pickle.dumps(Order(body.fileno(), "x", "e", pickle.dumps(()), b"", 1 << 30))
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(body.fileno(),),
        )
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(len(order).to_bytes(8, "big") + order)
        process.stdin.flush()
        assert process.stdout.readline() == b"ready\n"
        process.stdin.close()
        assert process.wait(60) == 1
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_memory_is_limited(
    processes: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document that takes more than there is fails by itself, not with the reader."""
    monkeypatch.setattr(loader, "_LEAST", 1 << 20)
    monkeypatch.setattr(memory, "limit", lambda: 1 << 20)
    store = FakeStore()
    store.save(snapshot(many=20_000))
    reader = make_reader(store)
    assert reader.snapshots.refresh()
    (held,) = reader.snapshots.clusters.values()
    assert held.verdict == "not_loaded"


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=9) | st.binary(max_size=9000),
    lambda inner: (
        st.lists(inner, max_size=700)
        | st.lists(inner, max_size=9).map(tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=30,
)


@given(VALUES, st.integers(0, 2000))
def test_what_is_handed_over_is_the_same(value: object, count: int) -> None:
    """Whatever its size: large buffers and long collections go by themselves."""
    numbers = array("d", range(count))
    whole = [value, numbers, {"again": numbers, "many": list(range(count))}]
    whole += [dict.fromkeys(range(count), "x"), tuple(map(str, range(count))), bytearray(count)]
    expected = pickle.loads(pickle.dumps(whole))
    written = io.BytesIO()
    handover.dump(whole, written)
    written.seek(0)
    found = handover.load(written, 1 << 30)
    assert found == expected
    assert found[1] is found[2]["again"]
    assert list(map(type, found)) == list(map(type, expected))


@given(st.lists(st.text().map(lambda text: text.replace("\ud800", "")), unique=True), st.text())
def test_texts_are_found_by_code_and_by_text(texts: list[str], other: str) -> None:
    """As in a tuple that begins with None."""
    expected = (None, *texts)
    made = Texts(texts)
    assert tuple(made) == expected
    assert tuple(made[code] for code in range(len(made))) == expected
    for text in {*texts, other}:
        assert made.code(text) == (expected.index(text) if text in expected else None)


@given(st.lists(st.integers(-(1 << 33), 1 << 33) | st.integers(-9, 9)))
def test_times_take_four_bytes_if_they_fit(seconds: list[int]) -> None:
    """And are the same in any case."""
    made = narrowed_times(array("q", seconds))
    assert list(made) == seconds
    fit = all(-(1 << 31) <= each < 1 << 31 for each in seconds)
    assert made.itemsize == (4 if fit else 8)


@given(st.lists(st.binary(max_size=60).map(lambda b: b'"%s"' % b.hex().encode()), max_size=900))
def test_rows_are_read_from_their_blocks(rows: list[bytes]) -> None:
    """One by one, many at a time, and all as a list."""
    made = Encoded.of(rows)
    assert list(made) == rows
    assert [made[row] for row in range(len(made))] == rows
    assert made[3:90] == rows[3:90]
    assert bytes(made.whole()) == b"[" + b",".join(rows) + b"]"
    if rows:
        assert made.read(made.starts[0], made.starts[-1] - 1) == b",".join(rows)
    assert list(pickle.loads(pickle.dumps(made))) == rows


def test_a_row_may_be_larger_than_many_blocks() -> None:
    """And lie between small ones."""
    rows = [b'"a"', b'"%s"' % (b"x" * 1_000_000), b'"b"']
    assert list(Encoded.of(rows)) == rows
