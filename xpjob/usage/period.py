"""The period of a report: whole UTC days, its end exclusive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from xpjob.usage.errors import QuestionError

_MONTH = re.compile(r"(\d{4})-(\d\d)", re.ASCII)
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_MOST_DAYS = 40_000
CORRECTED_DAYS = 8
"""Days after a day in whose files corrections of it can be: the grace, and the greatest gap."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days from ``begin`` to ``end``, which is exclusive."""

    begin: date
    end: date

    @property
    def count(self) -> int:
        """Return the number of days."""
        return (self.end - self.begin).days

    def days(self) -> Iterator[date]:
        """Yield the days in order."""
        for at in range(self.count):
            yield self.begin + timedelta(days=at)

    def has(self, day: date) -> bool:
        """Return whether a day is in it."""
        return self.begin <= day < self.end

    def corrected(self) -> Period:
        """Return the period whose files can have rows of this one."""
        return Period(self.begin, self.end + timedelta(days=CORRECTED_DAYS))

    def months(self) -> list[date]:
        """Return the first days of the months that it touches."""
        return sorted({day.replace(day=1) for day in self.days()})


def period(month: str, begin: str, end: str, now: datetime) -> Period:
    """Return the period that a question names; by default it is the last whole month.

    Without an end it goes until today, which is not over. Raises ``QuestionError``.
    """
    today = now.astimezone(timezone.utc).date()
    if month and (begin or end):
        raise QuestionError("month", "give month, or from and to, not both")
    if not (month or begin or end):
        last = today.replace(day=1) - timedelta(days=1)
        return Period(last.replace(day=1), today.replace(day=1))
    if month:
        first = _date("month", month, _MONTH, "2026-10")
        return Period(first, _next_month(first))
    if not begin:
        raise QuestionError("from", "to needs from: the first day, such as 2026-10-01")
    first = _date("from", begin, _DAY, "2026-10-01")
    last = _date("to", end, _DAY, "2026-11-01") if end else today + timedelta(days=1)
    if last <= first:
        raise QuestionError("to", f"to must be later than from {first}, as it is exclusive: {last}")
    if (last - first).days > _MOST_DAYS:
        raise QuestionError("from", f"from {first} to {last} are more than {_MOST_DAYS} days")
    return Period(first, last)


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _date(name: str, text: str, form: re.Pattern[str], example: str) -> date:
    try:
        if match := form.fullmatch(text):
            year, month, *day = map(int, match.groups())
            found = date(year, month, day[0] if day else 1)
            if 2000 <= year < 9990:
                return found
    except ValueError:
        pass
    raise QuestionError(name, f"{name}: invalid {text[:40]!r}: expected e.g. {example}")
