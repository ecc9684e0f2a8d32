"""Which lists a run would make."""

from __future__ import annotations

from support.stand_in import StandIn
from xpjob.collectors.crossplane import targets
from xpjob.collectors.crossplane.options import CrossplaneOptions
from xpjob.collectors.crossplane.targets import Targets
from xpjob.config.option import load
from xpjob.kube.discovery import discover
from xpjob.run.plan import PlanningWorld


def world(stand_in: StandIn, **given: str) -> PlanningWorld:
    """Return what the collector sees while it plans."""
    config = load(
        {"creator_annotation_key": "example.org/creator", **given}, {}, (CrossplaneOptions,)
    )
    api = stand_in.api()
    return PlanningWorld(api, discover(api, 4), config[CrossplaneOptions], 500, 4)


def plan(stand_in: StandIn, **given: str) -> Targets:
    """Return the plan that these options make."""
    seen = world(stand_in, **given)
    return targets.plan(seen, seen.options)


def told(made: Targets) -> list[tuple[str, str, str]]:
    """Return resource, namespace and source of each target."""
    return [(t.kind.resource, t.namespace, t.owners.source) for t in made.targets]
