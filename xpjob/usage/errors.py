"""Errors of questions about usage."""

from __future__ import annotations

from collections.abc import Iterable

from xpjob.base.errors import NotFoundError, XpjobError


class QuestionError(XpjobError):
    """A question that cannot be answered as it is. ``known`` are the values that exist."""

    exit_code = 2

    def __init__(self, parameter: str, message: str, known: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.parameter, self.known = parameter, tuple(known)


class NoUsageError(NotFoundError):
    """There is no usage at all, neither files nor in a snapshot."""
