"""What breaks of GitHub for the collector deployments, which runs beside Crossplane's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from faults.breaking import Setup, many
from faults.world import World
from support.github import ORG, TOKEN, GitHub, github, message
from support.processes import free_port
from support.scripted import Asked, Told
from support.workloads import KINDS, POD, A, B, deployment, pod, reported

BOTH = {"shop/api/app": A, "shop/web/app": B}
"""The records that GitHub should have in the end."""
BY_CALLS, BY_SINGLE = ("/jobs",), ("/jobs", "/cluster/moda-1")
"""What a server of synchronous calls lacks, and one of single records."""
LIMITED = message(403, "You have exceeded a secondary rate limit.", Retry_After="3600")
BUSY = message(409, "A job is already in progress for this cluster")


def serve(world: World, **settings: Any) -> GitHub:
    """Serve a GitHub, and two workloads that it has no records of."""
    system, served = world.stack.enter_context(github(**settings))
    world.cluster.kinds = (*world.cluster.kinds, *KINDS)
    for name, value in (("api", A), ("web", B)):
        _, owner = deployment(world.cluster, name)
        image = f"ghcr.io/shop/{name}:v1"
        world.cluster.apply(POD, pod(f"{name}-1", owner, image, reported(image, value)))
    world.environ |= {
        "COLLECTORS": "crossplane,deployments",
        "GITHUB_ORG": ORG,
        "BASE_URL": served.url,
        "LOGICAL_ENVIRONMENT": "production",
        "CLUSTER": "moda-1",
        "API_TOKEN": TOKEN,
    }
    return system


def serving(**settings: Any) -> Setup:
    """Serve a GitHub with these settings."""

    def setup(world: World) -> None:
        serve(world, **settings)

    return setup


def answering(told: Callable[[World, Asked], Told | None], **settings: Any) -> Setup:
    """Let requests with records get another answer."""

    def setup(world: World) -> None:
        def instead(asked: Asked) -> Told | None:
            return told(world, asked) if asked.method == "POST" else None

        serve(world, instead=instead, **settings)

    return setup


def away(world: World) -> None:
    """Let nothing listen where GitHub should be."""
    serve(world)
    world.environ["BASE_URL"] = f"http://127.0.0.1:{free_port()}"


def hangs(world: World, _asked: Asked) -> None:
    """Answer when the run is over."""
    world.hang()


def unauthorised(world: World) -> None:
    """Let GitHub not know the token."""
    serve(world).tokens.clear()


def elsewhere(world: World) -> None:
    """Name an organisation that does not exist."""
    serve(world)
    world.environ["GITHUB_ORG"] = "nobody"


FAULTS: dict[str, Setup] = {
    "away": away,
    "no answer": answering(hangs),
    "401": unauthorised,
    "403, secondary rate limit": answering(lambda *_: LIMITED),
    "404, no such organisation": elsewhere,
    "409": many(answering(lambda *_: BUSY), RUN_DEADLINE_SECONDS="12"),
    "503": answering(lambda *_: message(503, "Unicorn")),
    "a job fails": serving(ends="failed"),
    "a job never ends": many(serving(polls=10**9), RUN_DEADLINE_SECONDS="12"),
    "half a 207": serving(lacks=BY_CALLS, unknown={B}),
    "no jobs": serving(lacks=BY_CALLS),
    "single records only": serving(lacks=BY_SINGLE),
}
