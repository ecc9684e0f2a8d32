"""What a MetricSource counts as usage: objects, or the value of a field of each, by team.

Only plain fields are read, and of every object, however long expressions take: what is counted
must not depend on how busy the machine is.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from msgspec import UNSET

from xpjob.base import times
from xpjob.base.truncate import MAX_LABEL, cut
from xpjob.collect.meters import Unit
from xpjob.collectors.sources.metric_source.reading import reading
from xpjob.collectors.sources.metric_source.spec import Field, MetricSourceSpec
from xpjob.collectors.sources.metric_source.steps import Key, chain
from xpjob.collectors.sources.metric_source.types import INVALID
from xpjob.collectors.sources.program import Used
from xpjob.usage.columns import unit_of

_OLD = 8 * 86_400
"""Seconds after which it does not matter when an object was created: no gap is counted so far."""
_SCALE: dict[Unit, int] = {"Unit": 1, "B": 1, "Millicore": 1000}
_created = chain((Key("metadata"), Key("creationTimestamp")))


class Usage:
    """Adds up what the objects of one list have."""

    def __init__(self, spec: MetricSourceSpec, now: float) -> None:
        usage = spec.usage
        fields = {field.name: field for field in spec.fields}
        self._scale = _SCALE[unit_of(usage.meter)] if usage else 0
        self._amount = _Value(fields[usage.amount]) if usage and usage.amount else None
        self._team = _Value(fields[usage.team]) if usage and usage.team else None
        self._old = int(now) - _OLD
        self._found: Counter[tuple[str, str, int]] = Counter()

    def add(self, namespace: str, item: Any) -> None:
        """Take an object. One without a creation time, or without an amount, does not count."""
        created = _created(item)
        begin = times.epoch(created) if type(created) is str else None
        amount = 1.0 if self._amount is None else _number(self._amount(item))
        if not self._scale or begin is None or not 0 < amount < math.inf:
            return
        team = self._team(item) if self._team else None
        key = (namespace, cut(team, MAX_LABEL) if type(team) is str else "", max(begin, self._old))
        # Rounded before, as 0.1 of a core is a little more than 100 millicores.
        self._found[key] += math.ceil(round(amount * self._scale, 6))

    def result(self) -> list[Used]:
        """Return the amounts, by namespace, team and when they began."""
        return [Used(*key, amount) for key, amount in self._found.items()]


class _Value:
    """Returns the value of a field in an object, None for what is missing, null or invalid."""

    def __init__(self, field: Field) -> None:
        self._get, self._convert = reading(field)
        self._default = None if field.default is UNSET else field.default

    def __call__(self, item: Any) -> Any:
        raw = self._get(item)
        if raw is UNSET:
            return self._default
        value = None if raw is None else self._convert(raw)
        return None if value is INVALID else value


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan
