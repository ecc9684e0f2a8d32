"""When the runs began whose inventory and outcome a publisher has."""

from __future__ import annotations

from typing import NamedTuple

SAME = 0.001
"""Seconds: times that differ by less are the same one, written and read again."""


class Began(NamedTuple):
    """Seconds of the epoch, 0 where it has none, or does not say."""

    inventory: float
    outcome: float
