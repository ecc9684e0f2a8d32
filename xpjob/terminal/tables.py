"""Tables and the summary of a run, for terminals."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from xpjob.base.errors import SupersededError
from xpjob.base.times import ago
from xpjob.collect.outcome import TargetOutcome
from xpjob.run.job import Result
from xpjob.snapshot.documents import Snapshot

if TYPE_CHECKING:
    from xpjob.publish.prune import PruneItem

_SLOWEST = 3
_WIDEST = 60
_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


def stdout() -> Console:
    """Return the console for results, 160 columns wide if stdout is not a terminal."""
    return Console(width=None if sys.stdout.isatty() else 160)


def summarize(result: Result, console: Console) -> None:
    """Print the result of a run: counts by table, the slowest lists, and errors."""
    report, snapshot = result.report, result.snapshot
    if snapshot is not None:
        console.print(_summary(snapshot))
    slow = sorted(report.targets, key=lambda o: o.seconds, reverse=True)[:_SLOWEST]
    if slow:
        slowest = ", ".join(f"{escape(_scope(o))} {o.seconds:.2f} s" for o in slow)
        console.print(f"slowest lists: {slowest}")
    for outcome in report.targets:
        if outcome.unconfirmed:
            console.print(
                f"[yellow]kept[/]: {escape(_scope(outcome))} ({outcome.carried} rows): "
                f"{escape(outcome.unconfirmed)}"
            )
        elif outcome.error:
            carried = f" ({outcome.carried} rows carried over)" if outcome.carried else ""
            console.print(
                f"[red]failed[/]: {escape(_scope(outcome))}{carried}: {escape(outcome.error)}"
            )
    superseded = any(isinstance(error, SupersededError) for error in result.errors)
    for error in result.errors:
        text = escape(str(error))
        console.print(text if isinstance(error, SupersededError) else f"[red]error[/]: {text}")
    state = "[green]complete[/]" if not report.partial else "[yellow]partial[/]"
    if result.errors:
        state = "[yellow]superseded[/]" if superseded else "[red]failed[/]"
    what = "run" if snapshot is not None or result.errors else "shard"  # another shard merges it
    console.print(f"{what} {state} in {report.seconds:.2f} s")


def _scope(outcome: TargetOutcome) -> str:
    return f"{outcome.gvr} in {outcome.namespace}" if outcome.namespace else outcome.gvr


def _summary(snapshot: Snapshot) -> Table:
    """Return the number of rows of each table, by its summary columns."""
    made = Table(title="Rows by table", title_justify="left")
    for name in ("table", "kind"):
        made.add_column(name, overflow="fold")
    for name in ("total", "ready", "not ready", "carried"):
        made.add_column(name, justify="right")
    sums = [0, 0, 0, 0]
    for description in snapshot.head.tables or ():
        counted: dict[tuple[str, ...], list[int]] = {}
        for row in snapshot.rows.get(description.key, ()):
            values = _values(row, (*description.by, description.ok, "carriedSince"))
            *by, ok, carried = values
            counts = counted.setdefault(tuple(map(str, by)), [0, 0, 0, 0])
            counts[0] += 1
            counts[1] += ok is True
            counts[2] += ok is False
            counts[3] += bool(carried)
        for key, counts in sorted(counted.items()):
            made.add_row(escape(description.title), escape(" ".join(key)), *_cells(counts))
            sums = [one + two for one, two in zip(sums, counts, strict=True)]
    made.add_section()
    made.add_row("all", "", *_cells(sums), style="bold")
    return made


def _cells(counts: Sequence[int]) -> list[str]:
    total, ok, bad, carried = counts
    flagged = ok or bad
    return [
        str(total),
        str(ok) if flagged else "",
        (f"[yellow]{bad}[/]" if bad else "0") if flagged else "",
        str(carried or ""),
    ]


def _values(row: Any, names: Sequence[str]) -> list[object]:
    """Return columns of a row, a struct or raw JSON; None for missing columns."""
    if isinstance(row, msgspec.Raw):
        decoded = msgspec.json.decode(row, type=dict[str, Any])
        return [decoded.get(name) for name in names]
    attributes = dict(zip(row.__struct_encode_fields__, row.__struct_fields__, strict=True))
    return [getattr(row, attributes[name]) if name in attributes else None for name in names]


def targets_table(rows: Sequence[dict[str, object]]) -> Table:
    """Return the table of ``xpjob targets``."""
    table = Table(title="Lists of a run", title_justify="left")
    for name in ("class", "group/version/resource", "kind", "where", "source", "why"):
        table.add_column(name, overflow="fold")
    # Reasons may be long; a name that is cut in two cannot be searched for.
    table.columns[1].min_width = min(_WIDEST, max((len(_gvr(row)) for row in rows), default=0))
    listed = True
    for row in rows:
        if listed and not row["listed"] and not row["error"]:
            table.add_section()
            listed = False
        scope = row["namespace"] or ("all namespaces" if row["namespaced"] else "cluster")
        why = f"[red]{escape(str(row['error']))}[/]" if row["error"] else escape(str(row["why"]))
        table.add_row(
            str(row["class"]),
            escape(_gvr(row)),
            escape(str(row["kind"])),
            escape(str(scope)) if row["kind"] else "",
            str(row["source"]),
            why,
        )
    return table


def _gvr(row: dict[str, object]) -> str:
    return f"{row['group']}/{row['version']}/{row['resource']}"


def doctor_table(rows: Sequence[dict[str, str]]) -> Table:
    """Return the table of ``xpjob doctor``."""
    table = Table(title="Prerequisites of a run", title_justify="left")
    for name in ("check", "status", "result", "what to do"):
        table.add_column(name, overflow="fold")
    for row in rows:
        status = f"[{_COLOURS[row['status']]}]{row['status']}[/]"
        detail, advice = escape(row["detail"]), escape(row.get("advice", ""))
        table.add_row(escape(row["check"]), status, detail, advice)
    return table


def groups_table(items: Sequence[PruneItem]) -> Table:
    """Return the table of ``xpjob prune``."""
    table = Table(title="Groups of this job", title_justify="left")
    for name in ("gateway", "job", "cluster", "last push", "action"):
        table.add_column(name, overflow="fold")
    for item in items:
        action = "[yellow]would delete[/]" if item.doomed else "keep"
        if item.error:
            action = f"[red]{escape(str(item.error))}[/]"
        elif item.deleted:
            action = "[yellow]deleted[/]"
        pushed = f"{ago(int(item.age))} ago" if item.job else ""
        table.add_row(escape(item.gateway), escape(item.job), escape(item.cluster), pushed, action)
    return table


def plain(value: object) -> str:
    """Escape a tenant's text, so that it cannot change colours or lines."""
    text = "" if value is None else str(value)
    return escape("".join(c if c.isprintable() else " " for c in text))
