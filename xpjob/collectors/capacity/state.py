"""What the snapshot has of the collector beside its tables: one key, ``capacity``."""

from __future__ import annotations

from msgspec import Struct


class Placed(Struct, rename="camel", gc=False):
    """All pods that are in one sort of place, and their requests in base units."""

    placement: str
    pods: int
    requests: dict[str, float]


class Waiting(Struct, rename="camel", gc=False):
    """The pending pods of a namespace with one reason: their number, and the oldest of them."""

    namespace: str
    team: str
    reason: str
    pods: int
    oldest: str


class DaemonSet(Struct, rename="camel", gc=False):
    """The pods of a DaemonSet, and their requests in base units."""

    namespace: str
    name: str
    pods: int
    requests: dict[str, float]


class Overfull(Struct, gc=False):
    """A node of which more is requested than it can hold, and how much more, in base units."""

    node: str
    resource: str
    excess: float


class Capacity(Struct, rename="camel", kw_only=True):
    """How the sums were made, and sums that have no table.

    ``prefix`` and the like are those of the options. ``causes`` counts pending pods by what the
    scheduler says. ``pending`` counts those that the table lacks because there are too many.
    ``invalid`` counts pods whose requests cannot be read.
    """

    server_version: str = ""
    rules: str = ""
    prefix: str = "binpacking"
    resources: list[str] = []
    node_metrics: bool = True
    node_selector: str = ""
    placed: list[Placed] = []
    waiting: list[Waiting] = []
    causes: dict[str, int] = {}
    daemon_sets: list[DaemonSet] = []
    overfull: list[Overfull] = []
    pending_left_out: int = 0
    invalid_pods: int = 0


class State(Struct, rename="camel"):
    """The keys of the snapshot."""

    capacity: Capacity | None = None
