"""For each collector: a cluster that it has something to say about.

A new collector adds one scene here, and the whole suite runs over it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.capacity import KINDS as CAPACITY_KINDS
from support.capacity import POD, fill_cluster
from support.clusters import KINDS as CLUSTERS_KINDS
from support.clusters import fill_clusters
from support.services import KINDS as SERVICE_KINDS
from support.services import fill_services
from support.sources import KINDS as SOURCE_KINDS
from support.sources import WIDGET, fill_things
from support.stand_in import CLAIM, KINDS, config_map, fill
from support.toy import PodsByNode
from support.toy_kinds import PodKinds
from support.workloads import KINDS as WORKLOAD_KINDS
from support.workloads import fill_workloads
from xpjob.collect.contract import Collector
from xpjob.collectors import COLLECTORS
from xpjob.demo.cluster import CONFIGMAP, Cluster
from xpjob.kube.discovery import Kind


@dataclass(frozen=True)
class Scene:
    """A collector, the kinds of its cluster, what fills it, and one kind that it lists in pages.

    ``options`` are those that it needs to run. ``always`` are tables about the cluster itself, or
    about what users define, which have rows however empty it is; ``how`` are columns that say how a
    run went.
    """

    collector: Collector
    kinds: Sequence[Kind]
    fill: Callable[[Cluster], None]
    listed: Kind
    options: dict[str, str] = field(default_factory=dict)
    always: tuple[str, ...] = ()
    how: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the collector's name."""
        return self.collector.name


def fill_platform(cluster: Cluster) -> None:
    """Put a platform into a cluster, with a tenant's good ConfigMap and a malformed one."""
    fill(cluster)
    cluster.apply(CONFIGMAP, config_map("team-b", CLAIM_GVRS=str(CLAIM.gvr)))
    cluster.apply(CONFIGMAP, config_map("team-c", CLAIM_GVRS="nonsense"))


def fill_pods(cluster: Cluster) -> None:
    """Put pods on three nodes, one pod on none."""
    for number in range(11):
        node = f"node-{number % 3}" if number else ""
        metadata = {"name": f"web-{number}", "namespace": f"team-{number % 2}"}
        cluster.apply(POD, {"metadata": metadata, "spec": {"nodeName": node}})


_FILLED: dict[str, tuple[Any, ...]] = {
    "crossplane": (
        KINDS,
        fill_platform,
        CLAIM,
        {
            "creator_annotation_key": "example.org/creator",
            "team_annotation_key": "example.org/team",
        },
    ),
    "capacity": (
        CAPACITY_KINDS,
        fill_cluster,
        POD,
        {
            "namespace_team_key": "example.org/team",
            "label_groups": "topology.kubernetes.io/zone;kubernetes.io/arch,disk",
            "capacity_resources": "all",
            "fit_shapes": "small=500m,1Gi;gpu=1,1Gi,nvidia.com/gpu:1",
        },
    ),
    "deployments": (WORKLOAD_KINDS, fill_workloads, POD, {"digest_metrics": "true"}),
    "clusters": (CLUSTERS_KINDS, fill_clusters, POD, {}, ("clusterFacts",)),
    "sources": (
        SOURCE_KINDS,
        fill_things,
        WIDGET,
        {"metric_sources": str(Path(__file__).parent / "sources")},
        ("sources", "sourceSeries"),
        ("state", "healthy", "messages"),
    ),
    "services": (
        SERVICE_KINDS,
        fill_services,
        POD,
        {"service_operator": "infra/headless", "pod_service_metrics": "true"},
    ),
    **dict.fromkeys(("toy", "kinds"), ((POD,), fill_pods, POD, {})),
}

SCENES = [
    Scene(collector, *_FILLED[collector.name])
    for collector in (*COLLECTORS, PodsByNode(), PodKinds())
]
