"""The collector's tables."""

from __future__ import annotations

from msgspec import Struct

from xpjob.collect.description import ColumnType, Highlight, Link
from xpjob.collect.tables import TableSpec
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
    types={"carriedSince": _TIME, "value": "number"},
    priorities={**dict.fromkeys(("fact", "value", "text"), 1), "carriedSince": 3},
)
NODES = TableSpec(
    "clusterNodes",
    NodeRow,
    ("node",),
    title="Nodes of the cluster",
    filters=("node", "healthy", "ready", "unschedulable", "roles", "pressures", "kubelet"),
    search=("node",),
    shown=(
        *("node", "ready", "readySince", "unschedulable", "roles", "pressures", "kubelet"),
        *("pods", "podsRunning", "cpuRatio", "memoryRatio", "carriedSince"),
    ),
    changes=("ready", "unschedulable", "kubelet"),
    sort="healthy",
    by=("ready",),
    ok="healthy",
    since="unhealthySince",
    why=("message", "pressures"),
    severity="critical",
    links=(Link("node", "nodes", "node"),),
    highlights=(Highlight("Nodes in trouble", {"healthy": ("false",)}, bad=True),),
    priorities={
        **dict.fromkeys(("node", "ready", "readySince"), 1),
        **dict.fromkeys(("roles", "pressures", "cpuRatio", "memoryRatio"), 2),
        **dict.fromkeys(("unschedulable", "kubelet", "pods", "podsRunning", "carriedSince"), 3),
    },
    titles={"readySince": "Since", "pressures": "Other conditions", "unschedulable": "Cordoned"},
    facets=("ready", "roles", "pressures", "unschedulable", "kubelet"),
    types={
        "ready": "state",
        **dict.fromkeys(("readySince", "unhealthySince", "createdAt", "carriedSince"), _TIME),
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
    sort="healthy",
    by=("manager", "state"),
    ok="healthy",
    types={"state": "state", **dict.fromkeys(("since", "carriedSince"), _TIME)},
    name=("namespace", "operator"),
    since="since",
    why=("message", "state"),
    severity="warning",
    links=(Link("namespace", "namespaces", "namespace"),),
    highlights=(Highlight("Operators in trouble", {"healthy": ("false",)}, bad=True),),
    priorities={
        **dict.fromkeys(("namespace", "operator", "state", "since"), 1),
        **dict.fromkeys(("version", "message", "upgradePending"), 2),
        **dict.fromkeys(("manager", "healthy", "approvalRequired", "channel", "carriedSince"), 3),
    },
    titles={"since": "In this state since"},
    facets=("manager", "state", "namespace", "upgradePending", "approvalRequired", "channel"),
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
    sort="healthy",
    by=("state",),
    ok="healthy",
    types={
        "state": "state",
        "responseSeconds": "number",
        **dict.fromkeys(("since", "certificateExpires", "carriedSince"), _TIME),
    },
    previous=SeenRegistry,
    since="since",
    why=("message", "cause"),
    severity="warning",
    highlights=(Highlight("Registries in trouble", {"healthy": ("false",)}, bad=True),),
    priorities={
        **dict.fromkeys(("registry", "state", "since"), 1),
        **dict.fromkeys(("endpoint", "message", "certificateExpires"), 2),
        **dict.fromkeys(("responseSeconds", "repositories", "carriedSince"), 3),
    },
    titles={"since": "In this state since", "responseSeconds": "Response time in seconds"},
    facets=("state", "cause", "catalog"),
)
TABLES = (FACTS, NODES, OPERATORS, REGISTRIES)
