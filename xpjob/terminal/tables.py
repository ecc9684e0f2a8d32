"""What people see on a terminal: a progress bar per list, and a summary at the end."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from xpjob.base.errors import SupersededError
from xpjob.base.times import ago
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.records import Record
from xpjob.collectors.crossplane.targets import MANAGED
from xpjob.run.job import Result

if TYPE_CHECKING:
    from xpjob.publish.prune import Found
    from xpjob.snapshot.diff import Diff

_SLOWEST = 3
_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


def stdout() -> Console:
    """Return where results go. In a pipe there is no terminal whose width could be asked for."""
    return Console(width=None if sys.stdout.isatty() else 160)


def summarize(result: Result, console: Console) -> None:
    """Print what a run found: by kind, the slowest lists, and what failed."""
    report, snapshot = result.report, result.snapshot
    if snapshot is not None:
        console.print(_by_kind(snapshot.records, report.targets))
    slow = sorted(report.targets, key=lambda o: o.seconds, reverse=True)[:_SLOWEST]
    if slow:
        told = ", ".join(f"{escape(_scope(o))} {o.seconds:.2f} s" for o in slow)
        console.print(f"slowest lists: {told}")
    for outcome in report.targets:
        if outcome.error:
            kept = f" ({outcome.carried} records carried over)" if outcome.carried else ""
            console.print(
                f"[red]failed[/]: {escape(_scope(outcome))}{kept}: {escape(outcome.error)}"
            )
    superseded = any(isinstance(error, SupersededError) for error in result.errors)
    for error in result.errors:
        told = escape(str(error))
        console.print(told if isinstance(error, SupersededError) else f"[red]error[/]: {told}")
    state = "[green]complete[/]" if not report.partial else "[yellow]partial[/]"
    if result.errors:
        state = "[yellow]superseded[/]" if superseded else "[red]failed[/]"
    what = "run" if snapshot is not None or result.errors else "share"  # another shard merges it
    console.print(f"{what} {state} in {report.seconds:.2f} s")


def _scope(outcome: TargetOutcome) -> str:
    return f"{outcome.gvr} in {outcome.namespace}" if outcome.namespace else outcome.gvr


def _by_kind(records: Sequence[Record], targets: Sequence[TargetOutcome]) -> Table:
    classes = {(o.group, o.kind): o.class_ for o in targets if o.kind}
    total: Counter[tuple[str, str]] = Counter(dict.fromkeys(classes, 0))
    ready: Counter[tuple[str, str]] = Counter()
    carried: Counter[tuple[str, str]] = Counter()
    for record in records:
        key = (record.group, record.kind)
        total[key] += 1
        ready[key] += record.ready
        carried[key] += bool(record.carried_since)
    # A provider brings hundreds of kinds, and most of them nobody uses.
    unused = [key for key in total if not total[key] and classes.get(key) == MANAGED]
    for key in unused:
        del total[key]
    caption = f"{len(unused)} managed kinds have no objects" if unused else None
    table = Table(
        title="Claims, composite and managed resources",
        title_justify="left",
        caption=caption,
        caption_justify="left",
    )
    for name in ("class", "kind", "group"):
        table.add_column(name, overflow="fold")
    for name in ("total", "ready", "not ready", "carried"):
        table.add_column(name, justify="right")
    for key in sorted(total, key=lambda k: (classes.get(k, ""), k)):
        group, kind = key
        missing = total[key] - ready[key]
        table.add_row(
            classes.get(key, ""),
            escape(kind),
            escape(group),
            str(total[key]),
            str(ready[key]),
            f"[yellow]{missing}[/]" if missing else "0",
            str(carried[key]) if carried[key] else "",
        )
    table.add_section()
    sums = (total.total(), ready.total(), total.total() - ready.total())
    table.add_row("all", "", "", *map(str, sums), str(carried.total() or ""), style="bold")
    return table


def targets_table(rows: Sequence[dict[str, object]]) -> Table:
    """Return the table of ``xpjob targets``."""
    table = Table(title="What a run lists", title_justify="left")
    for name in ("class", "group/version/resource", "kind", "where", "source", "why"):
        table.add_column(name, overflow="fold")
    for row in rows:
        scope = row["namespace"] or ("all namespaces" if row["namespaced"] else "cluster")
        why = f"[red]{escape(str(row['error']))}[/]" if row["error"] else escape(str(row["why"]))
        table.add_row(
            str(row["class"]),
            escape(f"{row['group']}/{row['version']}/{row['resource']}"),
            escape(str(row["kind"])),
            escape(str(scope)) if row["kind"] else "",
            str(row["source"]),
            why,
        )
    return table


def doctor_table(rows: Sequence[dict[str, str]]) -> Table:
    """Return the table of ``xpjob doctor``."""
    table = Table(title="What a run needs", title_justify="left")
    for name in ("check", "status", "found", "what to do"):
        table.add_column(name, overflow="fold")
    for row in rows:
        status = f"[{_COLOURS[row['status']]}]{row['status']}[/]"
        detail, advice = escape(row["detail"]), escape(row.get("advice", ""))
        table.add_row(escape(row["check"]), status, detail, advice)
    return table


def groups_table(found: Sequence[Found]) -> Table:
    """Return the table of ``xpjob prune``."""
    table = Table(title="Groups of this job", title_justify="left")
    for name in ("gateway", "job", "cluster", "last push", "what becomes of it"):
        table.add_column(name, overflow="fold")
    for item in found:
        fate = "[yellow]would go[/]" if item.doomed else "stays"
        if item.error:
            fate = f"[red]{escape(str(item.error))}[/]"
        elif item.deleted:
            fate = "[yellow]deleted[/]"
        pushed = f"{ago(int(item.age))} ago" if item.job else ""
        table.add_row(escape(item.gateway), escape(item.job), escape(item.cluster), pushed, fate)
    return table


def diff_table(found: Diff) -> Table:
    """Return the table of ``xpjob diff``."""
    counts = f"{len(found.came)} came, {len(found.went)} went, {len(found.changed)} changed state"
    title = f"{counts} between {found.from_.generated_at} and {found.to.generated_at}"
    failed = ", ".join(found.unknown)
    caption = plain(f"Lists failed, so what came and went there is not known: {failed}")
    table = Table(
        title=plain(title),
        title_justify="left",
        caption=caption if failed else None,
        caption_justify="left",
    )
    for name in ("what", "class", "kind", "namespace", "name", "team", "was", "is"):
        table.add_column(name, overflow="fold")
    for what, changes in (
        ("[yellow]changed[/]", found.changed),
        ("[green]came[/]", found.came),
        ("[red]went[/]", found.went),
    ):
        for change in changes:
            named = (change.class_, change.kind, change.namespace, change.name, change.team)
            states = (state.words() if state else "" for state in (change.was, change.is_))
            table.add_row(what, *(plain(text) for text in (*named, *states)))
    return table


def plain(value: object) -> str:
    """Return what a tenant wrote so that it can change neither colours nor lines."""
    text = "" if value is None else str(value)
    return escape("".join(c if c.isprintable() else " " for c in text))
