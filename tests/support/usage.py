"""Histories of runs for the engine of usage: lists of objects, counted run by run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import NamedTuple

from xpjob.collect.meters import Key, Meter, Reading
from xpjob.usage import engine
from xpjob.usage.engine import Planned
from xpjob.usage.rules import Rules
from xpjob.usage.state import Closed, Day, Open, UsageState

OBJECTS = Key("objects", class_="one")
METERS = (
    Meter("objects", "Unit", ("class_", "namespace", "team"), "Objects."),
    Meter("cpu_requests", "Millicore", ("namespace", "team"), "Cores."),
)
RULES = Rules(interval=60, meters=METERS)
DAY = 86_400
START = int(datetime(2026, 3, 1, tzinfo=timezone.utc).timestamp())


def at(text: str, day: int = 1) -> int:
    """Return the time of day, ``HH:MM:SS``, of the first or another day, in epoch seconds."""
    hours, minutes, seconds = map(int, text.split(":"))
    return START + (day - 1) * DAY + hours * 3600 + minutes * 60 + seconds


class Thing(NamedTuple):
    """An object, old unless said."""

    key: Key = OBJECTS
    amount: int = 1
    begin: int = 0
    end: int | None = None


Listed = Mapping[str, Sequence[Thing] | None]
"""The objects of each planned list, None if it failed."""


def planned(name: str, moment: int, namespace: str | None = None) -> Planned:
    """Return the list of a resource, or of a namespace of one; ``moment`` is 0 if it failed."""
    resource = name if namespace is None else "things"
    return Planned("toy", name, moment, "one", "example.org", resource, "Thing", namespace or "")


@dataclass
class History:
    """The state, run by run."""

    rules: Rules = RULES
    state: UsageState = field(default_factory=UsageState)

    def run(self, now: int, listed: Listed | Iterable[Thing], **more: object) -> dict[Key, int]:
        """Count a run, and return by how much each key has grown, over all days."""
        before = self.quantities()
        self.state = count(self.state, now, listed, self.rules, **more)  # type: ignore[arg-type]
        after = self.quantities()
        return {
            key: after[key] - before.get(key, 0)
            for key in after
            if after[key] != before.get(key, 0)
        }

    def objects(self, now: int, listed: Listed | Iterable[Thing]) -> int:
        """Count a run, and return by how much the one key of objects has grown."""
        return self.run(now, listed).get(OBJECTS, 0)

    def quantities(self) -> dict[Key, int]:
        """Return the quantity of each key, over all days that are in the state."""
        return quantities(every_day(self.state))

    def day(self, number: int) -> Day:
        """Return a day, which is open or closed, by its number in the month."""
        name = f"2026-03-{number:02}"
        return next(d for d in (*self.state.open, *self.state.pending) if d.day == name)


def count(
    state: UsageState,
    now: int,
    listed: Listed | Iterable[Thing],
    rules: Rules = RULES,
    scopes: Mapping[str, str] | None = None,
    unsure: Iterable[tuple[str, str]] = (),
) -> UsageState:
    """Count a run: all lists were made ``now``. ``scopes`` are namespaces of lists."""
    if not isinstance(listed, Mapping):
        listed = {"things": tuple(listed)}
    lists = [
        planned(name, 0 if things is None else now, (scopes or {}).get(name))
        for name, things in listed.items()
    ]
    readings = [
        Reading(number, *thing)
        for number, things in enumerate(listed.values())
        for thing in things or ()
    ]
    windows = engine.windows(state, lists, rules)
    return engine.count(state, lists, windows, readings, now, rules, frozenset(unsure))


def every_day(state: UsageState) -> Iterable[Day]:
    """Yield open, closed and corrected days."""
    days: list[Open | Closed] = [*state.open, *state.pending]
    for day in days:
        yield day
        yield from day.corrections


def quantities(days: Iterable[Day]) -> dict[Key, int]:
    """Return the quantity of each key, over some days."""
    totals: dict[Key, int] = {}
    for day in days:
        for row in day.rows:
            totals[row.key] = totals.get(row.key, 0) + row.quantity
    return totals
