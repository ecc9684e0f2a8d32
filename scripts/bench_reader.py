"""Serve a large snapshot with ``xpjob serve``, load it with wrk, and print tables.

The second one is of loads: wrk asks for a filtered page from the moment when there is a newer
snapshot until the reader serves it. Memory is that of all processes of the reader together, every
few milliseconds, and of what they share once: what a container's limit counts.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from bench_snapshot import TABLES, snapshot

from xpjob.snapshot import documents

Wrk: TypeAlias = "subprocess.Popen[str]"
REFRESH_SECONDS = 2
LOADS = 3
LUA = """
done = function(summary, latency, requests)
  local bad = summary.errors
  local failed = bad.connect + bad.read + bad.write + bad.status + bad.timeout
  io.write(string.format("RESULT %.1f %.3f %.3f %.3f %d\\n",
    summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, summary.bytes / summary.duration, failed))
end
"""
CASES = (
    # What, path, connections, extra headers
    ("full document", "/bookkeeping", 1, {}),
    ("full document", "/bookkeeping", 4, {}),
    ("full document, gzip", "/bookkeeping", 4, {"Accept-Encoding": "gzip"}),
    ("filtered page", "/bookkeeping?team=team-7&ready=false&sort=-notReady&limit=50", 1, {}),
    ("filtered page", "/bookkeeping?team=team-7&ready=false&sort=-notReady&limit=50", 4, {}),
    ("filtered page, gzip", "/bookkeeping?kind=Cache&limit=50", 4, {"Accept-Encoding": "gzip"}),
    ("summary by team", "/bookkeeping/summary?by=team", 4, {}),
    ("one tree", "/bookkeeping/tree?name=TREE", 4, {}),
    ("unchanged (304)", "/bookkeeping", 4, {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}),
)


@contextmanager
def reader(directory: Path) -> Iterator[tuple[str, int]]:
    """Run ``xpjob serve`` on a free port; yield its URL and pid."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "xpjob", "serve", "--store-backend", "directory"]
    command += ["--store-dir", str(directory), "--metrics-addr", f"127.0.0.1:{port}"]
    command += ["--poll-interval-seconds", "3600", "--refresh-seconds", str(REFRESH_SECONDS)]
    process = subprocess.Popen(command)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 300
        while True:
            try:
                with urllib.request.urlopen(f"{url}/readyz", timeout=5):
                    break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(20)


class Memory:
    """What the processes of a reader take, in MB; ``peak`` since it was last reset."""

    def __init__(self, pid: int) -> None:
        self._pid, self.peak, self._ended = pid, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def now(self) -> float:
        """Return it as it is now."""
        shared: dict[int, int] = {}
        total = files = 0
        children = Path(f"/proc/{self._pid}/task").glob("*/children")
        command = Path(f"/proc/{self._pid}/cmdline").read_bytes()
        for pid in (
            self._pid,
            *(int(pid) for file in children for pid in file.read_text().split()),
        ):
            with suppress(OSError, KeyError):  # it has just ended
                if pid != self._pid and Path(f"/proc/{pid}/cmdline").read_bytes() == command:
                    continue  # it has just begun, and has the memory of the reader
                status = Path(f"/proc/{pid}/status").read_text()
                own = dict(re.findall(r"(Rss\w+):\s+(\d+) kB", status))
                total += int(own["RssAnon"]) * 1024
                files = max(files, int(own["RssFile"]) * 1024)  # the same libraries
                for file in Path(f"/proc/{pid}/fd").iterdir():
                    with suppress(OSError):
                        if str(file.readlink()).startswith("/memfd:"):
                            held = file.stat()
                            shared[held.st_ino] = held.st_blocks * 512
        return (total + files + sum(shared.values())) / 1e6

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            with suppress(OSError):
                self.peak = max(self.peak, self.now())


