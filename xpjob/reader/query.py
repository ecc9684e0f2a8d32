"""Queries of a view: filters, order and pages. No HTTP, no I/O.

A query is checked against a snapshot's own values, so that a misspelt team is an error that says
which teams there are, and not an empty list.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from math import isnan

from xpjob.base.wildcards import Wildcard
from xpjob.net import deadline
from xpjob.net.deadline import steps
from xpjob.reader import parameters
from xpjob.reader.folded import Folded
from xpjob.reader.parameters import Parameter, Params, QueryError, one, pack, unknown, unpack
from xpjob.reader.table import UNKNOWN, Column, Rows, View

Numbers = Sequence[int]
_REMEMBERED = 4_000_000
"""Row numbers of selections that are kept for the next page of the same query; 4 bytes each."""
_FOLDED = 64 << 20
"""Bytes of folded texts that are kept for the next search."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is wanted of a view. ``cutoff``: since then or before, in seconds of the epoch.

    A query for everything as it lies in the snapshot has no part that is set.
    """

    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    q: str = ""
    cutoff: int | None = None
    sort: tuple[tuple[str, bool], ...] = ()

    @property
    def searches(self) -> bool:
        """Tell whether texts are looked through, which takes longer than looking values up."""
        return bool(self.q) or any("*" in value for _, values in self.filters for value in values)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page, how many there are in all, and the token for what follows ("" = none)."""

    rows: Rows
    total: int
    token: str


def query(view: View, params: Params, now: int) -> Query:
    """Return the query, its values not checked. Raises ``QueryError`` for an unknown sort."""
    filters = tuple(
        (parameter.name, values)
        for parameter in view.schema.filters
        if (values := params.get(parameter.name))
    )
    since = one(params, "since") if view.schema.since else ""
    cutoff = max(0, now - parameters.duration(since)) if since else None
    order = parameters.orders(params, view.schema.sorts) or view.schema.default
    return Query(filters, one(params, "q").strip(), cutoff, order)


def check(view: View, parameter: Parameter, values: Sequence[str]) -> None:
    """Raise ``QueryError`` for a value that nothing in the snapshot has."""
    if parameter.values or parameter.unchecked:
        return  # those that are declared have been checked
    column = view.columns[parameter.reads]
    for value in values:
        if not (parameter.wildcard and "*" in value) and column.code(value) is None:
            exist = {text for text in column.values if text is not None}
            raise unknown(parameter.name, value, exist)


class Selections:
    """The rows that queries select, remembered for the newest snapshot that was queried."""

    def __init__(self) -> None:
        self._rows: OrderedDict[tuple[str, Query], Rows] = OrderedDict()
        self._folded: OrderedDict[tuple[str, str], Folded] = OrderedDict()

    def held(self, view: View, wanted: Query) -> Rows | None:
        """Return what was selected before, or needs no selection; else None."""
        return range(len(view)) if wanted == Query() else self._rows.get((view.tag, wanted))

    def select(self, view: View, wanted: Query) -> Rows:
        """Return the numbers of the rows that match, in the order of the query.

        Raises ``QueryError`` for values that the snapshot has not.
        """
        key, rows = (view.tag, wanted), self.held(view, wanted)
        if rows is None:
            by_name = {parameter.name: parameter for parameter in view.schema.filters}
            for name, values in wanted.filters:
                check(view, by_name[name], values)
            rows = matching(view, wanted, self)
            # Copied, for two threads may be here at once.
            kept = OrderedDict(self._rows)
            kept[key] = rows
            while sum(map(len, kept.values())) > _REMEMBERED or len(kept) > 500:
                kept.popitem(last=False)
            self._rows = kept
        return rows

    def forget(self, live: Collection[str]) -> None:
        """Drop what belongs to views that are no longer served."""
        self._rows = OrderedDict((k, v) for k, v in self._rows.items() if k[0] in live)
        self._folded = OrderedDict((k, v) for k, v in self._folded.items() if k[0] in live)

    def folded(self, view: View, name: str) -> Folded:
        """Return the texts of a column for searches, by code; without codes, by row."""
        key = (view.tag, name)
        if (held := self._folded.get(key)) is None:
            column = view.columns.get(name)
            held = Folded(column.values if column else view.texts(name))
            kept = OrderedDict(self._folded)
            kept[key] = held
            while len(kept) > 1 and sum(map(len, kept.values())) > _FOLDED:
                kept.popitem(last=False)
            self._folded = kept
        return held


def page(view: View, wanted: Query, rows: Rows, offset: int, limit: int) -> Page:
    """Return one page of the rows that a query selects; ``limit`` 0 means all that follow."""
    # A copy only where it is not all: many answers may be in flight.
    everything = not offset and not 0 < limit < len(rows)
    chosen = rows if everything else rows[offset : offset + (limit or len(rows))]
    token = ""
    if offset + len(chosen) < len(rows):
        cutoff = "" if wanted.cutoff is None else wanted.cutoff
        token = pack((view.tag, _digest(wanted), cutoff, offset + len(chosen)))
    return Page(chosen, len(rows), token)


