"""How much the expressions of a source may compute, and the time that they see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from functools import cached_property

from xpjob.collectors.sources.expressions.errors import EvaluationError

MAX_SOURCE = 4096
"""Bytes of an expression."""
MAX_DEPTH = 64
"""Levels of an expression, or of a list or map that is compared or written as text."""
MAX_STEPS = 100_000
"""Steps for each object: a round of a loop takes one and one more for each 4 parts of its body,
and 16 characters of a text that is made, searched or compared take one."""
MAX_TEXT = 65_536
"""Characters of a text that an expression makes or takes apart."""
MAX_INTEGER = 2**63 - 1
"""Integers beyond it become floats."""

_CHECKED_EVERY = 4096


class Limits:
    """The budget of steps of one object after another, and the clock, of one run of a source.

    ``now``: seconds since the epoch, the same for all objects of the run. ``expired``: returns
    whether the deadline has passed; asked every few thousand steps, so that a single object ends
    in time. Who evaluates many objects asks by itself, between pages. Not for several threads.
    """

    def __init__(
        self, now: float, expired: Callable[[], bool] | None = None, *, steps: int = MAX_STEPS
    ) -> None:
        self.now = now
        self._expired = expired
        self._steps = steps
        self._left = steps
        self._check_at = steps - _CHECKED_EVERY

    @cached_property
    def now_text(self) -> str:
        """Return the time of the run as RFC 3339 in UTC, in seconds."""
        try:
            moment = datetime.fromtimestamp(self.now, timezone.utc)
        except (ValueError, OverflowError, OSError):
            raise EvaluationError(f"now(): {self.now} is not a time") from None
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    def next_object(self) -> None:
        """Start with a full budget: all expressions of one object share one."""
        self._left = self._steps
        self._check_at = self._steps - _CHECKED_EVERY

    def spend(self, steps: int) -> None:
        """Take steps from the budget. Raises ``EvaluationError`` when it is spent."""
        self._left -= steps
        if self._left < self._check_at or self._left < 0:
            self._check()

    def spend_on_text(self, characters: int) -> None:
        """Take the steps for a text of so many characters.

        Raises ``EvaluationError`` also if that is longer than texts may be.
        """
        if characters > MAX_TEXT:
            raise EvaluationError(
                f"a text of {characters} characters: expressions work on {MAX_TEXT} at most"
            )
        self.spend(characters >> 4)

    def _check(self) -> None:
        if self._left < 0:
            self._left = -1  # what follows for this object fails as well
            raise EvaluationError(
                f"more than {self._steps} steps for one object: the lists that the expression"
                " goes through are too long, or loops are nested"
            )
        self._check_at = self._left - _CHECKED_EVERY
        if self._expired and self._expired():
            raise EvaluationError("the deadline of the run has passed")
