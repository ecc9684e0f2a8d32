"""What becomes of each metric of one object: by folding it, as a run does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import UNSET

from xpjob.collectors.sources.program import Explained, Limits, Tally
from xpjob.collectors.sources.state_metrics import config
from xpjob.collectors.sources.state_metrics.folder import Folder, duplicate
from xpjob.collectors.sources.state_metrics.metric import CompiledMetric
from xpjob.kube.discovery import Kind


def explain(
    metrics: Sequence[CompiledMetric],
    kind: Kind,
    item: Mapping[str, Any],
    limits: Limits,
    mode: config.Mode,
) -> list[Explained]:
    """Return the samples of each metric of a resource, and why it has none."""

    def fold(some: Sequence[CompiledMetric]) -> Tally:
        folder = Folder(some, kind, limits, mode)
        folder.add(item)
        return folder.result()

    found = []
    before = Tally()
    for number, metric in enumerate(metrics):
        # Alone it has the reasons; with those before it, the samples that are not theirs.
        alone, after = fold([metric]), fold(metrics[: number + 1])
        name = metric.family.name
        samples = after.series.get(name, [])[len(before.series.get(name, ())) :]
        raw = metric.path.get(item)
        found.append(
            Explained(
                "metric",
                name,
                str(metric.path) or "the object",
                raw=UNSET if raw is None else raw,
                samples=samples,
                family=name,
                why=tuple(_why(alone, after, name, samples, limits)),
            )
        )
        before = after
    return found


def _why(
    alone: Tally, after: Tally, name: str, samples: Sequence[Any], limits: Limits
) -> Iterator[str]:
    if after.partial:
        yield f"left out: {after.examples[0].message}"
        return
    if name in after.over:
        yield f"left out: more than {limits.family_series} series of one object"
        return
    for example in alone.examples:
        yield f"{example.where}: {example.message}".removeprefix(": ")
    unsaid = sum((alone.missing, alone.invalid, alone.errors, alone.adjusted))
    if unsaid > len(alone.examples):
        yield f"and {unsaid - len(alone.examples)} more such values"
    kept = {labels for labels, _ in samples}
    yield from (duplicate(labels) for labels, _ in alone.series.get(name, ()) if labels not in kept)
    if not samples and not alone.examples and not alone.series.get(name):
        yield "no value has a label or number of its own"
