"""A custom resource state document as a source: what becomes of the objects of its resources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xpjob.collect.tables import TableSpec
from xpjob.collectors.sources.program import (
    MAX_EXAMPLES,
    Example,
    Explained,
    Family,
    Limits,
    Outcome,
    Tally,
    Target,
)
from xpjob.collectors.sources.shape import Shape
from xpjob.collectors.sources.state_metrics import config
from xpjob.collectors.sources.state_metrics.explain import explain
from xpjob.collectors.sources.state_metrics.folder import Folder, duplicate
from xpjob.collectors.sources.state_metrics.metric import CompiledMetric
from xpjob.kube.discovery import Kind
from xpjob.metrics.series import Labels, identity


def compile_custom_resource_state(
    document: config.Document, name: str, mode: config.Mode
) -> StateMetricsSource:
    """Return the source that a document describes."""
    return StateMetricsSource(document, name, mode)


class StateMetricsSource:
    """A ``Source``: one target for each resource of the document, in their order."""

    table: TableSpec | None = None
    meter = ""

    def __init__(self, document: config.Document, name: str, mode: config.Mode) -> None:
        self.name = name
        self._mode = mode
        self.targets: Sequence[Target] = [
            Target(each.group, each.version, each.kind, each.plural) for each in document.resources
        ]
        self._metrics = [
            [CompiledMetric(metric, mode) for metric in resource.metrics]
            for resource in document.resources
        ]
        self.families: Sequence[Family] = _families(
            metric.family for metrics in self._metrics for metric in metrics
        )

    def declare(self, target: int, shape: Shape) -> None:
        """Add what the metrics of a resource read of its objects to their shape."""
        shape.key("metadata", "name")
        shape.key("metadata", "namespace")
        declared: set[config.Path] = set()
        for metric in self._metrics[target]:
            metric.declare(shape, declared)

    def folder(self, target: int, kind: Kind, limits: Limits) -> Folder:
        """Return what takes the objects of a resource in one of its kinds."""
        return Folder(self._metrics[target], kind, limits, self._mode)

    def finish(self, tallies: Sequence[Tally], limits: Limits) -> Outcome:
        """Merge the lists. In default mode the smallest of the samples with equal labels stays.

        Families of a list whose budget was spent are left out.
        """
        tallies = sorted(tallies, key=lambda each: each.partial is None)
        incomplete = {name for each in tallies for name in each.partial or ()}
        total = Tally(
            objects=sum(each.objects for each in tallies),
            missing=sum(each.missing for each in tallies),
            invalid=sum(each.invalid for each in tallies),
            errors=sum(each.errors for each in tallies),
            adjusted=sum(each.adjusted for each in tallies),
            examples=[example for each in tallies for example in each.examples][:MAX_EXAMPLES],
        )
        series: dict[str, Sequence[tuple[Labels, float]]] = {}
        for family in self.families:
            name = family.name
            if name in incomplete:
                continue
            samples = [sample for each in tallies for sample in each.series.get(name, ())]
            beyond = sum(each.over.get(name, 0) for each in tallies)
            if self._mode == "default" and not beyond:
                samples = self._distinct(name, samples, total)
            if beyond or len(samples) > limits.family_series:
                total.over[name] = beyond + len(samples)
            elif samples:
                series[name] = samples
        return Outcome(total, series)

    def explain(
        self, target: int, kind: Kind, item: Mapping[str, Any], limits: Limits
    ) -> Sequence[Explained]:
        """Return what becomes of each metric of an object."""
        return explain(self._metrics[target], kind, item, limits, self._mode)

    def _distinct(
        self, name: str, samples: list[tuple[Labels, float]], total: Tally
    ) -> list[tuple[Labels, float]]:
        kept: dict[Labels, tuple[Labels, float]] = {}
        for labels, number in sorted(samples, key=_order):
            same = identity(labels)
            if same in kept:
                total.errors += 1
                if len(total.examples) < MAX_EXAMPLES:
                    total.examples.append(Example("", name, duplicate(labels)))
            kept.setdefault(same, (labels, number))
        return list(kept.values())


def _families(declared: Iterable[Family]) -> list[Family]:
    """Return each name once: with the first HELP, and as a gauge if the types differ."""
    found: dict[str, Family] = {}
    for family in declared:
        known = found.setdefault(family.name, family)
        if known.type != family.type:
            found[family.name] = Family(known.name, known.help, "gauge")
    return list(found.values())


def _order(sample: tuple[Labels, float]) -> tuple[Labels, bool, float, Labels]:
    """Order NaN last."""
    labels, number = sample
    return identity(labels), number != number, number, labels
