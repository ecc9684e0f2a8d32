"""Progress of a run on a terminal: a bar for each list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from xpjob.kube.lists import ListKey
from xpjob.reader.terminal import plain
from xpjob.terminal.progress import Silent


class Bars(Silent):
    """One bar for all lists, and one for each list in progress."""

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

    def planned(self, lists: Sequence[ListKey]) -> None:
        """Receive the lists that will be requested."""
        self._all = self._bars.add_task("lists", total=len(lists))

    def progress(self, key: ListKey, listed: int, total: int) -> None:
        """Receive the number of objects so far, and the estimated total."""
        name = str(key)
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(plain(name))
        self._bars.update(self._tasks[name], completed=listed, total=total)

    def done(self, key: ListKey) -> None:
        """Receive that a list is complete, or has failed."""
        if self._all is not None:
            self._bars.advance(self._all)
        if (task := self._tasks.pop(str(key), None)) is not None:
            self._bars.remove_task(task)
