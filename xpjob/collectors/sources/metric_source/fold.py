"""Take the objects of one list: their values, their rows, and what aggregations keep of them."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from msgspec import UNSET

from xpjob.base.truncate import MAX_LABEL, MAX_MESSAGE, cut
from xpjob.collectors.sources.expressions import language
from xpjob.collectors.sources.expressions.errors import EvaluationError
from xpjob.collectors.sources.metric_source import types
from xpjob.collectors.sources.metric_source.groups import Grouped
from xpjob.collectors.sources.metric_source.reading import invalid, reading
from xpjob.collectors.sources.metric_source.rows import Rows
from xpjob.collectors.sources.metric_source.spec import Computed, Field, MetricSourceSpec
from xpjob.collectors.sources.metric_source.steps import Key, chain
from xpjob.collectors.sources.metric_source.table import SourceTable
from xpjob.collectors.sources.metric_source.types import INVALID
from xpjob.collectors.sources.metric_source.usage import Usage
from xpjob.collectors.sources.namespaces import Namespaces
from xpjob.collectors.sources.program import MAX_EXAMPLES, Example, Limits, Tally

_name = chain((Key("metadata"), Key("name")))
_namespace = chain((Key("metadata"), Key("namespace")))


class ListFolder:
    """Takes the objects of a list one by one."""

    def __init__(
        self,
        spec: MetricSourceSpec,
        table: SourceTable,
        kind: str,
        limits: Limits,
        examples: int = MAX_EXAMPLES,
    ) -> None:
        self._spec = spec
        self._kind = kind
        self._tally = Tally(examples=[])
        self._namespaces = Namespaces(spec.target.include, spec.target.exclude)
        self._fields = [(*reading(field), field) for field in spec.fields]
        self._names = list(spec.types)
        self._limits = language.Limits(limits.now, self._late)
        self._groups = [
            Grouped(each, spec.types, limits.family_series) for each in spec.aggregations
        ]
        self._rows = Rows(spec.max_resources, table)
        self._usage = Usage(spec, limits.now) if spec.usage else None
        self._spent = self._started = 0.0
        self._stopped = False
        self._examples = examples
        self._hints = 100  # look-ups of why a value is missing, which take time

    def add(self, item: Any) -> None:
        """Take an object of the wire type."""
        namespace, name = _namespace(item), _name(item)
        namespace = namespace if type(namespace) is str else ""
        name = name if type(name) is str else ""
        if not self._namespaces.allow(namespace):
            return
        self._tally.objects += 1
        if self._usage:
            self._usage.add(namespace, item)
        if self._stopped:
            self._tally.errors += 1
            self._rows.skip()
            return
        self._started = perf_counter()
        values = self._read(namespace, name, item)
        self._limits.next_object()
        if self._spec.computed:
            self._compute(namespace, name, values)
        if self._groups:
            self._aggregate(namespace, name, values)
        self._rows.add(namespace, name, self._kind, values)
        self._spent += perf_counter() - self._started
        self._stopped = self._spent > self._spec.timeout_seconds

    def result(self) -> Tally:
        """Return what came of all of them; without a partial if the time of the source was up."""
        tally = self._tally
        tally.rows, tally.dropped = self._rows.result()
        tally.used = self._usage.result() if self._usage else []
        tally.partial = None if self._stopped else [each.partial() for each in self._groups]
        return tally

    def _late(self) -> bool:
        return self._spent + perf_counter() - self._started > self._spec.timeout_seconds

    def _read(self, namespace: str, name: str, item: Any) -> list[Any]:
        """Return the values of all fields; None for what is missing, null or invalid."""
        tally = self._tally
        values: list[Any] = []
        for get, convert, field in self._fields:
            raw = get(item)
            if raw is UNSET or raw is None:
                value = field.default if raw is UNSET else None
                if value is UNSET or value is None:
                    value = None
                    tally.missing += 1
                    if raw is UNSET and self._hints and len(tally.examples) < self._examples:
                        self._hint(namespace, name, field, item)
            else:
                value = convert(raw)
                if value is INVALID:
                    value = None
                    tally.invalid += 1
                    if len(tally.examples) < self._examples:
                        self._example(namespace, name, field.path.source, invalid(field, raw))
            values.append(value)
        return values

    def _compute(self, namespace: str, name: str, values: list[Any]) -> None:
        known = dict(zip(self._names, values, strict=False))
        for each in self._spec.computed:
            try:
                value = each.expression(known, self._limits)
            except EvaluationError as error:
                value = None
                self._failed(namespace, name, each, str(error))
            else:
                if value is not None:
                    found = each.type.convert(value)
                    if found is INVALID:
                        self._tally.invalid += 1
                        message = f"expected {each.type.expected}, got {types.shown(value)}"
                        self._example(namespace, name, each.name, f"{message}; set another type")
                        found = None
                    value = found
            known[each.name] = value
            values.append(value)

    def _aggregate(self, namespace: str, name: str, values: list[Any]) -> None:
        for each in self._groups:
            try:
                each.add(values, self._limits)
            except EvaluationError as error:
                self._tally.errors += 1
                self._example(namespace, name, f"aggregation {each.name}", str(error))

    def _failed(self, namespace: str, name: str, computed: Computed, message: str) -> None:
        self._tally.errors += 1
        self._example(namespace, name, computed.name, f"{computed.expression.source}: {message}")

    def _hint(self, namespace: str, name: str, field: Field, item: Any) -> None:
        """Note that a path goes through a list, if that is why nothing is there."""
        self._hints -= 1
        if at := field.path.crosses(item):
            message = f"a list is at {at}, and the path goes on with a key: use an index or [*]"
            self._example(namespace, name, field.path.source, message)

    def _example(self, namespace: str, name: str, where: str, message: str) -> None:
        if len(self._tally.examples) < self._examples:
            parts = (self._kind, namespace, name) if namespace else (self._kind, name)
            found = Example("/".join(parts), cut(where, MAX_LABEL), cut(message, MAX_MESSAGE))
            self._tally.examples.append(found)
