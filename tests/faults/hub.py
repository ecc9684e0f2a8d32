"""Faults of a hub: the cluster of the world is one of two, and the other one is broken."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Mapping

from faults.breaking import PATIENT, Setup
from faults.world import World
from support.hub import child_of, kill, wait_for
from support.processes import free_port
from support.stand_in import KINDS, TOKEN
from xpjob.demo.api import Server, create_app
from xpjob.demo.cluster import Cluster

_SHORT = {"RUN_DEADLINE_SECONDS": "4"}


def alone(world: World, *others: Mapping[str, object]) -> None:
    """Let a hub run for the cluster of the world, and after it for others."""
    entry = {"name": world.name, "kubeconfig": world.environ.pop("KUBECONFIG")}
    world.environ.pop("CLUSTER_NAME")
    file = world.directory / "clusters.yaml"
    file.write_text(json.dumps({"clusters": [entry, *others]}))
    (world.directory / "token").write_text(TOKEN)
    world.environ["CLUSTERS"] = str(file)


def beside(server: str = "", token: str = "token", **options: str) -> Setup:
    """Put a cluster beside it that is down, or is at another server."""

    def setup(world: World) -> None:
        other = {
            "name": f"{world.name}-other",
            "server": server or f"http://127.0.0.1:{free_port()}",
            "tokenFile": token,
            "options": {"PUSHGATEWAY_URL": "", **(options or _SHORT)},
        }
        alone(world, other)

    return setup


def hanging(world: World, only: str = "", **options: str) -> threading.Event:
    """Put a cluster beside it that does not answer; return what is set when it is asked."""
    reached = threading.Event()
    cluster = Cluster(KINDS, token=TOKEN)
    cluster.uid = "another"

    def hang(path: str, _query: dict[str, str]) -> None:
        if path.endswith(only):
            reached.set()
            world.hang()

    cluster.fault = hang
    server = world.stack.enter_context(Server(create_app(cluster)))
    beside(server.url, **options)(world)
    return reached


def hangs(world: World) -> None:
    """Put a cluster beside it that does not answer."""
    hanging(world)


def crashes(world: World) -> None:
    """Kill the run for the cluster beside it."""
    reached = hanging(world, "/networks", **PATIENT)

    def act(process: subprocess.Popen[bytes]) -> None:
        assert reached.wait(30)
        name = f"{world.name}-other"
        kill(wait_for("the run for the other cluster", lambda: child_of(process.pid, name)))

    world.act = act


def signalled(world: World) -> None:
    """Send SIGTERM while the cluster that comes second hangs."""
    reached = hanging(world, "/networks", **PATIENT)
    world.environ["CLUSTER_CONCURRENCY"] = "1"

    def act(process: subprocess.Popen[bytes]) -> None:
        assert reached.wait(30)
        process.send_signal(signal.SIGTERM)

    world.act = act


def moved(world: World) -> None:
    """Let the name lead to another cluster than before."""
    alone(world)
    world.cluster.uid = "another"
    # What the hub knows is what the last run has reported.
    report = {"schemaVersion": 1, "cluster": world.name, "identity": {"uid": "first"}}
    run = {"id": "a", "version": "0", "startedAt": "2026-08-21T09:00:00Z"}
    world.keep(json.dumps({**report, "run": run}).encode(), "run.json")
