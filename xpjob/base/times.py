"""RFC 3339 times as records have them (text, empty for none, and not always a time), in words."""

from __future__ import annotations

from datetime import datetime, timezone

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


def read(text: str) -> datetime | None:
    """Return the moment, or None for what is none: tenants and broken documents write anything."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(timezone.utc) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):  # 9999-12-31T23:59:59-14:00 is in the year 10000
        return None


def seconds_between(earlier: str, later: str) -> float:
    """Return the seconds from one time to another, never less than 0; 0 where one is none."""
    if not earlier:
        return 0.0  # nothing is wrong with most: their times are not worth reading
    one, two = read(earlier), read(later)
    return max(0.0, (two - one).total_seconds()) if one and two else 0.0


def ago(seconds: int) -> str:
    """Return a duration as people say it, in its largest unit: "3 d", "12 min", "5 s"."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(0, seconds)} s"
