"""Rows and groups -> JSON, NDJSON and CSV. No HTTP, no I/O.

Where whole rows are wanted, their bytes are those of the view; a long answer is made piece by piece
while it is sent, so that a slow client holds one piece of it, and no copy.
"""

from __future__ import annotations

import csv
import io
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from itertools import accumulate, pairwise

import msgspec

from xpjob.reader.cells import harmless
from xpjob.reader.parameters import MAX_LIMIT
from xpjob.reader.query import Page
from xpjob.reader.summaries import Group
from xpjob.reader.table import Rows, Schema, Stamp, View

TYPES = {
    "json": "application/json; charset=utf-8",
    "ndjson": "application/x-ndjson; charset=utf-8",
    "csv": "text/csv; charset=utf-8; header=present",
}
WHOLE = 256 << 10
"""Bytes up to which an answer is made as a whole, and so has a known length."""
_PIECE_ROWS, _PIECE_BYTES = 1024, 64 << 10
"""Rows, and bytes of them, that are put together at a time."""
MAX_GROUPS = 10_000
"""Groups of a summary: some 4 MB."""
REF_KEYS = ("group", "kind", "namespace", "name")

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Body:
    """An answer's body, which ``make`` makes in pieces, each time anew.

    ``length`` is None where it is known only once all is made. ``heavy``: a piece takes long
    enough to be made elsewhere than on the event loop. ``held`` is the memory, in bytes, that is
    held until the last piece; ``packed`` is the gzipped form where it is there already.
    """

    length: int | None
    make: Callable[[], Iterator[bytes]]
    heavy: bool = False
    held: int = 0
    packed: bytes | None = None

    @property
    def pieces(self) -> Iterator[bytes]:
        """Return the pieces."""
        return self.make()

    @classmethod
    def of(cls, whole: bytes) -> Body:
        """Return a body that is there already."""
        return cls(len(whole), lambda: iter((whole,)))


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


def document(view: View, page: Page, shape: Shape, more: bytes = b"{}") -> Body:
    """Return the rows of a page; ``more`` is an object whose members the JSON gets, too."""
    makers: Mapping[str, Callable[[View, Page, Shape], Iterator[bytes]]]
    makers = {"csv": _csv, "ndjson": _ndjson, "json": partial(_json, more=more)}
    make = makers[shape.form]
    heavy = shape.form == "csv" or bool(shape.fields)
    if not heavy and len(page.rows) <= MAX_LIMIT and view.size(page.rows) <= WHOLE:
        return Body.of(b"".join(make(view, page, shape)))
    held = 0 if isinstance(page.rows, range) else 2 * page.rows.itemsize * len(page.rows)
    return Body(None, lambda: make(view, page, shape), heavy, held)


def _csv(view: View, page: Page, shape: Shape) -> Iterator[bytes]:
    columns, references = _csv_columns(view.schema, shape.fields), view.schema.references
    yield sheet(columns, ())
    for some in slices(view, page.rows):
        rows = (flat(row, references) for row in dicts(view, some, shape.now, shape.fields))
        yield sheet(columns, rows, head=False)


def _json(view: View, page: Page, shape: Shape, more: bytes) -> Iterator[bytes]:
    last = {
        **facts(view.stamp, stale=shape.stale),
        "total": page.total,
        "continue": page.token,
    }
    begin = "{"
    for name, rows in zip(view.lists, _split(page.rows, list(view.lists.values())), strict=True):
        yield f"{begin}{msgspec.json.encode(name).decode()}:[".encode()
        separator = b""
        for some in slices(view, rows):
            yield separator + _joined(view, some, shape, b",")
            separator = b","
        begin = "],"
    members = msgspec.json.encode(last)[1:-1]
    yield b"]," + members + (b"}" if more == b"{}" else b"," + more[1:]) + b"\n"


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
    return [array("I", (row for row in rows if low <= row < high)) for low, high in borders]


def _ndjson(view: View, page: Page, shape: Shape) -> Iterator[bytes]:
    for some in slices(view, page.rows):
        yield _joined(view, some, shape, b"\n") + b"\n"


def slices(view: View, rows: Rows) -> Iterator[Rows]:
    """Yield rows in parts of about 64 KiB of JSON; a larger row is a part of its own."""
    starts, begin, size = view.rows.starts, 0, 0
    for end, row in enumerate(rows):
        bytes_of = starts[row + 1] - starts[row]
        if end > begin and (size + bytes_of > _PIECE_BYTES or end - begin == _PIECE_ROWS):
            yield rows[begin:end]
            begin, size = end, 0
        size += bytes_of
    if begin < len(rows):
        yield rows[begin:]


def _joined(view: View, rows: Rows, shape: Shape, separator: bytes) -> bytes:
    if shape.fields:
        return separator.join(_chosen(view, rows, shape))
    if isinstance(rows, range) and separator == b",":
        return view.neighbours(rows, shape.now)
    return separator.join([view.row(row, shape.now) for row in rows])


def dicts(view: View, rows: Rows, now: int, fields: Sequence[str]) -> Iterator[Json]:
    """Yield rows as of ``now``, with those derived columns that are wanted."""
    decode = msgspec.json.Decoder(dict[str, object]).decode
    added = [name for name in view.schema.derived if name in fields]
    for row in rows:
        values: Json = decode(view.row(row, now))
        for name in added:
            column = view.columns[name]
            values[name] = column.values[column.codes[row]]
        yield values


def _chosen(view: View, rows: Rows, shape: Shape) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    for row in dicts(view, rows, shape.now, shape.fields):
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


def sheet(
    columns: Sequence[str], rows: Iterable[Mapping[str, object]], *, head: bool = True
) -> bytes:
    """Return CSV that is safe to open in a spreadsheet; with ``head``, its first line too."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if head:
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
    """Return the summary of a table; ``top`` is how many groups, 0 for the most there can be."""
    shown = found[: top or MAX_GROUPS]
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
