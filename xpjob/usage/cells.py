"""Cells: quantities by all that a report tells apart, before sharing, filters and rounding."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from xpjob.usage.columns import ALLOCATABLE, REQUESTS
from xpjob.usage.errors import QuestionError
from xpjob.usage.fold import HEAD, Folded, Pair
from xpjob.usage.question import CLUSTER, Question

MAX_CELLS = 200_000
"""Cells of one report: some 80 MB."""
IDLE, OTHER = "idle", "other"
"""Reserved rows: what nobody requested, and what exceeds USAGE_MAX_ROWS."""


class Cell(NamedTuple):
    """What a quantity is of. ``time`` is the day or month, where the report tells them apart.

    ``epoch`` counts the changes of prices before. ``values`` are those of
    ``Question.dimensions``. ``reserved`` is empty, ``IDLE`` or ``OTHER``.
    """

    meter: str
    time: str
    epoch: int
    cluster: str
    values: tuple[str, ...]
    reserved: str = ""

    def named(self, dimensions: Sequence[str]) -> dict[str, str]:
        """Return its values by dimension, the cluster included."""
        return dict(zip(dimensions, self.values, strict=True)) | {CLUSTER: self.cluster}

    def within(self) -> Within:
        """Return where it belongs to."""
        return Within(self.time, self.epoch, self.cluster)


class Within(NamedTuple):
    """A part of the period, and a cluster: what is shared is shared within these."""

    time: str
    epoch: int
    cluster: str


@dataclass(slots=True)
class Noted:
    """What the footer says of a meter, before sharing and filters: its total, and parts of it."""

    total: int = 0
    bridged: int = 0
    corrected: int = 0
    unallocated: int = 0


@dataclass(slots=True)
class Cells:
    """Cells, and what is known of their meters.

    ``supply`` and ``demand`` are what nodes have to give, and what was requested of it: by meter of
    requests, part and node group. ``classes`` are those that the period has, asked for or not.
    """

    question: Question
    changes: Sequence[date] = ()
    quantities: dict[Cell, int] = field(default_factory=dict)
    bridged: dict[Cell, int] = field(default_factory=dict)
    supply: dict[tuple[str, Within, str], int] = field(default_factory=dict)
    demand: dict[tuple[str, Within, str], int] = field(default_factory=dict)
    noted: dict[str, Noted] = field(default_factory=dict)
    classes: set[str] = field(default_factory=set)
    _places: dict[str, tuple[str, int] | None] = field(default_factory=dict)

    def add(self, cluster: str, folded: Folded) -> None:
        """Add what a file has of the period. Raises ``QuestionError`` if it becomes too much."""
        question, names = self.question, self.question.dimensions
        begin, end = HEAD, HEAD + len(names)
        group, team = (HEAD + question.read.index(name) for name in ("nodeGroup", "team"))
        folded_from = HEAD + len(question.read)
        for key, pair in folded.rows.items():
            day, charge, meter, class_ = key[:HEAD]
            if not question.needs_meter(meter) or (placed := self.placed(day)) is None:
                continue
            if class_ and question.has_meter(meter):
                self.classes.add(class_)
            if not question.has_class(class_):
                continue
            pool = question.rename("nodeGroup", key[group])
            self._balance(meter, Within(*placed, cluster), pool, pair[0])
            if not question.has_meter(meter):
                continue
            self._note(meter, pair, corrected=charge != "", unallocated=not key[team])
            values = key[begin:end]
            if question.renamed:
                values = tuple(map(question.rename, names, values))
            named = dict(zip(names, values, strict=True)) | {CLUSTER: cluster}
            # What is shared comes to rows that pass from rows that do not.
            if not question.shares and not question.passes(named):
                continue
            reserved = OTHER if len(key) > folded_from else ""
            cell = Cell(meter, *placed, cluster, values, reserved)
            self.quantities[cell] = self.quantities.get(cell, 0) + pair[0]
            if pair[1]:
                self.bridged[cell] = self.bridged.get(cell, 0) + pair[1]
        if len(self.quantities) > MAX_CELLS:
            raise QuestionError(
                "by",
                f"the report has more than {MAX_CELLS:,} rows; ask for fewer dimensions or a "
                "shorter period, or filter",
            )

    def _note(self, meter: str, pair: Pair, *, corrected: bool, unallocated: bool) -> None:
        noted = self.noted.setdefault(meter, Noted())
        noted.total += pair[0]
        noted.bridged += pair[1]
        noted.corrected += pair[0] * corrected
        noted.unallocated += pair[0] * unallocated

    def _balance(self, meter: str, within: Within, group: str, quantity: int) -> None:
        if meter.endswith(ALLOCATABLE):
            key = (meter.removesuffix(ALLOCATABLE) + REQUESTS, within, group)
            self.supply[key] = self.supply.get(key, 0) + quantity
        elif meter.endswith(REQUESTS):
            key = (meter, within, group)
            self.demand[key] = self.demand.get(key, 0) + quantity

    def placed(self, day: str) -> tuple[str, int] | None:
        """Return time and epoch of a day; None if it is not in the period."""
        if day not in self._places:
            found = date.fromisoformat(day)
            time = {"day": day, "month": day[:7], "": ""}[self.question.time]
            inside = self.question.period.has(found)
            self._places[day] = (time, bisect_right(self.changes, found)) if inside else None
        return self._places[day]
