"""The collector's tables."""

from __future__ import annotations

from xpjob.collect.description import ColumnType, Highlight, Link
from xpjob.collect.tables import TableSpec
from xpjob.collectors.capacity.records import (
    GroupRow,
    NamespaceRow,
    NodeRow,
    PendingRow,
)

_CORES = ("Allocatable", "Requested", "Free", "DaemonSets", "Limits")
_TYPES: dict[str, ColumnType] = {
    **{f"cpu{name}": "cores" for name in _CORES},
    **{f"memory{name}": "bytes" for name in _CORES},
    **dict.fromkeys(("cpuRatio", "memoryRatio", "cpuShare", "memoryShare"), "ratio"),
    **dict.fromkeys(("state", "reason"), "state"),
    "cpu": "cores",
    "memory": "bytes",
    **dict.fromkeys(("createdAt", "unhealthySince"), "time"),
}

NODES = TableSpec(
    "nodes",
    NodeRow,
    ("node",),
    title="Nodes",
    filters=(
        *(
            "node",
            "state",
            "schedulable",
            "healthy",
            "ready",
            "cordoned",
            "virtual",
            "pool",
            "instanceType",
        ),
        *("zone", "capacityType", "kubelet"),
    ),
    search=("node", "pool", "instanceType", "zone"),
    shown=(
        *("node", "state", "pool", "instanceType", "pods"),
        *("cpuRatio", "cpuRequested", "cpuAllocatable"),
        *("memoryRatio", "memoryRequested", "memoryAllocatable", "createdAt"),
    ),
    changes=("state", "kubelet"),
    sort="-cpuRatio",
    by=("state", "pool"),
    # Cordoned and tainted nodes are as somebody wants them.
    ok="healthy",
    since="unhealthySince",
    why=("message", "state"),
    severity="critical",
    types=_TYPES,
    highlights=(
        Highlight("Nodes not healthy", {"healthy": ("false",)}, bad=True),
        Highlight("Cores requested", sum="cpuRequested"),
    ),
    priorities={
        **dict.fromkeys(("node", "state", "cpuRatio", "memoryRatio"), 1),
        **dict.fromkeys(("pool", "instanceType", "pods"), 2),
        **dict.fromkeys(("cpuRequested", "cpuAllocatable"), 3),
        **dict.fromkeys(("memoryRequested", "memoryAllocatable", "createdAt"), 3),
    },
    facets=("state", "pool", "instanceType", "zone", "capacityType", "kubelet"),
)
GROUPS = TableSpec(
    "nodeGroups",
    GroupRow,
    ("group", "value"),
    title="Groups of nodes",
    filters=("group", "value"),
    search=("group", "value"),
    shown=(
        *("group", "value", "nodes", "schedulableNodes", "pods", "podsAllocatable"),
        *("cpuRequested", "cpuAllocatable", "cpuRatio", "cpuDaemonSets"),
        *("memoryRequested", "memoryAllocatable", "memoryRatio", "fits"),
    ),
    sort="group",
    by=("group",),
    types=_TYPES,
    links=(Link("largestHoleNode", "nodes", "node"),),
    priorities={
        **dict.fromkeys(("group", "value", "cpuRatio", "memoryRatio"), 1),
        **dict.fromkeys(("nodes", "pods", "fits"), 2),
        **dict.fromkeys(("schedulableNodes", "podsAllocatable", "cpuDaemonSets"), 3),
        **dict.fromkeys(("cpuRequested", "cpuAllocatable"), 3),
        **dict.fromkeys(("memoryRequested", "memoryAllocatable"), 3),
    },
    titles={
        "fits": "Fits more",
        "fitsAtMost": "Fits at most",
        "largestHole": "Largest gap",
        "largestHoleNode": "Emptiest node",
    },
)
NAMESPACES = TableSpec(
    "namespaces",
    NamespaceRow,
    ("namespace",),
    title="Namespaces",
    filters=("namespace", "team"),
    search=("namespace", "team"),
    shown=(
        *("namespace", "team", "pods", "pendingPods", "cpuRequested", "cpuShare", "cpuLimits"),
        *("memoryRequested", "memoryShare", "memoryLimits", "podsWithoutRequests"),
    ),
    sort="-cpuRequested",
    by=("team",),
    types=_TYPES,
    priorities={
        **dict.fromkeys(("namespace", "pods", "cpuRequested", "memoryRequested"), 1),
        **dict.fromkeys(("team", "cpuShare", "memoryShare", "pendingPods"), 2),
        **dict.fromkeys(("cpuLimits", "memoryLimits", "podsWithoutRequests"), 3),
    },
)
PENDING_PODS = TableSpec(
    "pending",
    PendingRow,
    ("namespace", "name", "uid"),
    title="Pending pods",
    filters=("namespace", "team", "reason", "ownerKind", "ownerName"),
    search=("namespace", "name", "team", "ownerName", "message"),
    shown=(
        *("namespace", "name", "team", "reason", "causes", "createdAt", "ownerKind", "ownerName"),
        *("cpu", "memory", "message"),
    ),
    changes=("reason",),
    sort="createdAt",
    by=("reason", "namespace"),
    types=_TYPES,
    name=("namespace", "name"),
    # No pending pod is well; what needs a human is found by owner: see ``findings``.
    since="createdAt",
    why=("message", "reason"),
    links=(Link("namespace", "namespaces", "namespace"), Link("nominatedNode", "nodes", "node")),
    highlights=(Highlight("Pending pods", bad=True),),
    priorities={
        **dict.fromkeys(("namespace", "name", "reason", "createdAt"), 1),
        **dict.fromkeys(("team", "ownerName", "message"), 2),
        **dict.fromkeys(("causes", "ownerKind", "cpu", "memory"), 3),
    },
    titles={"createdAt": "Pending since", "causes": "Nodes ruled out, by cause"},
    facets=("reason", "team", "namespace", "ownerKind"),
)
TABLES = (NODES, GROUPS, NAMESPACES, PENDING_PODS)
