"""Hand the objects of a list to the sources that count them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from xpjob.collectors.sources.program import Tally
from xpjob.collectors.sources.uses import Feed, Use


class SourceTally(Struct):
    """What one source made of one list, and how many seconds it took.

    With an ``error`` it made nothing of it.
    """

    source: str
    seconds: float
    tally: Tally
    error: str = ""


class SourceReader:
    """Processes one list for all its sources."""

    def __init__(self, feed: Feed) -> None:
        self._uses = feed.uses
        self._folders = [
            use.source.source.folder(use.target, feed.kind, feed.limits) for use in feed.uses
        ]
        self._seconds = [0.0] * len(self._folders)
        self._errors = [""] * len(self._folders)

    def page(self, objects: Sequence[Any]) -> None:
        """Process the objects of a page, for one source after the other."""
        for number, use in enumerate(self._uses):
            started = time.perf_counter()
            try:
                self._fold(number, use, objects)
            except Exception as error:  # noqa: BLE001 - one source must not affect the others
                kind = type(error).__name__
                self._errors[number] = f"internal error ({kind}); report this bug"
            self._seconds[number] += time.perf_counter() - started

    def _fold(self, number: int, use: Use, objects: Sequence[Any]) -> None:
        if self._errors[number]:
            return
        add, accepts = self._folders[number].add, use.accepts
        for item in objects:
            if accepts is None or accepts(item):
                add(item)

    def result(self) -> list[SourceTally]:
        """Return what each source made of the list."""
        return [
            SourceTally(
                use.source.source.name,
                self._seconds[number],
                Tally() if self._errors[number] else self._folders[number].result(),
                self._errors[number],
            )
            for number, use in enumerate(self._uses)
        ]
