"""What one source gives to the section: its row, its series, and the rows of its table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from xpjob.base.truncate import cut
from xpjob.collect.description import TableDescription
from xpjob.collect.tables import TableSpec
from xpjob.collectors.sources.program import MAX_EXAMPLES
from xpjob.collectors.sources.series import Series
from xpjob.collectors.sources.tables import SeriesRow, SourceRow

_MAX_MESSAGE = 500
"""Characters of a message in a row."""


@dataclass(slots=True)
class Result:
    """What one source gives to the section."""

    row: SourceRow
    series: Series = field(default_factory=Series)
    table: TableSpec | TableDescription | None = None
    rows: Sequence[Any] = ()


def complete(result: Result) -> None:
    """Fill in what the limits decided."""
    row, series = result.row, result.series
    row.families = sorted(series.families)
    row.series = series.count
    row.left_out = sorted(series.left_out)
    row.table = result.table.key if result.table else ""
    row.errors += len(series.refused)
    row.messages += series.refused
    row.messages += [
        f"{name} is left out: {count} series pass a limit"
        for name, count in sorted(series.left_out.items())
        if count
    ]
    row.messages = [cut(text, _MAX_MESSAGE) for text in row.messages[: 4 * MAX_EXAMPLES]]
    if row.state == "ok":
        if row.left_out:
            row.state = "truncated"
        elif row.invalid or row.errors:
            row.state = "errors"
    row.healthy = row.state == "ok"


def series_rows(result: Result) -> list[SeriesRow]:
    """Return a row for each series."""
    return [
        SeriesRow(
            source=result.row.source,
            family=name,
            series=f"{name}{{{_text(labels)}}}",
            labels=dict(labels),
            value=value,
            carried_since=result.row.carried_since,
        )
        for name, rows in sorted(result.series.families.items())
        for labels, value in sorted(rows.items())
    ]


def _text(labels: Sequence[tuple[str, str]]) -> str:
    return ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels)
