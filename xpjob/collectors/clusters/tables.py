"""The collector's tables."""

from __future__ import annotations

from msgspec import Struct

from xpjob.collect.tables import ColumnType, TableSpec
from xpjob.collectors.clusters.records import FactRow, NodeRow, OperatorRow, RegistryRow


class SeenRegistry(Struct, rename="camel", gc=False):
    """What the next run reads of a registry's row."""

    registry: str
    endpoint: str = ""
    state: str = ""
    since: str = ""
    certificate_expires: str = ""


_TIME: ColumnType = "time"
FACTS = TableSpec(
    "clusterFacts",
    FactRow,
    ("fact",),
    title="Cluster",
    filters=("fact",),
    search=("fact", "text"),
    shown=("fact", "value", "text", "carriedSince"),
    changes=("value", "text"),
    sort="fact",
    types={"carriedSince": _TIME},
)
NODES = TableSpec(
    "clusterNodes",
    NodeRow,
    ("node",),
    title="Nodes of the cluster",
    filters=("node", "ready", "unschedulable", "roles", "pressures", "kubelet"),
    search=("node",),
    shown=(
        *("node", "ready", "readySince", "unschedulable", "roles", "pressures", "kubelet"),
        *("pods", "podsRunning", "cpuRatio", "memoryRatio", "carriedSince"),
    ),
    changes=("ready", "unschedulable", "kubelet"),
    sort="node",
    by=("ready",),
    types={
        "ready": "state",
        **dict.fromkeys(("readySince", "createdAt", "carriedSince"), _TIME),
        **dict.fromkeys(("cpuRatio", "memoryRatio"), "ratio"),
        **dict.fromkeys(("cpuCapacity", "cpuAllocatable", "cpuRequested"), "cores"),
        **dict.fromkeys(("memoryCapacity", "memoryAllocatable", "memoryRequested"), "bytes"),
        **dict.fromkeys(("storageCapacity", "storageAllocatable"), "bytes"),
    },
)
OPERATORS = TableSpec(
    "operators",
    OperatorRow,
    ("manager", "namespace", "operator", "name"),
    title="Operators",
    filters=(
        *("manager", "namespace", "operator", "state", "healthy", "installed", "succeeded"),
        *("upgradePending", "approvalRequired", "available", "progressing", "degraded"),
        *("upgradeable", "channel", "source", "version"),
    ),
    search=("namespace", "operator", "displayName", "message"),
    shown=(
        *("manager", "namespace", "operator", "version", "state", "healthy", "since"),
        *("upgradePending", "approvalRequired", "channel", "message", "carriedSince"),
    ),
    changes=("version", "state", "healthy", "approvalRequired"),
    sort="operator",
    by=("manager", "state"),
    ok="healthy",
    types={"state": "state", **dict.fromkeys(("since", "carriedSince"), _TIME)},
)
REGISTRIES = TableSpec(
    "registries",
    RegistryRow,
    ("registry",),
    title="Registries",
    filters=("registry", "state", "healthy", "up", "authenticated", "cause", "catalog"),
    search=("registry", "endpoint", "message"),
    shown=(
        *("registry", "endpoint", "state", "since", "responseSeconds", "repositories"),
        *("certificateExpires", "message", "carriedSince"),
    ),
    changes=("state", "certificateExpires"),
    sort="registry",
    by=("state",),
    ok="healthy",
    types={
        "state": "state",
        **dict.fromkeys(("since", "certificateExpires", "carriedSince"), _TIME),
    },
    previous=SeenRegistry,
)
TABLES = (FACTS, NODES, OPERATORS, REGISTRIES)
