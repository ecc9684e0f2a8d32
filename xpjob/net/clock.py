"""The time of a run: the own clock, compared with those of the servers that it talks to.

Every answer over HTTP has a ``Date``, so the comparison costs no request. Runs are ordered and
dated by the middle one of their own clock, the API server's and S3's: two that agree outvote a
wrong one. Where only one server tells its time and it differs, that is used: all runs of a cluster
share its API server, while each may run on another node.
"""

from __future__ import annotations

import logging
import math
import statistics
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from xpjob.base import times
from xpjob.base.future import TOLERANCE

KUBERNETES, S3, PUSHGATEWAY = "kubernetes", "s3", "pushgateway"

_YEARS = range(2020, 2200)
"""A server that tells another year has no clock: it would date snapshots beyond what times hold."""

_log = logging.getLogger(__name__)


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """Return when an answer was made by its server's clock, None if that is not known."""
    try:
        if float(headers.get("Age") or 0) > 0:
            return None  # from a cache
        moment = parsedate_to_datetime(headers.get("Date") or "")
        moment = moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.year in _YEARS else None


class Clock:
    """The own clock, and how far it is ahead of those of servers. Thread-safe."""

    def __init__(self) -> None:
        self._ahead: dict[str, float] = {}
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}
        self.correction = timedelta(0)
        """What the own clock is ahead of the time that is used; 0 within the tolerance."""

    def observe(self, server: str, headers: Mapping[str, str]) -> None:
        """Compare the own clock with the ``Date`` of an answer that has just arrived."""
        moment = date_of(headers)
        if moment is None:
            return
        ahead = (times.now() - moment).total_seconds()
        with self._lock:
            # A slow answer makes the own clock seem ahead.
            self._ahead[server] = min(ahead, self._ahead.get(server, math.inf))

    @property
    def skew(self) -> dict[str, float]:
        """Return the seconds that the own clock is ahead of each server, negative if behind."""
        with self._lock:
            return {server: float(round(ahead)) for server, ahead in sorted(self._ahead.items())}

    @property
    def compared(self) -> bool:
        """Return whether a server has told its time: without one, nothing is known to be wrong."""
        return bool(self._ahead)

    def settle(self) -> timedelta:
        """Decide which time is used from now on, and warn once if clocks differ.

        Returns by how much the correction has changed.
        """
        skew = self.skew
        middle = statistics.median([0.0, *skew.values()]) if len(skew) != 1 else sum(skew.values())
        wrong = timedelta(seconds=middle)
        before, self.correction = self.correction, wrong if abs(wrong) > TOLERANCE else timedelta(0)
        differing = {s: a for s, a in skew.items() if abs(a) > TOLERANCE.total_seconds()}
        if differing.keys() - self._told.keys():
            self._told = differing
            _log.warning(
                "clocks differ by more than five minutes: synchronise them (NTP)",
                extra={
                    "own_clock_ahead_seconds": differing,
                    "corrected_seconds": -self.correction.total_seconds(),
                },
            )
        return self.correction - before

    def now(self) -> datetime:
        """Return the time, corrected."""
        return times.now() - self.correction
