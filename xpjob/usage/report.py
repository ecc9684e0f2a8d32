"""The report: rows of gathered usage, shared, filtered, rounded and priced, and its footer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from xpjob.usage.cells import IDLE, Cell, Within
from xpjob.usage.columns import REPORT_UNITS, SECONDS, list_kind, unit_of
from xpjob.usage.footer import Footer, footer
from xpjob.usage.gather import Gathered
from xpjob.usage.money import Price, Prices
from xpjob.usage.question import CLUSTER, Question
from xpjob.usage.rounding import nearest, rounded
from xpjob.usage.sharing import idle_cells, share, shown

DECIMALS = 3
_CLOSE = 0.01
"""Difference of the coverage of two lists up to which what they have is compared."""


class RowKey(NamedTuple):
    """What a row is of: ``values`` are those of ``by``."""

    meter: str
    values: tuple[str, ...]
    reserved: str


@dataclass(slots=True)
class Row:
    """A row. Quantities are hours, or exact in the unit of the files; None of money is unknown.

    ``average`` is the quantity over the time in which it was counted: of a row, within its part of
    the period, and of a total within all of it.
    """

    key: RowKey
    unit: str
    quantity: Decimal | Fraction
    average: Decimal
    average_unit: str
    bridged: Decimal | Fraction
    pricing_quantity: Decimal | None = None
    pricing_unit: str = ""
    unit_price: Decimal | None = None
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Rows, a total for each meter, whose columns add up, and the total of money.

    If several classes are asked for, each has a total; ``values`` of their keys have the class.

    ``classes`` are all that the period has of these meters.
    """

    question: Question
    rows: Sequence[Row]
    totals: Sequence[Row]
    footer: Footer
    classes: Sequence[str] = ()
    currency: str = ""
    cost: Decimal | None = None


@dataclass(slots=True)
class _Sums:
    """The exact numbers of a row. ``whole`` is its share of the average of the period."""

    quantity: Fraction = Fraction(0)
    bridged: int = 0
    average: Fraction = Fraction(0)
    whole: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    priced: Fraction = Fraction(0)
    prices: set[tuple[str, Decimal]] = field(default_factory=set)
    unpriced: bool = False


def report(gathered: Gathered, prices: Prices | None = None) -> Report:
    """Return the report of what was gathered."""
    cells, question = gathered.cells, gathered.cells.question
    times = _Times(gathered)
    direct = cells.quantities
    filters = question.filters.keys() - {CLUSTER, "nodeGroup"}
    if question.idle != "none" or not filters:
        direct |= idle_cells(cells, times.comparable())
    sums: dict[RowKey, _Sums] = {}
    for cell, quantity in share(question, direct).items():
        named = cell.named(question.dimensions)
        if not question.passes(named) or (cell.reserved == IDLE and filters):
            continue
        key = RowKey(cell.meter, shown(question, cell), cell.reserved)
        row = sums.setdefault(key, _Sums())
        row.quantity += quantity
        row.bridged += cells.bridged.get(cell, 0)
        row.average += times.average(cell, quantity)
        row.whole += times.whole(cell, quantity)
        if prices:
            _price(row, prices.of(cell.meter, named, times.first_day(cell.epoch)), quantity)
    return _rounded(gathered, sums, prices)


