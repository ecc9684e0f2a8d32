"""The section of the sources: their series, their rows, and how each went."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Raw, Struct

from xpjob.base import times
from xpjob.base.truncate import cut
from xpjob.collect.before import Before, UnreadableRowError
from xpjob.collect.contract import Listed, Section
from xpjob.collect.tables import TableDescription, TableSpec
from xpjob.collectors.sources import findings
from xpjob.collectors.sources.compile import Compiled, Refused
from xpjob.collectors.sources.documents.places import Document
from xpjob.collectors.sources.planning import SOURCE, Notes
from xpjob.collectors.sources.program import MAX_EXAMPLES
from xpjob.collectors.sources.reader import SourceTally
from xpjob.collectors.sources.series import Series, bound, pushable
from xpjob.collectors.sources.tables import (
    SERIES,
    SOURCES,
    SeriesRow,
    SourceBefore,
    SourceRow,
)
from xpjob.kube.discovery import Kind

_MAX_MESSAGE = 500
"""Characters of a message in a row."""


class Family(Struct, frozen=True, gc=False):
    """What is said of a metric family."""

    help: str
    type: str


class State(Struct, rename="camel"):
    """What metrics need besides the rows: families by name, and seconds by source."""

    source_families: dict[str, Family] = {}
    source_seconds: dict[str, float] = {}


class Memory(Struct):
    """What the next run needs of this one, by source."""

    sources: dict[str, SourceBefore] = {}
    families: dict[str, Family] = {}


@dataclass(slots=True)
class _Result:
    """What one source gives to the section."""

    row: SourceRow
    series: Series = field(default_factory=Series)
    table: TableSpec | TableDescription | None = None
    rows: Sequence[Any] = ()


def recall(before: Before) -> Memory:
    """Return when each source last succeeded, and what its families were."""
    rows: Sequence[SourceBefore] = before.rows.get(SOURCES.key, ())
    state = before.state if isinstance(before.state, State) else State()
    return Memory({row.source: row for row in rows}, dict(state.source_families))


def make(notes: Notes, listed: Sequence[Listed], before: Before | None, at: str) -> Section:
    """Return the section at a time."""
    lists, tallies = _by_source(listed)
    memory = before.recalled if before and isinstance(before.recalled, Memory) else Memory()
    kept = _Kept(before, at)
    results: list[_Result] = []
    families: dict[str, Family] = {}
    for compiled in notes.sources.compiled:
        name = compiled.source.name
        some = lists.get(name, ())
        if any(each.error and not each.outcome.gone for each in some):
            result = _stale(compiled, some, kept)
        else:
            result = _fresh(compiled, tallies.get(name, ()), notes, at)
        result.row.last_success_at = result.row.last_success_at or _last(memory, name)
        results.append(result)
        for family in compiled.source.families:
            families.setdefault(family.name, Family(family.help, family.type))
    results += [_refused(each, memory) for each in notes.sources.refused]
    results += _unread(notes, memory, kept, {result.row.source for result in results})
    results.sort(key=lambda result: result.row.source)
    options = notes.options
    bound(
        {result.row.source: result.series for result in results},
        notes.limits.family_series,
        options.source_max_series,
        options.sources_max_series,
    )
    for result in results:
        _complete(result)
    used = {name for result in results for name in result.series.families}
    known = {**memory.families, **families}
    state = State(
        {name: known[name] for name in sorted(used) if name in known},
        {name: sum(each.seconds for each in some) for name, some in sorted(tallies.items())},
    )
    tables = {result.table.key: result.rows for result in results if result.table}
    rows = [result.row for result in results]
    return Section(
        {
            SOURCES.key: rows,
            SERIES.key: [row for result in results for row in _series_rows(result)],
            **tables,
        },
        findings.find(rows),
        state,
        specs=[result.table for result in results if result.table],
    )


def _by_source(
    listed: Sequence[Listed],
) -> tuple[Mapping[str, Sequence[Listed]], Mapping[str, Sequence[SourceTally]]]:
    lists: dict[str, list[Listed]] = defaultdict(list)
    tallies: dict[str, list[SourceTally]] = defaultdict(list)
    for each in listed:
        if each.subscription.role != SOURCE:
            continue
        for name in {use.source.source.name for use in each.subscription.context.uses}:
            lists[name].append(each)
        for tally in each.result or ():
            tallies[tally.source].append(tally)
    return lists, tallies


def _last(memory: Memory, name: str) -> str:
    return memory.sources[name].last_success_at if name in memory.sources else ""


def _fresh(compiled: Compiled, tallies: Sequence[SourceTally], notes: Notes, at: str) -> _Result:
    source = compiled.source
    outcome = source.finish([each.tally for each in tallies], notes.limits)
    tally = outcome.tally
    row = _row(source.name, compiled.document)
    kinds = notes.kinds.get(source.name, [])
    row.kinds = [_kind(kind) for kind in kinds]
    row.objects, row.missing = tally.objects, tally.missing
    row.invalid, row.errors = tally.invalid, tally.errors
    row.rows_left_out = tally.dropped
    row.last_success_at = at
    row.messages = [
        *(str(problem) for problem in compiled.problems),
        *(f"{each.object}: {each.where}: {each.message}" for each in tally.examples),
    ]
    if not kinds:
        row.state, row.last_success_at = "noKind", ""
        refused = notes.refused.get(source.name)
        row.messages.append(_forbidden(refused, compiled) if refused else _not_served(compiled))
        return _Result(row, table=source.table)  # no objects were counted, not even none
    series = pushable(outcome.series)
    series.left_out.update(tally.over)
    return _Result(row, series, source.table, outcome.rows)


def _forbidden(kinds: Sequence[Kind], compiled: Compiled) -> str:
    names = ", ".join(_kind(kind) for kind in kinds)
    namespace = compiled.document.namespace
    return (
        f"a source in namespace {namespace} may count only its own objects, not {names}; add the "
        "namespace to SOURCE_ADMIN_NAMESPACES"
    )


def _not_served(compiled: Compiled) -> str:
    wanted = ", ".join(
        target.category or "/".join(filter(None, (target.group, target.version, target.kind)))
        for target in compiled.source.targets
    )
    return f"the API does not serve {wanted}; nothing is counted until it does"


def _kind(kind: Kind) -> str:
    return f"{kind.resource}.{kind.group}".rstrip(".")


def _row(name: str, document: Document) -> SourceRow:
    return SourceRow(
        source=name,
        state="ok",
        healthy=True,
        place=document.place,
        origin=document.origin,
        namespace=document.namespace,
    )


def _refused(refused: Refused, memory: Memory) -> _Result:
    row = _row(refused.name, refused.document)
    row.state = "invalid"
    row.messages = [str(problem) for problem in refused.problems if not problem.warning]
    row.last_success_at = _last(memory, refused.name)
    return _Result(row)


def _stale(compiled: Compiled, lists: Sequence[Listed], kept: _Kept) -> _Result:
    """Keep what a source had, because one of its lists failed."""
    failed = [each for each in lists if each.error]
    result = kept.result(compiled.source.name) or _Result(
        _row(compiled.source.name, compiled.document)
    )
    if compiled.source.table and result.table is None:
        result.table = compiled.source.table
    result.row.state = "stale"
    result.row.messages = [f"list failed: {each.error}" for each in failed]
    failed[0].outcome.carried += result.series.count + len(result.rows)
    return result


def _unread(notes: Notes, memory: Memory, kept: _Kept, known: set[str]) -> list[_Result]:
    """Keep the sources whose documents could not be read."""
    results = []
    for name, source in memory.sources.items():
        error = notes.unread.get(source.place)
        if error is None or name in known:
            continue
        if result := kept.result(name):
            result.row.state = "stale"
            result.row.messages = [f"its document could not be read: {error}"]
            results.append(result)
    return results


class _Kept:
    """What sources had in the previous snapshot, for those of which a list failed."""

    def __init__(self, before: Before | None, at: str) -> None:
        self._before = before
        self._at = at
        self._rows: dict[str, SourceRow] | None = None
        self._series: dict[str, list[SeriesRow]] = defaultdict(list)

    def result(self, name: str) -> _Result | None:
        """Return what a source had, marked with its age; None if there is nothing, or too old."""
        if self._before is None:
            return None
        if self._rows is None:
            self._rows = self._read(self._before)
        row = self._rows.get(name)
        if row is None:
            return None
        row.carried_since = row.carried_since or self._before.generated_at
        if times.seconds_between(row.carried_since, self._at) >= self._before.max_age:
            return None
        series = Series()
        for each in self._series.get(name, ()):
            rows = series.families.setdefault(each.family, {})
            rows[tuple(sorted(each.labels.items()))] = each.value
        described = {table.key: table for table in self._before.described}
        table = described.get(row.table) if row.table else None
        raw = self._before.whole.get(row.table, ()) if table else ()
        return _Result(row, series, table, [_marked(each, row.carried_since) for each in raw])

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
        return {row.source: row for row in rows}


def _marked(raw: Raw, since: str) -> dict[str, Any]:
    try:
        row: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UnreadableRowError(
            f"reading a row of a source in the previous snapshot: {error}"
        ) from error
    return {**row, "carriedSince": row.get("carriedSince") or since}


def _complete(result: _Result) -> None:
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
    ]
    row.messages = [cut(text, _MAX_MESSAGE) for text in row.messages[: 4 * MAX_EXAMPLES]]
    if row.state == "ok":
        if row.left_out:
            row.state = "truncated"
        elif row.invalid or row.errors:
            row.state = "errors"
    row.healthy = row.state == "ok"


def _series_rows(result: _Result) -> list[SeriesRow]:
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
