"""An error answer of S3, and the errors that it may mean beside those of every store."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from xpjob.base.errors import (
    ConflictError,
    NotFoundError,
    XpjobError,
)

NAMES = re.compile(r"\barn:[^\s\"]+")


class ErrorAnswer(Struct, frozen=True):
    """An error answer, without credentials. ``fields``: what its body has besides code and text.

    ``operation`` is botocore's name of what was asked; the headers' names are in lower case.
    """

    status: int
    code: str
    text: str
    fields: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    operation: str = ""

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.text}".strip(": ")

    def says(self, pattern: str) -> re.Match[str] | None:
        """Return where the text, or the header that the answer blames, has this.

        Names of roles, buckets and keys are left out: they may consist of any words.
        """
        text = NAMES.sub("", f"{self.text} {self.fields.get('Header', '')}")
        return re.search(pattern, text, re.IGNORECASE)


class NoSuchKeyError(NotFoundError):
    """The object does not exist."""


class UnsupportedError(XpjobError):
    """The server does not support this operation, or conditions on it."""


class NotModifiedError(XpjobError):
    """The object still has the etag of the request."""


class FailedConditionError(ConflictError):
    """412: the condition of a write does not hold, as far as the server sees."""

    def __init__(self, what: str, answer: ErrorAnswer) -> None:
        super().__init__(f"{what}: another run wrote it in the meantime ({answer})")
        self.refused = f"{what}: {answer}"


class ChecksumWantedError(XpjobError):
    """The server takes this only with a checksum."""


class BrokenConditionError(XpjobError):
    """The server refuses a condition that holds."""