def start(url: str, connections: int, headers: dict[str, str], seconds: int, lua: Path) -> Wrk:
    """Start wrk."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(lua)]
    command += ["--timeout", "30s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    return subprocess.Popen([*command, url], stdout=subprocess.PIPE, text=True)


def result(wrk: Wrk) -> str:
    """Return requests/s, p50, p99 in ms, MB/s and failures as cells of a row."""
    said, _ = wrk.communicate()
    found = re.search(r"^RESULT (.*)$", said, re.MULTILINE)
    if not found:
        raise RuntimeError(said)
    rate, p50, p99, speed, failed = found.group(1).split()
    return (
        f"{float(rate):,.1f} | {float(p50):.2f} | {float(p99):.2f} | {float(speed):,.0f} | {failed}"
    )


def served(url: str) -> str:
    """Return when the snapshot that is served was made."""
    with urllib.request.urlopen(f"{url}/bookkeeping?limit=1", timeout=30) as answer:
        return str(answer.headers["Xpjob-Generated-At"])


def loading(url: str, directory: Path, number: int, count: int, lua: Path) -> str:
    """Replace the snapshot, and return how pages are answered until it is served."""
    fresh = directory / "fresh"
    fresh.write_bytes(documents.encode(snapshot(number, count)))
    before = served(url)
    fresh.replace(directory / "snapshot.json")
    started = time.monotonic()
    wrk = start(url + CASES[4][1], 4, {}, 300, lua)
    while served(url) == before and wrk.poll() is None:
        time.sleep(0.25)
    took = time.monotonic() - started
    wrk.send_signal(signal.SIGINT)
    return f"{took:.1f} | {result(wrk)}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=25_000, help="claims; twice the MRs")
    parser.add_argument("--seconds", type=int, default=8, help="time for each row")
    parser.add_argument("--loads", action="store_true", help="measure only loads")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory, lua = Path(name), Path(name, "done.lua")
        lua.write_text(LUA)
        first = snapshot(1, options.count)
        named, stored = first.rows["mrs"][-1].name, documents.encode(first)
        del first
        (directory / "snapshot.json").write_bytes(stored)
        size = len(stored) / 1e6
        with reader(directory) as (url, pid):
            print(
                f"{options.count:,} claims + {options.count:,} XRs + {2 * options.count:,} MRs; "
                f"snapshot {size:.1f} MB;",
                end=" ",
            )
            print(f"{os.cpu_count()} cores shared with wrk\n")
            for path in TABLES:
                urllib.request.urlopen(f"{url}/tables/{path}?limit=1", timeout=60).close()
            if not options.loads:
                print("| request | connections | per second | p50 ms | p99 ms | MB/s | failed |")
                print("|---|---|---|---|---|---|---|")
            for what, path, connections, headers in () if options.loads else CASES:
                asked = url + path.replace("TREE", named)
                row = result(start(asked, connections, headers, options.seconds, lua))
                print(f"| {what} | {connections} | {row} |", flush=True)
            print(
                "\n| filtered page, 4 connections | s | per second | p50 ms | p99 ms "
                "| MB/s | failed | peak MB |"
            )
            print("|---|---|---|---|---|---|---|---|")
            with Memory(pid) as memory:
                for number in range(2, 2 + LOADS):
                    memory.peak = 0
                    quiet = result(start(url + CASES[4][1], 4, {}, options.seconds, lua))
                    print(f"| nothing is loaded | {options.seconds} | {quiet} | |", flush=True)
                    row = loading(url, directory, number, options.count, lua)
                    peak = f"{memory.peak:.0f} ({memory.peak / size:.2f} x)"
                    print(f"| a newer snapshot is loaded | {row} | {peak} |", flush=True)
                time.sleep(3 * REFRESH_SECONDS)  # the older snapshots are let go
                print(
                    f"\nresident {memory.now():.0f} MB ({memory.now() / size:.1f} x the snapshot)"
                )


if __name__ == "__main__":
    main()
