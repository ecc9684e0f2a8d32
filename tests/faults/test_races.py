"""Many runs at once, of one cluster: the newest wins, in the store and on the gateway."""

from __future__ import annotations

import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from faults.world import Faults, Ran, World, platform
from support.s3_server import S3
from support.snapshots import Snapshot010
from support.stand_in import CLAIM, claim
from xpjob.base import times
from xpjob.snapshot import documents
from xpjob.snapshot.documents import Snapshot

RUNS = 10


def test_of_ten_runs_at_once_the_newest_wins(
    tmp_path: Path, shared_gateway: str, shared_s3: S3, before: Snapshot, faults: Faults
) -> None:
    """Snapshots never go back in time, and in the end both sinks have the newest run's."""
    rand = random.Random(11)
    with ExitStack() as stack:
        shared = World.of("races", tmp_path, shared_gateway, shared_s3, before, faults)
        world = stack.enter_context(shared)
        world.use_s3()
        delay = rand.random
        # Slow answers of the store mix the order in which runs write.
        faults["races"] = lambda _method, _path: time.sleep(delay() * 0.05)
        environs = []
        for number in range(RUNS):
            directory = tmp_path / str(number)
            directory.mkdir()
            cluster, kubeconfig = stack.enter_context(platform(directory))
            for extra in range(number):
                cluster.apply(CLAIM, claim(f"extra-{extra}"))
            cluster.fault = lambda _path, _query: time.sleep(delay() * 0.2)
            log = directory / "termination"
            log.touch()
            own = {"KUBECONFIG": str(kubeconfig), "TERMINATION_LOG": str(log)}
            slow = {"RUN_DEADLINE_SECONDS": "60", "REQUEST_TIMEOUT_SECONDS": "30"}
            environs.append({**world.environ, **own, **slow, "PUSH_TIMEOUT_SECONDS": "30"})

        over, seen = threading.Event(), list[str]()

        def watch() -> None:
            while not over.is_set():
                body = world.stored()
                assert body is not None
                seen.append(documents.decode(body, Snapshot010, "S3").run.started_at)

        def one(environ: dict[str, str]) -> Ran:
            directory = Path(environ["TERMINATION_LOG"]).parent
            own = replace(world, environ=environ, directory=directory)
            time.sleep(delay() * 0.5)
            return own.run()

        with ThreadPoolExecutor(RUNS + 1) as pool:
            watching = pool.submit(watch)
            try:
                ran = list(pool.map(one, environs))
            finally:
                over.set()
            watching.result()
        assert [r.code for r in ran] == [0] * RUNS, [r.log for r in ran if r.code]
        assert seen == sorted(seen), "a snapshot went back in time"
        body = world.stored()
        assert body is not None
        last = documents.decode(body, Snapshot010, "S3")
        begun = [json.loads(r.log.splitlines()[0])["time"] for r in ran]
        assert times.parse(last.run.started_at) >= max(map(times.parse, begun))
        pushed = world.pushed()
        assert pushed["xp_tracker_store_claims"] == len(last.claims)
        began = times.parse(last.run.started_at).timestamp()
        assert abs(pushed["xpjob_inventory_timestamp_seconds"] - began) < 0.001
