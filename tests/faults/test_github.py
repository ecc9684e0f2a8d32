"""Whatever breaks, GitHub has in the end what runs: real processes."""

from __future__ import annotations

import signal
import subprocess
import threading

import pytest

from faults import github
from faults.breaking import PATIENT, when
from faults.github import BOTH, BY_CALLS, BY_SINGLE
from faults.world import RUN, World
from support.scripted import Asked, Told
from support.workloads import DEPLOYMENT, POD, REPLICA_SET, A
from xpjob.demo.cluster import Fault

PODS = "/api/v1/pods"


def run(world: World, code: int = 0) -> None:
    """Do a run."""
    ran = world.run()
    assert ran.code == code, ran.log


@pytest.mark.parametrize(
    ("lacks", "last"),
    [((), "/jobs"), (BY_CALLS, "/cluster/moda-1"), (BY_SINGLE, "/deployment-record")],
    ids=["jobs", "calls", "single records"],
)
def test_killed_before_the_acknowledgement_is_stored_nothing_doubles(
    world: World, lacks: tuple[str, ...], last: str
) -> None:
    """GitHub has done what was asked; the next run asks again, and then nobody does."""
    system = github.serve(world, lacks=lacks)
    reached = when(world, signal.SIGKILL)

    def instead(asked: Asked) -> Told | None:
        if asked.method == "POST" and asked.path.endswith(last):
            reached.set()
            world.hang()  # until it is killed
        return None

    system.instead = instead
    run(world, -signal.SIGKILL)
    world.act = lambda _: None
    run(world)
    assert system.deployed() == BOTH
    assert len(system.records) == 2
    writes = system.writes
    run(world)
    assert system.writes == writes


def test_of_two_runs_at_once_the_older_stops(world: World) -> None:
    """It finds that the newer one has taken over; what both have sent is the same."""
    system = github.serve(world)
    reached, over = threading.Event(), threading.Event()

    def instead(asked: Asked) -> Told | None:
        if asked.path.endswith("/jobs") and not reached.is_set():
            reached.set()
            assert over.wait(60)
        return None

    system.instead = instead
    patient = {**world.environ, **PATIENT, "REQUEST_TIMEOUT_SECONDS": "60"}
    older = subprocess.Popen(RUN, env=patient, stderr=subprocess.PIPE)
    try:
        assert reached.wait(30)
        run(world)
        acknowledged = world.stored("delivered-deployments.json")
        over.set()
        _, log = older.communicate(timeout=60)
    finally:
        over.set()
        older.kill()
        older.wait()
    assert b"another run" in log, log.decode()
    assert world.stored("delivered-deployments.json") == acknowledged
    assert system.deployed() == BOTH
    started = len(system.jobs)
    run(world)
    assert len(system.jobs) == started


def test_a_job_that_does_not_end_in_a_run_is_followed_by_the_next(world: World) -> None:
    """It is not started twice."""
    system = github.serve(world, polls=10**9)
    world.environ["RUN_DEADLINE_SECONDS"] = "12"
    run(world)
    assert system.deployed() == {}
    system.polls = 1
    run(world)
    assert system.deployed() == BOTH
    assert len(system.jobs) == 1


def test_an_incomplete_list_of_pods_decommissions_nothing(world: World) -> None:
    """However many runs it is incomplete in; when it is complete, two of them do."""
    system = github.serve(world)
    run(world)
    world.cluster.delete(POD, "shop", "web-1")
    world.cluster.delete(DEPLOYMENT, "shop", "web")
    world.cluster.delete(REPLICA_SET, "shop", "web-7d9f8")
    world.cluster.fault = lambda path, query: (
        Fault(403) if path == PODS and "limit" in query else None
    )
    for _ in range(3):
        run(world)
        assert system.deployed() == BOTH
    world.cluster.fault = lambda *_: None
    run(world)
    assert system.deployed() == BOTH, "one run does not confirm it"
    run(world)
    assert system.deployed() == {"shop/api/app": A}
    assert system.status("shop/web/app") == "decommissioned"
