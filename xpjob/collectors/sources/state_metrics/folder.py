"""Folds the objects of one list into a tally, in default mode without duplicate series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xpjob.base.truncate import MAX_LABEL, cut
from xpjob.collectors.sources.program import MAX_EXAMPLES, Example, Limits, Tally
from xpjob.collectors.sources.shape import child
from xpjob.collectors.sources.state_metrics import config
from xpjob.collectors.sources.state_metrics.budget import BudgetError
from xpjob.collectors.sources.state_metrics.lines import braces
from xpjob.collectors.sources.state_metrics.metric import CompiledMetric
from xpjob.collectors.sources.state_metrics.notes import Notes
from xpjob.kube.discovery import Kind
from xpjob.metrics import series
from xpjob.metrics.series import Labels

_METADATA, _NAME, _NAMESPACE = child("metadata"), child("name"), child("namespace")
Identity = tuple[str, str]
_CHECKED_EVERY = 64


def identity(item: Any) -> Identity:
    """Return namespace and name of an object, empty for what it does not have."""
    metadata = _METADATA(item)
    namespace, name = _NAMESPACE(metadata), _NAME(metadata)
    return namespace if isinstance(namespace, str) else "", name if isinstance(name, str) else ""


def duplicate(labels: Labels) -> str:
    """Return what is wrong with a sample of which the labels are taken."""
    return (
        f"the labels {cut(braces(labels) or '{}', MAX_LABEL)} are those of another sample, which is"
        " exposed instead; kube-state-metrics exposes both, which fails the scrape. Set valueFrom"
        " if the path ends at a map, or add a label that tells them apart"
    )


class Folder:
    """Takes the objects of a resource.

    Of samples with equal labels the first stays: that of the object that is first by namespace and
    name, and in it that of the first metric, label or key. In compat mode all do. Once a family has
    too many, its metrics are not computed any more; once the budget of the list is spent, none is.
    """

    def __init__(
        self, metrics: Sequence[CompiledMetric], kind: Kind, limits: Limits, mode: config.Mode
    ) -> None:
        self._metrics = metrics
        self._kind = kind.kind
        self._spent = ""
        self._reserved = dict(
            zip(config.RESERVED, (kind.group, kind.version, kind.kind), strict=True)
        )
        self._limit = limits.family_series
        self._tally = Tally()
        self._notes = Notes(
            self._tally, lambda item: "/".join([kind.kind, *filter(None, identity(item))])
        )
        self._keep = self._keep_all if mode == "compat" else self._keep_first
        self._all: dict[str, list[tuple[Labels, float]]] = {}
        self._first: dict[str, dict[Labels, tuple[Identity, Labels, float]]] = {}

    def add(self, item: Any) -> None:
        """Take an object, a struct of the shape or plain JSON."""
        self._tally.objects += 1
        if self._spent:
            self._tally.errors += 1
            return
        budget = self._notes.budget
        self._notes.start(item)
        budget.start()
        try:
            for metric in self._metrics:
                budget.check()
                self._compute(metric, item)
        except BudgetError as error:
            self._spent = str(error)
            self._tally.errors += 1
            self._all.clear()
            self._first.clear()
        budget.stop()

    def result(self) -> Tally:
        """Return what became of all of them.

        If the budget was spent, no family is whole: their names are ``partial``.
        """
        self._notes.finish()
        if self._spent:
            self._tally.over = {}
            self._tally.partial = sorted({metric.family.name for metric in self._metrics})
            self._tally.examples = [self._why(), *self._tally.examples][:MAX_EXAMPLES]
        self._tally.series = dict(self._all)
        for name, kept in self._first.items():
            self._tally.series[name] = [(labels, number) for _, labels, number in kept.values()]
        return self._tally

    def _compute(self, metric: CompiledMetric, item: Any) -> None:
        name = metric.family.name
        if name in self._tally.over:
            return
        who = identity(item)
        found = metric.samples(item, self._reserved, self._notes, self._limit)
        for count, (labels, number) in enumerate(found, 1):
            if self._keep(name, labels, number, who) > self._limit or count > self._limit:
                kept = [labels for labels, _ in self._all.pop(name, ())]
                kept += [labels for _, labels, _ in self._first.pop(name, {}).values()]
                self._notes.budget.keep(-sum(map(len, kept)))
                self._tally.over[name] = max(count, len(kept))
                return
            if count % _CHECKED_EVERY == 0:
                self._notes.budget.check()

    def _why(self) -> Example:
        return Example(
            self._kind,
            "metrics",
            f"{self._spent} for one list: none of its families is exposed, for they would lack"
            " objects; use fewer metrics and labels, or paths to smaller lists and maps",
        )

    def _keep_all(self, name: str, labels: Labels, number: float, _: Identity) -> int:
        """Keep a sample; return how many of its family are kept."""
        kept = self._all.setdefault(name, [])
        kept.append((labels, number))
        self._notes.budget.keep(len(labels))
        return len(kept)

    def _keep_first(self, name: str, labels: Labels, number: float, who: Identity) -> int:
        """Keep a sample unless its labels are taken; return how many of its family are kept."""
        kept = self._first.setdefault(name, {})
        same = series.identity(labels)
        other = kept.get(same)
        if other is not None:
            self._notes.error(name, duplicate(labels))
        if other is None or who < other[0]:
            self._notes.budget.keep(len(labels) - (len(other[1]) if other else 0))
            kept[same] = (who, labels, number)
        return len(kept)
