"""The option that says how often runs are expected, for all who judge what is late."""

from __future__ import annotations

from xpjob.config import parsers
from xpjob.config.option import Group, option


class IntervalOptions(Group, frozen=True, kw_only=True):
    """One declaration, which other groups inherit."""

    poll_interval_seconds: float = option(
        "How often a run is expected; after three times that a snapshot is stale, and usage that "
        "is counted is bridged.",
        "30",
        parsers.seconds(604_800),
    )
