"""A run may be killed at any moment: readers see whole snapshots, and the next run is right."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processes import POOL, free_port, serving
from stand_in import CLAIM, NETWORK, claim, modern_xr

from faults.world import ENV, platform
from xpjob.snapshot import model
from xpjob.snapshot.model import Snapshot

MOMENTS = 36
RUN = [sys.executable, "-m", "xpjob", "run"]


class Reader:
    """Asks a reader again and again; ``wrong`` gathers answers that are no whole snapshot."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers = 0
        self.wrong: list[str] = []
        self._over = threading.Event()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read all the time within a block."""
        thread = threading.Thread(target=self._read)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _read(self) -> None:
        while not self._over.is_set():
            answer = POOL.request("GET", f"{self.url}/bookkeeping")
            found = answer.json() if answer.status == 200 else {}
            claims = len(found.get("claims", ()))
            networks = sum(xr["kind"] == NETWORK.kind for xr in found.get("xrs", ()))
            self.answers += 1
            # The platform has as many networks as claims, always.
            if claims == 0 or claims != networks or found["stale"]:
                self.wrong.append(f"{answer.status}: {claims} claims, {networks} networks")


def test_killed_at_any_moment_nothing_is_torn(tmp_path: Path) -> None:
    """Moments are spread over the whole run, from its first request to its end."""
    rand = random.Random(7)
    store = tmp_path / "store"
    with platform(tmp_path) as (cluster, kubeconfig):
        for kind in cluster.kinds:
            for item in cluster.objects(kind):
                meta = item["metadata"]
                cluster.delete(kind, meta.get("namespace", ""), meta["name"])
        begun = threading.Event()
        cluster.fault = lambda _path, _query: begun.set()
        environ = {**ENV, "KUBECONFIG": str(kubeconfig), "STORE_BACKEND": "directory"}
        environ |= {"STORE_DIR": str(store)}

        def grow(number: int) -> None:
            with cluster.locked():
                cluster.apply(CLAIM, claim(f"claim-{number}"))
                cluster.apply(NETWORK, modern_xr(f"network-{number}"))

        def begin() -> subprocess.Popen[bytes]:
            begun.clear()
            process = subprocess.Popen(RUN, env=environ, stderr=subprocess.DEVNULL)
            assert begun.wait(30)
            return process

        grow(0)
        process = begin()
        started = time.monotonic()
        assert process.wait(30) == 0
        lasts = time.monotonic() - started
        port = free_port()
        serve = [sys.executable, "-m", "xpjob", "serve", "--metrics-addr", f"127.0.0.1:{port}"]
        serve += ["--store-backend", "directory", "--store-dir", str(store)]
        serve += ["--refresh-seconds", "0.02", "--poll-interval-seconds", "3600"]
        reader = Reader(f"http://127.0.0.1:{port}")
        killed = 0
        with serving(serve, f"{reader.url}/readyz", tmp_path / "log"), reader.reading():
            for number in range(MOMENTS):
                grow(number + 1)
                process = begin()
                time.sleep(rand.uniform(number, number + 1) / MOMENTS * lasts)
                process.send_signal(signal.SIGKILL)
                killed += process.wait(30) == -signal.SIGKILL
            process = begin()
            assert process.wait(30) == 0
        assert reader.wrong == []
        assert reader.answers > MOMENTS
        assert killed > MOMENTS / 2
        body = (store / "snapshot.json").read_bytes()
        snapshot = model.decode(body, Snapshot, "store")
        assert len(snapshot.claims) == len(snapshot.xrs) == MOMENTS + 1
        assert not any(record.carried_since for record in snapshot.records)
        names = sorted(path.name for path in store.iterdir())
        assert names == [".lock", "run.json", "snapshot.json"], "no litter"
