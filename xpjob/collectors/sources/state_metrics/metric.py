"""A metric, compiled: its samples of one object, with all their labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xpjob.collectors.sources.program import Family
from xpjob.collectors.sources.shape import Shape
from xpjob.collectors.sources.state_metrics import config
from xpjob.collectors.sources.state_metrics.evaluate import compile_each
from xpjob.collectors.sources.state_metrics.labels import LabelPaths
from xpjob.collectors.sources.state_metrics.names import free_name, label_name, metric_name
from xpjob.collectors.sources.state_metrics.notes import Notes
from xpjob.collectors.sources.state_metrics.paths import Path
from xpjob.metrics.series import Labels

_CHECKED_EVERY = 64


class CompiledMetric:
    """Evaluates one metric.

    Labels, each overriding those before: reserved, common, of the object, of the value.
    """

    def __init__(self, metric: config.Metric, mode: config.Mode) -> None:
        name = metric_name(metric.name) if mode == "default" else metric.name
        self.family = Family(name, metric.help, metric.each.type)
        self._common = dict(metric.common_labels)
        if mode == "default":
            self._common = {}
            for key, value in sorted(metric.common_labels.items()):
                self._common[free_name(label_name(key), self._common)] = value
        self._labels = LabelPaths(metric.labels, mode)
        self._each = compile_each(metric.each, mode)
        self._where = str(self._each.path)

    @property
    def path(self) -> Path:
        """Return the path of its value in an object."""
        return self._each.path

    def declare(self, shape: Shape, declared: set[config.Path]) -> None:
        """Add what it reads to the shape of the object, but for labels that are ``declared``."""
        self._labels.declare(shape, declared)
        self._each.declare(shape)

    def samples(
        self, item: Any, reserved: dict[str, str], notes: Notes, most: int
    ) -> Iterator[tuple[Labels, float]]:
        """Yield the samples of an object, sorted by the labels that are their own.

        Not many more than ``most``, which are too many for a family anyway. Raises ``BudgetError``.
        """
        path = self.path
        value = path.get(item)
        if value is None and not self._each.nil_is_zero:
            notes.missing(self._where, lambda: path.why_nothing(item))
            return
        own = []
        for sample in self._each.samples(value, self._where, notes):
            own.append(sample)
            if len(own) > most:
                break
            if len(own) % _CHECKED_EVERY == 0:
                notes.budget.check()
        if not own:
            return
        if len(own) > 1:
            own.sort(key=lambda sample: sorted(sample[0].items()))
        base = reserved | self._common
        self._labels.add(item, base, "", notes)
        for labels, number in own:
            yield tuple(sorted((base | labels).items())), number
