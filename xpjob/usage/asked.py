"""Questions as the command line and the reader take them: values by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from xpjob.usage import question as parts
from xpjob.usage.errors import QuestionError
from xpjob.usage.money import Prices
from xpjob.usage.period import period
from xpjob.usage.question import CLUSTER, Question

FILTERS = ("team", "namespace", "kind", "group", "composition", "nodeGroup")
"""Dimensions that have a parameter of their own. ``filter`` has those of all others."""
ALL = "*"

Values = Mapping[str, Sequence[str]]


def question(
    values: Values, now: datetime, orders: Iterable[str], prices: Prices | None = None
) -> Question:
    """Return the question. ``values`` has those of each parameter. Raises ``QuestionError``.

    Several classes are never summed, so rows of several classes that are asked for tell theirs.
    """

    def one(name: str) -> str:
        return next(iter(values.get(name, ())), "")

    pairs = [(name, value) for name in FILTERS for value in values.get(name, ())]
    pairs += map(_filter, values.get("filter", ()))
    filters = parts.filters(pairs)
    classes = [*values.get("class", ()), *filters.pop("class", ())]
    clusters = [*values.get(CLUSTER, ()), *filters.pop(CLUSTER, ())]
    by = parts.dimensions(values.get("by", ()))
    if parts.several(classes) and "class" not in by:
        by = (*by, "class")
    wanted = period(one("month"), one("from"), one("to"), now)
    return Question(
        wanted,
        by=by,
        meters=tuple(values.get("meter", ())),
        classes=classes,
        clusters=[name for name in clusters if name != ALL],
        filters=filters,
        shares=parts.shares(values.get("share", ())),
        renamed=parts.renames(values.get("map", ())),
        orders=frozenset(orders),
        priced=prices.dimensions if prices else (),
        exact=one("exact") == "true",
    )


def _filter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise QuestionError("filter", f"filter: invalid {text[:60]!r}: expected NAME=VALUE")
    return name, value
