"""A run by several shards is as good as one run: results of readers survive being stored."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from support.capacity import POD, container, pod
from support.capacity_cluster import CapacityCluster, capacity_cluster
from support.sharding import timeless
from xpjob.collectors.capacity.fold import Folded, PodReader
from xpjob.kube.pods import Pod
from xpjob.kube.request_rules import rules_for
from xpjob.run.job import Result

KEYS = ("nodes", "nodeGroups", "namespaces", "pending", "capacity", "metrics", "findings")
OPTIONS = {"namespace_team_key": "example.org/team", "node_selector": "!disk"}


def stored(site: CapacityCluster) -> dict[str, Any]:
    """Return the stored snapshot without what depends on the time."""
    document = json.loads((site.store / "snapshot.json").read_bytes())
    return {key: timeless(document[key]) for key in KEYS}


def test_shards_and_one_run_agree(tmp_path: Path) -> None:
    """Row by row and series by series."""
    with capacity_cluster(tmp_path) as site:
        # Nano units of this are more than the integers of JSON.
        site.cluster.apply(POD, pod("huge", "node-0", container("1", "512Gi")))
        assert site.run(**OPTIONS).report.success
        whole = stored(site)
        (site.store / "snapshot.json").unlink()

        def shard(index: int) -> Result:
            return site.run(shard=f"{index}/3", shard_generation="g1", **OPTIONS)

        with ThreadPoolExecutor(3) as pool:
            results = list(pool.map(shard, range(3)))
        assert [list(result.errors) for result in results] == [[], [], []]
        assert stored(site) == whole
        assert whole["capacity"]["overfull"]


def test_what_is_folded_can_be_stored() -> None:
    """Whatever the amounts."""
    reader = PodReader(rules_for(37))
    body = msgspec.json.encode([pod("p", "n", container("1e30", "8Ei")), pod("q", "n")])
    reader.page(msgspec.json.decode(body, type=list[Pod]))
    folded = reader.result()
    again = msgspec.json.decode(msgspec.json.encode(folded), type=Folded)
    assert again == folded
    assert again.kinds[0].asked().requests == {"cpu": 10**39, "memory": (2**63 - 1) * 10**9}
