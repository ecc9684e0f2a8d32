"""The section of the sources: their series, their rows, and how each went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain

from msgspec import Struct

from xpjob.collect.before import Before
from xpjob.collect.contract import Listed, Section
from xpjob.collectors.sources import findings
from xpjob.collectors.sources.compile import Compiled, Refused
from xpjob.collectors.sources.documents.places import Document
from xpjob.collectors.sources.kept import Kept
from xpjob.collectors.sources.planning import SOURCE, Notes
from xpjob.collectors.sources.reader import SourceTally
from xpjob.collectors.sources.results import Result, complete, series_rows
from xpjob.collectors.sources.series import bound, pushable
from xpjob.collectors.sources.tables import (
    SERIES,
    SOURCES,
    SourceBefore,
    SourceRow,
)
from xpjob.kube.discovery import Kind


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


def recall(before: Before) -> Memory:
    """Return when each source last succeeded, and what its families were."""
    rows: Sequence[SourceBefore] = before.rows.get(SOURCES.key, ())
    state = before.state if isinstance(before.state, State) else State()
    return Memory({row.source: row for row in rows}, dict(state.source_families))


def make(notes: Notes, listed: Sequence[Listed], before: Before | None, at: str) -> Section:
    """Return the section at a time."""
    lists, tallies = _by_source(listed)
    for each in chain.from_iterable(lists.values()):
        each.outcome.carried = 0  # the snapshot may be made once more, after a conflict
    memory = before.recalled if before and isinstance(before.recalled, Memory) else Memory()
    kept = Kept(before, at)
    results: list[Result] = []
    families: dict[str, Family] = {}
    for compiled in notes.sources.compiled:
        name = compiled.source.name
        why = _failures(lists.get(name, ()), tallies.get(name, ()), notes.silent.get(name, ()))
        result = _stale(compiled, why, kept) if why else _fresh(compiled, tallies, notes, at)
        if why and (failed := [each for each in lists.get(name, ()) if each.error]):
            failed[0].outcome.carried += result.series.count + len(result.rows)
        result.row.last_success_at = result.row.last_success_at or _last(memory, name)
        results.append(result)
        for family in compiled.source.families:
            families.setdefault(family.name, Family(family.help, family.type))
    results += _unread(notes, memory, kept, {result.row.source for result in results})
    options = notes.options
    for result in results:
        result.series.owner = options.owner(result.row.namespace)
    bound(
        [(result.row.source, result.series) for result in results],
        notes.limits.family_series,
        options.source_max_series,
        options.sources_max_series,
    )
    taken = {result.row.source for result in results}
    results += [_refused(each, memory, taken) for each in notes.sources.refused]
    results.sort(key=lambda result: result.row.source)
    for result in results:
        complete(result)
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
            SERIES.key: [row for result in results for row in series_rows(result)],
            **tables,
        },
        findings.find(rows),
        state,
        specs=[result.table for result in results if result.table],
        lacks_rows=kept.lacks_rows,
    )


def _by_source(
    listed: Sequence[Listed],
) -> tuple[Mapping[str, Sequence[Listed]], Mapping[str, Sequence[SourceTally]]]:
    lists: dict[str, list[Listed]] = defaultdict(list)
    tallies: dict[str, list[SourceTally]] = defaultdict(list)
    for each in listed:
        context = each.subscription.context
        if each.subscription.role != SOURCE or context is None:  # planned by another shard only
            continue
        for name in {use.source.source.name for use in context.uses}:
            lists[name].append(each)
        for tally in each.result or ():
            tallies[tally.source].append(tally)
    return lists, tallies


def _failures(
    lists: Sequence[Listed], tallies: Sequence[SourceTally], silent: Sequence[str]
) -> list[str]:
    """Return why what the lists gave is not all that a source counts; empty if it is."""
    return [
        *(f"list failed: {e.error}" for e in lists if e.error and not e.outcome.gone),
        *(f"discovery: group version {each} did not answer" for each in silent),
        *(each.error for each in tallies if each.error),
    ]


def _last(memory: Memory, name: str) -> str:
    return memory.sources[name].last_success_at if name in memory.sources else ""


def _fresh(
    compiled: Compiled, tallies: Mapping[str, Sequence[SourceTally]], notes: Notes, at: str
) -> Result:
    source = compiled.source
    outcome = source.finish([each.tally for each in tallies.get(source.name, ())], notes.limits)
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
        return Result(row, table=source.table)  # no objects were counted, not even none
    series = pushable(outcome.series, notes.options.owner(compiled.document.namespace))
    series.left_out.update(tally.over)
    return Result(row, series, source.table, outcome.rows)


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


def _refused(refused: Refused, memory: Memory, taken: set[str]) -> Result:
    """Return the row of a document that counts nothing; its name may be that of a source."""
    name = refused.name
    while name in taken:
        name += f" ({refused.document.origin})" if name == refused.name else "'"
    taken.add(name)
    row = _row(name, refused.document)
    row.state = "invalid"
    row.messages = [str(problem) for problem in refused.problems if not problem.warning]
    row.last_success_at = _last(memory, refused.name)
    return Result(row)


def _stale(compiled: Compiled, why: Sequence[str], kept: Kept) -> Result:
    """Keep what a source had, because it cannot be counted anew."""
    result = kept.result(compiled.source.name) or Result(
        _row(compiled.source.name, compiled.document)
    )
    if compiled.source.table and result.table is None:
        result.table = compiled.source.table
    result.row.state = "stale"
    result.row.messages = list(why)
    return result


def _unread(notes: Notes, memory: Memory, kept: Kept, known: set[str]) -> list[Result]:
    """Keep the sources whose documents could not be read."""
    results = []
    for name, source in memory.sources.items():
        error = notes.unread.get(source.place) or _unreadable(source, notes)
        if error is None or name in known:
            continue
        if result := kept.result(name):
            result.row.state = "stale"
            result.row.messages = [f"its document could not be read: {error}"]
            results.append(result)
    return results


def _unreadable(source: SourceBefore, notes: Notes) -> str | None:
    """Return why the file of a source, or the directory that it was in, could not be read."""
    if source.place != "file" or not source.origin:
        return None
    for refused in notes.sources.refused:
        document = refused.document
        here = (document.origin, f"{document.origin}/")
        if document.unread and (source.origin == here[0] or source.origin.startswith(here[1])):
            return document.error
    return None
