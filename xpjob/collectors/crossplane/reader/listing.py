"""``xpjob show``: records on a terminal, and what they are part of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.console import Console
from rich.table import Table

from xpjob.base.times import ago
from xpjob.collectors.crossplane.reader import parameters, rows
from xpjob.collectors.crossplane.reader.view import Bookkeeping
from xpjob.reader.show import Answer
from xpjob.reader.terminal import decoded, plain


class Listing:
    """What the command asks for, and how it prints the answer."""

    path = "bookkeeping"
    parameters = parameters.BOOKKEEPING

    def view(self, view: Bookkeeping) -> Bookkeeping:
        """Return the view that the path answers from."""
        return view

    def pairs(self, *, not_ready: bool) -> list[tuple[str, str]]:
        """Return the parameters of ``--not-ready``: the longest first."""
        return [("ready", "false"), ("sort", "-notReady")] if not_ready else []

    def print(self, answer: Answer, console: Console, now: datetime) -> None:
        """Print records as a table."""
        items = decoded(answer.body)
        made = Table(title=_title(answer, len(items), now), title_justify="left")
        for name in ("kind", "namespace", "name", "team", "composition"):
            made.add_column(name, overflow="fold")
        made.add_column("ready")
        made.add_column("not ready for", justify="right")
        made.add_column("why", overflow="fold")
        made.add_column("age", justify="right")
        for item in items:
            made.add_row(*_cells(item, now))
        console.print(made)


def _title(answer: Answer, shown: int, now: datetime) -> str:
    count = f"{shown} of {answer.total}" if shown < answer.total else str(shown)
    return f"{count} record{'s' if answer.total != 1 else ''}{answer.age(int(now.timestamp()))}"


def _cells(item: dict[str, object], now: datetime) -> Iterator[str]:
    for name in ("kind", "namespace", "name", "team", "composition"):
        yield plain(item.get(name))
    yield "[green]yes[/]" if item.get("ready") else "[yellow]no[/]"
    since = rows.seconds(str(item.get("notReadySince")))
    yield ago(int(now.timestamp()) - since) if since is not None else ""
    yield "" if item.get("ready") else ": ".join(filter(None, _why(item)))
    age = item.get("ageSeconds")
    yield ago(age) if isinstance(age, int) else ""


def _why(item: dict[str, object]) -> tuple[str, str]:
    """Return reason and message; a controller's own error says more than "waiting"."""
    own = "" if item.get("synced") else item.get("syncedMessage")
    return plain(item.get("reason")), plain(own or item.get("message"))
