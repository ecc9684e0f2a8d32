"""Whole runs: beside other collectors, and shared out among shards."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from support import capacity, services, workloads
from support.services import CONTROLLER, SLICE, fill_services
from support.sharding import timeless
from xpjob.collectors import COLLECTORS
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import Cluster
from xpjob.run import job
from xpjob.run.job import Result
from xpjob.terminal.progress import Silent

TOKEN = "services-token"
OWN = tuple(each for each in COLLECTORS if each.name == "services")
OTHERS = tuple(each for each in COLLECTORS if each.name in ("capacity", "deployments", "services"))


class Place:
    """A cluster that is served, and the directory of its snapshots."""

    def __init__(self, cluster: Cluster, directory: Path, url: str) -> None:
        self.cluster, self.store = cluster, directory / "store"
        self._kubeconfig = write_kubeconfig(directory / "kubeconfig", url, TOKEN)

    def run(self, collectors: Any = OWN, **given: str) -> Result:
        """Do a run, or the part of a shard."""
        own = {
            "kubeconfig": str(self._kubeconfig),
            "store_backend": "directory",
            "store_dir": str(self.store),
            "service_operator": "infra/headless",
            "page_size": "3",
        }
        return job.run(load({**own, **given}, {}, GROUPS), collectors, Silent())

    def stored(self) -> dict[str, Any]:
        """Return the stored snapshot, without what depends on the time."""
        document = json.loads((self.store / "snapshot.json").read_bytes())
        keys = ("podServices", "services", "findings", "metrics")
        found = {key: timeless(document[key]) for key in keys}
        found["services"].pop("completeAt")
        found["metrics"] = [
            table
            for table in found["metrics"]
            if not any("_seconds" in family["name"] for family in table["families"])
        ]
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Pods and Services of every state."""
    kinds = dict.fromkeys((*services.KINDS, *workloads.KINDS, *capacity.KINDS))
    cluster = Cluster(tuple(kinds), token=TOKEN)
    fill_services(cluster)
    with Server(create_app(cluster)) as server:
        yield Place(cluster, tmp_path, server.url)


def test_shards_and_one_run_agree(place: Place) -> None:
    """Row by row and series by series: what readers fold survives being stored."""
    assert list(place.run().errors) == []
    whole = place.stored()
    assert len(whole["podServices"]) == 14
    (place.store / "snapshot.json").unlink()

    def shard(index: int) -> Result:
        return place.run(shard=f"{index}/3", shard_generation="g1")

    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(shard, range(3)))
    assert [list(result.errors) for result in results] == [[], [], []]
    assert place.stored() == whole


def test_pods_are_listed_once_for_all_collectors(place: Place) -> None:
    """Whatever each reads of them; rows are those of a run of the collector alone."""
    place.run()
    alone = place.stored()["podServices"]
    (place.store / "snapshot.json").unlink()
    place.cluster.requests.clear()
    result = place.run(OTHERS, page_size="500")
    assert (list(result.errors), result.report.partial) == ([], False)
    asked = Counter(
        (path, query.get("fieldSelector", ""))
        for path, query in place.cluster.requests
        if path.endswith(("/pods", "/services"))
    )
    assert asked == {
        ("/api/v1/pods", ""): 1,
        ("/api/v1/services", ""): 1,
        ("/api/v1/services", "spec.clusterIP=None"): 1,
    }
    assert place.stored()["podServices"] == alone


def test_slices_that_the_controller_manages_are_not_transferred(place: Place) -> None:
    """But for those of a former selector."""
    for number in range(20):
        item = services.endpoint_slice("api", f"10.1.0.{number}", managed_by=CONTROLLER)
        item["metadata"]["name"] = f"api-{number}"
        place.cluster.apply(SLICE, item)
    result = place.run()
    listed = {
        target.class_: target.records
        for target in result.report.targets
        if target.resource == "endpointslices"
    }
    slices = place.cluster.objects(SLICE)
    label = "endpointslice.kubernetes.io/managed-by"
    others = [item for item in slices if item["metadata"]["labels"][label] != CONTROLLER]
    assert listed == {"endpointSlice": len(others), "leftEndpointSlice": 1}