def resume(view: View, wanted: Query, params: Params) -> tuple[Query, int]:
    """Return the query as it was when its first page was answered, and where to go on.

    Raises ``QueryError``: 410 where the token is of another snapshot, 400 where it is of
    another query.
    """
    token = one(params, "continue")
    if not token:
        return wanted, 0
    tag, digest, cutoff, offset = unpack(token, 4)
    numbers = re.fullmatch(r"([0-9]{1,12})?,([0-9]{1,9})", f"{cutoff},{offset}", re.ASCII)
    if not numbers or not re.fullmatch(r"[0-9a-f]{16}", tag, re.ASCII):
        raise QueryError("bad-token", "continue: that is no token of this reader")
    if tag != view.tag:
        raise QueryError(
            "snapshot-changed",
            "continue: the snapshot has changed since the page before; begin again without it",
            status=410,
        )
    if bool(cutoff) != (wanted.cutoff is not None):
        raise QueryError("other-question", _OTHER)
    wanted = replace(wanted, cutoff=int(cutoff) if cutoff else None)
    if digest != _digest(wanted):
        raise QueryError("other-question", _OTHER)
    return wanted, int(offset)


_OTHER = "continue: the token belongs to another question; keep filters and order as they were"


def _digest(wanted: Query) -> str:
    text = repr((wanted.filters, wanted.q, wanted.sort))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def matching(view: View, wanted: Query, selections: Selections | None = None) -> Rows:
    """Return the numbers of the rows that match, in order; values that no row has match none."""
    rows: Numbers = range(len(view))
    by_name = {parameter.name: parameter for parameter in view.schema.filters}
    for name, values in wanted.filters:
        deadline.check()
        parameter = by_name[name]
        column = view.columns[parameter.reads]
        if parameter.wildcard and any("*" in value for value in values):
            codes = _matching(column.values, values)
        else:
            found = (column.code(value) for value in values)
            codes = {code for code in found if code is not None}
        rows = _where(rows, column.codes, codes)
    if wanted.cutoff is not None:
        since, cutoff = view.times[view.schema.since], wanted.cutoff
        rows = [row for some in steps(rows) for row in some if UNKNOWN != since[row] <= cutoff]
    if wanted.q:
        rows = _search(view, rows, wanted.q, selections or Selections())
    return array("I", ordered(view, rows, wanted.sort))


def ordered(view: View, rows: Numbers, sort: Sequence[tuple[str, bool]]) -> Numbers:
    """Return rows in an order, by its first column first. Raises ``DeadlineError``."""
    for name, descending in reversed(sort):
        deadline.check()
        rows = _ordered(view, rows, name, descending)
    return rows


def _where(rows: Numbers, codes: Sequence[int], wanted: set[int]) -> Numbers:
    if len(wanted) == 1:
        (code,) = wanted
        if isinstance(rows, range):
            return [row for row, found in enumerate(codes) if found == code]
        return [row for row in rows if codes[row] == code]
    return [row for some in steps(rows) for row in some if codes[row] in wanted]


def _matching(known: Sequence[str | None], patterns: Sequence[str]) -> set[int]:
    wanted = [Wildcard(pattern) for pattern in patterns]
    return {
        code
        for some in steps(range(len(known)), 256)
        for code in some
        if (value := known[code]) is not None and any(each.matches(value) for each in wanted)
    }


def _search(view: View, rows: Numbers, text: str, selections: Selections) -> Numbers:
    """Keep the rows in which every word of the text occurs somewhere."""
    words = text.casefold().split()[:8]
    found: list[set[int]] = [set() for _ in words]
    for name in view.schema.search:
        folded = selections.folded(view, name)
        for word, chosen in zip(words, found, strict=True):
            if codes := set(folded.having(word)):
                chosen.update(_where(rows, view.columns[name].codes, codes))
    if found and not all(found):
        return []
    return [row for some in steps(rows) for row in some if all(row in each for each in found)]


def _ordered(view: View, rows: Numbers, name: str, descending: bool) -> Numbers:
    """Sort; what has no such value comes last either way, and equals keep their order."""
    order = view.schema.sorts[name]
    descending = descending != order.reverse
    key: Callable[[int], float | str]
    if (seconds := view.times.get(order.column)) is not None:
        key = seconds.__getitem__
        without = [row for row in rows if seconds[row] == UNKNOWN]
        with_value = [row for row in rows if seconds[row] != UNKNOWN]
    elif (numbers := view.numbers.get(order.column)) is not None:
        key = numbers.__getitem__
        without = [row for row in rows if isnan(numbers[row])]
        with_value = [row for row in rows if not isnan(numbers[row])]
    else:
        column = view.column(order.column)
        codes = column.codes
        empty = {code for code in (0, column.code("")) if not column.values[code or 0]}
        with_value = [row for row in rows if codes[row] not in empty]
        without = [row for row in rows if codes[row] in empty]
        key = _rank(column, len(with_value))
    return [*sorted(with_value, key=key, reverse=descending), *without]


def _rank(column: Column, rows: int) -> Callable[[int], float | str]:
    """Return the key by which so many rows are sorted: of few by text, of many by its place."""
    values, codes = column.values, column.codes
    if rows < len(values):
        return lambda row: values[codes[row]] or ""
    rank = [0] * len(values)
    for place, code in enumerate(sorted(range(len(values)), key=lambda code: values[code] or "")):
        rank[code] = place
    return lambda row: rank[codes[row]]
