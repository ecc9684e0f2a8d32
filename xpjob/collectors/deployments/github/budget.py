"""Pace: how many requests one run may make, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from xpjob.base import times
from xpjob.base.errors import XpjobError
from xpjob.net import deadline

HOURLY, HOURLY_CONTENT = 5000, 500
"""GitHub's limits of requests an hour: primary, until an answer says; of those that write."""
RESERVE = 2.0
"""Seconds that are kept to store what was acknowledged."""


class SpentError(XpjobError):
    """As many requests were made as one run may."""


class Clock:
    """The time, the time left, and pauses."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return times.now()

    def left(self) -> float:
        """Return the seconds left, without the reserve."""
        return deadline.left() - RESERVE

    def sleep(self, seconds: float) -> None:
        """Sleep. Raises ``DeadlineError``."""
        deadline.sleep(seconds)


class Budget:
    """The requests that one run may make: a share of GitHub's hourly limits."""

    def __init__(self, percent: int) -> None:
        self._share = percent / 100
        self._used = self._written = 0
        self._limit = HOURLY

    def take(self, what: str, *, writes: bool) -> None:
        """Count a request. Raises ``SpentError`` if it is one too many."""
        allowed = max(1, int(self._share * self._limit))
        content = max(1, int(self._share * HOURLY_CONTENT))
        if self._used >= allowed or (writes and self._written >= content):
            raise SpentError(
                f"{what}: not sent, this run has made {self._used} requests, {self._written} of "
                "them with records, which is its share of GitHub's hourly limits "
                "(GITHUB_RATE_PERCENT); the next run continues"
            )
        self._used += 1
        self._written += writes

    def heed(self, headers: Mapping[str, str]) -> None:
        """Take the hourly limit from an answer."""
        limit = headers.get("X-RateLimit-Limit", "")
        if limit.isascii() and limit.isdigit() and len(limit) < 10:
            self._limit = int(limit)
