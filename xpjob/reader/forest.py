"""Trees of rows, as row numbers: found once, then walked without a search."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Set
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

    def below(self, top: int) -> list[int]:
        """Return a row and all that is below it, each after its parent."""
        order = [top]
        for row in order:
            order += self.children(row)
        return order

    def cut(
        self, top: int, troubled: Callable[[int], bool], path: Set[int], most: int, widest: int
    ) -> tuple[list[tuple[int, int]], dict[int, int]]:
        """Return rows of a tree to show with their depths, and how many children each leaves out.

        At most so many in all, and below one row. Rows on the ``path`` are always shown, and then
        those in trouble.
        """
        chosen: list[tuple[int, int]] = []
        left_out: dict[int, int] = {}
        room = most
        stack = [(top, 0)]
        while stack:
            row, depth = stack.pop()
            chosen.append((row, depth))
            below = sorted(self.children(row), key=lambda r: (r not in path, not troubled(r)))
            kept = below[: max(min(widest, room), sum(r in path for r in below))]
            room -= len(kept)
            if len(kept) < len(below):
                left_out[row] = len(below) - len(kept)
            kept.sort(key=lambda r: (not troubled(r), r))
            stack += [(child, depth + 1) for child in reversed(kept)]
        return chosen, left_out

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
