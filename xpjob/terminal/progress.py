"""Who watches a run: a progress bar for each list, or nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from xpjob.collectors.crossplane.targets import Target


class Silent:
    """Nobody watches."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the view."""

    def planned(self, targets: Sequence[Target]) -> None:
        """Hear which lists will be made."""

    def progress(self, target: Target, listed: int, total: int) -> None:
        """Hear how far a list is."""

    def done(self, target: Target) -> None:
        """Hear that a list is complete."""


class Bars(Silent):
    """One bar for all lists, and one for each list that is being made."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=console,
            transient=True,
        )
        self._all: TaskID | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def planned(self, targets: Sequence[Target]) -> None:
        """Hear which lists will be made."""
        self._all = self._bars.add_task("lists", total=len(targets))

    def progress(self, target: Target, listed: int, total: int) -> None:
        """Hear how far a list is."""
        name = str(target)
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(escape(name))
        self._bars.update(self._tasks[name], completed=listed, total=total)

    def done(self, target: Target) -> None:
        """Hear that a list is complete, or has failed."""
        if self._all is not None:
            self._bars.advance(self._all)
        if (task := self._tasks.pop(str(target), None)) is not None:
            self._bars.remove_task(task)
