"""Options of usage."""

from __future__ import annotations

from collections.abc import Sequence

from xpjob.collect.meters import Meter
from xpjob.config import parsers
from xpjob.config.option import option
from xpjob.snapshot.interval import IntervalOptions
from xpjob.usage.rules import DAY, Rules

_OTHERS = 8
"""Series of a counter that are kept for ``__other__``: one for each class."""


class UsageOptions(IntervalOptions, frozen=True, kw_only=True):
    """Whether usage is counted, and its limits."""

    title = "Usage"

    # One line an option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    usage: str = option("Count who had how much, for how long, where a store keeps it: on or off. What was counted before stays.", "on", parsers.one_of("on", "off"))
    usage_max_rows: int = option("Limit of rows a day; what is new beyond it counts to __other__ until the day ends.", "20000", parsers.whole(1, 1_000_000))
    usage_grace_seconds: float = option("How long after midnight UTC a day is closed at the latest; what is counted for it later is a correction.", "21600", parsers.seconds(DAY, zero=True))
    usage_max_gap_seconds: float = option("Longest time between two runs that is counted.", "604800", parsers.seconds(7 * DAY))
    # ruff: enable[E501]
    # fmt: on

    def rules(self, meters: Sequence[Meter], max_series: int) -> Rules:
        """Return the rules by which a run counts."""
        return Rules(
            interval=self.poll_interval_seconds,
            max_gap=int(self.usage_max_gap_seconds),
            grace=int(self.usage_grace_seconds),
            max_rows=self.usage_max_rows,
            max_series=max(1, max_series - _OTHERS),
            meters=meters,
        )
