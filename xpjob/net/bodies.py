"""What takes in the body of an answer, with a bound that fits what it is."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Protocol

from xpjob.base.errors import BadAnswerError

DOCUMENT = 16 << 20
"""Bytes of a body for which nothing else is said: several times the largest discovery document."""


class AnswerTooLargeError(BadAnswerError):
    """The body is larger than its bound; the rest was not read."""


class Body(Protocol):
    """Takes in one body, piece by piece, decompressed. It may be read in another thread."""

    def write(self, piece: bytes) -> bool:
        """Take a piece in; return whether more is wanted.

        Raises ``AnswerTooLargeError``, or ``OSError`` once the body is closed.
        """

    def content(self) -> bytes:
        """Return what was kept."""

    def close(self) -> None:
        """Release what it takes up, because the request has failed."""


class Whole:
    """Takes in a whole body. A larger one is an error."""

    def __init__(self, most: int = DOCUMENT) -> None:
        self._most = most
        self._kept = io.BytesIO()  # getvalue does not copy

    def write(self, piece: bytes) -> bool:
        """Take a piece in. Raises ``AnswerTooLargeError``."""
        if self._kept.tell() + len(piece) > self._most:
            raise too_large(self._most)
        self._kept.write(piece)
        return True

    def content(self) -> bytes:
        """Return the body."""
        return self._kept.getvalue()

    def close(self) -> None:
        """Do nothing."""


class Start:
    """Takes in the start of a body, for errors that quote it. The rest is not read."""

    def __init__(self, most: int = 256 << 10) -> None:
        self._most = most
        self._kept = io.BytesIO()

    def write(self, piece: bytes) -> bool:
        """Take a piece in; return False when there is enough."""
        self._kept.write(piece[: self._most - self._kept.tell()])
        return self._kept.tell() < self._most

    def content(self) -> bytes:
        """Return the start of the body."""
        return self._kept.getvalue()

    def close(self) -> None:
        """Do nothing."""


def whole(most: int) -> Callable[[], Body]:
    """Return what makes a ``Whole`` for each attempt."""
    return lambda: Whole(most)


def too_large(most: int) -> AnswerTooLargeError:
    """Return the error for a body that is larger than ``most`` bytes."""
    size = f"{most >> 20} MiB" if most >= 1 << 20 else f"{most} bytes"
    return AnswerTooLargeError(f"the answer is larger than {size}")
