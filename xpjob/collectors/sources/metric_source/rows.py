"""The rows of the table of a source: the first of all, as many as it may have."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import msgspec

from xpjob.base.truncate import MAX_MESSAGE, cut
from xpjob.collectors.sources.metric_source.table import SourceTable

_identity = itemgetter(0, 1, 2)


class Rows:
    """The first rows by namespace, name and kind, however they come in."""

    def __init__(self, most: int, table: SourceTable) -> None:
        self._most = most
        self._many = 2 * most + 64
        self._kinds = table.kinds
        self._at = table.values
        self._all = table.values == tuple(range(table.count))
        self._rows: list[list[Any]] = []
        self._last: tuple[str, str, str] | None = None
        self._count = 0

    def add(self, namespace: str, name: str, kind: str, values: Sequence[Any]) -> None:
        """Take the values of an object."""
        self._count += 1
        if self._last is not None and (namespace, name, kind) > self._last:
            return
        chosen = values if self._all else [values[at] for at in self._at]
        self._rows.append([namespace, name, kind, *chosen])
        if len(self._rows) >= self._many:
            self._cut()

    def skip(self) -> None:
        """Count an object that has no row."""
        self._count += 1

    def result(self) -> tuple[list[list[Any]], int]:
        """Return the rows as the table has them, and how many more there were."""
        self._cut()
        start = 3 if self._kinds else 2
        rows = [[*row[:start], *map(_stored, row[3:])] for row in self._rows]
        return rows, self._count - len(rows)

    def _cut(self) -> None:
        self._rows.sort(key=_identity)
        del self._rows[self._most :]
        if len(self._rows) == self._most:
            self._last = _identity(self._rows[-1])


def _stored(value: Any) -> Any:
    """Return a value as a row has it: a large list or map as the beginning of its JSON."""
    if not isinstance(value, (list, dict)):
        return value
    try:
        encoded = msgspec.json.encode(value)
    except (msgspec.EncodeError, RecursionError, TypeError, OverflowError):
        return None
    return value if len(encoded) <= MAX_MESSAGE else cut(encoded.decode(), MAX_MESSAGE)
