"""Folds the objects of one list into a tally, in default mode without duplicate series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xpjob.base.truncate import MAX_LABEL, cut
from xpjob.collectors.sources.program import Limits, Tally
from xpjob.collectors.sources.shape import child
from xpjob.collectors.sources.state_metrics import config
from xpjob.collectors.sources.state_metrics.lines import braces
from xpjob.collectors.sources.state_metrics.metric import CompiledMetric
from xpjob.collectors.sources.state_metrics.notes import Notes
from xpjob.kube.discovery import Kind
from xpjob.metrics.series import Labels

_METADATA, _NAME, _NAMESPACE = child("metadata"), child("name"), child("namespace")
Identity = tuple[str, str]


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
    name, and in it that of the first metric, label or key. In compat mode all do.
    """

    def __init__(
        self, metrics: Sequence[CompiledMetric], kind: Kind, limits: Limits, mode: config.Mode
    ) -> None:
        self._metrics = metrics
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
        self._first: dict[str, dict[Labels, tuple[Identity, float]]] = {}

    def add(self, item: Any) -> None:
        """Take an object, a struct of the shape or plain JSON."""
        self._tally.objects += 1
        self._notes.start(item)
        who = identity(item)
        for metric in self._metrics:
            name = metric.family.name
            for labels, number in metric.samples(item, self._reserved, self._notes):
                if name in self._tally.over:
                    self._tally.over[name] += 1
                else:
                    self._keep(name, labels, number, who)

    def result(self) -> Tally:
        """Return what became of all of them."""
        self._notes.finish()
        self._tally.series = dict(self._all)
        for name, kept in self._first.items():
            self._tally.series[name] = [(labels, number) for labels, (_, number) in kept.items()]
        return self._tally

    def _keep_all(self, name: str, labels: Labels, number: float, _: Identity) -> None:
        kept = self._all.setdefault(name, [])
        kept.append((labels, number))
        if len(kept) > self._limit:
            self._tally.over[name] = len(self._all.pop(name))

    def _keep_first(self, name: str, labels: Labels, number: float, who: Identity) -> None:
        kept = self._first.setdefault(name, {})
        other = kept.get(labels)
        if other is not None:
            self._notes.error(name, duplicate(labels))
        if other is None or who < other[0]:
            kept[labels] = (who, number)
        if len(kept) > self._limit:
            self._tally.over[name] = len(self._first.pop(name))
