"""What sources had in the previous snapshot, for those of which a list failed."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec
from msgspec import Raw

from xpjob.base import times
from xpjob.collect.before import Before, UnreadableRowError
from xpjob.collectors.sources.results import Result
from xpjob.collectors.sources.series import Series
from xpjob.collectors.sources.tables import SERIES, SOURCES, SeriesRow, SourceRow


class Kept:
    """What sources had in the previous snapshot, for those of which a list failed.

    ``lacks_rows``: something was wanted, and the rows were not there.
    """

    def __init__(self, before: Before | None, at: str) -> None:
        self.lacks_rows = False
        self._before = before
        self._at = at
        self._rows: dict[str, SourceRow] | None = None
        self._series: dict[str, list[SeriesRow]] = defaultdict(list)

    def result(self, name: str) -> Result | None:
        """Return what a source had, marked with its age; None if there is nothing, or too old."""
        if self._before is None:
            return None
        self.lacks_rows = not self._before.whole
        if self._rows is None:
            self._rows = self._read(self._before)
        row = self._rows.get(name)
        if row is None:
            return None
        row.carried_since = row.carried_since or self._before.generated_at
        if times.seconds_between(row.carried_since, self._at) >= self._before.max_age:
            return None
        series = Series(left_out=dict.fromkeys(row.left_out, 0))
        for each in self._series.get(name, ()):
            rows = series.families.setdefault(each.family, {})
            rows[tuple(sorted(each.labels.items()))] = each.value
        described = {table.key: table for table in self._before.described}
        table = described.get(row.table) if row.table else None
        raw = self._before.whole.get(row.table, ()) if table else ()
        return Result(row, series, table, [_marked(each, row.carried_since) for each in raw])

    def _read(self, before: Before) -> dict[str, SourceRow]:
        try:
            for raw in before.whole.get(SERIES.key, ()):
                each = msgspec.json.decode(raw, type=SeriesRow)
                self._series[each.source].append(each)
            rows = [
                msgspec.json.decode(raw, type=SourceRow)
                for raw in before.whole.get(SOURCES.key, ())
            ]
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise UnreadableRowError(
                f"reading a row of sources in the previous snapshot: {error}"
            ) from error
        return {row.source: row for row in rows if row.state != "invalid"}


def _marked(raw: Raw, since: str) -> dict[str, Any]:
    try:
        row: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UnreadableRowError(
            f"reading a row of a source in the previous snapshot: {error}"
        ) from error
    return {**row, "carriedSince": row.get("carriedSince") or since}
