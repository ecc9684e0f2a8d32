"""Options of runs for several clusters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xpjob.config import parsers
from xpjob.config.option import Config, Group, Problem, option
from xpjob.publish.options import PublishOptions
from xpjob.run.options import ShardOptions
from xpjob.store.options import StoreOptions


class HubOptions(Group, frozen=True, kw_only=True):
    """Which clusters one command runs for, and how many at once."""

    title = "Several clusters"

    # One line per option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    clusters: Path | None = option("File (YAML or JSON) that names several clusters: one run is made for each.", "", parsers.optional(parsers.path))
    clusters_from: str = option("Where to find the clusters instead of in a file: clusterconnections, the objects of ClusterPulse and their Secrets.", "", parsers.one_of("", "clusterconnections"))
    clusters_namespace: str = option("Namespace of the ClusterConnections; empty means all.", "", parsers.grouping_value)
    clusters_insecure: tuple[str, ...] = option("ClusterConnections whose servers may go unverified, because their Secrets have no ca.crt: names, comma-separated.", "", parsers.each(parsers.grouping_value))
    cluster_concurrency: int = option("Number of clusters whose runs are made at once, each a process.", "4", parsers.whole(1, 64))
    cluster_index: int | None = option("Run only for the clusters of this index, from 0, e.g. that of a pod of an Indexed Job; empty means all.", "", parsers.optional(parsers.whole(0, 9_999)), flag="--index", aliases=("job_completion_index",))
    cluster_count: int | None = option("Number of indexes over which the clusters are divided; empty means one cluster per index.", "", parsers.optional(parsers.whole(1, 10_000)))
    # ruff: enable[E501]
    # fmt: on

    @property
    def wanted(self) -> bool:
        """Return whether there are several clusters."""
        return self.clusters is not None or bool(self.clusters_from)

    def problems(self, config: Config) -> Iterator[Problem]:
        """Yield settings that contradict a run for several clusters."""
        if not self.wanted:
            return
        name = "CLUSTERS" if self.clusters else "CLUSTERS_FROM"
        if self.clusters and self.clusters_from:
            yield "clusters_from", "CLUSTERS_FROM: CLUSTERS is also set; set only one of them"
        index, count = self.cluster_index, self.cluster_count
        if index is not None and count is not None and index >= count:
            yield (
                "cluster_index",
                f"CLUSTER_INDEX: {index} is not below CLUSTER_COUNT, which is {count}; set "
                "CLUSTER_COUNT to the number of pods",
            )
        for field in ("clusters_insecure", "clusters_namespace") if self.clusters else ():
            if getattr(self, field):
                text = f"{field.upper()}: CLUSTERS is also set, and this is for CLUSTERS_FROM"
                yield field, f"{text}; remove one of them"
        if config[StoreOptions].cluster_name:
            text = f"CLUSTER_NAME: {name} is also set, where each cluster has its own name"
            yield "cluster_name", f"{text}; remove it"
        if config[StoreOptions].cluster_replaces:
            text = f"CLUSTER_REPLACES: {name} is also set; set it in the options of that cluster"
            yield "cluster_replaces", text
        if self.clusters_from and config[PublishOptions].publish:
            text = "PUBLISH: CLUSTERS_FROM is also set, and all runs would write the same file"
            yield "publish", f"{text}; push to a gateway instead"
        if config[ShardOptions].shard:
            text = f"SHARD: {name} is also set; divide the clusters with CLUSTER_INDEX instead"
            yield "shard", text
