"""Rows and groups -> JSON, NDJSON and CSV. No HTTP, no I/O.

Where whole rows are wanted, their bytes are those of the view; a long answer is made piece by piece
while it is sent, so that a slow client holds no copy of it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import accumulate, pairwise

import msgspec

from xpjob.reader.cells import harmless
from xpjob.reader.query import Group, Page
from xpjob.reader.table import Rows, Schema, Stamp, View

TYPES = {
    "json": "application/json; charset=utf-8",
    "ndjson": "application/x-ndjson; charset=utf-8",
    "csv": "text/csv; charset=utf-8; header=present",
}
_PIECE = 1024
"""Rows that are put together at a time: about a megabyte."""
REF_KEYS = ("group", "kind", "namespace", "name")

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Body:
    """An answer's body: its length in bytes is known before it is made."""

    length: int
    pieces: Iterable[bytes]

    @classmethod
    def of(cls, whole: bytes) -> Body:
        """Return a body that is there already."""
        return cls(len(whole), (whole,))


@dataclass(frozen=True, slots=True)
class Shape:
    """How to answer: form, keys (none = all), the moment (epoch seconds), and what is stale."""

    form: str
    fields: tuple[str, ...]
    now: int
    stale: bool

    def timed(self, schema: Schema) -> bool:
        """Tell whether the answer changes with every second: it does where it carries ages."""
        return bool(schema.age) and (not self.fields or schema.age in self.fields)


def facts(stamp: Stamp, *, stale: bool) -> Json:
    """Return the members of a JSON answer that say which snapshot it is of."""
    return {"generatedAt": stamp.generated_at, "stale": stale, "cluster": stamp.cluster}


def document(view: View, page: Page, shape: Shape) -> Body:
    """Return the rows of a page."""
    if shape.form == "csv":
        references = view.schema.references
        rows = (flat(row, references) for row in _dicts(view, page.rows, shape.now))
        return Body.of(sheet(_csv_columns(view.schema, shape.fields), rows))
    if shape.form == "ndjson":
        return _ndjson(view, page.rows, shape)
    return _json(view, page, shape)


def _json(view: View, page: Page, shape: Shape) -> Body:
    last = {
        **facts(view.stamp, stale=shape.stale),
        "total": page.total,
        "continue": page.token,
    }
    parts: list[Body] = []
    begin = "{"
    for name, rows in zip(view.lists, _split(page.rows, list(view.lists.values())), strict=True):
        parts.append(Body.of(f"{begin}{msgspec.json.encode(name).decode()}:[".encode()))
        parts.append(_list(view, rows, shape))
        begin = "],"
    parts.append(Body.of(b"]," + msgspec.json.encode(last)[1:] + b"\n"))
    length = sum(part.length for part in parts)
    return Body(length, (piece for part in parts for piece in part.pieces))


def _split(rows: Rows, totals: Sequence[int]) -> list[Rows]:
    """Return the rows of each list."""
    if len(totals) == 1:
        return [rows]
    borders = list(pairwise(accumulate(totals, initial=0)))
    if isinstance(rows, range):
        return [
            range(max(rows.start, low), max(rows.start, low, min(rows.stop, high)))
            for low, high in borders
        ]
    return [[row for row in rows if low <= row < high] for low, high in borders]


def _list(view: View, rows: Rows, shape: Shape) -> Body:
    """Return rows as the inside of a JSON list."""
    if shape.fields:
        return Body.of(b",".join(_chosen(view, rows, shape)))
    length = view.size(rows, shape.now) + max(0, len(rows) - 1)
    return Body(length, _joined(view, rows, shape, b","))


def _ndjson(view: View, rows: Rows, shape: Shape) -> Body:
    if shape.fields:
        return Body.of(b"".join(row + b"\n" for row in _chosen(view, rows, shape)))
    pieces = _joined(view, rows, shape, b"\n")
    if not rows:
        return Body(0, pieces)
    length = view.size(rows, shape.now) + len(rows)
    return Body(length, (p for group in (pieces, (b"\n",)) for p in group))


def _joined(view: View, rows: Rows, shape: Shape, separator: bytes) -> Iterator[bytes]:
    for start in range(0, len(rows), _PIECE):
        if start:
            yield separator
        some = rows[start : start + _PIECE]
        if isinstance(some, range) and separator == b",":
            yield view.neighbours(some, shape.now)
        else:
            yield separator.join([view.row(row, shape.now) for row in some])


def _dicts(view: View, rows: Rows, now: int) -> Iterator[Json]:
    decode = msgspec.json.Decoder(dict[str, object]).decode
    return (decode(view.row(row, now)) for row in rows)


def _chosen(view: View, rows: Rows, shape: Shape) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    for row in _dicts(view, rows, shape.now):
        yield encode({name: row[name] for name in shape.fields if name in row})


def _csv_columns(schema: Schema, fields: Sequence[str]) -> list[str]:
    columns: list[str] = []
    for name in fields or schema.fields:
        if name in schema.references:
            columns += [f"{name}.{key}" for key in REF_KEYS]
        else:
            columns.append(name)
    return columns


def flat(row: Json, references: Iterable[str]) -> Json:
    """Return a row whose references are flat, as a table needs them."""
    flat = dict(row)
    for name in references:
        if isinstance(ref := row.get(name), dict):
            flat |= {f"{name}.{key}": value for key, value in ref.items()}
    return flat


def sheet(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """Return CSV that is safe to open in a spreadsheet."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(list(map(_cell, columns)))
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return text.getvalue().encode()


def _cell(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula: tenants choose much of the text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, (dict, list)):
        return harmless(msgspec.json.encode(value).decode()) if value else ""
    return "" if value is None else value


def groups(view: View, by: Sequence[str], found: Sequence[Group], top: int, shape: Shape) -> Body:
    """Return the summary of a table; ``top`` is how many groups at most, 0 for all."""
    shown = found[:top] if top else found
    rows: list[Json] = []
    for group in shown:
        named = dict(zip(by, group.values, strict=True))
        if shape.form == "csv":
            sums = {f"sums.{name}": number for name, number in group.sums.items()}
            rows.append({**named, "total": group.total, **sums})
        else:
            rows.append({**named, "total": group.total, "sums": group.sums})
    columns = (*by, "total", *(f"sums.{name}" for name in view.schema.sums))
    return grouped(view.stamp, by, rows, len(found), columns, shape)


def grouped(
    stamp: Stamp,
    by: Sequence[str],
    rows: Sequence[Json],
    count: int,
    columns: Sequence[str],
    shape: Shape,
) -> Body:
    """Return groups; ``count`` is how many there are in all, ``columns`` are those of CSV."""
    if shape.form == "ndjson":
        return Body.of(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    if shape.form == "csv":
        return Body.of(sheet(columns, rows))
    whole = {
        "by": by,
        "groups": rows,
        "groupCount": count,
        **facts(stamp, stale=shape.stale),
    }
    return Body.of(msgspec.json.encode(whole) + b"\n")


def rfc3339(moment: int) -> str:
    """Return a time in epoch seconds as RFC 3339 in UTC."""
    return datetime.fromtimestamp(moment, timezone.utc).isoformat().replace("+00:00", "Z")
