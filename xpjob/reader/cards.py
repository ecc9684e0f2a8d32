"""What the home page says of each collector: its tables, a few numbers, and one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from xpjob.collect.description import Highlight, TableDescription
from xpjob.collect.outcome import CollectorOutcome, TargetOutcome
from xpjob.collect.tables import title_of
from xpjob.reader import query, summaries
from xpjob.reader.needs import CRITICAL, Need, Needs
from xpjob.reader.query import Query
from xpjob.reader.table import View
from xpjob.snapshot.documents import Head

_SAID = 3
"""Tables in the sentence, and in the numbers of a collector that declares none."""


class Number(Struct, frozen=True, kw_only=True):
    """A number, and the rows that it is of: those of the table that match the filters.

    With ``sum`` it adds up that column, else it counts. ``bad``: it needs attention.
    """

    label: str
    value: float
    table: str
    filters: Mapping[str, tuple[str, ...]] = {}
    sum: str = ""
    type: str = "count"
    bad: bool = False


class TableCard(Struct, frozen=True, kw_only=True, rename="camel"):
    """A table: how many rows it has, and how many of them are late, or not ok."""

    key: str
    title: str
    rows: int = 0
    late: int = 0
    error: str = ""
    carried_since: str = ""


class Shown(Struct, frozen=True, kw_only=True):
    """The numbers of a collector, and a sentence."""

    numbers: tuple[Number, ...] = ()
    sentence: str = ""


class Card(Struct, frozen=True, kw_only=True, rename="camel"):
    """A collector: how it went, its tables, and its numbers."""

    name: str
    title: str
    error: str = ""
    carried_since: str = ""
    failed_lists: int = 0
    tables: tuple[TableCard, ...] = ()
    card: Shown = Shown()


def numbers(table: TableDescription, view: View) -> tuple[Number, ...]:
    """Return the numbers that a table declares; those that no filters say are left out."""
    names = {each.reads: each.name for each in view.schema.filters if each.reads in view.columns}
    return tuple(
        _number(table, view, each, names)
        for each in table.highlights
        if each.filters.keys() <= names.keys() and (not each.sum or each.sum in view.schema.sums)
    )


def not_ok(table: TableDescription, view: View) -> int:
    """Return how many rows are not ok; none where no column says it."""
    column = view.columns.get(table.ok)
    if column is None:
        return 0
    return sum(column.codes.count(code) for code, v in enumerate(column.values) if v == "false")


def card(
    collector: str,
    head: Head,
    tables: Sequence[TableCard],
    declared: Sequence[Number],
    bad: Mapping[str, str],
) -> Card:
    """Return what is said of a collector. ``bad`` has what is said of rows that are not ok."""
    outcome = outcome_of(head, collector)
    first = tuple(
        Number(label=table.title, value=table.rows, table=table.key) for table in tables[:_SAID]
    )
    return Card(
        name=collector,
        title=title_of(collector),
        error=outcome.error,
        carried_since=outcome.carried_since,
        failed_lists=len(failed_lists(head, collector)),
        tables=tuple(tables),
        card=Shown(numbers=tuple(declared) or first, sentence=sentence(tables, bad)),
    )


def sentence(tables: Sequence[TableCard], bad: Mapping[str, str]) -> str:
    """Return how many rows the first tables have, and what is said of those that are not ok."""
    parts = []
    for table in tables[:_SAID]:
        said = (counted(table.title, table.rows), bad.get(table.key))
        parts.append(", ".join(filter(None, said)))
    return "; ".join(parts)


def counted(title: str, rows: int) -> str:
    """Return how many rows a table has, within a sentence. A title has no singular."""
    return f"{title[:1].lower()}{title[1:]}: {rows:,}"


def outcome_of(head: Head, collector: str) -> CollectorOutcome:
    """Return how a collector went; well, where the snapshot does not say."""
    found = (each for each in head.collectors or () if each.collector == collector)
    return next(found, CollectorOutcome(collector=collector))


def failed_lists(head: Head, collector: str) -> list[TargetOutcome]:
    """Return the lists of a collector that failed. Documents of 0.1.0 name no collector."""
    return [
        target
        for target in head.targets
        if target.error and (target.collector == collector or not head.collectors)
    ]


def unseen(head: Head, collectors: Sequence[str]) -> Needs:
    """Return an entry for each collector that failed, or some of whose lists did."""
    return Needs.of(_unseen(head, collectors))


def _unseen(head: Head, collectors: Sequence[str]) -> Iterator[Need]:
    for name in collectors:
        outcome, failed = outcome_of(head, name), failed_lists(head, name)
        if outcome.error or not outcome.success:
            text, why = "Collector failed", outcome.error
        elif failed:
            text, why = "Lists failed", f"{failed[0].gvr}: {failed[0].error}"
            more = len(failed) - 1
            why += f" (and {more} more)" if more else ""
        else:
            continue
        yield Need(
            severity=CRITICAL,
            what=text,
            name=name,
            since=outcome.carried_since,
            why=why,
            dependants=len(failed),
            collector=name,
            cluster=head.cluster,
        )


def _number(
    table: TableDescription, view: View, highlight: Highlight, names: Mapping[str, str]
) -> Number:
    filters = {names[name]: values for name, values in highlight.filters.items()}
    rows = query.matching(view, Query(filters=tuple(filters.items())))
    value = summaries.sums(view, rows)[highlight.sum] if highlight.sum else len(rows)
    column = table.column(highlight.sum)
    return Number(
        label=highlight.label,
        value=value,
        table=table.key,
        filters=filters,
        sum=highlight.sum,
        type=column.type if column else "count",
        bad=highlight.bad and value > 0,
    )
