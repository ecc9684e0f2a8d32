"""Which namespaces are known: those of which every list that a row is made of is complete."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.services.plan import LEFT, POD, SERVICE, SLICE, STATEFUL_SET
from xpjob.collectors.services.rows import PodService

_OF_PODS = (POD, SERVICE, SLICE, LEFT)
_OF_SETS = (STATEFUL_SET, SERVICE)


class Known:
    """The outcomes of the lists. A pod without a Service is one only if both lists are complete."""

    def __init__(self, outcomes: Iterable[TargetOutcome], namespaces: Sequence[str]) -> None:
        self._failed = [each for each in outcomes if each.error]
        self._namespaces = namespaces or ("",)

    def listed(self, namespace: str) -> bool:
        """Return whether a namespace is one of those to list."""
        return covers(self._namespaces, namespace)

    def reason(self, row: PodService) -> TargetOutcome | None:
        """Return a failed list without which a row is unknown."""
        return self._reason(row.namespace, _OF_SETS if row.kind == "StatefulSet" else _OF_PODS)

    def pods(self, namespace: str) -> bool:
        """Return whether pods of a namespace and their Services are known."""
        return self._reason(namespace, _OF_PODS) is None

    @property
    def complete(self) -> bool:
        """Return whether all pods and their Services are known."""
        return all(map(self.pods, self._namespaces))

    def compared(self, before: Sequence[str]) -> list[str]:
        """Return the namespaces, or the empty one for all, whose rows the next run compares with.

        ``before`` are those that this run could compare with. They stay so while their lists fail,
        unless rows of them were dropped.
        """
        reasons = ((each, self._reason(each, _OF_PODS)) for each in self._namespaces)
        return [
            each
            for each, reason in reasons
            if reason is None or (covers(before, each) and not reason.let_go)
        ]

    def _reason(self, namespace: str, roles: Sequence[str]) -> TargetOutcome | None:
        failed = (each for each in self._failed if each.class_ in roles)
        return next((each for each in failed if each.namespace in ("", namespace)), None)


def covers(namespaces: Sequence[str], namespace: str) -> bool:
    """Return whether a namespace is one of these, of which the empty one means all."""
    return "" in namespaces or namespace in namespaces
