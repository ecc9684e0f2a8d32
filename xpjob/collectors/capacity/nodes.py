"""What a node is: what it can hold, whether pods are scheduled to it, which pool it belongs to."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from msgspec import Struct

from xpjob.base.truncate import MAX_MESSAGE, cut
from xpjob.collectors.capacity.amounts import Amounts, parsed
from xpjob.kube.nodes import Node, Taint

SCHEDULABLE, TAINTED, CORDONED = "schedulable", "tainted", "cordoned"
NOT_READY, VIRTUAL = "not ready", "virtual"
STATES = (SCHEDULABLE, TAINTED, CORDONED, NOT_READY, VIRTUAL)

POOL_LABELS = (
    *("karpenter.sh/nodepool", "karpenter.sh/provisioner-name", "eks.amazonaws.com/nodegroup"),
    *("alpha.eksctl.io/nodegroup-name", "cloud.google.com/gke-nodepool"),
    *("kubernetes.azure.com/agentpool", "kops.k8s.io/instancegroup"),
    *("doks.digitalocean.com/node-pool", "k8s.scaleway.com/pool-name", "lke.linode.com/pool-id"),
    *("ibm-cloud.kubernetes.io/worker-pool-name", "node.openshift.io/machine-set"),
)
"""Labels with the name of a node's pool, the more specific platform first."""
_CAPACITY_TYPES = (
    *("karpenter.sh/capacity-type", "eks.amazonaws.com/capacityType"),
    *("cloud.google.com/gke-provisioning", "kubernetes.azure.com/scalesetpriority"),
)
_ZONES = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
_INSTANCE_TYPES = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
_COMPUTE_TYPE = "eks.amazonaws.com/compute-type"
_PROVIDER_TAINT = "virtual-kubelet.io/provider"

UNSCHEDULABLE_TAINT = "node.kubernetes.io/unschedulable"
"""The taint that every cordoned node has."""


class NodeFacts(Struct, rename="camel", gc=False):
    """What is read of a node. ``allocatable`` has quantities, those of capacity where it is absent.

    ``ready`` is whether no Ready condition says otherwise, ``healthy`` whether no condition does;
    ``message`` has what they say.
    """

    name: str
    uid: str
    created_at: str
    labels: dict[str, str]
    taints: list[str]
    cordoned: bool
    ready: bool
    healthy: bool
    allocatable: dict[str, str]
    kubelet: str = ""
    unhealthy_since: str = ""
    message: str = ""

    @classmethod
    def of(cls, node: Node) -> NodeFacts:
        """Return the facts of a node as listed."""
        metadata, spec, status = node.metadata, node.spec, node.status
        allocatable = status.capacity if status.allocatable is None else status.allocatable
        trouble = node.trouble
        ready = [each.status for each in status.conditions or () if each.type == "Ready"]
        return cls(
            name=metadata.name,
            uid=metadata.uid,
            created_at=metadata.creation_timestamp or "",
            # Nodes share most keys and values of labels.
            labels={sys.intern(k): sys.intern(v) for k, v in (metadata.labels or {}).items()},
            taints=[sys.intern(str(taint)) for taint in spec.taints or ()],
            cordoned=spec.unschedulable,
            ready=not ready or ready[0] == "True",
            healthy=not trouble,
            allocatable=allocatable or {},
            kubelet=status.node_info.kubelet_version,
            unhealthy_since=node.trouble_since if trouble else "",
            message=cut("; ".join(each.text for each in trouble), MAX_MESSAGE),
        )

    @property
    def amounts(self) -> Amounts:
        """Return what it can hold."""
        return parsed(self.allocatable)

    @property
    def virtual(self) -> str:
        """Return the provider of a node that is no machine, empty for a machine."""
        if self.labels.get(_COMPUTE_TYPE) == "fargate":
            return "fargate"
        for text in self.taints:
            if (taint := Taint.parse(text)).key == _PROVIDER_TAINT:
                return taint.value or "virtual-kubelet"
        return "virtual-kubelet" if self.labels.get("type") == "virtual-kubelet" else ""

    @property
    def state(self) -> str:
        """Return what it is: the first of virtual, not ready, cordoned, tainted that is true."""
        if self.virtual:
            return VIRTUAL
        if not self.ready:
            return NOT_READY
        if self.cordoned:
            return CORDONED
        repelled = any(Taint.parse(text).repels for text in self.taints)
        return TAINTED if repelled else SCHEDULABLE

    @property
    def pool(self) -> str:
        """Return the name of its pool, empty if no label of a known platform has it."""
        return _first(self.labels, POOL_LABELS)

    @property
    def zone(self) -> str:
        """Return its zone."""
        return _first(self.labels, _ZONES)

    @property
    def instance_type(self) -> str:
        """Return its instance type."""
        return _first(self.labels, _INSTANCE_TYPES)

    @property
    def capacity_type(self) -> str:
        """Return how it is paid for, in lower case: ``spot``, ``on-demand``, ..."""
        if self.labels.get("cloud.google.com/gke-spot") == "true":
            return "spot"
        return _first(self.labels, _CAPACITY_TYPES).lower().replace("_", "-")


class NodeReader:
    """Reads nodes page by page."""

    def __init__(self) -> None:
        self._nodes: list[NodeFacts] = []

    def page(self, objects: Sequence[Node]) -> None:
        """Keep the facts of the nodes of a page."""
        self._nodes += map(NodeFacts.of, objects)

    def result(self) -> list[NodeFacts]:
        """Return the nodes."""
        return self._nodes


def _first(labels: Mapping[str, str], keys: Sequence[str]) -> str:
    return next((labels[key] for key in keys if labels.get(key)), "")
