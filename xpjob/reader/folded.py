"""Texts of a column for searches: folded, and one after the other in one piece of memory.

A text is looked for in all of them at once, which takes a hundredth of the time of one by one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from xpjob.net import deadline

_OFTEN = 4096
_END = b"\n"


class Folded:
    """The texts by number, as UTF-8; upper and lower case are the same."""

    def __init__(self, texts: Iterable[str | None]) -> None:
        """Fold the texts. Raises ``DeadlineError``."""
        whole, starts = bytearray(_END), array("I")
        for number, text in enumerate(texts):
            if not number % _OFTEN:
                deadline.check()
            starts.append(len(whole))
            whole += _folded(text or "") + _END
        starts.append(len(whole))
        self._whole, self._starts = bytes(whole), starts

    def __len__(self) -> int:
        """Return the bytes that it takes."""
        return len(self._whole) + len(self._starts) * self._starts.itemsize

    def having(self, word: str) -> Iterator[int]:
        """Yield the numbers of the texts in which a word occurs. Raises ``DeadlineError``."""
        wanted, starts, found = _folded(word), self._starts, 0
        at = self._whole.find(wanted, 1)
        while 0 <= at < starts[-1] - 1:
            found += 1
            if not found % _OFTEN:
                deadline.check()
            number = bisect_right(starts, at) - 1
            if at + len(wanted) < starts[number + 1]:
                yield number
                at = starts[number + 1]
            else:  # from one text to the next
                at += 1
            at = self._whole.find(wanted, at)

    def equal(self, text: str) -> Iterator[int]:
        """Yield the numbers of the texts that are this one."""
        wanted = _folded(text)
        for number in self.having(text):
            if self._starts[number + 1] - self._starts[number] == len(wanted) + 1:
                yield number


def _folded(text: str) -> bytes:
    return text.casefold().encode("utf-8", "surrogatepass")
