"""Start times of the runs whose groups are published, and their cluster."""

from __future__ import annotations

from typing import NamedTuple

TOLERANCE = 0.001
"""Seconds: times that differ by less are equal except for rounding."""


class StartTimes(NamedTuple):
    """Unix times in seconds of the published inventory and outcome; 0 if unknown.

    ``cluster`` is the uid or address of the inventory's cluster, empty if unknown.
    """

    inventory: float
    outcome: float
    cluster: str = ""
