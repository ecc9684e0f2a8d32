"""Hand the objects of a list to the sources that count them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from xpjob.collectors.sources.program import Tally
from xpjob.collectors.sources.uses import Feed


class SourceTally(Struct):
    """What one source made of one list, and how many seconds it took."""

    source: str
    seconds: float
    tally: Tally


class SourceReader:
    """Processes one list for all its sources."""

    def __init__(self, feed: Feed) -> None:
        self._uses = feed.uses
        self._folders = [
            use.source.source.folder(use.target, feed.kind, feed.limits) for use in feed.uses
        ]
        self._seconds = [0.0] * len(self._folders)

    def page(self, objects: Sequence[Any]) -> None:
        """Process the objects of a page, for one source after the other."""
        for number, use in enumerate(self._uses):
            started = time.perf_counter()
            add, accepts = self._folders[number].add, use.accepts
            for item in objects:
                if accepts is None or accepts(item):
                    add(item)
            self._seconds[number] += time.perf_counter() - started

    def result(self) -> list[SourceTally]:
        """Return what each source made of the list."""
        return [
            SourceTally(use.source.source.name, seconds, folder.result())
            for use, folder, seconds in zip(self._uses, self._folders, self._seconds, strict=True)
        ]
