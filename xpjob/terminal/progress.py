"""Progress of a run that nobody watches. See ``bars`` for terminals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from xpjob.kube.lists import ListKey


class Silent:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop showing progress."""

    def planned(self, lists: Sequence[ListKey]) -> None:
        """Receive the lists that will be requested."""

    def progress(self, key: ListKey, listed: int, total: int) -> None:
        """Receive the number of objects so far, and the estimated total."""

    def done(self, key: ListKey) -> None:
        """Receive that a list is complete, or has failed."""
