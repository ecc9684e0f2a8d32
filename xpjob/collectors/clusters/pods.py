"""Count pods by node while they are listed, and sum what they request; none is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from xpjob.kube.pods import Pod
from xpjob.kube.quantity import QuantityError
from xpjob.kube.request_rules import Rules
from xpjob.kube.requests import effective

PHASES = ("Running", "Pending", "Failed", "Succeeded")
TERMINAL = ("Failed", "Succeeded")
_POSITION = {phase: number for number, phase in enumerate(PHASES)}
_CPU, _MEMORY = 5, 6
_Counts = list[int]


class PodSums(Struct, rename="camel", gc=False):
    """Pods by phase; ``other`` are of unknown phase. Requests are texts of nano units, for JSON.

    Pods that have ended request nothing more.
    """

    running: int = 0
    pending: int = 0
    failed: int = 0
    succeeded: int = 0
    other: int = 0
    cpu: str = "0"
    memory: str = "0"

    @property
    def pods(self) -> int:
        """Return the number of pods."""
        return self.running + self.pending + self.failed + self.succeeded + self.other


class PodCounts(Struct):
    """Sums by node, of pods without one under "". ``invalid`` counts unreadable requests."""

    nodes: dict[str, PodSums]
    invalid: int = 0

    def total(self) -> PodSums:
        """Return the sums over all pods."""
        return total(self.nodes)


def total(nodes: Mapping[str, PodSums]) -> PodSums:
    """Return the sums over some nodes."""
    every = nodes.values()
    return PodSums(
        sum(each.running for each in every),
        sum(each.pending for each in every),
        sum(each.failed for each in every),
        sum(each.succeeded for each in every),
        sum(each.other for each in every),
        str(sum(int(each.cpu) for each in every)),
        str(sum(int(each.memory) for each in every)),
    )


class PodReader:
    """Counts the pods of a list."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._nodes: dict[str, _Counts] = {}
        self._invalid = 0

    def page(self, objects: Sequence[Pod]) -> None:
        """Count the pods of a page."""
        nodes, rules = self._nodes, self._rules
        for pod in objects:
            node = pod.spec.node_name if pod.spec else ""
            phase = pod.status.phase if pod.status else ""
            counts = nodes.get(node)
            if counts is None:
                counts = nodes[node] = [0] * 7
            counts[_POSITION.get(phase, 4)] += 1
            if phase in TERMINAL:
                continue
            try:
                requests = effective(pod, rules).requests
            except QuantityError:
                self._invalid += 1
                continue
            counts[_CPU] += requests.get("cpu", 0)
            counts[_MEMORY] += requests.get("memory", 0)

    def result(self) -> PodCounts:
        """Return the counts."""
        sums = {
            node: PodSums(*counts[:5], str(counts[_CPU]), str(counts[_MEMORY]))  # type: ignore[arg-type, call-arg]
            for node, counts in self._nodes.items()
        }
        return PodCounts(sums, self._invalid)
