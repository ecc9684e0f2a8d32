"""A MetricSource that was read: everything in it is checked and compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec import UNSET

from xpjob.collectors.sources.expressions.language import Limits
from xpjob.collectors.sources.metric_source.paths import Path
from xpjob.collectors.sources.metric_source.types import ValueType
from xpjob.collectors.sources.program import Target

FUNCTIONS = ("count", "sum", "avg", "min", "max", "percentile", "distinct")
NUMERIC = frozenset(("sum", "avg", "min", "max", "percentile"))
"""Functions of numbers; the others take any value."""


@dataclass(frozen=True, slots=True)
class Field:
    """A value at a path. ``default`` is converted, and UNSET if there is none."""

    name: str
    path: Path
    type: ValueType
    default: Any = UNSET


class Compiled(Protocol):
    """An expression, in the own language or in CEL."""

    source: str
    names: frozenset[str]

    def __call__(self, values: Mapping[str, Any], limits: Limits) -> Any:
        """Return its value. Raises ``EvaluationError``."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A value of an expression over fields, and over values that were computed before it."""

    name: str
    expression: Compiled
    type: ValueType


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on a value; ``matches`` takes any value but null. ``wanted`` is as written."""

    field: str
    operator: str
    matches: Callable[[Any, Limits], bool]
    wanted: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.field} {self.operator} {', '.join(self.wanted)}"


@dataclass(frozen=True, slots=True)
class Aggregation:
    """One number of all objects, or of each group of them. ``field`` is empty for a count."""

    name: str
    function: str
    field: str = ""
    filter: Filter | None = None
    group_by: str = ""
    percentile: float = 0.0


@dataclass(frozen=True, slots=True)
class UsageSpec:
    """What is counted as usage: a meter, and the fields with the amount and the team of an object.

    Without ``amount`` each object is 1, without ``team`` it has none.
    """

    meter: str
    amount: str = ""
    team: str = ""


@dataclass(frozen=True, slots=True)
class MetricSourceSpec:
    """A MetricSource. ``name`` and ``namespace`` are those of the object, empty if it has none.

    ``title`` is its ``resourceTypeName``; ``filterable`` None means that it was not said.
    ``timeout_seconds`` bounds the time for the values of the objects of each list.
    """

    namespace: str
    name: str
    target: Target
    fields: tuple[Field, ...]
    computed: tuple[Computed, ...] = ()
    aggregations: tuple[Aggregation, ...] = ()
    max_resources: int = 5000
    timeout_seconds: int = 30
    title: str = ""
    filterable: tuple[str, ...] | None = None
    usage: UsageSpec | None = None

    @property
    def types(self) -> Mapping[str, ValueType]:
        """Return the types of fields and computed values, in the order of the values of a row."""
        values: tuple[Field | Computed, ...] = (*self.fields, *self.computed)
        return {each.name: each.type for each in values}
