"""Since when rows are in their state: the memory of earlier runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from xpjob.base.times import read
from xpjob.collectors.services.rows import Identity, PodService, State

_FROM_THE_START: frozenset[State] = frozenset(
    ("missing", "waiting", "impossible", "suspicious", "orphan", "noGoverningService")
)
"""States that what no run has seen before has been in since it was started or created."""


def date(
    rows: Iterable[PodService],
    before: Mapping[Identity, PodService],
    at: str,
    complete: Callable[[str], str],
) -> None:
    """Set ``since`` of fresh rows, which have the time when their object was started.

    ``complete`` returns when a run has last seen all of a namespace, empty if none has.
    """
    for row in rows:
        earlier = before.get(row.identity)
        if earlier and _same(earlier, row):
            row.since = earlier.since if earlier.state == row.state else at
        elif row.state not in _FROM_THE_START or _had_a_pod(row, before):
            row.since = at
        elif not _started(row, at) or _started(row, complete(row.namespace)):
            row.since = at  # a broken clock, or nothing was wrong with it then


def _same(earlier: PodService, row: PodService) -> bool:
    """Return whether two rows of one name are of one object, which may have been replaced."""
    if row.kind == "Service":
        return earlier.service_uid == row.service_uid
    return earlier.pod_uid == row.pod_uid


def _had_a_pod(row: PodService, before: Mapping[Identity, PodService]) -> bool:
    """Return whether an earlier run has seen the Service of a row with its pod."""
    pod = before.get((row.namespace, "Pod", row.name))
    return row.kind == "Service" and pod is not None and pod.service_uid == row.service_uid


def _started(row: PodService, by: str) -> bool:
    started, moment = read(row.since), read(by)
    return bool(started and moment and started <= moment)
