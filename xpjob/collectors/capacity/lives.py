"""Since when pods hold what they request, and until when: a few bytes for each pod.

A pod holds it from the time that it has a node until its containers have ended. What is pending
holds nothing.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import chain

from msgspec import Struct

from xpjob.base import times
from xpjob.kube.pods import Pod, PodStatus, conditions_of

_KINDS = "iiiqq"
"""Kinds of the columns: times of broken clocks are more than four bytes hold."""
STILL_THERE = (1 << 63) - 1
"""The end of a pod that has not ended: no time is as late, and 1970 is one that runtimes give."""


class Lives(Struct, frozen=True, rename="camel", gc=False):
    """Columns with a number for each pod: its node, namespace and kind, begin and end.

    ``nodes`` and ``namespaces`` have the names; kinds are positions in ``Folded.kinds``.
    """

    nodes: list[str] = []
    namespaces: list[str] = []
    columns: tuple[bytes, ...] = ()

    def rows(self) -> Iterator[tuple[int, int, int, int, int]]:
        """Yield the numbers of each pod."""
        return zip(*map(_numbers, self.columns, _KINDS), strict=True)


class Lived:
    """Gathers lives."""

    def __init__(self) -> None:
        self._nodes: dict[str, int] = {}
        self._namespaces: dict[str, int] = {}
        self._columns = [array(kind) for kind in _KINDS]

    def add(self, node: str, namespace: str, kind: int, begin: int, end: int) -> None:
        """Add that of a pod."""
        nodes, namespaces, kinds, begins, ends = self._columns
        nodes.append(self._nodes.setdefault(node, len(self._nodes)))
        namespaces.append(self._namespaces.setdefault(namespace, len(self._namespaces)))
        kinds.append(kind)
        begins.append(begin)
        ends.append(end)

    def lives(self) -> Lives:
        """Return them for storing."""
        columns = tuple(column.tobytes() for column in self._columns)
        return Lives(list(self._nodes), list(self._namespaces), columns)


def life_of(pod: Pod, *, terminal: bool) -> tuple[int, int] | None:
    """Return begin and end of a pod, None if it holds nothing, or that is not known."""
    status = pod.status or PodStatus()
    begin = times.epoch(status.start_time or _scheduled_at(pod))
    if begin is None:
        return None
    if not terminal:
        return begin, STILL_THERE
    statuses = chain(status.container_statuses or (), status.init_container_statuses or ())
    ends = [
        end
        for each in statuses
        if each.state and each.state.terminated
        if (end := times.epoch(each.state.terminated.finished_at or "")) is not None
    ]
    return (begin, max(ends)) if ends else None


def _scheduled_at(pod: Pod) -> str:
    """Return when a pod got its node, empty if it has none."""
    if pod.status is None or pod.spec is None or not pod.spec.node_name:
        return ""
    for condition in conditions_of(pod.status):
        if condition.type == "PodScheduled" and condition.status == "True":
            return condition.last_transition_time or ""
    return ""


def _numbers(column: bytes, kind: str) -> Sequence[int]:
    numbers = array(kind)
    numbers.frombytes(column)
    return numbers
