"""Rows made ready to be queried: their JSON once, and a column for each thing to filter or sort by.

What stays of the rows is their JSON, compressed in blocks, and where each row begins; and columns
of small integers (text), of doubles (numbers) and of seconds of the epoch (times).
"""

from __future__ import annotations

import gc
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from xpjob.base import memory, times
from xpjob.reader.packed import Encoded, Texts, narrowed
from xpjob.reader.parameters import Parameter

UNKNOWN = -(1 << 31)
"""Stands for a time that is not known; in seconds of the epoch, and in 1901."""

Rows: TypeAlias = "range | array[int]"
"""Row numbers of a view."""


@dataclass(frozen=True, slots=True)
class Column:
    """One value a row, as a code into ``values``; the value None is "has no such key"."""

    values: Texts | tuple[str, ...]
    codes: array[int]

    def code(self, text: str) -> int | None:
        """Return the code of a text, None where no row has it."""
        if isinstance(self.values, Texts):
            return self.values.code(text)
        return self.values.index(text) if text in self.values else None

    @classmethod
    def of(cls, texts: Iterable[str | None]) -> Column:
        """Return a column of texts."""
        coder = Coder()
        for text in texts:
            coder.add(text)
        return coder.column()


class Coder:
    """A column that is being made. The first codes are those of ``known``, from 1."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._codes: dict[str | None, int] = {None: 0}
        for text in known:
            self._codes[text] = len(self._codes)
        self._rows = array("I")

    def add(self, text: str | None) -> None:
        """Add the value of the next row."""
        self._rows.append(self._codes.setdefault(text, len(self._codes)))

    def extend(self, texts: Iterable[str]) -> None:
        """Add the values of the next rows."""
        codes = self._codes
        self._rows.extend([codes.setdefault(text, len(codes)) for text in texts])

    def column(self) -> Column:
        """Return the column."""
        texts = Texts(text for text in self._codes if text is not None)
        return Column(texts, narrowed(self._rows, len(self._codes)))


def columns_of(coders: dict[str, Coder]) -> dict[str, Column]:
    """Return columns by name. Each coder is let go when its column is made, which is smaller."""
    return {name: coders.pop(name).column() for name in list(coders)}


@dataclass(frozen=True, slots=True)
class Order:
    """What to sort by: a column; ``reverse`` where "ascending" means its larger values first."""

    column: str
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    """How rows can be queried, and in which form they are answered.

    ``filters`` are the parameters that filter, ``search`` the columns that ``q`` looks into,
    ``sorts`` what can be sorted by, ``fields`` the keys of a row. ``dimensions`` can be counted
    by, ``sums`` are added up. ``age`` is the key whose value is known only when answering, and
    ``since`` the time column of the parameter of that name; empty where there is none.
    ``references`` are keys whose objects become several columns in CSV. ``default`` is the order
    where none is given, each with whether it is descending. ``derived`` are columns that rows have
    only where ``fields`` names them.
    """

    file: str
    filters: tuple[Parameter, ...]
    search: tuple[str, ...]
    sorts: Mapping[str, Order]
    fields: tuple[str, ...]
    dimensions: Mapping[str, str]
    sums: tuple[str, ...] = ()
    age: str = ""
    since: str = ""
    references: tuple[str, ...] = ()
    default: tuple[tuple[str, bool], ...] = ()
    derived: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which snapshot rows are of. ``generated`` is ``generated_at`` in seconds of the epoch.

    ``tag`` changes with the snapshot and with this program, and with nothing else.
    """

    tag: str
    cluster: str
    generated_at: str
    generated: int


@dataclass(slots=True, kw_only=True)
class View:
    """Rows of one snapshot, ready to be queried. Immutable.

    ``lists`` are the keys under which a JSON answer has the rows, each with how many of them,
    in order.
    """

    stamp: Stamp
    schema: Schema
    rows: Encoded
    lists: Mapping[str, int]
    columns: Mapping[str, Column]
    numbers: Mapping[str, array[float]] = field(default_factory=dict)
    times: Mapping[str, array[int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def tag(self) -> str:
        """Return what these rows are known by."""
        return self.stamp.tag

    def row(self, index: int, now: int) -> bytes:
        """Return one row as JSON, as of ``now`` (seconds of the epoch)."""
        return self.rows[index]

    def size(self, rows: Rows) -> int:
        """Return how many bytes these rows have in memory."""
        starts = self.rows.starts
        if isinstance(rows, range):
            return starts[rows.stop] - starts[rows.start] if rows else 0
        return sum(starts[row + 1] - starts[row] for row in rows)

    def neighbours(self, rows: range, now: int) -> bytes:
        """Return rows that lie one after the other, joined by commas: a copy, and little else."""
        starts = self.rows.starts
        return self.rows.read(starts[rows.start], starts[rows.stop] - 1) if rows else b""

    def column(self, name: str) -> Column:
        """Return a column of texts; one that is not filtered by is made when asked for."""
        held = self.columns.get(name)
        return Column.of(self.texts(name)) if held is None else held

    def texts(self, name: str) -> Iterator[str]:
        """Return the text of each row in a column, from its JSON: takes long."""
        one = msgspec.defstruct(
            "OneColumn", [("value", object, msgspec.field(default=None, name=name))]
        )
        decode = msgspec.json.Decoder(one).decode
        found = (getattr(decode(row), "value", None) for row in self.rows)
        return map(text_of, found)


def text_of(value: object) -> str:
    """Return a value as text to filter and sort by: empty for null, members of a list by comma."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(text_of, value))
    return msgspec.json.encode(value).decode()


def number_of(value: object) -> float:
    """Return a value as a number, NaN for what is none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return math.nan


def seconds_of(value: object) -> int:
    """Return an RFC 3339 time in seconds of the epoch, ``UNKNOWN`` for what is none."""
    moment = times.read(value) if isinstance(value, str) else None
    return UNKNOWN if moment is None else int(moment.timestamp() // 1)


def give_back_memory() -> None:
    """Return freed memory to the system.

    What an answer in flight has held of an older snapshot may hang in a cycle: collected first.
    """
    gc.collect()
    memory.trim()
