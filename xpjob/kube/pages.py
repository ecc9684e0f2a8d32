"""How many objects to ask for, so that a page does not exceed its share of the memory.

An API server limits pages by objects only, and an object can have a byte or megabytes. So the
bytes of each page decide how many objects the next one may have, and a page that turns out too
large is given up and asked for again with fewer: the same continue token takes any limit. One
object that is too large by itself is passed over.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable

from xpjob.base.errors import BadAnswerError, XpjobError
from xpjob.kube.early import LOOKED_AT, at_start
from xpjob.kube.salvage import Skimmer
from xpjob.net.bodies import too_large
from xpjob.net.inflight import Budget, Room

_STEP = 8
"""The factor by which a limit falls after a page that was too large, and may rise after others."""

_log = logging.getLogger(__name__)


class PageSizes:
    """The limits of the pages of one list.

    ``limit`` is that of the next page, between 1 and ``most``.
    """

    def __init__(self, most: int, budget: Budget, path: str) -> None:
        self.limit = most
        self._most = most
        self._budget = budget
        self._path = path
        self.steady = False
        """Whether the last page fitted, so that the next one is expected to."""
        self.last = 0
        """Bytes of the last page."""
        self._given_up = 0

    def read(self, objects: int, size: int) -> None:
        """Fit the limit to a page that was read."""
        self.steady, self.last = True, size
        if objects:
            self.limit = self._fitting(self.limit, objects, size)

    def behind(self, limit: int, size: int) -> int:
        """Return the limit of the page behind one of this limit and size, not yet decoded."""
        return self._fitting(limit, limit, size)

    def _fitting(self, limit: int, objects: int, size: int) -> int:
        fitting = self._budget.page * 3 * objects // (4 * max(size, 1))
        return max(1, min(self._most, limit * _STEP, fitting))

    def too_large(self) -> None:
        """Lower the limit: the page was given up."""
        self.steady = False
        self._given_up += 1
        self.limit = max(1, self.limit // _STEP)

    def log(self) -> None:
        """Log once if pages were too large."""
        if self._given_up:
            _log.info(
                "pages too large, asked for again with fewer objects",
                extra={
                    "path": self._path,
                    "pages": self._given_up,
                    "page_bytes": self._budget.page,
                    "limit": self.limit,
                },
            )


class PageBody:
    """The body of one page. With one object only, it may be larger, and it is passed over.

    ``started`` is called with the continue token if the start of the page has one. ``ahead``:
    nobody waits for it before ``wanted`` is called.
    """

    def __init__(
        self,
        budget: Budget,
        limit: int,
        started: Callable[[str], None] | None = None,
        *,
        ahead: bool = False,
    ) -> None:
        self._single = limit == 1
        self._most = budget.single if self._single else budget.page
        self._room = Room(budget, ahead=ahead)
        self._kept = io.BytesIO()  # getvalue does not copy
        self._skimmer: Skimmer | None = None
        self._start, self._started = b"", started

    @property
    def skimmed(self) -> bool:
        """Return whether it was too large, and its object is left out."""
        return self._skimmer is not None

    def write(self, piece: bytes) -> bool:
        """Take a piece in. Raises ``AnswerTooLargeError`` if fewer objects would be smaller.

        Raises another ``XpjobError`` once it is closed.
        """
        if self._skimmer is None:
            if self._kept.tell() + len(piece) <= self._most:
                try:
                    self._room.grow(len(piece))
                except OSError as error:  # not to be tried again
                    raise XpjobError(str(error)) from None
                self._kept.write(piece)
                if self._started is not None:
                    self._look(piece, self._started)
                return True
            if not self._single:
                raise too_large(self._most)
            self._skimmer = Skimmer()
            self._skimmer.feed(self._kept.getvalue())
            self._kept = io.BytesIO()
        self._skimmer.feed(piece)
        if self._skimmer.size > self._most:
            raise BadAnswerError(
                f"the answer is larger than {self._most >> 20} MiB, and not a list of objects"
            )
        if self._skimmer.objects > 1:
            raise BadAnswerError(
                f"the server does not heed limit=1, and its answer is larger than "
                f"{self._most >> 20} MiB; leave this kind out, or raise the memory limit"
            )
        return True

    def _look(self, piece: bytes, started: Callable[[str], None]) -> None:
        self._start += piece[:LOOKED_AT]
        token = at_start(self._start)
        if token or len(self._start) >= LOOKED_AT:
            self._start, self._started = b"", None
        if token:
            started(token)

    def content(self) -> bytes:
        """Return the page, without an object that is too large."""
        return self._skimmer.around() if self._skimmer else self._kept.getvalue()

    def wanted(self) -> None:
        """Note that somebody waits for it now."""
        self._room.wanted()

    def close(self) -> None:
        """Give its memory back."""
        self._room.close()
