"""What breaks of the API for the collector capacity, which runs beside Crossplane's."""

from __future__ import annotations

from faults.breaking import Setup
from faults.world import World
from support.capacity import KINDS, fill_cluster
from xpjob.commands.groups import GROUPS, chosen
from xpjob.config.option import load
from xpjob.demo.cluster import Fault
from xpjob.run import job
from xpjob.terminal.progress import Silent

PODS = "/api/v1/pods"


def pods(fault: Fault, *, page: int = 1) -> Setup:
    """Fail a page of the list of pods, after a run in which it did not."""

    def setup(world: World) -> None:
        world.cluster.kinds = (*world.cluster.kinds, *KINDS)
        fill_cluster(world.cluster)
        world.environ["COLLECTORS"] = "crossplane,capacity"
        config = load({}, world.environ, GROUPS)
        assert job.run(config, chosen(config), Silent()).errors == []

        def answer(path: str, query: dict[str, str]) -> Fault | None:
            return fault if path == PODS and bool(query.get("continue")) == (page > 1) else None

        world.cluster.fault = answer

    return setup
