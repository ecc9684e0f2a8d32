"""What aggregations keep of each group of objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

from xpjob.base.truncate import MAX_LABEL, cut
from xpjob.collectors.sources.expressions.language import Limits
from xpjob.collectors.sources.metric_source import aggregations, types
from xpjob.collectors.sources.metric_source.aggregations import State
from xpjob.collectors.sources.metric_source.spec import NUMERIC, Aggregation
from xpjob.collectors.sources.metric_source.types import INVALID, ValueType

UNKNOWN = "_unknown_"
"""The group of objects in which the value to group by is missing, null or invalid."""


class Grouped:
    """What one aggregation keeps of each group."""

    def __init__(self, aggregation: Aggregation, of: Mapping[str, ValueType], most: int) -> None:
        names = list(of)
        self.name = aggregation.name
        self.over = 0
        self._new: Callable[[], State] = partial(
            aggregations.new, aggregation.function, aggregation.percentile
        )
        self._most = most
        self._at = names.index(aggregation.field) if aggregation.field else None
        self._number = _numeric(of[aggregation.field]) if aggregation.function in NUMERIC else None
        self._matches = aggregation.filter.matches if aggregation.filter else None
        self._filter_at = names.index(aggregation.filter.field) if aggregation.filter else 0
        self._group_at = names.index(aggregation.group_by) if aggregation.group_by else None
        self._states: dict[str, State] = {}
        if self._group_at is None:
            self._states[""] = self._new()

    def add(self, values: Sequence[Any], limits: Limits) -> None:
        """Take the values of an object. Raises ``EvaluationError``."""
        if self._matches is not None:
            value = values[self._filter_at]
            if value is None or not self._matches(value, limits):
                return
        value = None if self._at is None else values[self._at]
        if self._number is not None:
            value = None if value is None else self._number(value)
        group = "" if self._group_at is None else group_of(values[self._group_at])
        state = self._states.get(group) or self._state(group)
        if state is not None and (value is not None or self._number is None):
            state.add(value)

    def partial(self) -> Any:
        """Return what JSON can hold of it: by group, or how many there were at least."""
        if self.over:
            return {"over": self.over}
        return {"groups": {group: state.partial() for group, state in self._states.items()}}

    def merge(self, partial: Any) -> None:
        """Take what another one returned."""
        if "over" in partial:
            self.over = max(self.over, partial["over"])
            return
        for group, kept in partial["groups"].items():
            state = self._states.get(group) or self._state(group)
            if state is not None:
                state.merge(kept)

    def results(self) -> list[tuple[str, State]]:
        """Return what is kept of each group, in their order."""
        return [] if self.over else sorted(self._states.items(), key=itemgetter(0))

    def _state(self, group: str) -> State | None:
        """Return what is kept of a new group; None if there are too many."""
        if self.over or len(self._states) >= self._most:
            self.over = self.over or len(self._states) + 1
            self._states.clear()
            return None
        state = self._states[group] = self._new()
        return state


def group_of(value: Any) -> str:
    """Return the value of the label of a group."""
    if type(value) is not str:
        value = None if value is None else types.text(value)
        if value is None or value is INVALID:
            return UNKNOWN
    return value if len(value) <= MAX_LABEL else cut(value, MAX_LABEL)


def _numeric(of: ValueType) -> Callable[[Any], Any]:
    """Return what makes a value the number that is added up: a float, or None."""
    if of.name == "timestamp":
        return types.seconds_of
    if of.name == "any":
        return lambda value: value if isinstance(value, (int, float)) else None
    return lambda value: value
