"""A run by several shards is as good as one run: results of readers survive being stored."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from support.capacity import POD, container, pod
from support.clusters import ClustersCluster, clusters_cluster
from support.sharding import timeless
from xpjob.collectors.clusters.pods import PodCounts, PodReader
from xpjob.kube.pods import Pod
from xpjob.kube.request_rules import rules_for
from xpjob.run.job import Result

KEYS = ("clusterFacts", "clusterNodes", "operators", "registries", "metrics", "findings")


def stored(served: ClustersCluster) -> dict[str, Any]:
    """Return the stored snapshot without what depends on the time."""
    document = json.loads((served.store / "snapshot.json").read_bytes())
    return {key: timeless(document[key]) for key in KEYS}


def test_shards_and_one_run_agree(tmp_path: Path) -> None:
    """Row by row and series by series."""
    with clusters_cluster(tmp_path) as served:
        # Nano units of this are more than the integers of JSON.
        served.cluster.apply(POD, pod("huge", "node-0", container("1", "512Gi")))
        assert served.run().report.success
        whole = stored(served)
        (served.store / "snapshot.json").unlink()

        def shard(index: int) -> Result:
            return served.run(shard=f"{index}/3", shard_generation="g1")

        with ThreadPoolExecutor(3) as pool:
            results = list(pool.map(shard, range(3)))
        assert [list(result.errors) for result in results] == [[], [], []]
        assert stored(served) == whole


def test_sums_can_be_stored() -> None:
    """Whatever the amounts; pods that ask for nonsense ask for nothing, and are counted."""
    reader = PodReader(rules_for(37))
    body = msgspec.json.encode(
        [pod("p", "n", container("1e30", "8Ei")), pod("q", "n"), pod("r", "n", container("lots"))]
    )
    reader.page(msgspec.json.decode(body, type=list[Pod]))
    counts = reader.result()
    again = msgspec.json.decode(msgspec.json.encode(counts), type=PodCounts)
    assert again == counts
    assert (again.invalid, again.nodes["n"].pods) == (1, 3)
    assert int(again.nodes["n"].cpu) == 10**39 + 10**9
