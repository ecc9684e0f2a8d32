"""A compiled MetricSource: what it reads, and what it makes of the objects of its lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from msgspec import structs

from xpjob.collect.tables import TableSpec
from xpjob.collectors.sources.metric_source.explain import fold_one, sums_of, values_of
from xpjob.collectors.sources.metric_source.fold import ListFolder
from xpjob.collectors.sources.metric_source.groups import Grouped
from xpjob.collectors.sources.metric_source.spec import Aggregation, MetricSourceSpec
from xpjob.collectors.sources.metric_source.table import source_table
from xpjob.collectors.sources.program import (
    MAX_EXAMPLES,
    Example,
    Explained,
    Family,
    Folder,
    Limits,
    Outcome,
    Tally,
    Target,
)
from xpjob.collectors.sources.sanitise import label_name, metric_part
from xpjob.collectors.sources.shape import Shape
from xpjob.kube.discovery import Kind
from xpjob.metrics.series import Labels

PREFIX = "clusterpulse_custom_resource_"


def compile_metric_source(spec: MetricSourceSpec, name: str = "") -> MetricSource:
    """Return the source of a document; ``name`` is for one that names itself not."""
    own = f"{spec.namespace}/{spec.name}" if spec.namespace else spec.name
    return MetricSource(spec, name or own)


class MetricSource:
    """The source that a MetricSource describes.

    Aggregations are over all objects; ``maxResources`` bounds the rows of the table only.
    """

    def __init__(self, spec: MetricSourceSpec, name: str) -> None:
        self._spec = spec
        self._name = name
        self._table = source_table(spec, name)
        self._families = {each.name: family(each) for each in spec.aggregations}

    @property
    def name(self) -> str:
        """Return the value of the label ``source``."""
        return self._name

    @property
    def targets(self) -> Sequence[Target]:
        """Return which objects it counts."""
        return (self._spec.target,)

    @property
    def families(self) -> Sequence[Family]:
        """Return a family for each aggregation."""
        return tuple(self._families.values())

    @property
    def table(self) -> TableSpec | None:
        """Return the description of its rows."""
        return self._table.spec

    @property
    def meter(self) -> str:
        """Return the name of the meter that its objects count to, empty if they do not."""
        return self._spec.usage.meter if self._spec.usage else ""

    def declare(self, target: int, shape: Shape) -> None:
        """Add what it reads of its objects to their shape."""
        if self.meter:
            shape.key("metadata", "creationTimestamp").take()
        shape.key("metadata", "name").take()
        shape.key("metadata", "namespace").take()
        for field in self._spec.fields:
            field.path.declare(shape)

    def folder(self, target: int, kind: Kind, limits: Limits) -> Folder:
        """Return what takes the objects of a list."""
        return ListFolder(self._spec, self._table, kind.kind, limits)

    def finish(self, tallies: Sequence[Tally], limits: Limits) -> Outcome:
        """Merge what the lists gave. Without any object, counts and sums are 0."""
        merged = Tally(
            objects=sum(each.objects for each in tallies),
            missing=sum(each.missing for each in tallies),
            invalid=sum(each.invalid for each in tallies),
            errors=sum(each.errors for each in tallies),
            examples=[],
        )
        examples = sorted(
            (example for each in tallies for example in each.examples), key=_example_key
        )
        late = any(each.partial is None for each in tallies)
        if late:
            examples.insert(0, self._late())
            merged.errors = merged.errors or 1  # also if it was up with the last object
        merged.examples = examples[:MAX_EXAMPLES]
        rows = sorted(
            (row for each in tallies for row in each.rows),
            key=itemgetter(*range(self._table.leading)),
        )
        merged.rows = rows[: self._spec.max_resources]
        merged.dropped = sum(each.dropped for each in tallies) + len(rows) - len(merged.rows)
        series: dict[str, list[tuple[Labels, float]]] = {}
        if not late:
            for number, aggregation in enumerate(self._spec.aggregations):
                name = self._families[aggregation.name].name
                merged_groups = self._merged(number, tallies, limits)
                if merged_groups.over:
                    merged.over[name] = merged_groups.over
                elif samples := self._samples(aggregation, merged_groups, merged):
                    series[name] = samples
        record = self._table.spec.record
        return Outcome(merged, series, [record(*row) for row in merged.rows])

    def _late(self) -> Example:
        seconds = self._spec.timeout_seconds
        return Example(
            "",
            "collection.timeoutSeconds",
            f"the values of a list took more than {seconds} s: the rest of its objects has no"
            " rows, and all aggregations are left out; make expressions and paths simpler, or"
            " set it higher",
        )

    def explain(
        self, target: int, kind: Kind, item: Mapping[str, Any], limits: Limits
    ) -> Sequence[Explained]:
        """Return what becomes of each value of an object, and what it adds to each aggregation."""
        folded = fold_one(self._spec, self._table, kind.kind, item, limits)
        if folded is None:
            return ()
        series = self.finish([structs.replace(folded.tally, rows=[])], limits).series
        families = {name: each.name for name, each in self._families.items()}
        return [*values_of(self._spec, folded), *sums_of(self._spec, folded, families, series)]

    def _merged(self, number: int, tallies: Sequence[Tally], limits: Limits) -> Grouped:
        aggregation = self._spec.aggregations[number]
        merged = Grouped(aggregation, self._spec.types, limits.family_series)
        for each in tallies:
            merged.merge(each.partial[number])
        return merged

    def _samples(
        self, aggregation: Aggregation, groups: Grouped, tally: Tally
    ) -> list[tuple[Labels, float]]:
        found: list[tuple[Labels, float]] = []
        for group, state in groups.results():
            labels = {"source": self._name}
            if aggregation.group_by:
                labels[label_name(aggregation.group_by)] = group
            try:
                value = state.result()
            except OverflowError:
                tally.errors += 1
                if len(tally.examples) < MAX_EXAMPLES:
                    message = f"the {aggregation.function} is larger than any float"
                    tally.examples.append(Example("", f"aggregation {aggregation.name}", message))
                continue
            if value is not None:
                found.append((tuple(sorted(labels.items())), value))
        return found


def family(aggregation: Aggregation) -> Family:
    """Return the family of an aggregation; its help is the same for all sources that have it."""
    part = metric_part(aggregation.name)
    return Family(f"{PREFIX}{part}", f"Aggregation {part} of the objects of a MetricSource.")


def _example_key(example: Example) -> tuple[str, str, str]:
    return example.object, example.where, example.message
