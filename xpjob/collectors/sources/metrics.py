"""Metric tables of the sources: their own families, and how each source went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from xpjob.base import times
from xpjob.collectors.sources.section import Family
from xpjob.collectors.sources.tables import SeriesRow, SourceRow
from xpjob.metrics.series import Labels, SeriesTable
from xpjob.metrics.table import Column, Table

_NAMESPACE = "namespace"


def families(rows: Sequence[SeriesRow], known: Mapping[str, Family]) -> Iterator[SeriesTable]:
    """Yield each family once, with the series of all sources.

    A series without a namespace has an empty one: with ``honor_labels`` it would otherwise get that
    of the Pushgateway.
    """
    tables: dict[str, dict[Labels, float]] = defaultdict(dict)
    for row in rows:
        labels = {_NAMESPACE: "", **row.labels}
        tables[row.family].setdefault(tuple(sorted(labels.items())), row.value)
    for name, series in sorted(tables.items()):
        family = known.get(name) or Family("Of a source.", "gauge")
        yield SeriesTable(name, family.help, series)


def sources(rows: Sequence[SourceRow], seconds: Mapping[str, float]) -> Iterator[Table]:
    """Yield how each source went."""
    table = Table(
        ("source",),
        (
            Column("xpjob_source_success", "1 if the source counts all that it is to.", min),
            Column("xpjob_source_objects", "Number of objects that the source counted."),
            Column("xpjob_source_series", "Number of series of the source."),
            Column("xpjob_source_missing", "Number of values that are not there, or null."),
            Column("xpjob_source_invalid", "Number of values that could not be converted."),
            Column("xpjob_source_errors", "Number of values that could not be computed."),
            Column(
                "xpjob_source_truncated",
                "Number of families that are left out because of a limit, or 1 if only rows are.",
            ),
        ),
    )
    durations = Table(
        ("source",),
        (Column("xpjob_source_duration_seconds", "Seconds that the source took, without lists."),),
    )
    successes = Table(
        ("source",),
        (
            Column(
                "xpjob_source_last_success_timestamp_seconds",
                "Unix time in seconds at which all lists of the source were last complete.",
                max,
            ),
        ),
    )
    for row in rows:
        table.add(
            (row.source,),
            row.healthy,
            row.objects,
            row.series,
            row.missing,
            row.invalid,
            row.errors,
            len(row.left_out) or bool(row.rows_left_out),
        )
        if row.source in seconds:
            durations.add((row.source,), seconds[row.source])
        if last := times.read(row.last_success_at):
            successes.add((row.source,), last.timestamp())
    yield from (table, durations, successes)
