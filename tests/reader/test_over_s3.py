"""The reader over HTTP, on real S3 that is stopped, slowed, filled with garbage and restarted."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.processes import POOL, free_port, serving
from support.reader_sample import report, snapshot
from support.s3_server import S3, serve_s3
from xpjob.base import times
from xpjob.base.errors import RefusedError, TransientError
from xpjob.collectors import COLLECTORS
from xpjob.collectors.extensions import EXTENSIONS
from xpjob.config.option import Config
from xpjob.net.options import NetOptions
from xpjob.net.serving import Background, listen
from xpjob.reader.app import create_app
from xpjob.reader.options import ReaderOptions
from xpjob.snapshot import documents
from xpjob.store.base import MemoryStore
from xpjob.store.directory import DirectoryStore
from xpjob.store.options import StoreOptions
from xpjob.store.s3 import S3Store


class Line:
    """The way to S3, which can be cut and held up: a TCP forwarder on a port of its own."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url).port
        self.port = free_port()
        self._free = threading.Event()
        self._free.set()
        self.waiting = threading.Event()
        self._listening: socket.socket | None = None
        self.restore()

    def cut(self) -> None:
        """Refuse connections from now on."""
        if self._listening:
            self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
            self._listening = None

    def restore(self) -> None:
        """Take connections again."""
        self._free.set()
        if self._listening is None:
            self._listening = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._accept, args=[self._listening], daemon=True).start()

    def hold(self) -> None:
        """Take connections, and let nothing through."""
        self._free.clear()
        self.waiting.clear()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            back = threading.Thread(target=self._copy, args=[server, client], daemon=True)
            back.start()
            self._copy(client, server, gated=True)
            back.join()

    def _copy(self, source: socket.socket, sink: socket.socket, *, gated: bool = False) -> None:
        try:
            while data := source.recv(65_536):
                if gated and not self._free.is_set():
                    self.waiting.set()
                    self._free.wait(20)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return


@contextmanager
def reader_on(
    served: S3,
    monkeypatch: pytest.MonkeyPatch,
    documents: Mapping[str, bytes] | None = None,
    **changes: Any,
) -> Iterator[tuple[Line, S3Store, str]]:
    """Serve a reader over HTTP on that S3, with a line that can be cut, and a store to write to.

    The documents, by key, are there before the reader looks for the first time.
    """
    for name, value in served.environment().items():
        monkeypatch.setenv(name, value)
    line = Line(served.url)
    common: dict[str, Any] = {"store_backend": "s3", "s3_bucket": "inventory", **changes}
    net = NetOptions(request_timeout_seconds=2.0)
    stored = StoreOptions(**common, s3_endpoint=f"http://127.0.0.1:{line.port}")
    config = Config.of(stored, net, ReaderOptions(refresh_seconds=0.05, poll_interval_seconds=3600))
    direct = S3Store(StoreOptions(**common, s3_endpoint=served.url), NetOptions())
    for key, body in (documents or {}).items():
        direct.put(key, body, replacing=None)
    app = create_app(S3Store(stored, net), config, COLLECTORS, EXTENSIONS)
    with Background(app, listen("127.0.0.1", 0)) as background:
        yield line, direct, background.url
    line.cut()


def fresh(number: int, **changes: Any) -> bytes:
    """Return a snapshot that was taken now."""
    taken = times.rfc3339(times.now())
    return documents.encode(snapshot(number, generated_at=taken, **changes))


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that another thread brings about."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def reasons(url: str) -> str:
    """Return why the snapshot is stale, "" where it is not."""
    answer = POOL.request("GET", f"{url}/bookkeeping?limit=1")
    assert answer.status == 200
    return answer.headers.get("Xpjob-Stale-Reasons", "")


def test_news_come_by_themselves_and_troubles_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Absent, first, newer, garbage, cut, held up, restored: it always serves the last good one."""
    with serve_s3(tmp_path) as served, reader_on(served, monkeypatch) as (line, store, url):
        until(lambda: POOL.request("GET", f"{url}/readyz").status == 503, "up")
        store.put("snapshot.json", fresh(1), replacing=None)
        until(lambda: POOL.request("GET", f"{url}/readyz").status == 200, "first snapshot")
        assert reasons(url) == ""

        store.put("snapshot.json", fresh(2)[:200], replacing=None)
        until(lambda: reasons(url) == "corrupt", "half a snapshot is seen")
        store.put("snapshot.json", b"\x00garbage", replacing=None)
        until(lambda: reasons(url) == "corrupt", "garbage is seen")
        store.put("snapshot.json", b'{"schemaVersion":7}', replacing=None)
        until(lambda: reasons(url) == "newer_schema", "a newer one is seen")

        store.put("snapshot.json", fresh(3, many=5), replacing=None)
        until(lambda: reasons(url) == "", "a good one replaces them")
        line.cut()
        until(lambda: reasons(url) == "store_away", "the store is away")
        whole = POOL.request("GET", f"{url}/bookkeeping").json()
        assert len(whole["claims"]) == 8
        assert whole["stale"] is True

        store.put("snapshot.json", fresh(4), replacing=None)
        line.restore()
        until(lambda: reasons(url) == "", "the store is back")
        assert POOL.request("GET", f"{url}/bookkeeping").json()["total"] == 6

        line.hold()
        assert line.waiting.wait(20)
        started = time.monotonic()
        for _ in range(20):
            assert POOL.request("GET", f"{url}/bookkeeping").status == 200
        # Each request of the store takes the whole 2 s that it has.
        assert time.monotonic() - started < 10, "a slow store holds no request up"
        line.restore()
        store.put("snapshot.json", fresh(5, many=1), replacing=None)
        total = f"{url}/bookkeeping?limit=1"
        until(lambda: POOL.request("GET", total).json()["total"] == 7, "news after a slow store")


def test_an_unchanged_snapshot_is_a_304(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for again and again, its body crosses the wire once."""
    with serve_s3(tmp_path) as served, reader_on(served, monkeypatch) as (_, store, url):
        store.put("snapshot.json", fresh(1), replacing=None)
        until(lambda: POOL.request("GET", f"{url}/readyz").status == 200, "first snapshot")
        served.requests.clear()
        until(lambda: len(served.requests) > 8, "several refreshes")
        asked = [r for r in served.requests if r[0] == "GET" and r[1].endswith("snapshot.json")]
        assert len(asked) > 2
        assert all("if_none_match" in headers for _, _, headers in asked[1:])


