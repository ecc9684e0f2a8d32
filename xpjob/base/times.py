"""RFC 3339 times and durations. Records store times as text, empty for none and maybe invalid."""

from __future__ import annotations

import math
import re
from datetime import datetime, timezone

DURATION = r"[0-9]{1,9}[smhdw]?"
"""Pattern of a duration: a number of seconds, or a number with a unit."""
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SHOWN = ((86_400, "d"), (3600, "h"), (60, "min"))


def now() -> datetime:
    """Return the current time in UTC. All code uses this clock."""
    return datetime.now(timezone.utc)


def rfc3339(moment: datetime) -> str:
    """Format a time as RFC 3339 in UTC, in microseconds: runs are ordered by it."""
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse(text: str) -> datetime:
    """Parse an RFC 3339 time that xpjob wrote. Raises ``ValueError``."""
    moment = read(text)
    if moment is None:
        raise ValueError(f"invalid time {text!r}: expected RFC 3339 with a time zone")
    return moment


def read(text: str) -> datetime | None:
    """Parse an RFC 3339 time; None if invalid: tenants and broken documents write anything."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(timezone.utc) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):  # 9999-12-31T23:59:59-14:00 is in the year 10000
        return None


def seconds_between(earlier: str, later: str) -> float:
    """Return the seconds between two RFC 3339 times, at least 0; 0 if either is invalid."""
    if not earlier:
        return 0.0  # the common case, a healthy object: not worth parsing the other time
    one, two = read(earlier), read(later)
    return max(0.0, (two - one).total_seconds()) if one and two else 0.0


def duration(text: str) -> int:
    """Parse a duration into seconds. Raises ``ValueError`` if invalid."""
    if not re.fullmatch(DURATION, text):
        raise ValueError(f"invalid duration {text!r}: expected e.g. 90, 30m, 6h, 1d or 1w")
    digits = text.rstrip("smhdw")
    return int(digits) * _UNITS[text[len(digits) :]]


def ago(seconds: int) -> str:
    """Format seconds in the largest unit that fits: "3 d", "12 min", "5 s"."""
    for size, unit in _SHOWN:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(0, seconds)} s"


def epoch(text: str) -> int | None:
    """Parse an RFC 3339 time into whole seconds since 1970; None if invalid."""
    try:
        moment = datetime.fromisoformat(text)
        return math.floor(moment.timestamp()) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def rfc3339_seconds(epoch_seconds: int) -> str:
    """Format seconds since 1970 as the API server formats times."""
    return datetime.fromtimestamp(epoch_seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
