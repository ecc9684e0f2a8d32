"""Tables and the summary of a run, for terminals."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.table import Table

from xpjob.base.errors import SupersededError
from xpjob.base.times import ago
from xpjob.base.visible import visible
from xpjob.collect.outcome import TargetOutcome
from xpjob.reader.terminal import plain
from xpjob.run.job import Result
from xpjob.snapshot.documents import Snapshot

if TYPE_CHECKING:
    from xpjob.publish.prune import PruneItem

_SLOWEST = 3
_WIDEST = 60
_NARROW = 120
"""Terminals with fewer columns get the facts of a row below each other."""
_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


def stdout() -> Console:
    """Return the console for results, 160 columns wide if stdout is not a terminal."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.push_render_hook(_Guard())
    return console


class _Visible:
    """A renderable whose text has escapes for what a terminal would obey or not show."""

    def __init__(self, renderable: ConsoleRenderable) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._renderable, options):
            text = segment.text if segment.control else visible(segment.text, lines=True)
            yield segment._replace(text=text)


class _Guard(RenderHook):
    """Guards all that is printed. Tables escape their cells before, for the sake of widths."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Visible(each) for each in renderables]


def summarize(result: Result, console: Console) -> None:
    """Print the result of a run: counts by table, the slowest lists, and errors."""
    report, snapshot = result.report, result.snapshot
    if snapshot is not None:
        console.print(_summary(snapshot))
    slow = sorted(report.targets, key=lambda o: o.seconds, reverse=True)[:_SLOWEST]
    if slow:
        slowest = ", ".join(f"{plain(_scope(o))} {o.seconds:.2f} s" for o in slow)
        console.print(f"slowest lists: {slowest}")
    for outcome in report.targets:
        if outcome.unconfirmed:
            console.print(
                f"[yellow]kept[/]: {plain(_scope(outcome))} ({outcome.carried} rows): "
                f"{plain(outcome.unconfirmed)}"
            )
        elif outcome.error:
            carried = f" ({outcome.carried} rows carried over)" if outcome.carried else ""
            console.print(
                f"[red]failed[/]: {plain(_scope(outcome))}{carried}: {plain(outcome.error)}"
            )
    superseded = any(isinstance(error, SupersededError) for error in result.errors)
    for error in result.errors:
        text = plain(error)
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
            made.add_row(plain(description.title), plain(" ".join(key)), *_cells(counts))
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


def targets_table(rows: Sequence[dict[str, object]], width: int) -> Table:
    """Return the table of ``xpjob targets`` for a terminal of this width."""
    table = _table(
        "Lists of a run", ("class", "group/version/resource", "kind", "where", "source", "why")
    )
    if width < _NARROW:
        table = _table("Lists of a run", ("class", "list, and why"))
    # Reasons may be long; a name that is cut in two cannot be searched for.
    longest = max((cell_len(_gvr(row)) for row in rows), default=0)
    table.columns[1].min_width = min(_WIDEST, longest, width // 2)
    listed = True
    for row in rows:
        if listed and not row["listed"] and not row["error"]:
            table.add_section()
            listed = False
        scope = row["namespace"] or ("all namespaces" if row["namespaced"] else "cluster")
        where = plain(scope) if row["kind"] else ""
        why = f"[red]{plain(row['error'])}[/]" if row["error"] else plain(row["why"])
        class_, gvr, kind, source = (
            plain(text) for text in (row["class"], _gvr(row), row["kind"], row["source"])
        )
        if width < _NARROW:
            facts = ", ".join(filter(None, (kind, where, source)))
            table.add_row(class_, _lines(f"[bold]{gvr}[/]", facts, why))
        else:
            table.add_row(class_, gvr, kind, where, source, why)
    return table


def _gvr(row: dict[str, object]) -> str:
    return f"{row['group']}/{row['version']}/{row['resource']}"


def doctor_table(rows: Sequence[dict[str, str]], width: int) -> Table:
    """Return the table of ``xpjob doctor`` for a terminal of this width."""
    table = _table("Prerequisites of a run", ("check", "status", "result", "what to do"))
    if width < _NARROW:
        table = _table("Prerequisites of a run", ("status", "check, result, and what to do"))
    for row in rows:
        status = f"[{_COLOURS[row['status']]}]{row['status']}[/]"
        check, detail, advice = (plain(row.get(n)) for n in ("check", "detail", "advice"))
        if width < _NARROW:
            table.add_row(status, _lines(f"[bold]{check}[/]", detail, advice and f"-> {advice}"))
        else:
            table.add_row(check, status, detail, advice)
    return table


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _lines(*texts: str) -> str:
    return "\n".join(filter(None, texts))


def groups_table(items: Sequence[PruneItem]) -> Table:
    """Return the table of ``xpjob prune``."""
    table = _table("Groups of this job", ("gateway", "job", "cluster", "last push", "action"))
    for item in items:
        action = "[yellow]would delete[/]" if item.doomed else "keep"
        if item.error:
            action = f"[red]{plain(item.error)}[/]"
        elif item.deleted:
            action = "[yellow]deleted[/]"
        pushed = f"{ago(int(item.age))} ago" if item.job else ""
        table.add_row(plain(item.gateway), plain(item.job), plain(item.cluster), pushed, action)
    return table
