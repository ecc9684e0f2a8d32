"""One family whose series have each their own labels, as users define them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

Labels = tuple[tuple[str, str], ...]
"""Pairs of label name and value, sorted by name. Empty values are exposed as they are."""


def identity(labels: Labels) -> Labels:
    """Return what tells series of a family apart: to Prometheus an empty label is an absent one."""
    if all(value for _, value in labels):
        return labels
    return tuple(pair for pair in labels if pair[1])


class SeriesTable(Struct, frozen=True):
    """A gauge. It is not folded: above the limit it is left out as a whole."""

    name: str
    help: str
    rows: Mapping[Labels, float] = {}

    def under(self, ceiling: int) -> SeriesTable:
        """Return this table, without series if it has more than ``ceiling``."""
        return self if len(self.rows) <= ceiling else SeriesTable(self.name, self.help)
