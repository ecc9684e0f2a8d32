"""The reader as a process, and clients that mean it ill."""

from __future__ import annotations

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from support.hostile_clients import attacking
from support.irregular import lease
from support.processes import free_port, serving
from support.reader_sample import snapshot
from xpjob.snapshot import documents

RECORDS, CLIENTS, LIMIT = 50_000, 500, 384 << 20
"""What k8s/base promises: records, connections, and bytes."""
PAGES = ("/", "/bookkeeping?ready=false&sort=-notReady&limit=50", "/bookkeeping/summary?by=team")


@dataclass
class Reader:
    """A reader, its process, and what it logs."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    store: Path

    def ask(self, path: str) -> urllib3.BaseHTTPResponse:
        """Ask over a connection of its own."""
        with urllib3.PoolManager(retries=False, timeout=20) as pool:
            return pool.request("GET", self.url + path)

    def timed(self, path: str) -> float:
        """Return how many seconds it takes to be answered with 200."""
        started = time.monotonic()
        answer = self.ask(path)
        assert answer.status == 200, (path, answer.data[:200])
        return time.monotonic() - started

    def stale(self) -> str:
        """Return why what is served is stale."""
        return self.ask("/bookkeeping?limit=1").headers.get("Xpjob-Stale-Reasons", "")

    def peak(self) -> int:
        """Return the most memory that the process has ever held, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found
        return int(found[1]) << 10


@contextmanager
def reading(directory: Path, **settings: str) -> Iterator[Reader]:
    """Serve the snapshots of a directory."""
    port, log, store = free_port(), directory / "reader.log", directory / "store"
    url = f"http://127.0.0.1:{port}"
    settings = {
        "STORE_BACKEND": "directory",
        "STORE_DIR": str(store),
        "METRICS_ADDR": f"127.0.0.1:{port}",
        "POLL_INTERVAL_SECONDS": "604800",
        "REFRESH_SECONDS": "0.5",
        **settings,
    }
    named = (f"{name}={value}" for name, value in settings.items())
    command = ("env", *named, sys.executable, "-m", "xpjob", "serve")
    with serving(command, f"{url}/readyz", log) as process:
        yield Reader(url, process, log, store)


def stored(directory: Path, number: int, many: int) -> None:
    """Replace the snapshot by one of so many records more, one of them with an emoji."""
    whole = snapshot(number, many=many)
    for record in whole.claims:
        record.message = f"{record.message} waiting for the provider to answer" * 8
    whole.claims[-1].message = "🚀"
    path = directory / "store" / "snapshot.json"
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(documents.encode(whole))
    os.replace(part, path)


def wait_until(condition: object, seconds: float = 60) -> None:
    """Wait until something holds."""
    assert callable(condition)
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.1)


