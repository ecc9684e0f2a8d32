"""What breaks of the API for the collector services, which runs beside Crossplane's."""

from __future__ import annotations

from collections.abc import Callable

from faults.breaking import Setup
from faults.world import World
from support import services
from xpjob.commands.groups import GROUPS, chosen
from xpjob.config.option import load
from xpjob.demo.cluster import Fault
from xpjob.run import job
from xpjob.terminal.progress import Silent

PODS, SERVICES, SLICES, ENDPOINTS = (
    kind.path() for kind in (services.POD, services.SERVICE, services.SLICE, services.ENDPOINTS)
)

_Asked = Callable[[str, dict[str, str]], bool]


def listed(path: str, fault: Fault) -> Setup:
    """Fail a list after a run in which it did not; a Service has gone since."""
    return _after_a_run(lambda asked, query: asked == path and "fieldSelector" not in query, fault)


def planning(path: str, fault: Fault) -> Setup:
    """Fail a list that only planning reads: with a field selector, or of Endpoints."""
    return _after_a_run(
        lambda asked, query: asked == path and ("fieldSelector" in query or path == ENDPOINTS),
        fault,
    )


def _after_a_run(fails: _Asked, fault: Fault) -> Setup:
    def setup(world: World) -> None:
        world.cluster.kinds = (*world.cluster.kinds, *services.KINDS)
        services.fill_services(world.cluster)
        world.environ["COLLECTORS"] = "crossplane,services"
        config = load({}, world.environ, GROUPS)
        assert job.run(config, chosen(config), Silent()).errors == []
        world.cluster.delete(services.SERVICE, services.NAMESPACE, "web")
        world.cluster.fault = lambda path, query: fault if fails(path, query) else None

    return setup
