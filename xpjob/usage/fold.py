"""Fold rows, of files or of days in a snapshot, to the dimensions that a report needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from operator import itemgetter
from typing import Any

import msgspec

from xpjob.metrics.table import OTHER
from xpjob.usage import columns, files, rows
from xpjob.usage.columns import DIMENSIONS, INDEX
from xpjob.usage.question import TAGS
from xpjob.usage.rows import Part
from xpjob.usage.rules import OBSERVED
from xpjob.usage.state import Closed, Open

_START, _CHARGE = INDEX[columns.START], INDEX[columns.CLASS]
_QUANTITY, _BRIDGED = INDEX[columns.QUANTITY], INDEX[columns.BRIDGED]
_METER, _TAGS = INDEX[columns.METER], INDEX[columns.TAGS]
_KIND, _CLASS = (INDEX[DIMENSIONS[name][0]] for name in ("kind", "class"))
_FOLDABLE = itemgetter(*(INDEX[c] for name, (c, _) in DIMENSIONS.items() if name != "class"))
"""The dimensions of which what exceeds USAGE_MAX_ROWS has none but ``__other__``."""
_HEAD = (_START, _CHARGE, _METER, _CLASS)
HEAD = len(_HEAD)

Key = tuple[str, ...]
Pair = tuple[int, int]
"""A quantity, and the part of it that is bridged."""


@dataclass(slots=True)
class Folded:
    """Quantities by day, ChargeClass, meter, class and the dimensions that were asked for.

    What exceeds USAGE_MAX_ROWS has ``OTHER`` after them. ``observed`` are the seconds of lists, by
    day, kind and tags.
    """

    rows: dict[Key, Pair] = field(default_factory=dict)
    observed: dict[Key, Pair] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Return how many keys it has, and some for itself."""
        return 10 + len(self.rows) + len(self.observed)


def of_file(body: bytes, dimensions: Sequence[str], where: str) -> Folded:
    """Return what a file has. Raises ``BadAnswerError``."""
    try:
        return _fold(rows.read(body, where), dimensions)
    except (ValueError, msgspec.MsgspecError) as error:
        raise rows.bad(where, error) from error


def of_day(day: Open | Closed, dimensions: Sequence[str]) -> Folded:
    """Return what a day of a snapshot has: what its file has, or would have if it were closed."""
    made = [[str(value) for value in row] for row in files.rows_of(day, "")]
    return _fold([Part(made, OTHER)], dimensions)


def _fold(parts: Iterable[Part], dimensions: Sequence[str]) -> Folded:
    get = itemgetter(*_HEAD, *(_position(name) for name in dimensions))
    quantities: dict[Key, int] = {}
    bridged: dict[Key, int] = {}
    observed: dict[Key, Pair] = {}
    for part in parts:
        some_folded = OTHER in part.text
        for row in part.rows:
            # Most of the time of a report is spent here.
            text = row[_QUANTITY]
            quantity = int(text) if text.isdigit() else rows.integer(text)
            if row[_METER] == OBSERVED:
                key: Key = (_day(row[_START]), row[_KIND], row[_TAGS])
                _add(observed, key, quantity, rows.integer(row[_BRIDGED]))
                continue
            key = get(row)
            if some_folded and OTHER in row and set(_FOLDABLE(row)) <= {OTHER, ""}:
                key = (*key, OTHER)
            quantities[key] = quantities.get(key, 0) + quantity
            if row[_BRIDGED] != "0":
                bridged[key] = bridged.get(key, 0) + rows.integer(row[_BRIDGED])
    made: dict[Key, Pair] = {}
    tagged = [(HEAD + at, name) for at, name in enumerate(dimensions) if name.startswith(TAGS)]
    for key, quantity in quantities.items():
        named: list[str] = [_day(key[0]), *key[1:]]
        for at, name in tagged:
            named[at] = _tag(key[at], name.removeprefix(TAGS))
        _add(made, tuple(named), quantity, bridged.get(key, 0))
    return Folded(made, observed)


def _position(dimension: str) -> int:
    return _TAGS if dimension.startswith(TAGS) else INDEX[DIMENSIONS[dimension][0]]


def _add(sums: dict[Key, Pair], key: Key, quantity: int, bridged: int) -> None:
    known = sums.get(key, (0, 0))
    sums[key] = (known[0] + quantity, known[1] + bridged)


def _day(start: str) -> str:
    day, _, time = start.partition("T")
    if time != "00:00:00Z":
        raise ValueError(f"invalid start of a day {start[:40]!r}")
    date.fromisoformat(day)
    return day


def _tag(text: str, name: str) -> str:
    tags: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any]) if text else {}
    return str(tags.get(name, ""))
