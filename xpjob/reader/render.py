"""Rows and counts -> JSON, NDJSON and CSV. No HTTP, no I/O.

Where whole rows are asked for, their bytes are those of the view, with the age put in; a long
answer is made piece by piece while it is sent, so that a slow client holds no copy of it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import accumulate, pairwise

import msgspec

from xpjob.collectors.crossplane.reader.rows import FIELDS, REFS
from xpjob.reader.query import Group, Page, Rows
from xpjob.reader.table import View

TYPES = {
    "json": "application/json; charset=utf-8",
    "ndjson": "application/x-ndjson; charset=utf-8",
    "csv": "text/csv; charset=utf-8; header=present",
}
_PIECE = 1024
"""Rows that are put together at a time: about a megabyte."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
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

    @property
    def timed(self) -> bool:
        """Tell whether the answer changes with every second: it does where it carries ages."""
        return not self.fields or "ageSeconds" in self.fields


def document(view: View, page: Page, shape: Shape) -> Body:
    """Return the bookkeeping document of a page."""
    if shape.form == "csv":
        rows = _dicts(view, page.rows, shape.now)
        return Body.of(sheet(_csv_columns(shape.fields), map(flat, rows)))
    if shape.form == "ndjson":
        return _ndjson(view, page.rows, shape)
    return _json(view, page, shape)


def _json(view: View, page: Page, shape: Shape) -> Body:
    claims, xrs, mrs = _split(page.rows, list(view.total.values()))
    facts = {
        "generatedAt": view.generated_at,
        "stale": shape.stale,
        "cluster": view.cluster,
        "total": page.total,
        "continue": page.token,
    }
    end = b"]," + msgspec.json.encode(facts)[1:] + b"\n"
    parts = [Body.of(b'{"claims":['), _list(view, claims, shape), Body.of(b'],"xrs":[')]
    parts += [_list(view, xrs, shape), Body.of(b'],"mrs":['), _list(view, mrs, shape)]
    parts.append(Body.of(end))
    length = sum(part.length for part in parts)
    return Body(length, (piece for part in parts for piece in part.pieces))


def _split(rows: Rows, totals: Sequence[int]) -> list[Rows]:
    """Return the rows of each class."""
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
    ages = view.ages(rows, shape.now)
    length = sum(map(len, ages)) + max(0, len(rows) - 1)
    if not isinstance(rows, range):
        length += sum(map(view.length, rows))
        return Body(length, _joined(view, rows, shape, b","))
    if rows:
        length += view.starts[rows.stop] - view.starts[rows.start] - len(rows)

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(rows), _PIECE):
            if start:
                yield b","
            yield view.run_of_rows(rows[start : start + _PIECE], ages[start : start + _PIECE])

    return Body(length, pieces())


def _ndjson(view: View, rows: Rows, shape: Shape) -> Body:
    if shape.fields:
        return Body.of(b"".join(row + b"\n" for row in _chosen(view, rows, shape)))
    length = sum(map(view.length, rows)) + sum(map(len, view.ages(rows, shape.now)))
    pieces = _joined(view, rows, shape, b"\n")
    if not rows:
        return Body(0, pieces)
    return Body(length + len(rows), (p for group in (pieces, (b"\n",)) for p in group))


def _joined(view: View, rows: Rows, shape: Shape, separator: bytes) -> Iterator[bytes]:
    for start in range(0, len(rows), _PIECE):
        if start:
            yield separator
        yield separator.join([view.row(r, shape.now) for r in rows[start : start + _PIECE]])


def _dicts(view: View, rows: Rows, now: int) -> Iterator[Json]:
    decode = msgspec.json.Decoder(dict[str, object]).decode
    return (decode(view.row(row, now)) for row in rows)


def _chosen(view: View, rows: Rows, shape: Shape) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    for row in _dicts(view, rows, shape.now):
        yield encode({name: row[name] for name in shape.fields if name in row})


def _csv_columns(fields: Sequence[str]) -> list[str]:
    columns: list[str] = []
    for name in fields or FIELDS:
        columns += [f"{name}.{key}" for key in REF_KEYS] if name in REFS else [name]
    return columns


def flat(row: Json) -> Json:
    """Return a row whose references are flat, as a table needs them."""
    flat = dict(row)
    for name in (*REFS, "other"):
        if isinstance(ref := row.get(name), dict):
            flat |= {f"{name}.{key}": value for key, value in ref.items()}
    return flat


def sheet(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """Return CSV that is safe to open in a spreadsheet."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return text.getvalue().encode()


def _cell(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula: tenants choose much of the text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    if isinstance(value, (dict, list)):
        return msgspec.json.encode(value).decode() if value else ""
    return "" if value is None else value


def counts(view: View, by: Sequence[str], groups: Sequence[Group], top: int, shape: Shape) -> Body:
    """Return a summary; ``top`` is how many groups at most, 0 for all."""
    shown = groups[:top] if top else groups
    rows = [_group(by, group) for group in shown]
    if shape.form == "ndjson":
        return Body.of(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    if shape.form == "csv":
        return Body.of(sheet([*by, *_COUNTS], rows))
    facts = {
        "by": by,
        "groups": rows,
        "groupCount": len(groups),
        "generatedAt": view.generated_at,
        "stale": shape.stale,
        "cluster": view.cluster,
    }
    return Body.of(msgspec.json.encode(facts) + b"\n")


_COUNTS = (
    *("total", "ready", "notReady", "synced", "paused", "deleting", "carried"),
    "longestNotReadySince",
)


def _group(by: Sequence[str], group: Group) -> Json:
    return {
        **dict(zip(by, group.values, strict=True)),
        "total": group.total,
        "ready": group.ready,
        "notReady": group.total - group.ready,
        "synced": group.synced,
        "paused": group.paused,
        "deleting": group.deleting,
        "carried": group.carried,
        "longestNotReadySince": "" if group.since is None else rfc3339(group.since),
    }


def rfc3339(moment: int) -> str:
    """Return a time in epoch seconds as RFC 3339 in UTC."""
    return datetime.fromtimestamp(moment, timezone.utc).isoformat().replace("+00:00", "Z")
