"""Wire types of nodes: the fields that collectors read."""

from __future__ import annotations

from msgspec import Struct, field

from xpjob.base import times
from xpjob.kube.objects import Condition, Metadata


class Taint(Struct, gc=False):
    """An entry of ``spec.taints``."""

    key: str = ""
    value: str = ""
    effect: str = ""

    @classmethod
    def parse(cls, text: str) -> Taint:
        """Return the taint that ``str`` has written."""
        rest, _, effect = text.rpartition(":")
        key, _, value = rest.partition("=")
        return cls(key, value, effect)

    def __str__(self) -> str:
        """Return it as kubectl writes it: ``key=value:effect``, or ``key:effect``."""
        named = f"{self.key}={self.value}" if self.value else self.key
        return f"{named}:{self.effect}"

    @property
    def repels(self) -> bool:
        """Return whether pods that do not tolerate it are not scheduled."""
        return self.effect in ("NoSchedule", "NoExecute")


_READY = "Ready"
_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
"""Conditions of Kubernetes itself that are bad if they are true. Others may mean anything."""


class NodeSpec(Struct, rename="camel", gc=False):
    """``spec`` of a node."""

    unschedulable: bool = False
    taints: list[Taint] | None = None


class NodeInfo(Struct, rename="camel", gc=False):
    """``status.nodeInfo`` of a node."""

    kubelet_version: str = ""


class NodeStatus(Struct, rename="camel", gc=False):
    """``status`` of a node; resources map a name to a quantity."""

    capacity: dict[str, str] | None = None
    allocatable: dict[str, str] | None = None
    conditions: list[Condition] | None = None
    node_info: NodeInfo = field(default_factory=NodeInfo)


class Node(Struct, gc=False):
    """A node."""

    metadata: Metadata
    spec: NodeSpec = field(default_factory=NodeSpec)
    status: NodeStatus = field(default_factory=NodeStatus)

    @property
    def trouble(self) -> list[Condition]:
        """Return the conditions because of which the node is not healthy."""
        return [
            each
            for each in self.status.conditions or ()
            if (each.type == _READY and each.status != "True")
            or (each.type in _PRESSURES and each.status == "True")
        ]

    @property
    def trouble_since(self) -> str:
        """Return since when the oldest trouble lasts, since its creation if that is not known."""
        known = [each.last_transition_time or "" for each in self.trouble]
        created = self.metadata.creation_timestamp or ""
        return min(filter(times.read, known), key=times.parse, default=created)