def test_clusters_are_found_in_the_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each below the prefix; what is no cluster is passed over."""
    stored = {
        "east/snapshot.json": fresh(1, cluster="east"),
        "west/snapshot.json": fresh(2, cluster="west"),
        "east/run.json": documents.encode(report()),
        "-odd-/snapshot.json": b"",
    }
    with (
        serve_s3(tmp_path) as served,
        reader_on(served, monkeypatch, stored) as (_, store, url),
    ):
        assert store.clusters() == ["east", "west"]
        until(lambda: POOL.request("GET", f"{url}/readyz").status == 200, "first snapshot")
        until(
            lambda: len(POOL.request("GET", f"{url}/clusters").json()["clusters"]) == 2,
            "both clusters",
        )
        assert POOL.request("GET", f"{url}/bookkeeping?cluster=west").status == 200


def test_s3_conditional_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unchanged without a body, changed with it, absent None; refused and away are told apart."""
    with serve_s3(tmp_path) as served, reader_on(served, monkeypatch) as (_, store, _url):
        assert store.get("a", unless='"x"') is None
        store.put("a", b"one", replacing=None)
        first = store.get("a")
        assert first
        again = store.get("a", unless=first.etag)
        assert again
        assert (again.unchanged, again.body, again.etag) == (True, b"", first.etag)
        store.put("a", b"two", replacing=None)
        changed = store.get("a", unless=first.etag)
        assert changed
        assert (changed.unchanged, changed.body) == (False, b"two")
        served.answer = (403, "AccessDenied")
        with pytest.raises(RefusedError):
            store.clusters()
        served.answer = (503, "SlowDown")
        with pytest.raises(TransientError):
            store.get("a", unless=first.etag)


def test_directory_conditional_reads(tmp_path: Path) -> None:
    """A file that looks as before is not read; one written anew with the same bytes is the same."""
    store = DirectoryStore(tmp_path / "kept")
    assert store.clusters() == []
    assert store.get("snapshot.json", unless="x") is None
    store.put("snapshot.json", b"one", replacing=None)
    first = store.get("snapshot.json")
    assert first
    for _ in range(2):
        again = store.get("snapshot.json", unless=first.etag)
        assert again
        assert (again.unchanged, again.body) == (True, b"")
        store.put("snapshot.json", b"one", replacing=None)
    store.put("snapshot.json", b"two", replacing=None)
    changed = store.get("snapshot.json", unless=first.etag)
    assert changed
    assert (changed.unchanged, changed.body) == (False, b"two")
    store.put("east/snapshot.json", b"", replacing=None)
    (tmp_path / "kept" / "empty").mkdir()
    assert store.clusters() == ["", "east"]
    assert MemoryStore().clusters() == []


def test_serve_is_a_process_that_ends_well(tmp_path: Path) -> None:
    """It serves a directory at the address given, and ends with 0 on SIGTERM."""
    DirectoryStore(tmp_path).put("snapshot.json", fresh(1), replacing=None)
    port = free_port()
    command = [sys.executable, "-m", "xpjob", "serve", "--store-backend", "directory"]
    command += ["--store-dir", str(tmp_path), "--metrics-addr", f"127.0.0.1:{port}"]
    url = f"http://127.0.0.1:{port}"
    with serving(command, f"{url}/readyz", tmp_path / "log") as process:
        assert len(POOL.request("GET", f"{url}/bookkeeping").json()["claims"]) == 3
        taken = subprocess.run(command, capture_output=True, text=True, check=False)
        assert taken.returncode == 1
        assert "stop the process that uses it" in taken.stderr
        show = [sys.executable, "-m", "xpjob", "show", "--url", url, "--not-ready", "-o", "json"]
        shown = subprocess.run(show, capture_output=True, check=True)
        assert [item["name"] for item in json.loads(shown.stdout)["xrs"]] == [
            "new-x3", "billing-x2",
        ]  # fmt: skip
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_serve_needs_a_store(tmp_path: Path) -> None:
    """Without one it says what to set, and that is a configuration error."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "PYTHONPATH", "HOME")}
    done = subprocess.run(
        [sys.executable, "-m", "xpjob", "serve"],
        capture_output=True, text=True, env=kept, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "set it to s3 (with S3_BUCKET) or directory" in done.stderr
