"""``/bookkeeping/summary``: how many records there are, and how they are, by any dimension."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from xpjob.collectors.crossplane.reader.view import NOT_READY_SINCE
from xpjob.net import deadline
from xpjob.reader import render, summaries
from xpjob.reader.render import Body, Json, Shape
from xpjob.reader.table import UNKNOWN, Rows, View

COUNTS = (
    *("total", "ready", "notReady", "synced", "paused", "deleting", "carried"),
    "longestNotReadySince",
)


@dataclass(frozen=True, slots=True)
class Group:
    """How many records share these values. ``since``: the longest not ready, epoch seconds."""

    values: tuple[str, ...]
    total: int
    ready: int
    synced: int
    paused: int
    deleting: int
    carried: int
    since: int | None


def summary(view: View, rows: Rows, by: Sequence[str]) -> list[Group]:
    """Count rows by dimensions: most that is not ready first, then most.

    Rows that have no such dimension are left out.
    """
    keys = summaries.keys(view, rows, by)
    total = Counter(keys)
    flags = {}
    for flag in ("ready", "synced", "paused", "deleting", "carried"):
        deadline.check()
        column = view.columns[flag]
        true = column.code("true")
        codes = column.codes
        flags[flag] = Counter(
            key for key, row in zip(keys, rows, strict=True) if codes[row] == true
        )
    longest: dict[summaries.Key, int] = {}
    since = view.times[NOT_READY_SINCE]
    for key, row in zip(keys, rows, strict=True):
        if (moment := since[row]) != UNKNOWN and moment < longest.get(key, 1 << 62):
            longest[key] = moment
    deadline.check()
    groups = []
    for key, count in total.items():
        if (values := summaries.values_of(view, by, key)) is not None:
            counts = {name: counter[key] for name, counter in flags.items()}
            groups.append(Group(values, count, since=longest.get(key), **counts))
    return sorted(groups, key=lambda g: (g.ready - g.total, -g.total, g.values))


def document(view: View, rows: Rows, by: Sequence[str], top: int, shape: Shape) -> Body:
    """Return the summary; ``top`` is how many groups at most, 0 for all."""
    groups = summary(view, rows, by)
    shown = groups[: top or render.MAX_GROUPS]
    members = [_group(by, group) for group in shown]
    return render.grouped(view.stamp, by, members, len(groups), (*by, *COUNTS), shape)


def _group(by: Sequence[str], group: Group) -> Json:
    return {
        **dict(zip(by, group.values, strict=True)),
        "total": group.total,
        "ready": group.ready,
        "notReady": group.total - group.ready,
        "synced": group.synced,
        "paused": group.paused,
        "deleting": group.deleting,
        "carried": group.carried,
        "longestNotReadySince": "" if group.since is None else render.rfc3339(group.since),
    }
