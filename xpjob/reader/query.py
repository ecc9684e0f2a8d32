"""Questions and answers: filters, order, pages and counts. No HTTP, no I/O.

A question is checked against a snapshot's own values, so that a misspelt team is an error that
says which teams there are, and not an empty list.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from xpjob.reader import parameters
from xpjob.reader.parameters import (
    AGE,
    DIMENSIONS,
    NOT_READY,
    Given,
    Parameter,
    QuestionError,
    one,
    pack,
    unknown,
    unpack,
)
from xpjob.reader.table import SEARCHED, UNKNOWN, View

_REMEMBERED = 4_000_000
"""Row numbers of selections that are kept for the next page of the same question; 4 bytes each."""

Rows = Sequence[int]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a snapshot. ``cutoff``: not ready since then or before, in epoch seconds.

    A question that asks for everything as it lies in the snapshot has no part that is set.
    """

    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    q: str = ""
    cutoff: int | None = None
    sort: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page, how many there are in all, and the token for what follows ("" = none)."""

    rows: Rows
    total: int
    token: str


def question(view: View, given: Given, now: int) -> Question:
    """Return what is asked. Raises ``QuestionError`` for values that the snapshot has not."""
    filters = []
    for parameter in parameters.FILTERS:
        if values := given.get(parameter.name):
            if parameter.name != "name":
                check(view, parameter, values)
            filters.append((parameter.name, values))
    since = one(given, "since")
    cutoff = max(0, now - parameters.duration(since)) if since else None
    return Question(tuple(filters), one(given, "q").strip(), cutoff, parameters.orders(given))


def check(view: View, parameter: Parameter, values: Sequence[str]) -> None:
    """Raise ``QuestionError`` for a value that nothing in the snapshot has."""
    if parameter.values:
        return  # the table of parameters has them, and has checked them
    known = [value for value in view.columns[parameter.name].values if value is not None]
    for value in values:
        if value not in known:
            raise unknown(parameter.name, value, known)


class Selections:
    """The rows that questions select, remembered for the newest snapshot that was asked."""

    def __init__(self) -> None:
        self._rows: OrderedDict[tuple[str, Question], Rows] = OrderedDict()
        self._tag = ""

    def known(self, view: View, asked: Question) -> bool:
        """Tell whether the answer is at hand."""
        return asked == Question() or (view.tag, asked) in self._rows

    def select(self, view: View, asked: Question) -> Rows:
        """Return the numbers of the rows that match, in the order asked for."""
        if asked == Question():
            return range(len(view))
        key = (view.tag, asked)
        rows = self._rows.get(key)
        if rows is None:
            rows = _select(view, asked)
            # Copied, for two threads may be here at once.
            kept = OrderedDict(self._rows)
            kept[key] = rows
            while sum(map(len, kept.values())) > _REMEMBERED or len(kept) > 500:
                kept.popitem(last=False)
            self._rows = kept
        return rows

    def forget(self, live: set[str]) -> None:
        """Drop what belongs to snapshots that are no longer served."""
        self._rows = OrderedDict((k, v) for k, v in self._rows.items() if k[0] in live)


def page(view: View, asked: Question, rows: Rows, offset: int, limit: int) -> Page:
    """Return one page of the rows that a question selects; ``limit`` 0 means all that follow."""
    chosen = rows[offset : offset + (limit or len(rows))]
    token = ""
    if offset + len(chosen) < len(rows):
        cutoff = "" if asked.cutoff is None else asked.cutoff
        token = pack((view.tag, _digest(asked), cutoff, offset + len(chosen)))
    return Page(chosen, len(rows), token)


def resume(view: View, asked: Question, given: Given) -> tuple[Question, int]:
    """Return the question as it was when its first page was answered, and where to go on.

    Raises ``QuestionError``: 410 where the token is of another snapshot, 400 where it is of
    another question.
    """
    token = one(given, "continue")
    if not token:
        return asked, 0
    tag, digest, cutoff, offset = unpack(token, 4)
    numbers = re.fullmatch(r"([0-9]{1,12})?,([0-9]{1,9})", f"{cutoff},{offset}", re.ASCII)
    if not numbers or not re.fullmatch(r"[0-9a-f]{16}", tag, re.ASCII):
        raise QuestionError("bad-token", "continue: that is no token of this reader")
    if tag != view.tag:
        raise QuestionError(
            "snapshot-changed",
            "continue: the snapshot has changed since the page before; begin again without it",
            status=410,
        )
    if bool(cutoff) != (asked.cutoff is not None):
        raise QuestionError("other-question", _OTHER)
    asked = replace(asked, cutoff=int(cutoff) if cutoff else None)
    if digest != _digest(asked):
        raise QuestionError("other-question", _OTHER)
    return asked, int(offset)


_OTHER = "continue: the token belongs to another question; keep filters and order as they were"


def _digest(asked: Question) -> str:
    text = repr((asked.filters, asked.q, asked.sort))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _select(view: View, asked: Question) -> Rows:
    rows: Rows = range(len(view))
    for name, values in asked.filters:
        column = view.columns[name]
        if name == "name" and any("*" in value for value in values):
            wanted = _matching(column.values, values)
        else:
            index = {value: code for code, value in enumerate(column.values)}
            wanted = {index[value] for value in values if value in index}
        rows = _where(rows, column.codes, wanted)
    if asked.cutoff is not None:
        since, cutoff = view.not_ready_since, asked.cutoff
        rows = [row for row in rows if UNKNOWN < since[row] <= cutoff]
    if asked.q:
        rows = _search(view, rows, asked.q)
    for name, descending in reversed(asked.sort):
        rows = _ordered(view, rows, name, descending)
    return array("I", rows)


def _where(rows: Rows, codes: Sequence[int], wanted: set[int]) -> Rows:
    if len(wanted) == 1:
        (code,) = wanted
        if isinstance(rows, range):
            return [row for row, found in enumerate(codes) if found == code]
        return [row for row in rows if codes[row] == code]
    return [row for row in rows if codes[row] in wanted]


def _matching(known: Sequence[str | None], patterns: Sequence[str]) -> set[int]:
    parts = (".*".join(map(re.escape, re.split(r"\*+", pattern))) for pattern in patterns)
    fits = re.compile("|".join(f"(?:{part})" for part in parts), re.DOTALL).fullmatch
    return {code for code, value in enumerate(known) if value is not None and fits(value)}


def _search(view: View, rows: Rows, text: str) -> Rows:
    """Keep the rows in which every word of the text occurs somewhere."""
    for word in text.casefold().split()[:8]:
        found: set[int] = set()
        for name in SEARCHED:
            column = view.columns[name]
            hits = {
                code
                for code, value in enumerate(column.values)
                if value and word in value.casefold()
            }
            if hits:
                codes = column.codes
                found.update(row for row in rows if codes[row] in hits)
        rows = [row for row in rows if row in found]
    return rows


def _ordered(view: View, rows: Rows, name: str, descending: bool) -> Rows:
    """Sort; what has no such value comes last either way, and equals keep their order."""
    key: Callable[[int], float]
    if name in (AGE, NOT_READY):
        times = view.created if name == AGE else view.not_ready_since
        # The longer ago, the larger: descending is the earliest first.
        with_value = [row for row in rows if times[row] != UNKNOWN]
        key, descending = times.__getitem__, not descending
        without = [row for row in rows if times[row] == UNKNOWN]
    else:
        column = view.columns[name]
        codes = column.codes
        order = sorted(range(1, len(column.values)), key=lambda code: column.values[code] or "")
        rank = [0] * len(column.values)
        for place, code in enumerate(order):
            rank[code] = place
        with_value = [row for row in rows if column.values[codes[row]]]
        without = [row for row in rows if not column.values[codes[row]]]

        def key(row: int) -> float:
            return rank[codes[row]]

    return [*sorted(with_value, key=key, reverse=descending), *without]


@dataclass(frozen=True, slots=True)
class Group:
    """How many records share these values. ``since``: the longest not ready, epoch seconds."""

    values: tuple[str, ...]
    total: int
    ready: int
    synced: int
    paused: int
    deleting: int
    carried: int
    since: int | None


def summary(view: View, rows: Rows, by: Sequence[str]) -> list[Group]:
    """Count rows by dimensions: most that is not ready first, then most.

    Rows that have no such dimension are left out.
    """
    columns = [view.columns[name] for name in by]
    if not by:
        keys: list[tuple[int, ...]] = [()] * len(rows)
    else:
        keys = list(zip(*([c.codes[row] for row in rows] for c in columns), strict=True))
    total = Counter(keys)
    flags = {}
    for flag in ("ready", "synced", "paused", "deleting", "carried"):
        column = view.columns[flag]
        true = column.values.index("true") if "true" in column.values else -1
        codes = column.codes
        flags[flag] = Counter(
            key for key, row in zip(keys, rows, strict=True) if codes[row] == true
        )
    longest: dict[tuple[int, ...], int] = {}
    since = view.not_ready_since
    for key, row in zip(keys, rows, strict=True):
        if (moment := since[row]) != UNKNOWN and moment < longest.get(key, 1 << 62):
            longest[key] = moment
    groups = []
    for key, count in total.items():
        values = [c.values[code] for c, code in zip(columns, key, strict=True)]
        if None not in values:
            counts = {name: counter[key] for name, counter in flags.items()}
            texts = tuple(value or "" for value in values)
            groups.append(Group(texts, count, since=longest.get(key), **counts))
    return sorted(groups, key=lambda g: (g.ready - g.total, -g.total, g.values))


def dimensions(given: Given) -> tuple[str, ...]:
    """Return what to count by; nothing means one total."""
    return parameters.names(given, "by", DIMENSIONS)
