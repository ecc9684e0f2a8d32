"""Prices, from a CSV file: ``meter,match,price,per,currency,from``.

``match`` has conditions such as ``kind=Database;cluster=prod``. Of the prices that apply, the one
with most conditions wins, then the one that begins last.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import combinations

from xpjob.base.errors import SettingsError
from xpjob.usage.columns import REPORT_UNITS, unit_of
from xpjob.usage.errors import QuestionError
from xpjob.usage.period import Period
from xpjob.usage.question import check_dimension

HEADER = ("meter", "match", "price", "per", "currency", "from")
MAX_BYTES = 1 << 20
_MAX_PRICES = 1000
_PRICE = re.compile(r"\d{1,15}(\.\d{1,12})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_SECONDS = {"Hours": 3600, "Days": 86_400}
_ALWAYS = date(1, 1, 1)
_DECIMALS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV",
         "XAF", "XOF", "XPF"),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}  # fmt: skip
"""Decimals of currencies in ISO 4217 that have not two."""


@dataclass(frozen=True, slots=True)
class Price:
    """A price. ``size`` is the pricing unit in the unit of the files; ``since`` its first day."""

    line: int
    meter: str
    conditions: Mapping[str, str]
    price: Decimal
    unit: str
    size: int
    since: date

    def applies(self, meter: str, values: Mapping[str, str]) -> bool:
        """Return whether it is of what has these values."""
        return meter == self.meter and all(
            values.get(name) == value for name, value in self.conditions.items()
        )

    def cost(self, quantity: Fraction) -> Fraction:
        """Return the exact cost of a quantity in the unit of the files."""
        return self.amount(quantity) * Fraction(self.price)

    def amount(self, quantity: Fraction) -> Fraction:
        """Return a quantity in the pricing unit."""
        return quantity / self.size


@dataclass(frozen=True, slots=True)
class Prices:
    """All prices, which have one currency."""

    prices: Sequence[Price]
    currency: str

    @property
    def decimals(self) -> int:
        """Return how many decimals amounts of money have."""
        return _DECIMALS.get(self.currency, 2)

    @property
    def dimensions(self) -> list[str]:
        """Return the dimensions of all conditions."""
        return sorted({name for price in self.prices for name in price.conditions})

    def changes_in(self, period: Period) -> list[date]:
        """Return the days of a period, after the first, on which a price begins."""
        days = {price.since for price in self.prices}
        return sorted(day for day in days if period.begin < day < period.end)

    def of(self, meter: str, values: Mapping[str, str], day: date) -> Price | None:
        """Return the price of a quantity on a day, None if it has none."""
        found = [p for p in self.prices if p.since <= day and p.applies(meter, values)]
        return max(found, key=lambda price: (len(price.conditions), price.since), default=None)


def read(body: bytes, where: str) -> Prices:
    """Read a file of prices. Raises ``SettingsError`` with every mistake and its line."""
    problems: list[str] = []
    prices: list[Price] = []
    currencies: dict[str, int] = {}
    try:
        for line, row in _rows(body):
            try:
                price, currency = _price(line, row)
            except ValueError as error:
                problems.append(f"{where}, line {line}: {error}")
                continue
            if len(prices) == _MAX_PRICES:
                raise ValueError(f"more than {_MAX_PRICES:,} prices")
            prices.append(price)
            currencies.setdefault(currency, line)
    except (ValueError, csv.Error) as error:
        problems.append(f"{where}: {error}")
    if len(currencies) > 1:
        named = ", ".join(f"{name} in line {line}" for name, line in currencies.items())
        problems.append(f"{where}: several currencies ({named}): give each report one of them")
    problems += [f"{where}: {text}" for text in _equal(prices)]
    if not prices and not problems:
        problems.append(f"{where}: no prices")
    if problems:
        raise SettingsError(problems)
    return Prices(prices, next(iter(currencies)))


def _rows(body: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    if len(body) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES >> 20} MiB")
    text = body.decode("utf-8-sig")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = tuple(next(reader, ()))
    if header != HEADER:
        raise ValueError(f"line 1: invalid header {','.join(header)[:80]!r}: "
                         f"expected {','.join(HEADER)}")  # fmt: skip
    for row in reader:
        if row:
            # One that is too short or too long is explained as others are, with its line.
            values = dict(zip(HEADER, row, strict=False))
            yield reader.line_num, values if len(row) == len(HEADER) else {}


def _price(line: int, row: Mapping[str, str]) -> tuple[Price, str]:
    if not row:
        raise ValueError(f"expected {len(HEADER)} fields: {', '.join(HEADER)}")
    meter, per = row["meter"].strip(), row["per"].strip()
    if not meter:
        raise ValueError("meter is empty")
    if not _PRICE.fullmatch(row["price"].strip()):
        raise ValueError(f"invalid price {row['price'][:40]!r}: expected e.g. 0.0125")
    if not _CURRENCY.fullmatch(row["currency"].strip()):
        raise ValueError(f"invalid currency {row['currency'][:40]!r}: expected e.g. EUR")
    unit = REPORT_UNITS[unit_of(meter)]
    base = unit.name.removesuffix("-Hours")
    sizes = {f"{base}-{name}": unit.size * s // 3600 for name, s in _SECONDS.items()}
    if per not in sizes:
        raise ValueError(f"invalid per {per[:40]!r}: expected {' or '.join(sizes)}")
    since = row["from"].strip()
    try:
        begin = date.fromisoformat(since) if since else _ALWAYS
    except ValueError:
        raise ValueError(f"invalid from {since[:40]!r}: expected e.g. 2026-10-01") from None
    price = Decimal(row["price"].strip())
    found = Price(line, meter, _conditions(row["match"]), price, per, sizes[per], begin)
    return found, row["currency"].strip()


def _conditions(text: str) -> dict[str, str]:
    conditions: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"invalid match {part[:60]!r}: expected e.g. kind=Database")
        try:
            check_dimension("match", name)
        except QuestionError as error:
            raise ValueError(f"{error}; there are {', '.join(error.known)}") from None
        if name in conditions:
            raise ValueError(f"match has {name} twice")
        conditions[name] = value
    return conditions


def _equal(prices: Sequence[Price]) -> Iterator[str]:
    """Yield pairs of which it is not known which one wins where both apply."""
    ranked: dict[tuple[str, int, date], list[Price]] = {}
    for price in prices:
        ranked.setdefault((price.meter, len(price.conditions), price.since), []).append(price)
    for same in ranked.values():
        for one, two in combinations(same, 2):
            common = one.conditions.keys() & two.conditions.keys()
            if all(one.conditions[name] == two.conditions[name] for name in common):
                yield (
                    f"lines {one.line} and {two.line} apply to the same {one.meter} from the same "
                    "day on, with as many conditions; add a condition to one of them"
                )
