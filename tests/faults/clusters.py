"""What breaks for the collector clusters, which runs beside Crossplane's: lists, and registries."""

from __future__ import annotations

import json
from typing import Any

from faults.breaking import Setup
from faults.world import World
from support.clusters import KINDS, fill_clusters
from support.endless import never_ending
from support.processes import free_port
from xpjob.demo.cluster import Fault


def site(world: World) -> None:
    """Add nodes, pods and operators, and the collector."""
    world.cluster.kinds = (*world.cluster.kinds, *KINDS)
    fill_clusters(world.cluster)
    world.environ["COLLECTORS"] = "crossplane,clusters"


def refused(path: str) -> Setup:
    """Refuse one list, or what is counted."""

    def setup(world: World) -> None:
        site(world)
        world.cluster.fault = lambda asked, _: Fault(403) if asked == path else None

    return setup


def registries(world: World, *entries: dict[str, Any]) -> None:
    """Name registries in a file."""
    site(world)
    path = world.directory / "registries.json"
    path.write_text(json.dumps({"registries": [*entries]}))
    world.environ["REGISTRIES_FILE"] = str(path)


def never_ends(kind: str) -> Setup:
    """Let a registry not come to an end with its answers."""

    def setup(world: World) -> None:
        url = world.stack.enter_context(never_ending(kind))
        registries(world, {"name": "r", "endpoint": url, "timeoutSeconds": 0.5})

    return setup


def away(world: World) -> None:
    """Let nothing listen where a registry should be."""
    registries(world, {"name": "r", "endpoint": f"http://127.0.0.1:{free_port()}"})


def mistaken(world: World) -> None:
    """Make a mistake in the file."""
    registries(world, {"name": "r"})
