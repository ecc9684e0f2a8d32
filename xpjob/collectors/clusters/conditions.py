"""Read ``status.conditions``."""

from __future__ import annotations

from collections.abc import Iterable

from xpjob.collectors.clusters.records import TriState
from xpjob.kube.objects import Condition

_KNOWN: dict[str, TriState] = {"True": "True", "False": "False"}
VALUES: dict[TriState, int] = {"True": 1, "False": 0, "Unknown": -1}
"""The values of series; a condition that does not exist has none."""

Conditions = Iterable[Condition] | None


def find(conditions: Conditions, kind: str) -> Condition | None:
    """Return the condition of a type, None if there is none."""
    return next((each for each in conditions or () if each.type == kind), None)


def status_of(conditions: Conditions, kind: str) -> tuple[TriState, str]:
    """Return the status of a condition and since when it has it; both empty if there is none."""
    condition = find(conditions, kind)
    if condition is None:
        return "", ""
    return _KNOWN.get(condition.status, "Unknown"), condition.last_transition_time or ""
