"""The file of a closed day: its key in the store, and its bytes.

One gzipped CSV for a cluster and a day: ``usage/year=YYYY/month=MM/day=DD/<cluster>.csv.gz``, in
folders that DuckDB, Athena and Spark take for partitions. The same state gives the same bytes.
"""

from __future__ import annotations

import csv
import io
import re
import struct
import zlib
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

import msgspec

from xpjob.collect.meters import Key
from xpjob.store.base import USAGE
from xpjob.usage import columns
from xpjob.usage.columns import COLUMNS, CORRECTION, DEFAULT_CLUSTER, INDEX
from xpjob.usage.rules import OBSERVED
from xpjob.usage.state import Closed, Day, Observed, Open

SUFFIX = ".csv.gz"
_KEY = re.compile(
    rf"{USAGE}/year=(\d{{4}})/month=(\d\d)/day=(\d\d)/([^/]+){re.escape(SUFFIX)}", re.ASCII
)
_BREAKING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters and line breaks: a row is one line, for whatever reads it."""
_GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
"""Without a time, a name and an operating system, which Python versions write differently."""

Row = list[str | int]
"""The values of the columns."""


class FileKey(NamedTuple):
    """What a file is of. ``cluster`` is "default" for the cluster without a name."""

    day: date
    cluster: str

    def __str__(self) -> str:
        folder = f"{month_folder(self.day)}day={self.day:%d}"
        return f"{folder}/{self.cluster or DEFAULT_CLUSTER}{SUFFIX}"

    @classmethod
    def of(cls, key: str) -> FileKey | None:
        """Return what the file with this key is of; None if the key is not a usage file's."""
        if not (match := _KEY.fullmatch(key)):
            return None
        try:
            return cls(date(*map(int, match.groups()[:3])), match[4])
        except ValueError:
            return None


def month_folder(day: date) -> str:
    """Return the prefix of the keys of a month."""
    return f"{USAGE}/year={day:%Y}/month={day:%m}/"


def encode(closed: Closed, cluster: str) -> bytes:
    """Return the file of a closed day, gzipped."""
    rows: dict[tuple[str, ...], Row] = {}
    for row in rows_of(closed, cluster):
        _add(rows, row)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row for _, row in sorted(rows.items()))
    return _gzipped(text.getvalue().encode("utf-8", "replace"))


def rows_of(day: Open | Closed, cluster: str) -> Iterator[Row]:
    """Yield the rows of a day, and of corrections that were counted in it, in no order."""
    yield from _rows_of(day, "", cluster)
    for correction in day.corrections:
        yield from _rows_of(correction, CORRECTION, cluster)


def _rows_of(day: Day, class_: str, cluster: str) -> Iterator[Row]:
    begin = date.fromisoformat(day.day)
    period = [f"{each}T00:00:00Z" for each in (begin, begin + timedelta(days=1))]

    def row(key: Key, unit: str, quantity: int, bridged: int) -> Row:
        tags = {_clean(name): _clean(value) for name, value in key.tags}
        shown = msgspec.json.encode(tags, order="sorted").decode() if tags else ""
        values = map(_clean, columns.values_of(key))
        head = [*period, columns.USAGE, class_]
        return [*head, quantity, unit, shown, key.meter, bridged, cluster, *values]

    for amount in day.rows:
        unit = f"{columns.unit_of(amount.key.meter)}-{columns.SECONDS}"
        yield row(amount.key, unit, amount.quantity, amount.bridged)
    for each in day.observed:
        yield row(observed_key(each), columns.SECONDS, each.seconds, each.bridged)


def observed_key(observed: Observed) -> Key:
    """Return the key of the row that says how long a list was counted."""
    return Key(
        meter=OBSERVED,
        class_=observed.class_,
        group=observed.group,
        kind=observed.kind,
        namespace=observed.namespace,
        tags=(
            (columns.COLLECTOR_TAG, observed.collector),
            (columns.LIST_TAG, observed.list),
        ),
    )


def _add(rows: dict[tuple[str, ...], Row], row: Row) -> None:
    """Add a row; keys that differ in control characters only are one."""
    quantity, bridged = INDEX[columns.QUANTITY], INDEX[columns.BRIDGED]
    named = [str(value) for at, value in enumerate(row) if at not in (quantity, bridged)]
    # The rows of the day itself come first, by meter.
    first = (row[INDEX[name]] for name in (columns.CLASS, columns.START, columns.METER))
    key = (*map(str, first), *named)
    if known := rows.get(key):
        known[quantity] = int(known[quantity]) + int(row[quantity])
        known[bridged] = int(known[bridged]) + int(row[bridged])
    else:
        rows[key] = row


def _clean(text: str) -> str:
    return _BREAKING.sub(" ", text)


def _gzipped(body: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    end = struct.pack("<II", zlib.crc32(body), len(body) & 0xFFFFFFFF)
    return b"".join((_GZIP_HEADER, packer.compress(body), packer.flush(), end))
