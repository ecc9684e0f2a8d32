"""Meters: what a collector measures, so that the core can integrate it over time.

A reading says how much of something an object or several have, and since when. The core alone
knows which time is not counted yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import msgspec
from msgspec import Struct

from xpjob.collect.contract import Listed, Plan, Section

Unit = Literal["Unit", "Millicore", "B"]
"""Units of amounts, as FOCUS spells them; a quantity is in these, times seconds."""


class Key(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False, order=True):
    """What a quantity is of: a meter, and the dimensions that it declares; others are empty.

    ``node_group`` is the pool of nodes. ``tags`` are further dimensions, sorted by name.
    """

    meter: str
    class_: str = msgspec.field(default="", name="class")
    group: str = ""
    kind: str = ""
    namespace: str = ""
    team: str = ""
    composition: str = ""
    node_group: str = ""
    tags: tuple[tuple[str, str], ...] = ()


class Meter(Struct, frozen=True):
    """One meter of a collector: its unit, the dimensions of its keys, and what it measures.

    ``dimensions`` are names of fields of ``Key``. A name such as ``<resource>_requests`` stands for
    a meter of each resource. ``orders`` are the classes of objects that are no part of another one:
    reports show these unless they are asked for others.
    """

    name: str
    unit: Unit
    dimensions: Sequence[str]
    help: str
    orders: Sequence[str] = ()

    def has(self, name: str) -> bool:
        """Return whether a key may have this meter."""
        if not self.name.startswith("<"):
            return name == self.name
        return name.endswith(self.name.partition(">")[2])


def declared(meters: Sequence[Meter], name: str) -> Meter | None:
    """Return the meter of a name, None if there is none: the one that says most of the name."""
    found = [meter for meter in meters if meter.has(name)]
    return max(found, key=lambda meter: len(meter.name.rpartition(">")[2]), default=None)


class Reading(NamedTuple):
    """An amount that was there from ``begin`` to ``end`` (None: still there), in epoch seconds.

    ``list`` is the position of its list in ``listed``. The amounts of several objects that have
    key, begin and end in common may be summed.
    """

    list: int
    key: Key
    amount: int
    begin: int
    end: int | None = None


@runtime_checkable
class Metering(Protocol):
    """A collector whose objects are counted as usage.

    Readings are taken of lists that succeeded in this run, never of rows that were kept.
    """

    name: str
    meters: Sequence[Meter]

    def readings(
        self, plan: Plan, listed: Sequence[Listed], section: Section, since: int
    ) -> Iterable[Reading]:
        """Yield what the lists have, with their positions in ``listed``. No I/O.

        ``section`` is what ``finish`` has made of them. What is before ``since`` is counted
        already: begins may be clipped to it, and what ended by then be left out.
        """
