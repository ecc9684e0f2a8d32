"""Times in the future, which a clock that was wrong has left in documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, structs

from xpjob.base import times

TOLERANCE = timedelta(minutes=5)
"""Clocks that differ by less are right: machines of a cluster are synchronised to seconds."""
_LAST_WORDS = ("at", "since")


def is_ahead(moment: datetime | str, now: datetime) -> bool:
    """Return whether a time is in the future, beyond what clocks may differ by."""
    read = times.read(moment) if isinstance(moment, str) else moment
    return read is not None and read - now > TOLERANCE


def set_back(value: Any, now: str) -> Any:
    """Return a copy of structs and collections of them, with ``now`` for times after it.

    These are the texts in fields whose last word is ``at`` or ``since``. A sequence that is made as
    it is read becomes a list.
    """
    limit = times.parse(now)

    def changed(value: Any) -> Any:
        if isinstance(value, Struct):
            return structs.replace(
                value,
                **{name: one(name, getattr(value, name)) for name in value.__struct_fields__},
            )
        if isinstance(value, (list, tuple)):
            return type(value)(changed(item) for item in value)
        if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            return [changed(item) for item in value]
        if isinstance(value, Mapping):
            return {key: changed(item) for key, item in value.items()}
        return value

    def one(name: str, value: Any) -> Any:
        if isinstance(value, str):
            dated = name.rpartition("_")[2] in _LAST_WORDS
            moment = times.read(value) if dated else None
            return now if moment and moment > limit else value
        return changed(value)

    return changed(value)
