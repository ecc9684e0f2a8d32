"""What a run that is killed has counted is counted once, and is in one file: real processes."""

from __future__ import annotations

import signal
from collections import Counter

from faults import usage
from faults.breaking import when
from faults.sinks import DROPPED, Answer
from faults.world import AROUND, NEW, World
from support.processes import POOL
from support.s3_server import BUCKET
from support.usage import every_day
from support.usage_files import table
from xpjob.usage.files import FileKey

SECONDS = 60
"""What yesterday still has to be counted when the run begins."""


def stored_file(world: World, key: FileKey) -> bytes | None:
    """Return a usage file in S3, None if there is none."""
    answer = POOL.request("GET", f"{world.s3.url}/{BUCKET}/xp-tracker/{key}", headers=AROUND)
    assert answer.status in (200, 404), answer.data
    return answer.data if answer.status == 200 else None


def check_counted_once(world: World, since: int) -> None:
    """See that each second of each list until now was counted, and once."""
    state = world.usage()
    observed: Counter[tuple[str, str]] = Counter()
    for day in every_day(state):
        for one in day.observed:
            observed[one.identity] += one.seconds
    assert state.lists
    assert observed == {each.identity: each.until - since for each in state.lists}


def test_killed_between_the_commit_and_the_usage_file_the_next_run_writes_it(
    world: World,
) -> None:
    """Once, and nothing is counted twice."""
    key, since = usage.counted_yesterday(world, SECONDS)
    world.use_s3()
    writes = 0
    well, environ = world.act, dict(world.environ)
    reached = when(world, signal.SIGKILL)
    world.over.clear()
    others = world.faults.get("usage")

    def fault(method: str, path: str) -> Answer | None:
        nonlocal writes
        if not path.endswith(f"/{key}"):
            return others(method, path) if others else None
        writes += method.startswith("PUT")
        if not method.startswith("PUT") or writes > 1:
            return None
        reached.set()
        world.hang()  # until it is killed
        return DROPPED

    world.faults["usage"] = fault
    try:
        assert world.run().code == -signal.SIGKILL
        assert (usage.pending(world), stored_file(world, key)) == ([key.day], None)
        check_counted_once(world, since)
        world.act, world.environ = well, environ
        run(world)
        assert usage.pending(world) == [key.day]
        check_counted_once(world, since)
        body, before = stored_file(world, key), writes
        check_file(body or b"")
        run(world)
        assert (usage.pending(world), writes) == ([], before)
        assert stored_file(world, key) == body
    finally:
        if others:
            world.faults["usage"] = others
        else:
            del world.faults["usage"]


def run(world: World) -> None:
    """Do a run, and see that all is well."""
    ran = world.run()
    assert (ran.code, "usage file" in ran.log) == (0, False), ran.log


def check_file(body: bytes) -> None:
    """See that a file has what yesterday still had to be counted, and once."""
    rows = table(body)
    claims = [row for row in rows if row["x_Class"] == "claim" and row["x_Meter"] == "objects"]
    assert sum(int(row["ConsumedQuantity"]) for row in claims) == SECONDS * NEW[0]
    observed = {row["ConsumedQuantity"] for row in rows if row["x_Meter"] == "observed"}
    assert observed == {str(SECONDS)}
