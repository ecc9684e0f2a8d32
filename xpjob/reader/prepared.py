"""What is computed of a snapshot once, when it is loaded: all that does not change with the time.

Plain data that can be pickled, so that it can be computed in another process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xpjob.collect.tables import TableDescription
from xpjob.reader.trees import Trees, grow
from xpjob.snapshot.documents import UNREADABLE, RawSnapshot


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a snapshot's answers share. ``trees`` are those of each collector that has some."""

    trees: Mapping[str, Trees]


def prepare(raw: RawSnapshot) -> Prepared:
    """Return what can be said of a snapshot. Tables that cannot be read have nothing in it."""
    trees: dict[str, Trees] = {}
    for collector, tables in _by_collector(raw).items():
        try:
            grown = grow(tables, {table.key: raw.rows(table.key) for table in tables})
        except UNREADABLE:
            continue
        if grown is not None:
            trees[collector] = grown
    return Prepared(trees)


def _by_collector(raw: RawSnapshot) -> Mapping[str, list[TableDescription]]:
    found: dict[str, list[TableDescription]] = {}
    for table in raw.head.tables or ():
        found.setdefault(table.collector, []).append(table)
    return found
