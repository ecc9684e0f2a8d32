"""Sources that several shards count."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from support.sources import POD, WIDGET, Site, count
from xpjob.demo.cluster import Fault
from xpjob.run.job import Result
from xpjob.run.shard import Shard

PODS = 5
FAMILY = "clusterpulse_custom_resource_"
SHARDS = (2, 1, 0)  # the one that merges comes last

Refused = Callable[[str], bool]


@pytest.fixture(autouse=True)
def _with_pods(site: Site) -> None:
    for number in range(PODS):
        site.cluster.apply(POD, {"metadata": {"namespace": "team-0", "name": f"p{number}"}})


def owner(group: str, resource: str) -> int:
    """Return which of the shards has a list."""
    return next(index for index in SHARDS if Shard(index, len(SHARDS)).has(group, resource, ""))


def run(site: Site, generation: str, refused: Refused, by: Sequence[int]) -> Result:
    """Do a run by all shards; what some of them ask is refused."""
    first = site.directory / "store" / "parts" / generation / f"0-of-{len(SHARDS)}.json"
    first.parent.mkdir(parents=True)
    first.touch()
    for index in SHARDS:
        site.cluster.fault = lambda path, _, index=index: (  # type: ignore[misc]
            Fault(503) if index in by and refused(path) else None
        )
        made = {"shard": f"{index}/{len(SHARDS)}", "shard_generation": generation}
        result = site.run_sources(**made)
    site.cluster.fault = lambda *_: None
    return result


@pytest.mark.parametrize("by", [(0,), (1,), (2,), SHARDS])
def test_sources_of_a_group_that_shards_cannot_discover_are_stale(
    site: Site, by: tuple[int, ...]
) -> None:
    """If it was the one that lists its objects, or the one that merges: never empty."""
    site.cluster.aggregated = False
    site.write("all", count("widgets"), count("pods", kind="Pod").replace("example.org/v1", "v1"))
    run(site, "g1", lambda _: False, ())
    before = site.sources()
    assert {name: row["objects"] for name, row in before.items()} == {"widgets": 6, "pods": PODS}
    result = run(site, "g2", lambda path: path.startswith("/apis/example.org"), by)
    (outcome,) = result.report.collectors
    assert (outcome.success, outcome.error) == (True, "")
    now = site.sources()
    stale = 0 in by or owner(WIDGET.group, WIDGET.resource) in by
    assert now["widgets"]["state"] == ("stale" if stale else "ok")
    assert now["widgets"]["objects"] == 6
    assert (now["pods"]["state"], now["pods"]["objects"]) == ("ok", PODS)
    assert [line.split()[-1] for line in site.exposed(f"{FAMILY}widgets")] == ["6.0"]
    assert (now["widgets"]["lastSuccessAt"] == before["widgets"]["lastSuccessAt"]) is stale
