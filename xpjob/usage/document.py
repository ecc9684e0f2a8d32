"""A report as JSON and CSV. The keys are the columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from xpjob.usage.report import Report, Row

Json = dict[str, Any]

COLUMNS = ("meter", "quantity", "unit", "average", "averageUnit", "bridgedQuantity", "reserved")
PRICED = ("pricingQuantity", "pricingUnit", "listUnitPrice", "billedCost", "billingCurrency")
_encoder = msgspec.json.Encoder(decimal_format="number")


def as_json(report: Report) -> bytes:
    """Return a report as a JSON document."""
    question, period = report.question, report.question.period
    document: Json = {
        "from": str(period.begin),
        "to": str(period.end),
        "by": list(question.by),
        "classes": [{"class": name, "order": name in question.orders} for name in report.classes],
        "rows": list(_rows(report)),
        "totals": [_row(report, row, named=False) for row in report.totals],
        "footer": report.footer,
    }
    if report.currency:
        document["cost"] = {"billedCost": report.cost, "billingCurrency": report.currency}
    return _encoder.encode(document) + b"\n"


def as_csv(report: Report, guard: Callable[[str], str] = str) -> bytes:
    """Return the rows of a report as CSV. ``guard`` makes text safe for what will open it."""
    text = io.StringIO(newline="")
    columns = [*report.question.by, *COLUMNS, *(PRICED if report.currency else ())]
    writer = csv.writer(text)
    writer.writerow([guard(name) for name in columns])
    for row in _rows(report):
        writer.writerow([_cell(row[name], guard) for name in columns])
    return text.getvalue().encode("utf-8", "replace")


def _rows(report: Report) -> Iterator[Json]:
    for row in report.rows:
        yield _row(report, row)


def _row(report: Report, row: Row, *, named: bool = True) -> Json:
    """Return a row by its columns; a total has no values of dimensions but the class it is of."""
    names = report.question.by if named else ["class"][: len(row.key.values)]
    made: Json = dict(zip(names, row.key.values, strict=True))
    made |= {
        "meter": row.key.meter,
        "quantity": _number(row.quantity),
        "unit": row.unit,
        "average": row.average,
        "averageUnit": row.average_unit,
        "bridgedQuantity": _number(row.bridged),
    }
    if named:
        made["reserved"] = row.key.reserved
    if report.currency:
        made |= {
            "pricingQuantity": row.pricing_quantity,
            "pricingUnit": row.pricing_unit,
            "listUnitPrice": row.unit_price,
            "billedCost": row.cost,
            "billingCurrency": report.currency if row.cost is not None else "",
        }
    return made


def _number(value: Decimal | Fraction) -> Decimal | str:
    """Return a number; an exact one as text, which has no limit of digits: "7/3"."""
    return value if isinstance(value, Decimal) else str(value)


def _cell(value: Decimal | str | None, guard: Callable[[str], str]) -> str:
    if value is None:
        return ""
    return guard(value) if isinstance(value, str) else format(value, "f")
