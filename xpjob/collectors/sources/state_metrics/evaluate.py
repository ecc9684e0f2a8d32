"""What gauge, info and stateSet make of the value at their path: own labels, and numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from xpjob.collectors.sources.shape import Shape
from xpjob.collectors.sources.state_metrics import config
from xpjob.collectors.sources.state_metrics.labels import LabelPaths, cut_value
from xpjob.collectors.sources.state_metrics.names import label_name
from xpjob.collectors.sources.state_metrics.notes import Notes
from xpjob.collectors.sources.state_metrics.paths import Path, compile_path
from xpjob.collectors.sources.state_metrics.values import coerce

Sample = tuple[dict[str, str], float]


class Evaluator(Protocol):
    """Makes samples of the value at the path of a metric."""

    path: Path
    nil_is_zero: bool

    def declare(self, shape: Shape) -> None:
        """Add what it reads to the shape of the object."""

    def samples(self, value: Any, where: str, notes: Notes) -> Iterator[Sample]:
        """Yield the samples with the labels that are their own."""


def compile_each(each: config.Each, mode: config.Mode) -> Evaluator:
    """Return what evaluates a metric."""
    kinds: dict[str, type[_Gauge | _Info | _StateSet]]
    kinds = {"gauge": _Gauge, "info": _Info, "stateset": _StateSet}
    return kinds[each.type](each, mode)


class _Each:
    """What all three have in common.

    A map at the path is expanded into its entries. In default mode the object itself is not,
    unless its keys are wanted as a label.
    """

    def __init__(self, each: config.Each, mode: config.Mode) -> None:
        self.path = compile_path(each.path, mode)
        self.nil_is_zero = each.nil_is_zero
        self._compat = mode == "compat"
        self._labels = LabelPaths(each.labels, mode)
        self._key_label = each.label_from_key
        if not self._compat and each.label_from_key:
            self._key_label = label_name(each.label_from_key)
        self._expands = self._compat or bool(each.path or each.label_from_key)

    def declare(self, shape: Shape) -> None:
        for end in self.path.declare(shape):
            if self._expands:
                end.take_map()
            else:
                self._declare_value(end)
            self._declare_value(end.element())

    def _declare_value(self, shape: Shape) -> None:
        self._labels.declare(shape)

    def _key_labels(self, key: str, where: str, notes: Notes) -> dict[str, str]:
        if not key or not self._key_label:
            return {}
        return {self._key_label: key if self._compat else cut_value(key, where, notes)}


class _Gauge(_Each):
    """A number at ``valueFrom`` of the value, of its elements, or of its entries."""

    def __init__(self, each: config.Each, mode: config.Mode) -> None:
        super().__init__(each, mode)
        self._value_from = compile_path(each.value_from, mode)
        # kube-state-metrics compares keys with the text of the path, in which a comma separates.
        self._own_key = None
        if len(each.value_from) == 1 and "," not in each.value_from[0]:
            self._own_key = each.value_from[0] or None

    def _declare_value(self, shape: Shape) -> None:
        super()._declare_value(shape)
        self._value_from.declare(shape)

    def samples(self, value: Any, where: str, notes: Notes) -> Iterator[Sample]:
        if self._expands and isinstance(value, dict):
            above: dict[str, str] = {}
            self._labels.add(value, above, where, notes)
            for key in sorted(value):
                for labels, number in self._entry(key, value[key], where, notes):
                    yield labels | above, number
        elif isinstance(value, list):
            for number, item in enumerate(value):
                at = f"{where}.{number}"
                yield from self._one(item, at, notes)
        else:
            yield from self._one(value, where, notes)

    def _entry(self, key: str, entry: Any, where: str, notes: Notes) -> Iterator[Sample]:
        if key == self._own_key:
            found = entry
        else:
            found = self._value_from.get(entry)
            if found is None and not self.nil_is_zero:
                return
        try:
            number = 0.0 if found is None and self.nil_is_zero else coerce(found)
        except ValueError as error:
            if key == self._own_key:
                notes.invalid(f"{where}.{key}", str(error))
            return
        labels = self._key_labels(key, where, notes)
        self._labels.add(entry, labels, f"{where}.{key}", notes)
        yield labels, number

    def _one(self, value: Any, where: str, notes: Notes) -> Iterator[Sample]:
        found = self._value_from.get(value)
        if found is None:
            if not self.nil_is_zero:
                notes.missing(where, lambda: self._value_from.why_nothing(value))
                return
            number = 0.0
        else:
            try:
                number = coerce(found)
            except ValueError as error:
                notes.invalid(f"{where}.{self._value_from}".rstrip("."), str(error))
                return
        labels: dict[str, str] = {}
        self._labels.add(value, labels, where, notes)
        yield labels, number


class _Info(_Each):
    """1 for the value, for each of its elements, or entries, that has labels of its own."""

    def samples(self, value: Any, where: str, notes: Notes) -> Iterator[Sample]:
        if isinstance(value, list):
            for number, item in enumerate(value):
                yield from self._one(item, {}, f"{where}.{number}", notes)
            return
        if self._expands and isinstance(value, dict):
            for key in sorted(value):
                labels = self._key_labels(key, where, notes)
                yield from self._one(value[key], labels, f"{where}.{key}", notes)
        yield from self._one(value, {}, where, notes)

    def _one(
        self, value: Any, labels: dict[str, str], where: str, notes: Notes
    ) -> Iterator[Sample]:
        self._labels.add(value, labels, where, notes)
        if labels:
            yield labels, 1.0


class _StateSet(_Each):
    """1 for the state that the value is, 0 for the others. A map is not expanded."""

    def __init__(self, each: config.Each, mode: config.Mode) -> None:
        super().__init__(each, mode)
        self._expands = False
        self._value_from = compile_path(each.value_from, mode)
        self._label = label_name(each.label_name) if mode == "default" else each.label_name
        self._states = each.states

    def _declare_value(self, shape: Shape) -> None:
        super()._declare_value(shape)
        self._value_from.declare(shape)

    def samples(self, value: Any, where: str, notes: Notes) -> Iterator[Sample]:
        if isinstance(value, list):
            for number, item in enumerate(value):
                yield from self._one(item, f"{where}.{number}", notes)
        else:
            yield from self._one(value, where, notes)

    def _one(self, value: Any, where: str, notes: Notes) -> Iterator[Sample]:
        found = self._value_from.get(value)
        if found is None:
            notes.missing(where, lambda: self._value_from.why_nothing(value))
            return
        if not isinstance(found, str):
            got = "a boolean" if isinstance(found, bool) else "a number"
            got = got if isinstance(found, bool | int | float) else "a map or a list"
            notes.invalid(
                f"{where}.{self._value_from}".rstrip("."), f"expected a string, got {got}"
            )
            return
        labels: dict[str, str] = {}
        self._labels.add(value, labels, where, notes)
        for state in self._states:
            yield {self._label: state} | labels, float(found == state)