def test_hostile_clients_hold_up_nobody(tmp_path: Path) -> None:
    """Probes, pages and memory keep their bounds, also while a newer snapshot is loaded."""
    stored(tmp_path, 1, RECORDS)
    # What is derived from the limit of k8s/base, which is not that of this machine.
    with reading(tmp_path, READER_ANSWER_BYTES=str(LIMIT // 8)) as reader:
        for path in PAGES:
            reader.timed(path)
        # A machine that is slow, or busy with other things, is so before.
        calm = statistics.median(reader.timed("/healthz") for _ in range(15))
        calm_page = statistics.median(reader.timed(path) for _ in range(5) for path in PAGES)
        probes, pages = [], []
        with attacking(reader.url, CLIENTS):
            for round_ in range(40):
                if round_ == 20:
                    stored(tmp_path, 2, RECORDS)
                probes.append(reader.timed("/healthz"))
                pages += [reader.timed(path) for path in PAGES]
                time.sleep(0.2)
        # The faster quarter: the rest says how busy the machine is. Where the reader is held up,
        # every probe waits. They usually take some milliseconds, and eight times as long under
        # attack.
        within = max(0.1, min(1, 20 * calm))
        assert statistics.quantiles(probes)[0] < within, (calm, sorted(probes))
        within = max(1, min(5, 20 * calm_page))
        assert statistics.quantiles(pages)[0] < within, (calm_page, sorted(pages))
        assert reader.peak() < LIMIT
        wait_until(lambda: reader.ask("/healthz").status == 200)
        lines = reader.log.read_text().splitlines()
        assert len(lines) < 50, lines[-3:]
        assert "Traceback" not in reader.log.read_text()


def test_sigterm_ends_what_is_computed_and_sent(tmp_path: Path) -> None:
    """Within seconds, whatever clients do, with exit code 0."""
    stored(tmp_path, 1, RECORDS // 2)
    with reading(tmp_path) as reader:
        kinds = ("wildcards", "unread CSV", "half-sent", "kept")
        with attacking(reader.url, 60, kinds):
            time.sleep(1)
            reader.process.terminate()
            assert reader.process.wait(12) == 0
        assert "Traceback" not in reader.log.read_text()


def test_a_flood_of_garbage_is_one_line(tmp_path: Path) -> None:
    """With a count, at the latest when the reader ends."""
    stored(tmp_path, 1, 1)
    with reading(tmp_path) as reader:
        for number in range(300):
            with socket.create_connection(("127.0.0.1", int(reader.url[-5:]))) as client:
                client.sendall(bytes([number % 256]) + b" garbage\r\n\r\n")
                client.recv(1000)
        assert reader.log.read_text().count("Invalid HTTP request") == 1
    assert '"repeated": 299' in reader.log.read_text()


def test_a_store_that_hangs_is_away(tmp_path: Path) -> None:
    """What is there is served on, marked, and the reader recovers by itself."""
    stored(tmp_path, 1, 1)
    limits = {"REQUEST_TIMEOUT_SECONDS": "1", "CONNECT_TIMEOUT_SECONDS": "1"}
    with reading(tmp_path, **limits) as reader:
        assert reader.stale() == ""
        path = reader.store / "snapshot.json"
        newer = reader.store / "newer"
        shutil.copy(path, newer)
        with lease(newer):  # opening it has to wait
            newer.replace(path)
            wait_until(lambda: "store_away" in reader.stale())
            assert reader.timed("/healthz") < 5
        stored(tmp_path, 2, 2)
        wait_until(lambda: reader.stale() == "")
        assert reader.ask("/bookkeeping?limit=1").headers["Xpjob-Total"] == "8"


def test_credentials_that_hang_are_a_store_that_is_away(tmp_path: Path) -> None:
    """Probes are answered; each request of the store ends."""
    (tmp_path / "config").write_text("[default]\ncredential_process = sleep 60\n")
    port, log = free_port(), tmp_path / "reader.log"
    url = f"http://127.0.0.1:{port}"
    environ = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "STORE_BACKEND": "s3",
        "S3_BUCKET": "inventory",
        "S3_ENDPOINT": "http://127.0.0.1:1",
        "S3_REGION": "eu-central-1",
        "METRICS_ADDR": f"127.0.0.1:{port}",
        "REQUEST_TIMEOUT_SECONDS": "1",
        "CONNECT_TIMEOUT_SECONDS": "1",
    }
    command = ("env", *(f"{k}={v}" for k, v in environ.items()), sys.executable, "-m", "xpjob")
    with (
        serving((*command, "serve"), f"{url}/healthz", log),
        urllib3.PoolManager(retries=False, timeout=20) as pool,
    ):
        wait_until(lambda: b"store_away" in pool.request("GET", f"{url}/clusters").data)


@pytest.mark.parametrize("pod", [False, True])
def test_the_reader_listens_on_loopback_outside_a_pod(tmp_path: Path, pod: bool) -> None:
    """In a pod, on all interfaces."""
    code = "from xpjob.reader.options import ReaderOptions; print(ReaderOptions().address)"
    environ = {k: v for k, v in os.environ.items() if k != "KUBERNETES_SERVICE_HOST"}
    if pod:
        environ["KUBERNETES_SERVICE_HOST"] = "10.0.0.1"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ("('', 8080)" if pod else "('127.0.0.1', 8080)")
