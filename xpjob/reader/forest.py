"""Trees of rows, as row numbers: found once, then walked without a search."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import accumulate

NONE = -1


class Forest:
    """Parents and children of rows. Twelve bytes a row."""

    def __init__(self, parents: array[int]) -> None:
        """Take the parent of each row, ``NONE`` for a top. Circles are opened in place."""
        open_circles(parents)
        self.parents = parents
        counts = array("I", bytes(4 * (len(parents) + 1)))
        for parent in parents:
            if parent != NONE:
                counts[parent + 1] += 1
        self._first = array("I", accumulate(counts))
        place = self._first[:]
        self._below = array("I", bytes(4 * self._first[-1]))
        for row, parent in enumerate(parents):
            if parent != NONE:
                self._below[place[parent]] = row
                place[parent] += 1

    def children(self, row: int) -> array[int]:
        """Return the rows that hang below a row, in their order in the snapshot."""
        return self._below[self._first[row] : self._first[row + 1]]

    def top(self, row: int) -> int:
        """Return the topmost row above, which may be the row itself."""
        while (above := self.parents[row]) != NONE:
            row = above
        return row

    def path(self, row: int) -> Iterator[int]:
        """Yield a row and all that is above it."""
        while row != NONE:
            yield row
            row = self.parents[row]

    def tops(self) -> tuple[array[int], array[int]]:
        """Return the topmost row above each, and how far above it is; in linear time."""
        tops = array("i", range(len(self.parents)))
        depths = array("I", bytes(4 * len(tops)))
        level = [row for row, parent in enumerate(self.parents) if parent == NONE]
        while level:
            below: list[int] = []
            for row in level:
                for child in self.children(row):
                    tops[child], depths[child] = tops[row], depths[row] + 1
                    below.append(child)
            level = below
        return tops, depths


def open_circles(parents: array[int]) -> None:
    """Make the row where owners close a circle a top: hostile owner references are possible."""
    known = bytearray(len(parents))  # 0 not seen, 1 on this path, 2 leads to a top
    for start in range(len(parents)):
        path = []
        row = start
        while row != NONE and not known[row]:
            known[row] = 1
            path.append(row)
            row = parents[row]
        if row != NONE and known[row] == 1:
            parents[row] = NONE
        for passed in path:
            known[passed] = 2
