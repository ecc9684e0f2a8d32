"""A run may be killed at any moment: readers see whole snapshots, and the next run is right."""

from __future__ import annotations

import math
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

import msgspec
import pytest

from faults.sinks import DROPPED
from faults.world import AROUND, ENV, RUN, Faults, Proxy, platform
from support.processes import POOL, free_port, serving, text
from support.s3_server import BUCKET, S3
from support.sampling import EXHAUSTIVE, sampled
from support.snapshots import Snapshot010
from support.stand_in import CLAIM, NETWORK, claim, modern_xr
from support.usage import DAY, every_day
from support.usage_files import observed
from xpjob.demo.cluster import Cluster, Fault
from xpjob.snapshot import documents
from xpjob.usage.days import name_of
from xpjob.usage.files import FileKey
from xpjob.usage.state import UsageState

MOMENTS = 16 if EXHAUSTIVE else 4
Stored = Callable[[str], bytes | None]
"""Returns a document of the store by its key, None if there is none."""
SERVE = (sys.executable, "-m", "xpjob", "serve")


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


class Platform:
    """A platform that has as many networks as claims, one more of both for each run."""

    def __init__(self, cluster: Cluster, environ: dict[str, str]) -> None:
        for kind in cluster.kinds:
            for item in cluster.objects(kind):
                meta = item["metadata"]
                cluster.delete(kind, meta.get("namespace", ""), meta["name"])
        self.cluster = cluster
        self.environ = environ
        self.size = 0
        self.began, self.first = time.time(), math.inf

    def begin(self) -> subprocess.Popen[bytes]:
        """Begin a run over a platform that has grown."""
        self.size += 1
        with self.cluster.locked():
            self.cluster.apply(CLAIM, claim(f"claim-{self.size}"))
            self.cluster.apply(NETWORK, modern_xr(f"network-{self.size}"))
        return subprocess.Popen(RUN, env=self.environ, stderr=subprocess.DEVNULL)

    def complete(self) -> None:
        """Do a whole run."""
        assert self.begin().wait(30) == 0
        self.first = min(self.first, time.time())

    @contextmanager
    def read(self, log: Path, **environ: str) -> Iterator[Reader]:
        """Serve its snapshots, and read them all the time within a block."""
        port = free_port()
        settings = {"METRICS_ADDR": f"127.0.0.1:{port}", "POLL_INTERVAL_SECONDS": "3600"}
        own = {**self.environ, **environ, **settings, "REFRESH_SECONDS": "0.05"}
        reader = Reader(f"http://127.0.0.1:{port}")
        command = ("env", *(f"{name}={value}" for name, value in own.items()), *SERVE)
        with serving(command, f"{reader.url}/readyz", log), reader.reading():
            yield reader
        assert reader.wrong == []

    def check(self, stored: Stored) -> None:
        """See that the snapshot is that of the last run."""
        cluster = self.environ.get("CLUSTER_NAME", "")
        body = stored(f"{cluster}/snapshot.json".lstrip("/"))
        assert body
        snapshot = documents.decode(body, Snapshot010, "store")
        assert len(snapshot.claims) == len(snapshot.xrs) == self.size
        assert not any(record.carried_since for record in snapshot.records)
        self.check_usage(body, lambda day: stored(str(FileKey(date.fromisoformat(day), cluster))))

    def check_usage(self, body: bytes, file: Stored) -> None:
        """See that each second since the first run was counted, and once.

        ``file`` returns that of a day: where the day changes meanwhile, the snapshot forgets it.
        """
        state = msgspec.json.decode(body, type=dict[str, msgspec.Raw])["usage"]
        usage = msgspec.json.decode(state, type=UsageState)
        seconds: Counter[tuple[str, str]] = Counter()
        for day in every_day(usage):
            for one in day.observed:
                seconds[one.identity] += one.seconds
        known = {day.day for day in (*usage.open, *usage.pending)}
        for number in range(int(self.began) // DAY, int(time.time()) // DAY + 1):
            name = name_of(number)
            if name not in known and (written := file(name)):
                seconds += observed(written)
        assert usage.lists
        for each in usage.lists:
            # The time of a list has whole seconds.
            least, most = each.until - self.first, each.until - self.began + 1
            assert least <= seconds[each.identity] <= most, each


class Killer:
    """Kills a run when it makes one of its requests, whichever server that is for."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._lock = threading.Lock()
        self._left: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.requests = 0

    def run(self, kill_at: int | None = None) -> int:
        """Do a run, to its end or until it makes that request; return its exit code."""
        with self._lock:
            self.requests, self._left = 0, kill_at
            self._process = self._platform.begin()
        return self._process.wait(30)

    def asked(self) -> bool:
        """Count a request; tell whether the run was killed for it, so that nobody serves it."""
        with self._lock:
            self.requests += 1
            if self._process is None or self.requests - 1 != self._left:
                return False
            self._process.kill()
            return True


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Platform]:
    """A platform, and a run's environment."""
    with platform(tmp_path) as (cluster, kubeconfig):
        yield Platform(cluster, {**ENV, "KUBECONFIG": str(kubeconfig), "PAGE_SIZE": "500"})


@pytest.mark.timeout(600)  # exhaustively: a whole run for each of them
def test_killed_at_any_request_nothing_is_torn(
    served: Platform, tmp_path: Path, shared_gateway: str, shared_s3: S3, faults: Faults
) -> None:
    """Before each request to the API, to S3 and to the gateway; and a whole run after each."""
    killer = Killer(served)
    with ExitStack() as stack:
        proxy = Proxy(shared_gateway, lambda: 0 if killer.asked() else None)
        url = stack.enter_context(proxy.serving()).url
        served.environ |= {**shared_s3.environment(), "STORE_BACKEND": "s3", "CONCURRENCY": "1"}
        served.environ |= {"CLUSTER_NAME": "crashes", "PUSHGATEWAY_URL": url}
        served.complete()
        served.cluster.fault = lambda _path, _query: Fault(503) if killer.asked() else None
        faults["crashes"] = lambda _method, _path: DROPPED if killer.asked() else None
        assert killer.run() == 0
        moments = killer.requests
        assert moments > 15
        tried = sampled(range(moments), 6)
        with served.read(tmp_path / "log", AWS_ACCESS_KEY_ID="reader") as reader:

            def stored(key: str) -> bytes | None:
                where = f"{shared_s3.url}/{BUCKET}/xp-tracker/{key}"
                answer = POOL.request("GET", where, headers=AROUND)
                assert answer.status in (200, 404), answer.data
                return answer.data if answer.status == 200 else None

            for moment in tried:
                assert killer.run(kill_at=moment) == -signal.SIGKILL
                assert killer.run() == 0
                served.check(stored)
        assert reader.answers > len(tried)
        key = 'cluster="crashes",instance="",job="xpjob"'
        assert f"xp_tracker_store_claims{{{key}}} {served.size}\n" in text(
            f"{shared_gateway}/metrics"
        )


@pytest.mark.timeout(600)  # exhaustively: a whole run for each of them
def test_killed_at_any_moment_while_it_stores_nothing_is_torn(
    served: Platform, tmp_path: Path
) -> None:
    """Moments are spread over the time from the last list to the end; a whole run after each."""
    rand = random.Random(7)
    store = tmp_path / "store"
    served.environ |= {"STORE_BACKEND": "directory", "STORE_DIR": str(store), "CONCURRENCY": "1"}
    served.complete()
    lists = len(served.cluster.requests)
    served.cluster.requests.clear()
    listed = threading.Event()

    def fault(_path: str, _query: dict[str, str]) -> None:
        if len(served.cluster.requests) == lists:
            listed.set()

    def stored(key: str) -> bytes | None:
        return (store / key).read_bytes() if (store / key).exists() else None

    served.cluster.fault = fault
    killed = runs = 0
    lasts = 0.5
    with served.read(tmp_path / "log") as reader:
        while killed < MOMENTS:
            runs += 1
            assert runs < 10 * MOMENTS
            listed.clear()
            served.cluster.requests.clear()
            process = served.begin()
            assert listed.wait(30)
            began = time.monotonic()
            try:
                process.wait(rand.uniform(0, lasts))
                lasts = time.monotonic() - began  # it was over before
            except subprocess.TimeoutExpired:
                process.kill()
                killed += process.wait(30) == -signal.SIGKILL
                served.complete()
                served.check(stored)
    assert reader.answers > MOMENTS
    keys = [str(path.relative_to(store)) for path in store.rglob("*") if not path.is_dir()]
    names = sorted(key for key in keys if not FileKey.of(key))
    assert names == [".lock", "run.json", "snapshot.json"], "no litter"