class _Times:
    """How long usage was counted, by part of the period and cluster."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered
        self._seconds: dict[tuple[Within, str], int] = {}
        self._days: dict[Within, list[str]] = {}
        self._all_epochs: dict[Within, list[str]] = {}
        self._all_seconds: dict[tuple[str, str], int] = {}
        for cluster in gathered.clusters:
            for day in gathered.cells.question.period.days():
                if placed := gathered.cells.placed(str(day)):
                    within = Within(*placed, cluster)
                    self._days.setdefault(within, []).append(str(day))
                    self._all_epochs.setdefault(within._replace(epoch=0), []).append(str(day))

    def comparable(self) -> set[Within]:
        """Return where pods and nodes were counted for the same time."""
        coverage = self._gathered.coverage
        found = set()
        for within, days in self._days.items():
            pods, nodes = (coverage.share(within.cluster, days, kind) for kind in ("Pod", "Node"))
            if nodes and abs(pods - nodes) <= _CLOSE:
                found.add(within)
        return found

    def average(self, cell: Cell, quantity: Fraction) -> Fraction:
        """Return a quantity over the seconds in which it was counted, in the cluster of the cell.

        Prices do not matter here: their epochs are parts of one time.
        """
        name = (cell.within()._replace(epoch=0), list_kind(cell.meter))
        if name not in self._seconds:
            days = self._all_epochs.get(name[0], ())
            self._seconds[name] = self._gathered.coverage.longest(cell.cluster, days, name[1])
        seconds = self._seconds[name]
        return quantity / seconds if seconds else Fraction(0)

    def whole(self, cell: Cell, quantity: Fraction) -> Fraction:
        """Return a quantity over the seconds of the period in which the cluster was counted."""
        name = (cell.cluster, list_kind(cell.meter))
        if name not in self._all_seconds:
            parts = [days for at, days in self._all_epochs.items() if at.cluster == cell.cluster]
            days = [day for each in parts for day in each]
            self._all_seconds[name] = self._gathered.coverage.longest(cell.cluster, days, name[1])
        seconds = self._all_seconds[name]
        return quantity / seconds if seconds else Fraction(0)

    def first_day(self, epoch: int) -> date:
        """Return the first day of the period on which the prices of an epoch apply."""
        cells = self._gathered.cells
        return cells.changes[epoch - 1] if epoch else cells.question.period.begin


def _price(row: _Sums, price: Price | None, quantity: Fraction) -> None:
    if price is None:
        row.unpriced = row.unpriced or quantity != 0
        return
    row.cost += price.cost(quantity)
    row.priced += price.amount(quantity)
    row.prices.add((price.unit, price.price))


def _rounded(gathered: Gathered, sums: Mapping[RowKey, _Sums], prices: Prices | None) -> Report:
    question = gathered.cells.question
    costs: dict[RowKey, Decimal] = {}
    cost: Decimal | None = None
    if prices:
        exact = {key: row.cost for key, row in sums.items() if row.prices}
        costs, cost = rounded(exact, prices.decimals) if exact else ({}, None)
    rows: list[Row] = []
    totals: list[Row] = []
    groups: dict[tuple[str, tuple[str, ...]], dict[RowKey, _Sums]] = {}
    for key, sum_ in sums.items():
        groups.setdefault((key.meter, _class(question, key)), {})[key] = sum_
    for (meter, class_), own in sorted(groups.items(), key=lambda item: item[0]):
        some, total = _of_meter(question, RowKey(meter, class_, ""), own)
        for row in some:
            _put_money(row, own[row.key], costs)
        if prices:
            known = [row.cost for row in some if row.cost is not None]
            total.cost = sum(known[1:], known[0]) if known else None
        rows += some
        totals.append(total)
    unpriced = sum(row.unpriced for row in sums.values()) if prices else 0
    return Report(
        question,
        rows,
        totals,
        footer(gathered, unpriced),
        sorted(gathered.cells.classes),
        prices.currency if prices else "",
        cost,
    )


def _class(question: Question, key: RowKey) -> tuple[str, ...]:
    """Return the class of a row if several classes are asked for, which are never summed."""
    return (key.values[question.by.index("class")],) if question.apart else ()


def _of_meter(
    question: Question, total_key: RowKey, sums: Mapping[RowKey, _Sums]
) -> tuple[list[Row], Row]:
    """Return the rows of a meter, the largest last digits first, and their total."""
    unit = REPORT_UNITS[unit_of(total_key.meter)]
    size = unit.size // 3600
    whole = sum((row.whole for row in sums.values()), Fraction(0))
    average = {key: nearest(row.average / size, DECIMALS) for key, row in sums.items()}
    average[total_key] = nearest(whole / size, DECIMALS)
    quantities: dict[RowKey, Decimal | Fraction] = {}
    bridged: dict[RowKey, Decimal | Fraction] = {}
    for target, exact in (
        (quantities, {key: row.quantity for key, row in sums.items()}),
        (bridged, {key: Fraction(row.bridged) for key, row in sums.items()}),
    ):
        if question.exact:
            target |= exact
            target[total_key] = sum(exact.values(), Fraction(0))
        else:
            hours = {key: value / unit.size for key, value in exact.items()}
            some, total = rounded(hours, DECIMALS)
            target |= some
            target[total_key] = total
    name = f"{unit_of(total_key.meter)}-{SECONDS}" if question.exact else unit.name

    def row(key: RowKey) -> Row:
        return Row(key, name, quantities[key], average[key], unit.amount, bridged[key])

    order = sorted(sums, key=lambda key: _order(question, key, sums[key]))
    return [row(key) for key in order], row(total_key)


def _order(question: Question, key: RowKey, row: _Sums) -> tuple[object, ...]:
    """Order by time and cluster, then the largest first; what is reserved comes last."""
    first = [v for n, v in zip(question.by, key.values, strict=True) if n in _FIRST]
    return (*first, bool(key.reserved), -row.quantity, key)


_FIRST = (CLUSTER, "day", "month")


def _put_money(row: Row, sums: _Sums, costs: Mapping[RowKey, Decimal]) -> None:
    if not sums.prices:
        return
    row.cost = costs[row.key]
    units = {unit for unit, _ in sums.prices}
    if len(units) == 1 and not sums.unpriced:
        row.pricing_unit = next(iter(units))
        row.pricing_quantity = nearest(sums.priced, DECIMALS)
    if len(sums.prices) == 1 and not sums.unpriced:
        row.unit_price = next(iter(sums.prices))[1]
