"""Explain what becomes of one object: values at paths, and their series or why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xpjob.base.truncate import MAX_LABEL, cut
from xpjob.collectors.sources.program import MAX_EXAMPLES, Limits
from xpjob.collectors.sources.state_metrics.folder import Folder
from xpjob.collectors.sources.state_metrics.lines import lines
from xpjob.collectors.sources.state_metrics.source import StateMetricsSource
from xpjob.collectors.sources.state_metrics.values import go_text
from xpjob.kube.discovery import Kind


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a metric makes of an object.

    ``raw`` is the text of the value at ``path``, empty if there is none; ``notes`` say what is
    missing, invalid or otherwise not as it is in the object.
    """

    family: str
    path: str
    raw: str
    series: tuple[str, ...]
    notes: tuple[str, ...]


def explain(
    source: StateMetricsSource, target: int, kind: Kind, item: dict[str, Any], limits: Limits
) -> Iterator[Explanation]:
    """Yield what each metric of a target makes of an object, which is plain JSON, and whole."""
    for metric in source.metrics(target):
        folder = Folder([metric], kind, limits, source.mode)
        folder.add(item)
        tally = folder.result()
        value = metric.path.get(item)
        notes = [f"{each.where}: {each.message}".removeprefix(": ") for each in tally.examples]
        counted = tally.missing + tally.invalid + tally.errors + tally.adjusted
        if counted > MAX_EXAMPLES:
            notes.append(f"and {counted - MAX_EXAMPLES} more")
        if not tally.series and not notes:
            notes.append("no value has a label or number of its own")
        yield Explanation(
            metric.family.name,
            str(metric.path) or "the object",
            "" if value is None or not metric.path.segments else cut(go_text(value), MAX_LABEL),
            tuple(lines(tally.series)),
            tuple(notes),
        )
