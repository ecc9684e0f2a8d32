"""Columns of rows: read from their JSON, all at once, and nothing else of it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Raw

from xpjob.reader.packed import narrowed_times
from xpjob.reader.table import Coder, Column, columns_of, number_of, seconds_of, text_of

_AT_ONCE = 256
"""Rows that are decoded at a time: decoding holds the interpreter."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of the same rows: texts as codes, numbers, and times in seconds of the epoch."""

    texts: Mapping[str, Column]
    numbers: Mapping[str, array[float]]
    times: Mapping[str, array[int]]


def read(
    rows: Sequence[Raw | bytes],
    texts: Sequence[str],
    numbers: Sequence[str],
    moments: Sequence[str],
) -> Columns:
    """Return columns. Raises ``MsgspecError`` for rows that are not objects."""
    coders = {name: Coder() for name in texts}
    number_rows = {name: array("d") for name in numbers}
    time_rows = {name: array("q") for name in moments}
    names = list(dict.fromkeys([*texts, *numbers, *moments]))
    for some in decoded(rows, names):
        for name, coder in coders.items():
            coder.extend(map(_text, some[name]))
        for name, values in number_rows.items():
            values.extend(map(number_of, some[name]))
        for name, seconds in time_rows.items():
            seconds.extend(map(seconds_of, some[name]))
    moment_rows = {name: narrowed_times(time_rows.pop(name)) for name in moments}
    return Columns(columns_of(coders), number_rows, moment_rows)


def decoded(rows: Iterable[Raw | bytes], names: Sequence[str]) -> Iterator[Mapping[str, list[Any]]]:
    """Yield the values of some keys by name, a few hundred rows at a time; None without a key.

    Raises ``MsgspecError`` for rows that are not objects.
    """
    row = msgspec.defstruct(
        "Row",
        [(f"c{n}", object, msgspec.field(default=None, name=name)) for n, name in enumerate(names)],
    )
    decode = msgspec.json.Decoder(list[row]).decode  # type: ignore[valid-type]
    getters = {name: attrgetter(f"c{number}") for number, name in enumerate(names)}
    rest = iter(rows)
    while bodies := list(islice(rest, _AT_ONCE)):
        some = decode(b"[" + b",".join(bodies) + b"]")
        yield {name: list(map(get, some)) for name, get in getters.items()}


def _text(value: object) -> str:
    return value if type(value) is str else text_of(value)
