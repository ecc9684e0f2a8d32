"""What the rows that match a query have in common: values of filters, sums, and lateness."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from xpjob.collect.description import LATENESS
from xpjob.net import deadline
from xpjob.reader import summaries
from xpjob.reader.query import Query, Selections
from xpjob.reader.render import Json
from xpjob.reader.table import Rows, View

Pick = Callable[[Sequence[int]], Sequence[int]]
FEW, MANY = 8, 200
"""Values of a filter that are shown at first, and where all are wanted."""


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of a filter with their numbers of rows, most first; ``count`` is of all values."""

    values: tuple[tuple[str, int], ...]
    count: int

    def document(self) -> Json:
        """Return it as JSON."""
        values = [{"value": value, "total": total} for value, total in self.values]
        return {"values": values, "count": self.count}


@dataclass(frozen=True, slots=True)
class Facts:
    """What all rows that match have in common."""

    facets: Mapping[str, Facet]
    sums: Mapping[str, float]
    lateness: Mapping[str, int]

    def only(self, names: Sequence[str], most: int) -> Facts:
        """Return these facets, with so many values."""
        some = {name: self.facets[name] for name in names}
        return replace(
            self, facets={n: replace(each, values=each.values[:most]) for n, each in some.items()}
        )

    def document(self, of: int) -> Json:
        """Return the members of an answer; ``of`` is the number of all rows of the table."""
        return {
            "facets": {name: facet.document() for name, facet in self.facets.items()},
            "sums": self.sums,
            "of": of,
            "lateness": self.lateness,
        }


def all_facts(view: View) -> Facts:
    """Return what all rows of a table have in common, by the filters whose columns there are."""
    rows = range(len(view))
    pick = _picker(view, rows)
    found = {
        name: _facet(view, pick, name, MANY)
        for name, column in view.schema.dimensions.items()
        if column in view.columns
    }
    return Facts(found, *_totals(view, rows, pick))


def facts(
    view: View, selections: Selections, wanted: Query, names: Sequence[str], most: int
) -> Facts:
    """Return what the rows that match have in common; each facet without its own filter.

    Values that are filtered by are always among those of their facet. Raises ``QueryError``.
    """
    found: dict[str, Facet] = {}
    chosen = dict(wanted.filters)
    matching = selections.select(view, replace(wanted, sort=()))
    pick = _picker(view, matching)
    for name in names:
        deadline.check()
        own = pick
        if name in chosen:
            others = tuple(each for each in wanted.filters if each[0] != name)
            own = _picker(view, selections.select(view, replace(wanted, filters=others, sort=())))
        found[name] = _facet(view, own, name, most, chosen.get(name, ()))
    return Facts(found, *_totals(view, matching, pick))


def _facet(view: View, pick: Pick, name: str, most: int, chosen: Sequence[str] = ()) -> Facet:
    """Return the values of a filter among rows, at most so many, and those that are chosen."""
    column = view.columns[view.schema.dimensions[name]]
    counts = Counter(pick(column.codes))
    totals = {column.values[code] or "": total for code, total in counts.items()}
    first = heapq.nsmallest(most, totals.items(), key=lambda item: (-item[1], item[0]))
    shown = dict(first)
    known = {*column.values}
    further = [(each, totals.get(each, 0)) for each in chosen if each in known - shown.keys()]
    kept = first[: max(0, most - len(further))]
    return Facet((*kept, *further), len(totals))


def _totals(view: View, rows: Rows, pick: Pick) -> tuple[Mapping[str, float], Mapping[str, int]]:
    sums = summaries.sums(view, rows)
    if LATENESS not in view.schema.derived:
        return sums, {}
    column = view.columns[LATENESS]
    counts = Counter(pick(column.codes))
    return sums, {value or "": counts[code] for code, value in enumerate(column.values)}


def _picker(view: View, rows: Rows) -> Pick:
    """Return what picks the codes of these rows from a column: made once, it is the quickest."""
    if len(rows) == len(view):
        return lambda codes: codes
    if len(rows) < 2:  # of these, itemgetter makes no tuple
        return lambda codes: [codes[row] for row in rows]
    return itemgetter(*rows)
